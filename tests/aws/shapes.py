"""Values at random for any shape of a service's model."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Any

TEXT = string.ascii_letters + string.digits + " <>&\"'/+%-_.:=?*é中🙂"
DEEPEST = 7  # some shapes (CloudFront's, ECS's) nest or recur


def value(shape: Any, dice: random.Random, depth: int = 0) -> Any:
    """A value for ``shape``. Required members are always there, others now and then; no structure is empty."""
    kind = shape.type_name
    if kind == "structure":
        return {name: value(shape.members[name], dice, depth + 1) for name in _members(shape, dice, depth)}
    if kind == "list":
        least = max(1, shape.metadata.get("min", 1))
        return [value(shape.member, dice, depth + 1) for _ in range(dice.randint(least, least + 1))]
    if kind == "map":
        return {f"{text(dice, 1)}{key}": value(shape.value, dice, depth + 1) for key in range(dice.randint(1, 2))}
    return _scalar(shape, kind, dice)


def _members(shape: Any, dice: random.Random, depth: int) -> list[str]:
    names = list(shape.members)
    if shape.is_tagged_union and depth < DEEPEST:
        return [dice.choice(names)]
    often = 0.6 if depth < 2 else 0.35 if depth < DEEPEST else 0
    needed = {*shape.required_members, shape.serialization.get("payload")}
    chosen = [name for name in names if name in needed or dice.random() < often]
    if chosen or not names:
        return chosen
    return names[:1] if depth < DEEPEST else [min(names, key=lambda name: _height(shape.members[name]))]


def _height(shape: Any, above: tuple[str, ...] = ()) -> float:
    """The fewest levels that a value of ``shape`` needs: what recurs (Cost Explorer's expressions) comes to an end."""
    if shape.name in above:
        return float("inf")
    above = (*above, shape.name)
    if shape.type_name == "structure":
        heights = {name: _height(member, above) for name, member in shape.members.items()}
        needed = [heights[name] for name in shape.required_members]
        return 1 + (max(needed) if needed else min(heights.values(), default=0))
    if shape.type_name in ("list", "map"):
        return 1 + _height(shape.member if shape.type_name == "list" else shape.value, above)
    return 0


def _scalar(shape: Any, kind: str, dice: random.Random) -> Any:
    if shape.serialization.get("location") == "statusCode":
        return dice.randint(200, 299)
    if kind == "string":
        return _string(shape, dice)
    low, high = (int(shape.metadata.get(bound, default)) for bound, default in (("min", 0), ("max", 2**31 - 1)))
    if kind in ("integer", "long"):
        return dice.randint(low, high)
    if kind in ("float", "double"):
        return dice.randint(low * 8, high * 8) / 8
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "timestamp":
        return datetime.fromtimestamp(dice.randint(10**9, 2 * 10**9), UTC)
    if kind == "blob":
        return dice.randbytes(dice.randint(1, 30))
    raise AssertionError(f"no value for {kind}")


def _string(shape: Any, dice: random.Random) -> str:
    if getattr(shape, "enum", None):
        return dice.choice(shape.enum)
    plain = shape.serialization.get("location") in ("header", "uri", "querystring", "headers")
    return text(dice, max(1, shape.metadata.get("min", 1)), string.ascii_letters if plain else TEXT)


def text(dice: random.Random, least: int, letters: str = TEXT) -> str:
    return "".join(dice.choice(letters) for _ in range(dice.randint(least, least + 11)))
