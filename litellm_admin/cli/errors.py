"""How a command ends."""

from __future__ import annotations

from litellm_admin.errors import AdminError, Refused, Taken

DONE = 0
REFUSED = 1
USAGE = 2
UNREACHABLE = 3


class UsageError(AdminError):
    """The command line is wrong; nothing was asked of the gateway."""


class Stopped(AdminError):
    """Whoever was asked said no, or nothing can be done here; nothing was changed."""


def exit_code(error: AdminError) -> int:
    """1: the gateway (or the person) said no. 2: the command line is wrong. 3: no way to the gateway."""
    if isinstance(error, UsageError):
        return USAGE
    return REFUSED if isinstance(error, (Refused, Taken, Stopped)) else UNREACHABLE


def kind(error: AdminError) -> str:
    """A word for programs: `usage`, `unreachable`, `not_found`, …"""
    if isinstance(error, Refused) and type(error) is not Refused:
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__)
        return words.lstrip("_")
    return {DONE: "", REFUSED: "refused", USAGE: "usage", UNREACHABLE: "unreachable"}[exit_code(error)]
