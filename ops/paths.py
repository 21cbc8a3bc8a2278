"""Where things are in a clone. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def venv(repo: Path = REPO) -> Path:
    """The virtual environment of the program, the local cloud and the tests."""
    return repo / ".venv"


def venv_python(repo: Path = REPO) -> Path:
    """The interpreter in `venv`; it exists once set-up has run."""
    return venv(repo) / "bin" / "python"


def setup_dir(repo: Path = REPO) -> Path:
    """What set-up makes and all local clouds of a clone share. `LOCALCLOUD_SETUP` puts it elsewhere (tests, trials)."""
    override = os.environ.get("LOCALCLOUD_SETUP")
    return Path(override).resolve() if override else repo / ".local" / "setup"


def engine_dir(repo: Path = REPO) -> Path:
    """Our own Pulumi engine, or, where the machine's is used, the note that says so. `bin` in it belongs on PATH."""
    return setup_dir(repo) / "engine"
