"""Installs the other version beside the pinned one and asks both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.allow_list import ALLOWED_PATHS
from ops import paths
from ops.errors import CannotRun
from ops.upgrade.compare import Difference, Probed, compare

PROBE = Path(__file__).with_name("probe.py")
ROUTES = paths.REPO / "components" / "litellm_routes.txt"
_VERSION = re.compile(r"\d+\.\d+\.\d+([.\w]*)")
# Nothing of it may be asked for over the network, and no secret is needed to list routes.
_QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


def check(version: str, say: Callable[[str], None]) -> Difference:
    """Raises CannotRun for a version that isn't one, or can't be installed or imported."""
    if not _VERSION.fullmatch(version):
        raise CannotRun(f"{version} is no version: write VERSION=1.109.0")
    pinned = paths.setup_dir() / "litellm" / "bin" / "python"
    if not pinned.exists():
        raise CannotRun("the pinned LiteLLM isn't there: run `make setup`")
    other = _install(version, say)
    say("asking both what they serve (half a minute)")
    return compare(Probed.of(probe(pinned)), Probed.of(probe(other)), ALLOWED_PATHS, classes())


def probe(python: Path) -> dict[str, Any]:
    """What the LiteLLM of that environment says of itself. Raises CannotRun when it can't be imported."""
    done = subprocess.run(
        [str(python), str(PROBE)],
        env={**os.environ, **_QUIET},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise CannotRun(f"{python} can't import LiteLLM's proxy: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


def classes(file: Path = ROUTES) -> dict[str, str]:
    """Path → class of the pinned version's routes; nothing while they aren't classed."""
    if not file.exists():
        return {}
    lines = (line.split() for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return {path: kind for kind, _, path in lines}


def _install(version: str, say: Callable[[str], None]) -> Path:
    """In an environment of its own below .local, which stays for a second look."""
    folder = paths.REPO / ".local" / "upgrade" / version
    python = folder / "bin" / "python"
    done = folder / ".complete"
    if done.exists():
        return python
    say(f"installing LiteLLM {version} beside the pinned one (some minutes)")
    lock = paths.REPO / "requirements"
    prisma = re.search(r"^prisma==\S+", (lock / "litellm.in").read_text(), re.MULTILINE)
    wanted = [f"litellm[proxy]=={version}", *([prisma[0]] if prisma else [])]
    uv = [sys.executable, "-m", "uv"]
    overrides = ["--overrides", str(lock / "litellm.overrides")]
    for command in (
        [*uv, "venv", "-q", "--clear", str(folder)],
        [*uv, "pip", "install", "-q", "--python", str(python), *overrides, *wanted],
    ):
        ran = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
        if ran.returncode:
            raise CannotRun(f"LiteLLM {version} can't be installed: {ran.stderr.strip()[-1000:]}")
    done.touch()
    return python
