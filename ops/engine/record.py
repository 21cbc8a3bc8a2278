"""What set-up decided about the engine, kept in `<engine>/engine.json`. Standard library only."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ops import paths

NAME = "engine.json"


@dataclass(frozen=True)
class Engine:
    """`source`: `path` (the machine's), `official` (downloaded) or `build`. `mtime_ns` and `size` are the command's."""

    source: str
    command: str
    version: str
    mtime_ns: int = 0
    size: int = 0

    @classmethod
    def of(cls, source: str, command: Path, version: str, final: Path | None = None) -> Engine:
        """Describe `command`, which will stand at `final` once it is moved into place."""
        stat = command.stat()
        return cls(source, str(final or command), version, stat.st_mtime_ns, stat.st_size)

    def unchanged(self) -> bool:
        """Is the command still the file that was looked at? An upgrade or removal of it means deciding anew."""
        try:
            stat = os.stat(self.command)
        except OSError:
            return False
        return (stat.st_mtime_ns, stat.st_size) == (self.mtime_ns, self.size)


def write(root: Path, engine: Engine) -> None:
    (root / NAME).write_text(json.dumps(asdict(engine), indent=1) + "\n")


def read(root: Path) -> Engine | None:
    """None when there is none, or an older version of this program wrote it."""
    try:
        return Engine(**json.loads((root / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def path_with_engine(root: Path | None = None, path: str | None = None) -> str:
    """PATH with the engine of this clone first, for commands that run outside of `make env`."""
    root = root or paths.engine_dir()
    current = os.environ.get("PATH", "") if path is None else path
    folder = str(root / "bin")
    return current if folder in current.split(os.pathsep) else os.pathsep.join((folder, current))
