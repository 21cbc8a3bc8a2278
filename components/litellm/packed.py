"""How a roster's entries go to the engine: each as one JSON string, not as a map of its fields.

The engine copies, compares and logs every single value of a resource some ten times in an update (its automatic log has
no off switch, pulumi/pulumi#23731), so that a thousand users and keys as maps cost it five seconds of processor time
when nothing changes. A preview takes such a string apart again and shows the fields that differ. Figures in
docs/measurements.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.litellm.base import Props

_KINDS = frozenset({"user", "team", "key"})
# alias → …, as long as there are keys
_MAPS = frozenset({"ring", "generations", "tokens"})


def pack(value: Any) -> str:
    """The same for the same value, whatever the order of a map."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def unpack(value: Any) -> Any:
    """What was packed. A map is what states had here until November 2026, and anything else isn't known yet."""
    return json.loads(value) if isinstance(value, str) else value


def packed(props: Mapping[str, Any]) -> Props:
    """A roster's properties as the engine has them."""
    return {
        name: pack(value) if _is_packed(name) and isinstance(value, dict) else value for name, value in props.items()
    }


def unpacked(props: Mapping[str, Any]) -> Props:
    """A roster's properties as they are meant."""
    return {name: unpack(value) if _is_packed(name) else value for name, value in props.items()}


def _is_packed(name: str) -> bool:
    kind, colon, _ = name.partition(":")
    return name in _MAPS or bool(colon and kind in _KINDS)
