"""May a role do something? Its policies, evaluated as IAM documents it, for what ECS does before a task starts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: an explicit deny wins, then
an allow, else no. Conditions of an allow are taken to be met, those of a deny not to be; boundaries and resource
policies aren't looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from localcloud.aws.account import Account


class AccessDenied(Exception):
    """The role may not; the message is AWS's."""


def require(account: Account, role: str, session: str, action: str, resource: str) -> None:
    """Raise ``AccessDenied`` unless a policy of ``role`` (an ARN) allows ``action`` on ``resource``. Blocks."""
    if not allows(_policies(account, role), action, resource):
        name = role.rpartition("/")[2]
        raise AccessDenied(
            f"AccessDeniedException: User: arn:aws:sts::{account.account_id}:assumed-role/{name}/{session} "
            f"is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )


def allows(policies: Iterable[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether these policy documents together allow ``action`` on ``resource``."""
    allowed = False
    for statement in (statement for policy in policies for statement in _several(policy.get("Statement"))):
        if not (_covers(statement, "Action", action, re.IGNORECASE) and _covers(statement, "Resource", resource)):
            continue
        if statement.get("Effect") == "Allow":
            allowed = True
        elif not statement.get("Condition"):
            return False
    return allowed


def _covers(statement: dict[str, Any], member: str, wanted: str, flags: int = 0) -> bool:
    if f"Not{member}" in statement:
        return not any(_matches(pattern, wanted, flags) for pattern in _several(statement[f"Not{member}"]))
    return any(_matches(pattern, wanted, flags) for pattern in _several(statement.get(member)))


def _matches(pattern: str, wanted: str, flags: int) -> bool:
    """``*`` and ``?`` are the only wildcards (reference_policies_elements_resource.html)."""
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(expression, wanted, flags | re.DOTALL) is not None


def _policies(account: Account, role: str) -> list[dict[str, Any]]:
    """The documents of a role's inline and attached policies."""
    iam = account.client("iam")
    name = role.rpartition("/")[2]
    inline = [
        policy
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name)
        for policy in page["PolicyNames"]
    ]
    documents = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline]
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return documents


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
