"""The engine that the machine already has. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.engine import versions

ANSWERS_WITHIN = 30  # seconds; `pulumi version` takes 0.2 on an idle machine


@dataclass(frozen=True)
class Candidate:
    """A `pulumi` on PATH. `version` is None when it didn't say one; `problem` is why it won't do, None if it will."""

    command: Path
    version: versions.Version | None
    problem: str | None


def search_path(own_bin: Path, path: str | None = None) -> str:
    """PATH without our own folder: a shell made by `make env` has it first, and it isn't the machine's engine."""
    folders = (os.environ.get("PATH", "") if path is None else path).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if folder and Path(folder).resolve() != own_bin.resolve())


def find(own_bin: Path, path: str | None = None) -> Candidate | None:
    """The first `pulumi` on PATH and whether it will do; None if there is none."""
    command = shutil.which("pulumi", path=search_path(own_bin, path))
    if command is None:
        return None
    try:
        answer = subprocess.run(
            [command, "version"],
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Candidate(Path(command), None, f"{command} does not run ({type(error).__name__})")
    version = versions.parse(answer.stdout) if answer.returncode == 0 else None
    if version is None:
        return Candidate(Path(command), None, f"{command} does not say its version")
    if not versions.usable(version):
        return Candidate(
            Path(command),
            version,
            f"{command} is version {versions.render(version)}; this project needs {versions.render(versions.MINIMUM)}"
            f" or newer of major version {versions.MINIMUM[0]}",
        )
    return Candidate(Path(command), version, None)
