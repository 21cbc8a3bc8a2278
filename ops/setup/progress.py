"""Tells the reader of the terminal how set-up gets on. On stderr: stdout belongs to the command that follows."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TextIO

HEARTBEAT = 15.0  # seconds without news after which the running steps are named
TAIL = 25  # lines of a failed step's log that are shown


def took(seconds: float) -> str:
    """`0.4 s`, `19 s`, `2 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Progress:
    """One line when a step starts, when it says something, when it ends; a heartbeat in between."""

    def __init__(self, out: TextIO | None = None, heartbeat: float = HEARTBEAT) -> None:
        self._out = out or sys.stderr
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._phase: dict[str, str] = {}
        self._quiet = threading.Event()
        self._heartbeat = heartbeat
        self._last = time.monotonic()

    def say(self, text: str) -> None:
        with self._lock:
            self._last = time.monotonic()
            print(f"set-up: {text}", file=self._out, flush=True)

    def start(self, title: str) -> None:
        self._started[title] = time.monotonic()
        self.say(f"{title}: started")

    def phase(self, title: str, text: str) -> None:
        """What a step is at now; the heartbeat repeats it."""
        self._phase[title] = text
        self.say(f"{title}: {text}")

    def done(self, title: str) -> None:
        self.say(f"{title}: done in {took(self._end(title))}")

    def failed(self, title: str, reason: str, log: Path, advice: str) -> None:
        """The end of the log, the reason, what to do."""
        seconds = self._end(title)
        lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else []
        tail = "".join(f"    {line}\n" for line in lines)
        self.say(f"{title}: FAILED after {took(seconds)}: {reason}\n{tail}    (all of it: {log})\n    {advice}")

    def _end(self, title: str) -> float:
        self._phase.pop(title, None)
        return time.monotonic() - self._started.pop(title)

    def beat(self) -> None:
        """Call it often: it speaks when nothing was said for a while and something is running."""
        now = time.monotonic()
        if now - self._last < self._heartbeat or not self._started:
            return
        running = [
            f"{title} ({took(now - since)}{', ' + self._phase[title] if title in self._phase else ''})"
            for title, since in sorted(self._started.items())
        ]
        self.say(f"still at work on {'; '.join(running)}")
