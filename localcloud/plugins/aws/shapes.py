"""Properties to requests and answers to properties, by botocore's service models. Pure functions.

A property goes to the member of the same name (`vpcId` → `VpcId`, `arn` → `ARN`), or where its row says. The shape
found there decides the form: a map of strings becomes a list of Key/Value pairs, a CloudFront list {Quantity, Items}.
Values are held against the model's enums, patterns, lengths and ranges: a simulated AWS accepts what AWS refuses.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import jmespath
from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator

from localcloud.plugins.aws.rows import BARE, LOCAL, SECRET, Call, Prop, text
from localcloud.plugins.serve import Refusal
from localcloud.plugins.values import UNKNOWN

Problem = Callable[[str, str], None]  # (property path, what is wrong with it)
_TEXT = text()


class TableError(Refusal):
    """The table says something that AWS's model contradicts: a mistake in a row, not in the program."""


def member(shape: Any, name: str) -> str | None:
    """The member of a structure that bears this name in whatever case."""
    return _members(shape).get(name.lower()) if isinstance(shape, StructureShape) else None


@cache
def _members(shape: StructureShape) -> dict[str, str]:
    members: Mapping[str, Any] = shape.members  # type: ignore[assignment]
    return {name.lower(): name for name in members}


def place(shape: Shape, prop: Prop, name: str) -> list[str] | None:
    """The members that lead to a property's place in a request; None when the request has no place for it."""
    steps: list[str] = []
    for step in (prop.to or name).split("."):
        found = member(shape, step)
        if found is None:
            return None
        steps.append(found)
        shape = shape.members[found]  # type: ignore[attr-defined]
    return steps


def root_of(operation: Any, call: Call) -> Shape:
    """The structure of a request into which the properties are mapped."""
    shape = operation.input_shape
    for step in filter(None, call.root.split(".")):
        found = member(shape, step)
        if found is None:
            raise TableError(f"{call.operation} has no {call.root}")
        shape = shape.members[found]
    return shape


def sendable(operation: Any, call: Call, props: Mapping[str, Prop]) -> list[str]:
    """The properties that a call has a place for."""
    if operation.input_shape is None:
        return []
    shape = root_of(operation, call)
    return [
        name
        for name, prop in props.items()
        if name not in call.said and not prop.has(LOCAL) and not prop.attribute and _fits(shape, prop, name)
    ]


def _fits(shape: Shape, prop: Prop, name: str) -> bool:
    if prop.to == ".":
        return any(_fits(shape, field, inner) for inner, field in prop.fields.items())
    return place(shape, prop, name) is not None


def request(
    shape: Any, props: Mapping[str, Prop], values: Mapping[str, Any], problem: Problem, path: str = ""
) -> dict[str, Any]:
    """The request (or a structure inside it) that says these values. Unknown ones are left out."""
    made: dict[str, Any] = {}
    for name, prop in props.items():
        value = values.get(name, prop.default if path else None)
        if value is None or value is UNKNOWN or prop.has(LOCAL) or prop.attribute:
            continue
        here = f"{path}.{name}" if path else name
        if prop.to == ".":
            made |= request(shape, prop.fields, value, problem, here)
            continue
        steps = place(shape, prop, name)
        if steps is None:
            if path:
                raise TableError(f"{shape.name} has no place for {here}")
            continue
        _put(made, shape, steps, prop, value, problem, here)
    counts, items = member(shape, "quantity"), member(shape, "items")
    if counts and items and counts not in made:
        made[counts] = len(made.get(items) or [])
    return made


def _put(
    made: dict[str, Any], shape: Any, steps: list[str], prop: Prop, value: Any, problem: Problem, path: str
) -> None:
    for step in steps[:-1]:
        shape = shape.members[step]
        made = made.setdefault(step, {})
    target = shape.members[steps[-1]]
    converted = convert(prop, value, target, problem, path)
    if converted is None:
        return
    if isinstance(converted, dict) and isinstance(made.get(steps[-1]), dict):
        made[steps[-1]] |= converted
    else:
        made[steps[-1]] = converted


def convert(prop: Prop, value: Any, shape: Any, problem: Problem, path: str) -> Any:
    """A property's value in the form of a shape of the model."""
    if shape.type_name == "structure":
        return _structure(prop, value, shape, problem, path)
    if shape.type_name == "list":
        return _list(prop, value, shape, problem, path)
    if shape.type_name == "map" and prop.key:
        inner = {name: field for name, field in prop.fields.items() if name != prop.key}
        kept = [item for item in value if item is not UNKNOWN and item.get(prop.key) not in (None, UNKNOWN)]
        return {item[prop.key]: request(shape.value, inner, item, problem, path) for item in kept}
    if shape.type_name == "map":
        kept = {str(key): item for key, item in value.items() if item is not UNKNOWN and item is not None}
        return {key: convert(_TEXT, item, shape.value, problem, f"{path}.{key}") for key, item in kept.items()}
    return _scalar(prop, value, shape, problem, path)


