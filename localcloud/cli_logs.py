"""``logs``: which logs there are, the end of one, and what comes in."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from localcloud.processes import tail

_FOLLOW_SECONDS = 0.2
_SUFFIX = ".log"


class LogsError(Exception):
    """The log can't be shown; the message says which there are."""


def show(folder: Path, name: str | None, lines: int, follow: bool) -> None:
    """Print the logs' names, or the end of the one that ``name`` means, and with ``follow`` what is added to it."""
    if name is None:
        for path in _logs(folder):
            print(f"{path.stem:<60} {path.stat().st_size / 1024:>8.0f} KiB")
        return
    path = choose(folder, name)
    end = path.stat().st_size
    for line in tail(path, lines, end):
        print(line)
    if follow:
        sys.stdout.flush()
        _follow(path, end)


def choose(folder: Path, name: str) -> Path:
    """The log of that name; else the latest one written of those whose name has ``name`` in it.

    Raises ``LogsError`` when there is none.
    """
    logs = _logs(folder)
    exact = [path for path in logs if path.stem == name]
    found = exact or [path for path in logs if name in path.stem]
    if not found:
        known = ", ".join(path.stem for path in logs) or "none yet"
        raise LogsError(f"there is no log {name!r}; there are: {known}")
    chosen = max(found, key=lambda path: path.stat().st_mtime)
    if len(found) > 1:
        print(f"# {chosen.stem}, the latest of {len(found)}", file=sys.stderr)
    return chosen


def _follow(path: Path, start: int) -> None:
    with path.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        while True:
            text = file.read()
            if text:
                print(text, end="", flush=True)
            else:
                time.sleep(_FOLLOW_SECONDS)
            if path.exists() and path.stat().st_size < file.tell():
                file.seek(0)  # the daemon was started anew: its log begins again


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
