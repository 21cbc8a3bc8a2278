"""Run a program that refuses to be root, as root: in a user namespace where root goes by another user's number.

Run as a script: ``python -I -S unroot.py USER GROUP SIGNAL PROGRAM ARGUMENTS…``; SIGNAL is what the program gets when
this process' parent dies. In the namespace all of root's files belong to USER, so nothing needs another owner or mode,
and outside it the process has lost root's power over everybody else's files (user_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000  # <linux/sched.h>


def enter(user: str, group: str) -> None:
    """Move into a new namespace that calls this process' user and group ``user`` and ``group``. Raises OSError."""
    real_user, real_group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    Path("/proc/self/setgroups").write_text("deny")  # the kernel wants it before a map of groups
    Path("/proc/self/uid_map").write_text(f"{user} {real_user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {real_group} 1")


def main(user: str, group: str, number: str, *command: str) -> None:
    parent = os.getppid()
    try:
        enter(user, group)
    except OSError as error:
        sys.exit(f"no user namespace: {error}")
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import launch  # after the change of user, which cancels what the kernel was asked for before it

    launch.main(str(parent), number, "-", "-", *command)


if __name__ == "__main__":
    main(*sys.argv[1:])
