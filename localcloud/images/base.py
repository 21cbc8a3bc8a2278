"""What all containers have in common: an environment of their own, in which nothing of this machine's user shows."""

from __future__ import annotations

import os
from pathlib import Path

from localcloud.images.contract import ContainerContext
from localcloud.images.ports import LOOPBACK

_SYSTEM_PATH = os.defpath


def environment(ctx: ContainerContext, *first_on_path: Path) -> dict[str, str]:
    """The container's environment: what its task definition says, on top of what any image sets.

    Home and temporary files are in the container's folder, so that neither the user's AWS profile nor their caches are
    seen; of this machine's environment nothing is passed on.
    """
    temporary = ctx.workdir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    own = {
        "PATH": os.pathsep.join([*(str(folder) for folder in first_on_path), _SYSTEM_PATH]),
        "HOME": str(ctx.workdir),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "HOST": LOOPBACK,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    fixed = {name: own[name] for name in ("HOME", "TMPDIR", "HOST")}
    path = {"PATH": os.pathsep.join([own["PATH"], ctx.env["PATH"]])} if "PATH" in ctx.env else {}
    return {**own, **ctx.env, **fixed, **path}
