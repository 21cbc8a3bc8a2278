"""Locks of a file backend: who holds the stack, and what to do about one that nobody holds any more.

Pulumi's file backend puts a JSON file (pid, host name, time) into `.pulumi/locks/organization/PROJECT/STACK/`; an
engine that was killed leaves it behind, and every later operation on the stack is refused until `pulumi cancel`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import psutil

ENDS_WITHIN = 20.0  # seconds for an engine to come to an end when asked


@dataclass(frozen=True)
class Holder:
    """A lock. `alive`: is the process that took it still running?"""

    file: Path
    pid: int
    alive: bool


def backend_folder(url: str | None) -> Path | None:
    """The folder of a `file://` backend; None for any other."""
    parsed = urlparse(url or "")
    if parsed.scheme != "file":
        return None
    return Path(unquote(parsed.netloc + parsed.path)).expanduser()


def holders(backend: Path, stack: str) -> list[Holder]:
    """The locks on `stack`, of any project in `backend`. Locks taken on another machine can't be judged: they count
    as held."""
    return [_read(file) for file in sorted((backend / ".pulumi" / "locks").glob(f"organization/*/{stack}/*.json"))]


def clear_stale(backend: Path, stack: str) -> int:
    """Remove the locks whose process is gone (as `pulumi cancel` would); returns how many there were."""
    stale = [holder for holder in holders(backend, stack) if not holder.alive]
    for holder in stale:
        holder.file.unlink(missing_ok=True)
    return len(stale)


def stop_holders(backend: Path, stack: str) -> int:
    """End the engines that hold `stack` (ask, then insist) with what they started. Their locks are stale then."""
    processes = [
        psutil.Process(holder.pid)
        for holder in holders(backend, stack)
        if holder.alive and psutil.pid_exists(holder.pid)
    ]
    for process in processes:
        _end(process)
    return len(processes)


def _read(file: Path) -> Holder:
    try:
        lock = json.loads(file.read_text())
        pid, host = int(lock["pid"]), lock.get("hostname", "")
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(file, 0, alive=False)  # cut short by a crash
    return Holder(file, pid, alive=host not in ("", socket.gethostname()) or _is_engine(pid))


def _is_engine(pid: int) -> bool:
    """Does `pid` run, and is it a pulumi? A number may have been given to another program since."""
    try:
        return psutil.Process(pid).name().startswith("pulumi")
    except psutil.Error:
        return False


def _end(engine: psutil.Process) -> None:
    try:
        family = [engine, *engine.children(recursive=True)]
        engine.send_signal(signal.SIGINT)
    except psutil.Error:
        return
    psutil.wait_procs([engine], timeout=ENDS_WITHIN)
    for process in family:
        if process.pid != os.getpid() and process.is_running():
            process.kill()
    psutil.wait_procs(family, timeout=5)
