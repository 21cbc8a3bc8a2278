"""Ids in AWS's style, and the time."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime

_ALPHABET = string.ascii_uppercase + string.digits


def now() -> datetime:
    return datetime.now(UTC)


def new_id(prefix: str, length: int = 14) -> str:
    """``prefix`` and as many random capitals and digits as make it ``length`` characters."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length - len(prefix)))
