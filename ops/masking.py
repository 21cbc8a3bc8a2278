"""Keeps keys out of what people and logs see. The engine masks what it knows to be secret; this is for the rest."""

from __future__ import annotations

import re

SECRET = "[secret]"

# A LiteLLM key as it may turn up in any text. Short words such as `sk-learn` are not keys.
_KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}")


def key(value: str) -> str:
    """`sk-…abcd`: enough to tell keys apart, not enough to use one. Short ones show nothing."""
    return f"sk-…{value[-4:]}" if len(value) >= 16 and value.startswith("sk-") else "…"


def text(anything: str) -> str:
    """The text with every key in it masked."""
    return _KEY.sub(lambda found: key(found[0]), anything)
