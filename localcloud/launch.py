"""Last step before a child's own program: ask the kernel to end it with its parent, change user, exec.

Run as a script (``python -I -S launch.py PARENT SIGNAL USER GROUP PROGRAM ARGUMENTS…``; USER and GROUP are numbers,
or - for no change) and replaced by the program, so it costs some 20 ms and no memory. It exists because Python code
between fork and exec can deadlock in a parent with threads, and this is the same without that risk.
"""

import ctypes  # now: the user to change to may not be able to read Python's own folder
import os
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def _die_with_parent(parent: int, number: int) -> None:
    if not sys.platform.startswith("linux"):
        return  # other systems offer nothing like it; `stop` finds what is left over
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit(f"cannot ask the kernel to end this process with its parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")


def main(parent: str, number: str, user: str, group: str, *command: str) -> None:
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    # After the change of user, which clears it.
    _die_with_parent(int(parent), int(number))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main(*sys.argv[1:])
