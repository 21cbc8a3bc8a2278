"""Children of the set-up: their output goes to a log, and all of them end when set-up is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ENDS_WITHIN = 10.0  # seconds between asking a child to end and ending it


class CommandFailed(Exception):
    """A child ended with an error, took too long, or couldn't be started. The message is one sentence without its
    output."""


class Interrupted(Exception):
    """Set-up was interrupted; no further child may start."""


class Children:
    """Runs commands for several steps at once. `keep_open` are file descriptors that a child holds as long as it lives:
    the set-up's lock, so that a child that outlives a killed set-up is waited for instead of worked against."""

    def __init__(self, keep_open: Sequence[int] = ()) -> None:
        self.keep_open = tuple(keep_open)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self,
        argv: Sequence[str | Path],
        log: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run to the end. Its output is appended to `log`. Raises CommandFailed, or Interrupted after `stop`."""
        words = [str(word) for word in argv]
        with log.open("ab") as output:
            output.write(f"$ {' '.join(words)}\n".encode())
            output.flush()
            process = self._start(words, output, cwd, env)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise CommandFailed(
                f"{Path(words[0]).name} was stopped after {timeout:.0f} s without coming to an end"
            ) from None
        finally:
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            raise Interrupted
        if code:
            raise CommandFailed(f"{Path(words[0]).name} {' '.join(words[1:3])} failed with exit code {code}")

    def _start(
        self, words: list[str], output: IO[bytes], cwd: Path | None, env: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise Interrupted
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env=env,
                    pass_fds=self.keep_open,
                    # A group of its own: Ctrl-C reaches set-up alone, which then ends the whole group.
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandFailed(f"{words[0]} could not be started: {error.strerror}") from None
            self._running.add(process)
            return process

    def stop(self) -> None:
        """End all children and their children; none starts after this."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process's group: ask, then insist."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + ENDS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):  # also what the process left behind in its group
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDS_WITHIN)
