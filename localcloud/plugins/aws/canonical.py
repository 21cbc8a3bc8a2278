"""Canonical forms of property values: what counts as the same for AWS. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from localcloud.plugins.aws.rows import BARE, UNORDERED, Prop
from localcloud.plugins.values import UNKNOWN, has_unknown


def canonical(prop: Prop, value: Any) -> Any:
    """A form in which values that mean the same to AWS are equal; nothing, empty and zero-length are all None.

    Fields a block leaves out have their defaults. Raises ValueError when a JSON document is none.
    """
    if value is None or value is UNKNOWN:
        return value
    form = _FORMS[prop.kind](prop, value)
    return None if not prop.has(BARE) and form in ("", [], {}) else form


def _text(prop: Prop, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return prop.same(str(value)) if prop.same else str(value)


def _number(_prop: Prop, value: Any) -> float:
    return float(value)


def _flag(_prop: Prop, value: Any) -> bool:
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def _document(prop: Prop, value: Any) -> Any:
    if value == "":
        return None
    parsed = json.loads(value) if isinstance(value, str) else value
    return (prop.same or policy)(parsed)


def _mapping(prop: Prop, value: Any) -> dict[str, Any]:
    return {str(key): item if item is UNKNOWN else _text(prop, item) for key, item in value.items()}


def _many(prop: Prop, value: Any) -> list[Any]:
    assert prop.of is not None
    items = [canonical(prop.of, item) for item in value]
    return sorted(items, key=_order) if prop.has(UNORDERED) else items


def _one(prop: Prop, value: Any) -> dict[str, Any]:
    form = {name: canonical(field, value.get(name, field.default)) for name, field in prop.fields.items()}
    return {name: item for name, item in form.items() if item is not None}


def _several(prop: Prop, value: Any) -> list[Any]:
    items = [_one(prop, item) for item in value]
    return sorted(items, key=_order) if prop.has(UNORDERED) else items


def _content(_prop: Prop, value: Any) -> Any:
    known = getattr(value, "hash", None)
    if known:
        return known
    if isinstance(value, pulumi.AssetArchive):
        return {name: _content(_prop, item) for name, item in value.assets.items()}
    return [
        type(value).__name__,
        getattr(value, "path", None),
        getattr(value, "text", None),
        getattr(value, "uri", None),
    ]


_FORMS = {
    "text": _text,
    "number": _number,
    "flag": _flag,
    "document": _document,
    "mapping": _mapping,
    "many": _many,
    "one": _one,
    "several": _several,
    "content": _content,
}


def _order(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=repr)


def policy(node: Any) -> Any:
    """A policy as IAM compares it: a list of one is its element, the order of actions and the like is nothing."""
    if isinstance(node, Mapping):
        return {key: policy(item) for key, item in node.items()}
    if isinstance(node, list):
        items = [policy(item) for item in node]
        if len(items) == 1:
            return items[0]
        return items if any(isinstance(item, (dict, list)) for item in items) else sorted(items, key=_order)
    return node


def containers(definitions: Any) -> Any:
    """Container definitions without ECS's defaults, lists that the API reorders sorted."""
    return sorted((_container(definition) for definition in definitions), key=lambda item: str(item.get("name")))


# RegisterTaskDefinition, "Container definitions": what ECS fills in when nothing is said.
_CONTAINER_DEFAULTS: dict[str, Any] = {
    "essential": True,
    "cpu": 0,
    "privileged": False,
    "readonlyRootFilesystem": False,
}


def _container(definition: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in definition.items():
        if key in ("environment", "secrets", "ulimits", "systemControls"):
            item = sorted(item or [], key=_order)
        elif key == "portMappings":
            item = [_port(port) for port in item or []]
        if item not in (None, [], {}, "") and not (key in _CONTAINER_DEFAULTS and _CONTAINER_DEFAULTS[key] == item):
            kept[key] = item
    return kept


def _port(port: Mapping[str, Any]) -> dict[str, Any]:
    # awsvpc: the host's port is the container's; tcp is the default.
    defaults = {"hostPort": port.get("containerPort"), "protocol": "tcp", "name": None}
    return {key: item for key, item in port.items() if not (key in defaults and item in (defaults[key], 0, None))}


def differs(prop: Prop, old: Any, new: Any) -> bool:
    """Whether a property changed between two sets of inputs; unset counts as the default, an unknown as a change."""
    if has_unknown(new):
        return True
    before = canonical(prop, prop.default if old is None else old)
    after = canonical(prop, prop.default if new is None else new)
    if prop.kind in ("flag", "number"):
        return (before or 0) != (after or 0)
    return before != after


def agrees(prop: Prop, wanted: Any, live: Any) -> bool:
    """Whether what AWS has (`live`) is what the program asked for (`wanted`), which may say less than AWS fills in."""
    if canonical(prop, wanted) is None:
        return True
    if prop.agree is not None:
        return prop.agree(wanted, live)
    if prop.kind == "one":
        return isinstance(live, Mapping) and _fields_agree(prop, wanted, live)
    if prop.kind == "several":
        return isinstance(live, list) and _blocks_agree(prop, wanted, live)
    if prop.kind == "document":
        said, has = canonical(prop, wanted), canonical(prop, live)
        # A statement someone added to a policy is drift; what ECS fills in around a container isn't.
        return _within(said, has) if prop.same is containers else said == has
    if prop.kind in ("flag", "number"):
        return (canonical(prop, wanted) or 0) == (canonical(prop, live) or 0)
    return canonical(prop, wanted) == canonical(prop, live)


def _fields_agree(prop: Prop, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Field by field; one that isn't said is its default, or whatever AWS chose when it has none."""
    return all(
        agrees(field, wanted.get(name, field.default), live.get(name, field.default))
        for name, field in prop.fields.items()
    )


def _blocks_agree(prop: Prop, wanted: list[Any], live: list[Any]) -> bool:
    if len(wanted) != len(live):
        return False
    if not prop.has(UNORDERED):
        return all(_fields_agree(prop, ours, theirs) for ours, theirs in zip(wanted, live, strict=True))
    fits = [[at for at, theirs in enumerate(live) if _fields_agree(prop, ours, theirs)] for ours in wanted]
    return _matches(fits)


def _matches(fits: list[list[int]]) -> bool:
    """Whether every wanted block can have a live one of its own (augmenting paths: one may fit several)."""
    owner: dict[int, int] = {}

    def place(ours: int, tried: set[int]) -> bool:
        for at in fits[ours]:
            if at not in tried:
                tried.add(at)
                if at not in owner or place(owner[at], tried):
                    owner[at] = ours
                    return True
        return False

    return all(place(ours, set()) for ours in range(len(fits)))


def _within(wanted: Any, live: Any) -> bool:
    """Whether a document says nothing that the live one doesn't."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(_within(item, live.get(key)) for key, item in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(live, list) and len(wanted) == len(live)
        return same and all(_within(ours, theirs) for ours, theirs in zip(wanted, live, strict=True))
    return wanted == live
