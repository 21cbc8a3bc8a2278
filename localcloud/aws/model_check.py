"""What a service's model says of its input and no client checks: allowed words, patterns, lengths, quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

Finding = tuple[str, str, str]  # (kind: "missing" | "value" | "quantity", path, sentence)


def findings(shape: Any, value: Any, path: str = "") -> Iterator[Finding]:
    """Everything in ``value`` that ``shape`` (botocore's) forbids, each as a sentence that names the member's path."""
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from findings(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from findings(shape.value, item, f"{path}[{key!r}]")
    elif isinstance(value, str):
        yield from _string(shape, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _bounds(shape, value, path, "must be")


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[Finding]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield "missing", path, f"The parameter {_join(path, name)} is required."
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from findings(member, value[name], _join(path, name))
    if "Quantity" in shape.members and "Items" in shape.members and value.get("Quantity") is not None:
        items = len(value.get("Items") or [])
        if value["Quantity"] != items:
            yield "quantity", path, f"{_join(path, 'Quantity')} says {value['Quantity']}, and Items has {items}."


def _string(shape: Any, value: str, path: str) -> Iterator[Finding]:
    shown = "a secret" if shape.metadata.get("sensitive") else repr(value)
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield "value", path, f"{path} is {shown}, which is none of {', '.join(allowed)}."
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield "value", path, f"{path} is {shown}, which does not match {pattern}."
    yield from _bounds(shape, len(value), path, "must have a length of")


def _bounds(shape: Any, size: float, path: str, verb: str) -> Iterator[Finding]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield "value", path, f"{path} {verb} at least {low}."
    if high is not None and size > high:
        yield "value", path, f"{path} {verb} at most {high}."


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # The models' patterns are Java's; its Unicode classes are beyond Python's re, and those patterns are not checked.
    try:
        return None if r"\p{" in pattern else re.compile(pattern)
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
