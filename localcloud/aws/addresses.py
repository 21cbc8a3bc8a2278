"""AWS host names → the loopback addresses that answer for them on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

AS_STORED = "x-localcloud-as-stored"
"""A request's header that asks for values as they are stored, with the names that AWS gave."""


def localise(value: Any, addresses: Mapping[str, str]) -> Any:
    """``value`` (text, list, object…) with every URL of ``addresses`` in it replaced, the longest first."""
    if isinstance(value, str):
        for url in sorted(addresses, key=len, reverse=True):
            value = re.sub(rf"{re.escape(url)}(?![\w.:-])", addresses[url], value, flags=re.IGNORECASE)
        return value
    if isinstance(value, list):
        return [localise(item, addresses) for item in value]
    if isinstance(value, dict):
        return {name: localise(item, addresses) for name, item in value.items()}
    return value
