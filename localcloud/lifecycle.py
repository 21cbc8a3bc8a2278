"""Start and stop of the one daemon that a home has, safe against races, crashes and leftovers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import control, processes, state
from localcloud.environment import clean, write_launchers
from localcloud.home import HOME_VARIABLE, REPOSITORY, Home, read_json

_START_SECONDS = 60.0
# The daemon gives its children their own grace; this is for the daemon as a whole.
_STOP_SECONDS = 30.0
_KILL_SECONDS = 5.0
DAEMON_LOG = "daemon.log"
# glibc keeps a heap for each thread, and the API has many: with two heaps the daemon holds a third less (mallopt(3)).
_MALLOC = {"MALLOC_ARENA_MAX": "2"}

Say = Callable[[str], None]


class LifecycleError(Exception):
    """The daemon could not be started or stopped; the message says why."""


@dataclass(frozen=True)
class Daemon:
    """A running daemon as its ``daemon.json`` describes it. ``token`` opens its control endpoint."""

    pid: int
    endpoint: str
    control: str
    token: str
    started: float

    def ask(self, path: str) -> Any:
        """GET from the control endpoint. Raises as ``control.ask`` does."""
        return control.ask(self.control, path, self.token)


def running(home: Home) -> Daemon | None:
    """The daemon of a home if it runs and is ready. What a crashed one left behind is not mistaken for one."""
    if not _locked(home.daemon_lock):
        return None
    found = read_json(home.daemon_file)
    try:
        return Daemon(**found) if found else None
    except TypeError:
        return None


def start(home: Home, say: Say) -> Daemon:
    """The home's daemon, started if none runs. Callers at the same time get the same one. Raises ``LifecycleError``."""
    daemon = running(home)
    if daemon is not None:
        return daemon
    with _lock(home):
        # One may be on its way up (its starter was interrupted) or down (a signal): wait until it is one or the other.
        processes.wait_until(lambda: running(home) is not None or not _locked(home.daemon_lock), _STOP_SECONDS)
        daemon = running(home)
        if daemon is not None:
            return daemon
        _clear_up(home, say)
        write_launchers(home)
        return _spawn(home)


def stop(home: Home, wipe: bool, say: Say) -> bool:
    """End the daemon and all its children, also what a killed daemon left; with ``wipe`` remove the home's files.

    Returns whether anything was running. Raises ``LifecycleError`` or ``HomeError``.
    """
    if not home.path.exists():
        return False
    with _lock(home):
        pid = _daemon_pid(home)
        if pid is not None:
            _end_daemon(home, pid)
        try:
            left = processes.reap(home.path)
        except RuntimeError as error:
            raise LifecycleError(str(error)) from None
        if left:
            say(f"ended {left} process{'es' if left > 1 else ''} that an earlier daemon had left behind")
        home.daemon_file.unlink(missing_ok=True)
        if wipe:
            home.wipe()
    return pid is not None or left > 0


def _clear_up(home: Home, say: Say) -> None:
    """Before a new daemon: its account is empty, so nothing that belonged to the last one's may be left."""
    left = processes.reap(home.path)
    if left:
        say(f"ended {left} process{'es' if left > 1 else ''} of a daemon that was killed")
    home.daemon_file.unlink(missing_ok=True)
    try:
        forgotten = state.forget_account(home.state)
    except ValueError as error:
        raise LifecycleError(str(error)) from None
    if forgotten:
        say(
            f"The simulated account ended with the last daemon: {forgotten} resources were taken out of the Pulumi "
            "state. The next update builds them anew, with the same generated passwords and keys."
        )


def _spawn(home: Home) -> Daemon:
    log = home.log / DAEMON_LOG
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud.daemon"],
            cwd=REPOSITORY,
            env=clean(os.environ) | _MALLOC | {HOME_VARIABLE: str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            # Out of the terminal's reach: Ctrl-C is for the command that runs in it.
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        daemon = running(home)
        if daemon is not None:
            return daemon
        if process.poll() is not None:
            said = "\n".join(processes.tail(log, 15))
            raise LifecycleError(
                f"the local cloud's daemon ended with code {process.returncode} while starting:\n{said}"
            )
        time.sleep(0.02)
    process.kill()
    raise LifecycleError(f"the local cloud's daemon was not ready after {_START_SECONDS:.0f} s; see {log}")


def _end_daemon(home: Home, pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if processes.wait_until(lambda: not processes.alive(pid), seconds):
            return
    raise LifecycleError(f"the local cloud's daemon (process {pid}) does not end, not even killed")


def _daemon_pid(home: Home) -> int | None:
    """The process that holds the daemon's lock: it writes its pid there, before it is ready as well."""
    if not _locked(home.daemon_lock):
        return None
    # Between taking the lock and writing the pid there is a moment.
    processes.wait_until(lambda: home.daemon_lock.read_text().strip().isdigit(), 1)
    text = home.daemon_lock.read_text().strip()
    return int(text) if text.isdigit() else None


def _locked(path: Path) -> bool:
    """Whether a living process holds the lock. The kernel lets go of it however that process ends."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def _lock(home: Home) -> Generator[None]:
    """One starter or stopper at a time. The home is made if it isn't there."""
    while True:
        home.make()
        descriptor = os.open(home.start_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, home.start_lock):
            break
        os.close(descriptor)  # wiped while we waited: the lock that counts is a new one
    try:
        yield
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def hold(home: Home) -> int | None:
    """Take the daemon's lock for as long as this process lives and write its pid into it; None: another one has it."""
    descriptor = os.open(home.daemon_lock, os.O_RDWR | os.O_CREAT, 0o600)

    def locked() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not processes.wait_until(locked, 1):  # a look at the lock holds it for a moment
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
