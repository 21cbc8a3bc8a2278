"""IAM policies, evaluated as IAM documents it: an explicit deny wins, then an allow, else no.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. Conditions of an allow are
taken to be met, those of a deny not to be; boundaries and resource policies aren't looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def allows(policies: Iterable[dict[str, Any]], action: str, resource: str | None) -> bool:
    """Whether these policy documents together allow ``action`` on ``resource`` (None: on anything at all)."""
    allowed = False
    for statement in (statement for policy in policies for statement in several(policy.get("Statement"))):
        if not _covers(statement, "Action", action, re.IGNORECASE):
            continue
        if resource is not None and not _covers(statement, "Resource", resource):
            continue
        if statement.get("Effect") == "Allow":
            allowed = True
        elif not statement.get("Condition") and resource is not None:
            return False
    return allowed


def _covers(statement: dict[str, Any], member: str, wanted: str, flags: int = 0) -> bool:
    if f"Not{member}" in statement:
        return not any(_matches(pattern, wanted, flags) for pattern in several(statement[f"Not{member}"]))
    return any(_matches(pattern, wanted, flags) for pattern in several(statement.get(member)))


def _matches(pattern: str, wanted: str, flags: int) -> bool:
    """``*`` and ``?`` are the only wildcards (reference_policies_elements_resource.html)."""
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(expression, wanted, flags | re.DOTALL) is not None


def several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
