"""Does a policy's condition hold? Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
reference_policies_condition-single-vs-multi-valued-context-keys.html. Every operator and every key must hold; of a
key's values one is enough, and for a negated operator none may match. A key that the request doesn't have fails a
positive operator and meets a negated one; `…IfExists` is met by its absence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

Context = Mapping[str, str | Sequence[str]]
"""Condition key (in lower case) → its value, or its values where the key has several."""


class UnknownOperator(Exception):
    """A condition operator that isn't IAM's, or that isn't simulated; the text names it."""


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether all of a `Condition` element is met. Raises UnknownOperator."""
    return all(
        _key_holds(operator, key.lower(), [str(v) for v in _several(expected)], context)
        for operator, keys in condition.items()
        for key, expected in keys.items()
    )


def _key_holds(operator: str, key: str, expected: list[str], context: Context) -> bool:
    qualifier, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name == "Null":
        return (key not in context) == (expected[0].lower() == "true")
    negated, test = _operator(name, operator)
    if key not in context:
        return optional or negated or qualifier == "ForAllValues"
    value = context[key]
    values = [value] if isinstance(value, str) else list(value)
    expected = [with_variables(text, context) for text in expected]
    results = [any(test(one, wanted) for wanted in expected) != negated for one in values]
    if qualifier == "ForAllValues" or (negated and qualifier != "ForAnyValue"):
        return all(results)
    return any(results)


def with_variables(text: str, context: Context) -> str:
    """`text` with policy variables such as `${aws:PrincipalTag/team}` put in; one that isn't known stays as it is, and
    so matches nothing. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""

    def value(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        special = {"*": "*", "?": "?", "$": "$"}.get(name)
        if special is not None:
            return special
        found = context.get(name.strip().lower())
        if isinstance(found, str):
            return found
        return default.strip().strip("'") if default else match[0]

    return re.sub(r"\$\{([^}]*)\}", value, text)


def like(value: str, pattern: str, flags: int = 0) -> bool:
    """`*` is any text and `?` any character (reference_policies_elements_resource.html)."""
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(expression, value, flags | re.DOTALL) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """Each of the six parts by itself: a wildcard doesn't reach over a colon, except in the last part."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(like, parts, patterns))


def _in_network(value: str, network: str) -> bool:
    return ip_address(value) in ip_network(network, strict=False)


def _moment(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _same_bool(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


Test = Callable[[str, str], bool]

_POSITIVE: dict[str, Test] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": like,
    "ArnEquals": _arn_like,  # "ArnEquals and ArnLike behave identically"
    "ArnLike": _arn_like,
    "Bool": _same_bool,
    "IpAddress": _in_network,
    "NumericEquals": lambda value, wanted: float(value) == float(wanted),
    "NumericLessThan": lambda value, wanted: float(value) < float(wanted),
    "NumericLessThanEquals": lambda value, wanted: float(value) <= float(wanted),
    "NumericGreaterThan": lambda value, wanted: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda value, wanted: float(value) >= float(wanted),
    "DateEquals": lambda value, wanted: _moment(value) == _moment(wanted),
    "DateLessThan": lambda value, wanted: _moment(value) < _moment(wanted),
    "DateLessThanEquals": lambda value, wanted: _moment(value) <= _moment(wanted),
    "DateGreaterThan": lambda value, wanted: _moment(value) > _moment(wanted),
    "DateGreaterThanEquals": lambda value, wanted: _moment(value) >= _moment(wanted),
}
_NEGATED: dict[str, Test] = {
    "StringNotEquals": _POSITIVE["StringEquals"],
    "StringNotEqualsIgnoreCase": _POSITIVE["StringEqualsIgnoreCase"],
    "StringNotLike": _POSITIVE["StringLike"],
    "ArnNotEquals": _POSITIVE["ArnEquals"],
    "ArnNotLike": _POSITIVE["ArnLike"],
    "NotIpAddress": _POSITIVE["IpAddress"],
    "NumericNotEquals": _POSITIVE["NumericEquals"],
    "DateNotEquals": _POSITIVE["DateEquals"],
}


def _operator(name: str, whole: str) -> tuple[bool, Test]:
    if name in _POSITIVE:
        return False, _POSITIVE[name]
    if name in _NEGATED:
        return True, _NEGATED[name]
    raise UnknownOperator(f"the condition operator {whole} is not simulated")


def _several(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else one for one in found]
