"""Who runs Postgres: it refuses to be root, and continuous integration often is.

As anybody else: that user. As root: in a user namespace (unroot.py) where the kernel allows one, else as ``nobody``,
who is then given the cluster's folder and the way to it.
"""

from __future__ import annotations

import functools
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UNROOT = Path(__file__).with_name("unroot.py")
_NOBODY = "nobody"
# "fast shutdown" in postgres(1); the other programs end on it too.
DEATH_SIGNAL = signal.SIGINT


class NoWay(Exception):
    """Nobody but root can reach the folder; the message says what to change."""


@dataclass(frozen=True)
class Identity:
    """How to start Postgres' programs, and as whom."""

    prefix: tuple[str, ...] = ()  # put before the command
    user: tuple[int, int] | None = None  # uid and gid to change to

    def run(self, command: Sequence[str], env: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run to the end with ``text`` as input; output and errors are captured together."""
        change: dict[str, Any] = {"user": self.user[0], "group": self.user[1], "extra_groups": []} if self.user else {}
        return subprocess.run(
            [*self.prefix, *command],
            env=env,
            cwd="/",
            input=text,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **change,
        )

    def give(self, folder: Path) -> None:
        """Make ``folder`` this identity's, and reachable. Raises ``NoWay`` when a parent is not ours to open."""
        if self.user is None:
            return
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, *self.user, follow_symlinks=False)
        _open_way(folder.parent, *self.user)


@functools.cache
def identity() -> Identity:
    """The identity for this process; probed once."""
    if os.geteuid() != 0:
        return Identity()
    nobody = pwd.getpwnam(_NOBODY)
    if sys.platform.startswith("linux"):
        numbers = (str(nobody.pw_uid), str(nobody.pw_gid), str(int(DEATH_SIGNAL)))
        namespace = Identity(prefix=(sys.executable, "-I", "-S", "-B", str(_UNROOT), *numbers))
        if namespace.run([sys.executable, "-I", "-S", "-c", ""], dict(os.environ)).returncode == 0:
            return namespace
    return Identity(user=(nobody.pw_uid, nobody.pw_gid))


def _open_way(folder: Path, user: int, group: int) -> None:
    """Let ``group`` pass through ``folder`` and its parents (pass, not list), where they don't let everybody.

    A home folder is never opened: it holds far more than this.
    """
    for path in [folder, *folder.parents]:
        status = path.stat()
        passable = status.st_mode & stat.S_IXOTH or (status.st_gid == group and status.st_mode & stat.S_IXGRP)
        if passable or status.st_uid == user:
            continue
        if path == Path.home() or status.st_uid != os.geteuid():
            raise NoWay(
                f"Postgres refuses to run as root, and the user {_NOBODY} cannot reach {folder}: move the clone out of "
                f"{path}, allow user namespaces, or run as another user"
            )
        os.chown(path, -1, group)
        path.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXGRP)
