"""A copy of the project for previews on the simulated account: nothing of the real stack is read or changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ops import locks
from ops.errors import CannotRun
from ops.masking import SECRET
from ops.shapes import is_mapping, object_at

# What the program doesn't need.
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "bench", "node_modules")
# Of a stack file: how its own backend encrypts. The copy lives on a backend of its own.
_ENCRYPTION = ("encryptionsalt", "encryptedkey", "secretsprovider")


def require_simulated(environ: Mapping[str, str] = os.environ) -> None:
    """Raises CannotRun unless this process talks to a simulated account and keeps state in a local folder."""
    host = urlsplit(environ.get("AWS_ENDPOINT_URL", "")).hostname
    if host not in ("127.0.0.1", "localhost") or locks.backend_folder(environ.get("PULUMI_BACKEND_URL")) is None:
        raise CannotRun("this runs on the simulated account: use make, or `python -m localcloud run -- …`")


def copy(source: Path, target: Path) -> Path:
    """The project in `source` (a work tree) as it stands."""
    shutil.copytree(source, target, ignore=_LEFT_OUT, symlinks=True)
    return target


def checkout(repository: Path, ref: str, target: Path) -> Path:
    """The project as it is at a commit; the work tree and the index of `repository` stay as they are.

    Raises:
        CannotRun: there is no such commit.
    """
    target.mkdir(parents=True)
    packed = target.with_suffix(".tar")
    try:
        with packed.open("wb") as out:
            # `--` doesn't end options here, so that a ref can't be one is seen to before
            if ref.startswith("-"):
                raise CannotRun(f"{ref} is no commit")
            done = subprocess.run(
                ["git", "-C", str(repository), "archive", "--format=tar", ref],
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        if done.returncode:
            raise CannotRun(f"git knows no {ref} here ({done.stderr.strip()}): fetch it first, or name another BASE")
        with tarfile.open(packed) as archive:
            archive.extractall(target, filter="data")
    finally:
        packed.unlink(missing_ok=True)
    return target


def prepare(folder: Path, venv: Path, stack: str, changes: Mapping[str, Any] | None = None) -> str:
    """Makes a copied project ready to be run: with the environment of this clone, and a stack file without anything
    that only its own backend could decrypt, in the region that is simulated. `changes` are config values by their name
    in Pulumi.yaml. Returns the region that the stack is for.

    Raises:
        CannotRun: there is no such stack file.
    """
    link = folder / ".venv"
    if not link.exists():
        link.symlink_to(venv)
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise CannotRun(f"there is no Pulumi.{stack}.yaml, so there is nothing to preview")
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
    known: dict[str, Any] = yaml.safe_load(file.read_text()) or {}
    config = {key: _plain(value) for key, value in object_at(known, "config").items()}
    config |= {f"{project}:{key}": value for key, value in (changes or {}).items()}
    kept = {key: value for key, value in known.items() if key not in _ENCRYPTION}
    region = str(config.get("aws:region", ""))
    config["aws:region"] = os.environ.get("AWS_REGION", region)
    file.write_text(yaml.safe_dump({**kept, "config": config}, sort_keys=False))
    return region


def _plain(value: Any) -> Any:
    """A secret config value can't be decrypted here, and needn't be."""
    return SECRET if is_mapping(value) and set(value) == {"secure"} else value
