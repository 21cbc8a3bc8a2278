"""What can be wrong before anything is done: each a sentence that says what to change."""

from __future__ import annotations


class CannotRun(Exception):
    """An operation can't begin."""


class NoStack(CannotRun):
    """The stack doesn't exist."""
