"""The local cloud as people start it: `make up` in a home of its own, and the memory of what then runs."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.paths import REPO

HOME_VARIABLE = "LOCALCLOUD_HOME"


class CommandFailed(Exception):
    """A `make` failed; the message has its output."""


@dataclass(frozen=True)
class Memory:
    """A process and its resident set size in bytes."""

    name: str
    resident: int


class LocalCloud:
    """Use as a context manager: nothing of it is left afterwards."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> LocalCloud:
        self.make("down")
        return self

    def __exit__(self, *_: object) -> None:
        self.make("down")

    def make(self, target: str) -> float:
        """Run it and return the seconds that it took. Raises CommandFailed."""
        began = time.monotonic()
        done = subprocess.run(
            ["make", target],
            cwd=REPO,
            env=self.env(),
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode:
            raise CommandFailed(f"make {target} failed:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
        return seconds

    def env(self) -> dict[str, str]:
        """The environment of whatever is to meet this local cloud."""
        # What was said to the make that runs us (`ARGS`, its flags) is not for others.
        outer = ("MAKE", "MFLAGS", "ARGS", "STACK", "SHOW_KEYS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        return {**kept, HOME_VARIABLE: str(self.home)}

    def memory(self) -> list[Memory]:
        """Every process of the local cloud, the largest first, with its resident set size: what `ps` calls RSS. Pages
        that several share are counted for each of them, so the sum is no less than what is really taken."""
        found: dict[int, Memory] = {}
        for process in psutil.process_iter():
            if self.owns(process):
                # Their children as well: Postgres' write their title over their environment.
                for each in [process, *process.children(recursive=True)]:
                    found[each.pid] = Memory(_name(each), each.memory_info().rss)
        return sorted(found.values(), key=lambda each: -each.resident)

    def owns(self, process: psutil.Process) -> bool:
        """Whether it is one of this local cloud's."""
        try:
            return process.pid != os.getpid() and process.environ().get(HOME_VARIABLE) == str(self.home)
        except psutil.Error:
            return False


def _name(process: psutil.Process) -> str:
    words = [Path(word).name for word in process.cmdline()[:4] if not word.startswith("-")]
    return " ".join(words)[:40] or process.name()
