"""May a role do something? Asked of the simulated IAM, for what AWS checks by itself before it acts for a role."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.iam.authority import sentence


class AccessDenied(Exception):
    """The role may not; the message is AWS's."""


def require(account: Account, role: str, session: str, action: str, resource: str) -> None:
    """Raise ``AccessDenied`` unless the policies of ``role`` (an ARN) allow ``action`` on ``resource``. Blocks."""
    asked = account.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
    )
    [result] = asked["EvaluationResults"]
    if result["EvalDecision"] == "allowed":
        return
    because = (
        "with an explicit deny in an identity-based policy"
        if result["EvalDecision"] == "explicitDeny"
        else f"because no identity-based policy allows the {action} action"
    )
    who = f"arn:aws:sts::{account.account_id}:assumed-role/{role.rpartition('/')[2]}/{session}"
    raise AccessDenied(f"AccessDeniedException: {sentence(who, action, resource, because)}")