def _structure(prop: Prop, value: Any, shape: Any, problem: Problem, path: str) -> Any:
    names = _members(shape)
    if prop.kind in ("many", "several") and "items" in names:
        items = convert(prop, value, shape.members[names["items"]], problem, path)
        counted = {names["quantity"]: len(value)} if "quantity" in names else {}
        return counted | ({names["items"]: items} if items else {})
    if prop.kind == "mapping" and "items" in names:
        return {names["items"]: convert(prop, value, shape.members[names["items"]], problem, path)}
    if prop.kind == "one":
        return request(shape, prop.fields, value, problem, path)
    if "value" in names:
        return {names["value"]: convert(prop, value, shape.members[names["value"]], problem, path)}
    raise TableError(f"{path}: a {prop.kind} can't become {shape.name}")


def _list(prop: Prop, value: Any, shape: Any, problem: Problem, path: str) -> list[Any]:
    if prop.kind == "mapping":
        names = _members(shape.member)
        key, said = names.get("key") or names["name"], names["value"]
        return [
            {key: convert(_TEXT, name, shape.member.members[key], problem, path), said: _text_of(item)}
            for name, item in value.items()
            if item is not UNKNOWN and item is not None
        ]
    if prop.kind == "one":
        return [request(shape.member, prop.fields, value, problem, path)]
    if prop.kind == "document":
        return _document(value, shape, problem, path)
    if prop.kind == "several":
        blocks: list[tuple[int, Any]] = [(index, item) for index, item in enumerate(value) if item is not UNKNOWN]
        made = [request(shape.member, prop.fields, item, problem, f"{path}[{index}]") for index, item in blocks]
    else:
        of = prop.of or _TEXT
        values: list[Any] = value if isinstance(value, list) else [value]
        pairs = ((index, item) for index, item in enumerate(values) if item is not UNKNOWN and item is not None)
        made = [convert(of, item, shape.member, problem, f"{path}[{index}]") for index, item in pairs]
    if value is not None and UNKNOWN not in (value if isinstance(value, list) else []):
        _bounds(len(made), shape.metadata, "elements", problem, path)
    return made


def _document(value: str, shape: Any, problem: Problem, path: str) -> list[Any]:
    """A JSON document that the API takes as structures, held against their shape."""
    items: list[Any] = json.loads(value)
    for line in ParamValidator().validate(items, shape).generate_report().splitlines():
        # botocore's report prints the values; they may be secret.
        problem(path, line.split(", value:")[0].replace(" in input", "").rstrip(":"))
    return items


