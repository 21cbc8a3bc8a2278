"""What changed between two sets of inputs, and what that means for the resource. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.plugins.aws.canonical import canonical, differs
from localcloud.plugins.aws.rows import COMPUTED, REPLACE, UNORDERED, Prop, Row
from localcloud.plugins.values import UNKNOWN, has_unknown

# Where check notes which properties it named itself, as the official provider's bridge does.
AUTONAMED = "__defaults"


@dataclass(frozen=True)
class Change:
    """A changed property: `path` down to where the values part, `kind` is add, update or delete."""

    name: str
    path: str
    kind: str
    replace: bool


def changes(row: Row, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every change between the old and the new inputs (plain values) that means something to AWS.

    Leaving out what AWS computes, or what equals the default, is none; an unknown value always is one.
    """
    found: list[Change] = []
    for name, prop in row.inputs.items():
        before, after = old.get(name), new.get(name)
        if after is None and prop.has(COMPUTED):
            continue
        if not differs(prop, before, after):
            continue
        for path, kind, replace in _parts(prop, before, after, name):
            found.append(Change(name, path, kind, replace or prop.has(REPLACE)))
    return found


def _parts(prop: Prop, before: Any, after: Any, path: str) -> Iterator[tuple[str, str, bool]]:
    """The paths below a changed property at which the values part."""
    if before is None or after is None:
        yield path, "add" if before is None else "delete", _forces(prop)
        return
    if prop.kind == "one" and isinstance(after, Mapping):
        for name, field in prop.fields.items():
            yield from _inner(field, before.get(name), after.get(name), f"{path}.{name}")
        return
    lists = isinstance(before, list) and isinstance(after, list)
    if prop.kind in ("several", "many") and lists and not prop.has(UNORDERED) and len(before) == len(after):
        element = Prop("one", fields=prop.fields) if prop.kind == "several" else prop.of
        assert element is not None
        for index, (ours, theirs) in enumerate(zip(before, after, strict=True)):
            yield from _inner(element, ours, theirs, f"{path}[{index}]")
        return
    yield path, "update", _forces(prop)


def _inner(prop: Prop, before: Any, after: Any, path: str) -> Iterator[tuple[str, str, bool]]:
    if differs(prop, before, after):
        parts = list(_parts(prop, before, after, path))
        forced = prop.has(REPLACE)
        yield from ((inner, kind, replace or forced) for inner, kind, replace in parts)


def _forces(prop: Prop) -> bool:
    """Whether a block as a whole can't change in place: adding or removing one changes each field it has."""
    return prop.has(REPLACE) or any(_forces(field) for field in prop.fields.values())


def deletes_first(row: Row, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a replacement must delete before it creates: else AWS would refuse its name."""
    if not row.identity:
        return False
    named: set[str] = set(new.get(AUTONAMED) or ())
    for name in row.identity:
        before, after, prop = old.get(name), new.get(name), row.inputs[name]
        if name in named or has_unknown(after) or after is UNKNOWN:
            return False
        if canonical(prop, before) != canonical(prop, after):
            return False
    return any(new.get(name) is not None for name in row.identity)
