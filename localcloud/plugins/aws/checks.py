"""What can be known to be wrong before anything is created."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.provider import CheckFailure

from localcloud.plugins.aws.api import Api
from localcloud.plugins.aws.rows import REQUIRED, Call, Prop, Row
from localcloud.plugins.aws.shapes import request, root_of, sendable
from localcloud.plugins.values import UNKNOWN, has_unknown


class Problems:
    """Collects failures: one a path, secrets blanked."""

    def __init__(self, file: str, secrets: list[str]) -> None:
        self.file = file
        self._secrets = secrets
        self._found: dict[str, str] = {}

    def __call__(self, path: str, wrong: str) -> None:
        for secret in self._secrets:
            wrong = wrong.replace(secret, "[secret]")
        self._found.setdefault(path, wrong)

    @property
    def failures(self) -> list[CheckFailure]:
        """One sentence a property."""
        return [CheckFailure(path, f"`{path}` {wrong}") for path, wrong in self._found.items()]


async def check_inputs(api: Api, row: Row, given: Mapping[str, Any], problems: Problems) -> None:
    """Unknown, missing and mistyped properties, what the row forbids, and what AWS's service model refuses."""
    before = len(problems.failures)
    _fields(row.token, row.inputs, given, "", problems)
    if given.get("region", UNKNOWN) not in (UNKNOWN, api.region, *row.regions):
        problems("region", f"must be {' or '.join((api.region, *row.regions))}: the local cloud has one region")
    if len(problems.failures) > before:
        return
    for check in row.check:
        for path, wrong in check(given).items():
            problems(path, wrong)
    for call in _requests(row):
        model = await api.model(call.service or row.service, call.operation)
        names = sendable(model, call, row.inputs)
        props = {name: row.inputs[name] for name in names if name in given}
        request(root_of(model, call), props, given, problems)


def _requests(row: Row) -> list[Call]:
    return [step for step in (row.create, *(update.step for update in row.updates)) if isinstance(step, Call)]


def _fields(token: str, props: Mapping[str, Prop], given: Mapping[str, Any], path: str, problems: Problems) -> None:
    for name in given.keys() - props.keys():
        problems(
            f"{path}{name}",
            f"is no property of {token} in {problems.file}; remove it from the program, or add it there",
        )
    for name, prop in props.items():
        here, value = f"{path}{name}", given.get(name)
        if value is None:
            if prop.has(REQUIRED):
                problems(here, "is required; set it")
        elif value is not UNKNOWN:
            _value(token, prop, value, here, problems)


def _value(token: str, prop: Prop, value: Any, path: str, problems: Problems) -> None:
    wrong = _TYPES[prop.kind](value)
    if wrong:
        problems(path, wrong)
    elif prop.kind == "one":
        _fields(
            token, prop.fields, {key: item for key, item in value.items() if item is not None}, f"{path}.", problems
        )
    elif prop.kind in ("many", "several"):
        of = prop.of or Prop("one", fields=prop.fields)
        for index, item in enumerate(value):
            if item is not UNKNOWN:
                _value(token, of, item, f"{path}[{index}]", problems)


def _scalar(value: Any) -> str:
    return "must be a string" if isinstance(value, (dict, list)) or value is None else ""


def _number(value: Any) -> str:
    try:
        float(value)
    except (TypeError, ValueError):
        return "must be a number"
    return "must be a number" if isinstance(value, bool) else ""


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) or value in ("true", "false") else "must be true or false"


def _document(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string that holds JSON"
    try:
        json.loads(value) if value else None
    except ValueError as error:
        return f"must hold JSON, but: {error}"
    return ""


def _mapping(value: Any) -> str:
    if not isinstance(value, dict):
        return "must be a map of strings"
    strange = [key for key, item in value.items() if isinstance(item, (dict, list)) and not has_unknown(item)]
    return f"must be a map of strings; `{strange[0]}` isn't one" if strange else ""


_TYPES = {
    "text": _scalar,
    "number": _number,
    "flag": _flag,
    "document": _document,
    "mapping": _mapping,
    "many": lambda value: "" if isinstance(value, list) else "must be a list",
    "several": lambda value: "" if isinstance(value, list) else "must be a list of objects",
    "one": lambda value: "" if isinstance(value, dict) else "must be an object",
    "content": lambda value: "" if not isinstance(value, (str, dict, list, bool)) else "must be an asset or archive",
}