def _text_of(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _scalar(prop: Prop, value: Any, shape: Any, problem: Problem, path: str) -> Any:
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return _ranged(int(value), shape, problem, path)
        if kind in ("float", "double"):
            return _ranged(float(value), shape, problem, path)
        if kind == "boolean":
            return value.lower() == "true" if isinstance(value, str) else bool(value)
        if kind == "blob":
            return base64.b64decode(value, validate=True) if prop.same is base64.b64decode else str(value).encode()
        if kind == "timestamp":
            return value
    except (TypeError, ValueError):
        problem(path, f"must be {'a number' if kind != 'blob' else 'base64'}")
        return None
    said = _text_of(value)
    if prop.kind == "flag" and "ENABLED" in (shape.metadata.get("enum") or ()):
        said = "ENABLED" if said.lower() == "true" else "DISABLED"
    _fit(prop, said, shape, problem, path)
    return said


def _ranged(value: float, shape: Any, problem: Problem, path: str) -> float:
    _bounds(value, shape.metadata, "", problem, path)
    return value


def _bounds(value: float, metadata: Mapping[str, Any], unit: str, problem: Problem, path: str) -> None:
    least, most = metadata.get("min"), metadata.get("max")
    unit = f" {unit}" if unit else ""
    if least is not None and value < least:
        problem(path, f"must be at least {least}{unit}, not {value}")
    elif most is not None and value > most:
        problem(path, f"must be at most {most}{unit}, not {value}")


def _fit(prop: Prop, said: str, shape: Any, problem: Problem, path: str) -> None:
    allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    shown = "the given value" if prop.has(SECRET) else f"`{said}`" if len(said) < 80 else f"`{said[:77]}…`"
    if allowed and said not in allowed:
        choices = (
            ", ".join(allowed) if len(allowed) <= 20 else f"{', '.join(allowed[:20])} and {len(allowed) - 20} more"
        )
        problem(path, f"must be one of {choices}; not {shown}")
        return
    _bounds(len(said), shape.metadata, "characters", problem, path)
    compiled = _pattern(pattern) if pattern else None
    if compiled is not None and not compiled.fullmatch(said):
        problem(path, f"must match {pattern}; {shown} doesn't")


@cache
def _pattern(pattern: str) -> re.Pattern[str] | None:
    """A model's pattern; None for those in a dialect (Java's) that Python's `re` doesn't read."""
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


# ---- answers -------------------------------------------------------------------------------------------------------


def answer(props: Mapping[str, Prop], data: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as an answer of AWS says them; those it doesn't say are left out."""
    found = {name: read(prop, name, data) for name, prop in props.items()}
    return {name: value for name, value in found.items() if value is not None}


def read(prop: Prop, name: str, data: Mapping[str, Any]) -> Any:
    """One property out of an answer; None when it isn't there or is empty."""
    if prop.frm is not None:
        raw = jmespath.search(prop.frm, data) if prop.frm else None
    elif prop.to == ".":
        raw = data
    else:
        raw = find(data, prop.to or name)
    return None if raw is None else _READERS[prop.kind](prop, raw)


def find(data: Any, path: str) -> Any:
    """What an answer has at a dotted path, whatever the case of its members."""
    for step in path.split("."):
        if not isinstance(data, Mapping):
            return None
        lowered = step.lower()
        key = step if step in data else next((key for key in data if key.lower() == lowered), None)
        if key is None:
            return None
        data = data[key]
    return data


def _items(raw: Any) -> Any:
    """The list inside CloudFront's {Quantity, Items}."""
    if isinstance(raw, Mapping) and ("Items" in raw or "Quantity" in raw):
        return raw.get("Items") or []
    return raw


def _as_text(_prop: Prop, raw: Any) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, datetime):
        return raw.strftime("%Y-%m-%dT%H:%M:%SZ")
    return raw.decode() if isinstance(raw, bytes) else str(raw)


def _as_number(_prop: Prop, raw: Any) -> Any:
    return int(raw) if float(raw).is_integer() else float(raw)


def _as_flag(_prop: Prop, raw: Any) -> bool:
    raw = raw.get("Value") if isinstance(raw, Mapping) else raw
    return raw.lower() in ("true", "enabled") if isinstance(raw, str) else bool(raw)


def _as_document(_prop: Prop, raw: Any) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw)


def _as_mapping(_prop: Prop, raw: Any) -> dict[str, str]:
    raw = _items(raw)
    if isinstance(raw, Mapping):
        return {str(key): _as_text(_prop, item) for key, item in raw.items()}
    return dict(pairs(raw))


def pairs(raw: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    """Key/Value (or Name/Value) entries, in whatever case AWS writes them."""
    for entry in raw:
        lowered = {key.lower(): item for key, item in entry.items()}
        yield str(lowered.get("key", lowered.get("name"))), str(lowered.get("value", ""))


def _as_many(prop: Prop, raw: Any) -> list[Any] | None:
    assert prop.of is not None
    of = prop.of
    raw = _items(raw)
    found = [_READERS[of.kind](of, item) for item in (raw if isinstance(raw, list) else [raw])]
    return found or None


def _as_one(prop: Prop, raw: Any) -> dict[str, Any] | None:
    raw = _items(raw) if prop.to != "." and "items" not in prop.fields and _listed(prop) else raw
    raw = raw[0] if isinstance(raw, list) and raw else raw
    if not isinstance(raw, Mapping):
        return None
    return answer(prop.fields, raw) or ({} if prop.has(BARE) else None)


def _listed(prop: Prop) -> bool:
    """Whether {Quantity, Items} is a list around the block, not the block itself (some of whose fields go to Items)."""
    return not any(field.to == "Items" for field in prop.fields.values())


def _as_several(prop: Prop, raw: Any) -> list[Any] | None:
    if prop.key:
        return [{prop.key: key, **answer(prop.fields, item)} for key, item in raw.items()] or None
    return [answer(prop.fields, item) for item in _items(raw)] or None


_READERS: dict[str, Callable[[Prop, Any], Any]] = {
    "text": _as_text,
    "number": _as_number,
    "flag": _as_flag,
    "document": _as_document,
    "mapping": _as_mapping,
    "many": _as_many,
    "one": _as_one,
    "several": _as_several,
    "content": lambda _prop, _raw: None,
}
