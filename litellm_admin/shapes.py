"""Types at the border: what comes as JSON, or from a library without types, is `Any` until somebody has looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_mapping(value: Any) -> TypeGuard[dict[Any, Any]]:
    """Whether it is a mapping, as YAML has them: a key may be anything."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)


def object_at(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that a document has by that name; an empty one where it is missing or null."""
    return document.get(name) or {}
