"""Numbers as Pulumi hands them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast


def whole(value: Any) -> Any:
    """Whole numbers as integers, however deep: over Pulumi's wire every number comes as a float."""
    if isinstance(value, Mapping):
        return {key: whole(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [whole(item) for item in cast("Sequence[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
