"""Roles may do what they need, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ops.shapes import is_list, is_mapping
from policies.model import HIGH, Found, Policy, Stack

_DOCUMENTS = {
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/policy:Policy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
}


def _wildcards(stack: Stack) -> Iterator[Found]:
    for resource in stack.of(*_DOCUMENTS):
        document = resource.known(_DOCUMENTS[resource.type])
        for statement in _allows(document):
            actions, places = _several(statement.get("Action")), _several(statement.get("Resource"))
            for action in actions:
                if "*" in action:
                    yield resource, f"allows {action}: name the actions"
            if "NotAction" in statement or "NotResource" in statement:
                yield resource, "allows everything but what it names (NotAction or NotResource): name what is needed"
            for place in places:
                if _is_wild(place):
                    yield resource, f"allows {', '.join(actions)} on {place}: name the resources"


def _trust(stack: Stack) -> Iterator[Found]:
    for role in stack.of("aws:iam/role:Role"):
        for statement in _allows(role.known("assumeRolePolicy")):
            principal = statement.get("Principal")
            anyone = principal == "*" or (is_mapping(principal) and "*" in _several(principal.get("AWS")))
            if anyone and not statement.get("Condition"):
                yield role, "may be assumed by anybody: name the principal"


def _allows(document: Any) -> Iterator[dict[str, Any]]:
    if document is None:
        return
    parsed = json.loads(document) if isinstance(document, str) else document
    for statement in _several(parsed.get("Statement")):
        if statement.get("Effect") == "Allow":
            yield statement


def _is_wild(place: str) -> bool:
    """`*`, or an ARN that names a service's every thing, or its every thing of a kind (`role/*`). `…:log-group:mine:*`
    and, of S3, `bucket/*` name something."""
    parts = place.split(":", 5)
    if len(parts) < 6:
        return place == "*"
    service, what = parts[2], parts[5]
    return what.startswith("*") or (service != "s3" and re.fullmatch(r"[a-z-]+[/:]\*", what) is not None)


def _several(value: Any) -> list[Any]:
    return value if is_list(value) else [] if value is None else [value]


POLICIES = (
    Policy(
        "no-iam-wildcards",
        HIGH,
        "A role that may do anything, or something to anything, turns a small hole into the whole account.",
        _wildcards,
        ("cdk-nag AwsSolutions-IAM5", "checkov CKV_AWS_355", "checkov CKV_AWS_290", "checkov CKV_AWS_63"),
    ),
    Policy(
        "named-principals",
        HIGH,
        "A role's trust decides who gets its rights.",
        _trust,
        ("checkov CKV_AWS_60", "checkov CKV_AWS_61"),
    ),
)
