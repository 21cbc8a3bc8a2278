"""Whose access would change: teams, users and keys one by one, whether each is a resource or an entry of a roster.
Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ops.plan import Planned
from ops.shapes import is_mapping

_MODULE = "pulumi-python:dynamic/litellm:"
ROSTER = f"{_MODULE}Roster"
KINDS = {f"{_MODULE}Team": "team", f"{_MODULE}User": "user", f"{_MODULE}Key": "key"}
"""Type of a resource → what people call it."""

_TYPES = {kind: type for type, kind in KINDS.items()}
# Follow from other properties, or say how LiteLLM is reached and not who may use it.
_INNER = frozenset(
    [
        *("__provider", "relay", "region", "managed_by", "token", "tokens", "value_token", "value_known"),
        *("user_id", "team_id", "owner_id", "member_ids", "generation", "formers", "former_keys", "key"),
    ]
)


def one_by_one(planned: Iterable[Planned]) -> list[Planned]:
    """The same changes with each roster taken apart. Whoever goes as a resource and comes in a roster, or the other way
    round, changes only in what differs: nobody is deleted by that."""
    others: list[Planned] = []
    people: dict[tuple[str, str], list[Planned]] = {}
    for one in planned:
        for entry in _entries(one) if one.type == ROSTER else [one]:
            if entry.type in KINDS:
                people.setdefault((entry.type, who(entry).lower()), []).append(_outer(entry))
            else:
                others.append(entry)
    return [*others, *(_joined(same) for same in people.values())]


def who(planned: Planned) -> str:
    """The e-mail of a user, the alias of a team or key."""
    return str(planned.inputs.get("email") or planned.inputs.get("alias") or planned.name)


def _entries(roster: Planned) -> Iterator[Planned]:
    names = {name: None for name in (*roster.old, *roster.inputs) if name.partition(":")[0] in _TYPES}
    for name in names:
        kind, _, own = name.partition(":")
        old, new = _read(roster.old.get(name)), _read(roster.inputs.get(name))
        op = roster.op
        if op == "update":
            op = "create" if old is None else "delete" if new is None else "same" if old == new else "update"
        inputs = new or old or {}
        head = roster.urn.rpartition("$")[0]
        urn = f"{head}${_TYPES[kind]}::{own}"
        before: Mapping[str, Any] = old if old and op != "create" else {}
        yield Planned(urn, op, inputs, before, _differing(before, inputs) if op in ("update", "replace") else {})


def _read(entry: Any) -> Mapping[str, Any] | None:
    """An entry, which a roster has as a JSON object (`components.litellm.packed`). Empty if it isn't known before the
    update, None if there is none."""
    if entry is None or is_mapping(entry):  # a map in states from before November 2026
        return entry
    try:
        found = json.loads(entry)
    except (TypeError, ValueError):
        return {}
    return found if is_mapping(found) else {}


def _joined(same: list[Planned]) -> Planned:
    gone = next((one for one in same if one.op == "delete"), None)
    come = next((one for one in same if one.op == "create"), None)
    if gone is None or come is None:
        return same[0]
    diff = _differing(gone.inputs, come.inputs)
    return replace(come, op="update" if diff else "same", old=gone.inputs, diff=diff)


def _outer(planned: Planned) -> Planned:
    diff = {path: kind for path, kind in planned.diff.items() if path.partition(".")[0].partition("[")[0] not in _INNER}
    return replace(planned, diff=diff)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    names = sorted(old.keys() | new.keys())
    return {name: "update" for name in names if name not in _INNER and old.get(name) != new.get(name)}
