"""May a role do something? For what ECS does before a task starts."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.policies import allows


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
