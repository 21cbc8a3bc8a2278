"""Where a local cloud keeps what it writes (its home), and where a clone keeps what its set-up made."""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME_VARIABLE = "LOCALCLOUD_HOME"
SETUP_VARIABLE = "LOCALCLOUD_SETUP"
REPOSITORY = Path(__file__).resolve().parent.parent
# A folder without it was not made by us, and is never wiped.
MARKER = ".localcloud-home"
# A daemon that is root runs Postgres as another user, who may be let through to its data, but see nothing else.
_WIDEST = 0o710


class HomeError(Exception):
    """The folder can't serve as a home; the message says what to change."""


@dataclass(frozen=True)
class Home:
    """One local cloud's folder. Two homes are two clouds that know nothing of each other."""

    path: Path

    @classmethod
    def find(cls) -> Home:
        """The home that ``LOCALCLOUD_HOME`` names, else the clone's own (``.local/cloud``)."""
        named = os.environ.get(HOME_VARIABLE)
        return cls(Path(named).expanduser().resolve() if named else REPOSITORY / ".local" / "cloud")

    @property
    def daemon_file(self) -> Path:
        """What the running daemon says of itself: pid, addresses and the token of its control endpoint."""
        return self.path / "daemon.json"

    @property
    def daemon_lock(self) -> Path:
        """Locked by the daemon as long as it lives, however it ends."""
        return self.path / "daemon.lock"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts or stops the daemon."""
        return self.path / "start.lock"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def data(self) -> Path:
        """What lives as long as the simulated account: Postgres clusters, unpacked functions, tasks' folders."""
        return self.path / "data"

    @property
    def state(self) -> Path:
        """Pulumi's file backend."""
        return self.path / "state"

    @property
    def pulumi_home(self) -> Path:
        return self.path / "pulumi-home"

    @property
    def bin(self) -> Path:
        """Launchers of the provider plugins, put on PATH for local stacks only."""
        return self.path / "bin"

    def make(self) -> Home:
        """Create the folders, closed to other users. Raises ``HomeError`` when the path is somebody else's folder."""
        if self.path.exists() and not self.path.is_dir():
            raise HomeError(f"{self.path} is a file: point {HOME_VARIABLE} at a folder of its own")
        if self.path.is_dir() and not self._ours() and any(self.path.iterdir()):
            raise HomeError(f"{self.path} has other files in it: point {HOME_VARIABLE} at an empty or new folder")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self.path.stat().st_mode) & ~_WIDEST:
            self.path.chmod(0o700)
        (self.path / MARKER).touch(mode=0o600)
        for folder in (self.log, self.data, self.state, self.pulumi_home, self.bin):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self

    def wipe(self) -> None:
        """Remove the home and all that is in it. Raises ``HomeError`` when the folder isn't ours."""
        if not self.path.exists():
            return
        if not self._ours():
            raise HomeError(f"{self.path} has no {MARKER}, so it is not a local cloud's home and stays as it is")
        shutil.rmtree(self.path)

    def _ours(self) -> bool:
        return (self.path / MARKER).exists()


def setup_dir() -> Path:
    """What set-up made once for all homes of a clone: the engine, LiteLLM's environment, Prisma, Postgres."""
    named = os.environ.get(SETUP_VARIABLE)
    return Path(named).expanduser().resolve() if named else REPOSITORY / ".local" / "setup"


def write_private(path: Path, text: str, executable: bool = False) -> None:
    """Write a file that only its owner can read, in one step: a reader sees the old content or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.chmod(0o700 if executable else 0o600)
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when the file is missing, or was cut short by a crash."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None
