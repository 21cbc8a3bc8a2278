"""Types at the border: what comes as JSON or YAML is `Any` until somebody has looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a document's mapping."""
    return isinstance(value, Mapping)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a document's list."""
    return isinstance(value, list)


def object_at(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The mapping that a document has by that name; an empty one where it is missing or null."""
    return document.get(name) or {}
