"""What the account says of identities: who a caller is, and what a role's policies say of an action.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.iam.authority import role_refusal
from localcloud.aws.iam.principals import role_by_arn
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, account: Account) -> None:
    @rules.answer("sts", "GetCallerIdentity")
    def identity(call: Call) -> dict[str, Any]:
        assert call.caller is not None, "the gateway lets no unsigned call through"
        return {"UserId": call.caller.id, "Account": account.account_id, "Arn": call.caller.arn}

    @rules.answer("iam", "SimulatePrincipalPolicy")
    def simulate(call: Call) -> dict[str, Any]:
        role = call.params["PolicySourceArn"]
        if role_by_arn(account, role) is None:
            raise Refusal("NoSuchEntity", f"{role} is no role of this account; users and groups aren't simulated.")
        context = {
            entry["ContextKeyName"].lower(): list(entry["ContextKeyValues"])
            for entry in call.params.get("ContextEntries") or []
        }
        return {
            "IsTruncated": False,
            "EvaluationResults": [
                _result(action, resource, role_refusal(account, role, action, resource, context))
                for action in call.params["ActionNames"]
                for resource in call.params.get("ResourceArns") or ["*"]
            ],
        }


def _result(action: str, resource: str, because: str | None) -> dict[str, Any]:
    decision = "allowed" if because is None else "explicitDeny" if "explicit deny" in because else "implicitDeny"
    return {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision}
