"""Is a request allowed by these policies? IAM's evaluation within one account. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: an explicit deny anywhere
wins; then an allow of the identity or of the resource is needed; a permissions boundary and a session policy each must
allow what the identity's policies do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.aws.iam.conditions import Context, holds, like, with_variables

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """`principal` is the caller's ARN: a role session's, with `role` the ARN of its role, or a user's."""

    principal: str
    action: str
    resource: str
    role: str | None = None
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """All that has a say. `boundary` and `session` None: there is none."""

    identity: tuple[Document, ...]
    resource: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: Document | None = None


def refusal(policies: Policies, request: Request) -> str | None:
    """None if the request is allowed, else AWS's words for why it isn't. Raises conditions.UnknownOperator.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    everything = {
        "an identity-based policy": policies.identity,
        "a resource-based policy": policies.resource,
        "a permissions boundary": _one(policies.boundary),
        "a session policy": _one(policies.session),
    }
    for kind, documents in everything.items():
        if _says("Deny", documents, request, of_resource=kind == "a resource-based policy"):
            return f"with an explicit deny in {kind}"
    if _says("Allow", policies.resource, request, of_resource=True):
        return None
    for kind, documents, there in (
        ("identity-based policy", policies.identity, True),
        ("permissions boundary", _one(policies.boundary), policies.boundary is not None),
        ("session policy", _one(policies.session), policies.session is not None),
    ):
        if there and not _says("Allow", documents, request):
            return f"because no {kind} allows the {request.action} action"
    return None


def trusts(document: Document, principal: str, request: Request) -> bool:
    """Whether a role's trust policy lets `principal` (a service such as `ecs-tasks.amazonaws.com`, or an ARN) do
    `request.action`."""
    statements = [s for s in _statements((document,)) if _action_covered(s, request) and _met(s, request)]
    mine = [s for s in statements if _principal_covered(s.get("Principal"), principal)]
    return any(s.get("Effect") == "Allow" for s in mine) and not any(s.get("Effect") == "Deny" for s in mine)


def _says(effect: str, documents: Iterable[Document], request: Request, of_resource: bool = False) -> bool:
    return any(
        statement.get("Effect") == effect
        and _action_covered(statement, request)
        and _resource_covered(statement, request)
        and (not of_resource or _caller_covered(statement, request))
        and _met(statement, request)
        for statement in _statements(documents)
    )


def _statements(documents: Iterable[Document]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        yield from _several(document.get("Statement"))


def _action_covered(statement: Mapping[str, Any], request: Request) -> bool:
    if "NotAction" in statement:
        return not any(like(request.action, one, re.IGNORECASE) for one in _several(statement["NotAction"]))
    return any(like(request.action, one, re.IGNORECASE) for one in _several(statement.get("Action")))


def _resource_covered(statement: Mapping[str, Any], request: Request) -> bool:
    def covered(member: str) -> bool:
        patterns = (with_variables(one, request.context) for one in _several(statement[member]))
        return any(like(request.resource, pattern) for pattern in patterns)

    if "NotResource" in statement:
        return not covered("NotResource")
    return "Resource" in statement and covered("Resource")


def _caller_covered(statement: Mapping[str, Any], request: Request) -> bool:
    callers = [request.principal, *([request.role] if request.role else [])]
    if "NotPrincipal" in statement:
        return not any(_principal_covered(statement["NotPrincipal"], caller) for caller in callers)
    return any(_principal_covered(statement.get("Principal"), caller) for caller in callers)


def _principal_covered(element: Any, principal: str) -> bool:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""
    if element == "*":
        return True
    if not isinstance(element, dict):
        return False
    named = [one for values in element.values() for one in _several(values)]
    account = principal.split(":")[4] if principal.startswith("arn:") else None
    return any(
        one in ("*", principal) or (account is not None and one in (account, f"arn:aws:iam::{account}:root"))
        for one in named
    )


def _met(statement: Mapping[str, Any], request: Request) -> bool:
    return holds(statement.get("Condition") or {}, request.context)


def _one(document: Document | None) -> tuple[Document, ...]:
    return () if document is None else (document,)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
