"""IAM's answer for what an admin of a gateway calls: users and sessions of the account are held to their policies.

Only for the operations below, and only for principals that the account knows; its administrator may do anything, and
so may a key that nobody made. What is looked at besides is in ``policies.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.identities import access_key_of, principal_of
from localcloud.aws.policies import allows
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

Resource = Callable[[Account, dict[str, Any]], str | None]


def _function(account: Account, params: dict[str, Any]) -> str:
    name = params["FunctionName"].rpartition(":function:")[2].split(":")[0]
    return f"arn:aws:lambda:{account.region}:{account.account_id}:function:{name}"


def _parameter(account: Account, params: dict[str, Any]) -> str:
    name = params.get("Name") or params.get("Path") or ""
    return f"arn:aws:ssm:{account.region}:{account.account_id}:parameter/{name.lstrip('/')}"


def _secret(account: Account, params: dict[str, Any]) -> str:
    from localcloud.aws.backends import backend

    wanted = params["SecretId"]
    secrets = backend(account, "secretsmanager").secrets.values()
    return next((secret.arn for secret in secrets if wanted in (secret.arn, secret.name)), wanted)


def _anything(account: Account, params: dict[str, Any]) -> None:
    return None


# service, operation → IAM's action, and the resource that it is on
_HELD: dict[tuple[str, str], tuple[str, Resource]] = {
    ("lambda", "Invoke"): ("lambda:InvokeFunction", _function),
    ("lambda", "GetFunctionConfiguration"): ("lambda:GetFunctionConfiguration", _function),
    ("ssm", "GetParameter"): ("ssm:GetParameter", _parameter),
    ("ssm", "GetParametersByPath"): ("ssm:GetParametersByPath", _parameter),
    ("secretsmanager", "GetSecretValue"): ("secretsmanager:GetSecretValue", _secret),
    ("secretsmanager", "DescribeSecret"): ("secretsmanager:DescribeSecret", _secret),
    ("ecs", "DescribeServices"): ("ecs:DescribeServices", _anything),
    ("ecs", "ListTasks"): ("ecs:ListTasks", _anything),
    ("ecs", "DescribeTasks"): ("ecs:DescribeTasks", _anything),
    ("rds", "DescribeDBInstances"): ("rds:DescribeDBInstances", _anything),
    ("elbv2", "DescribeTargetHealth"): ("elasticloadbalancing:DescribeTargetHealth", _anything),
    ("elbv2", "DescribeTargetGroups"): ("elasticloadbalancing:DescribeTargetGroups", _anything),
    ("elbv2", "DescribeLoadBalancers"): ("elasticloadbalancing:DescribeLoadBalancers", _anything),
    ("ec2", "DescribeSecurityGroupRules"): ("ec2:DescribeSecurityGroupRules", _anything),
}


def register(rules: Rules, account: Account) -> None:
    for service, operation in _HELD:
        rules.check(service, operation)(_check)


def require(call: Call) -> None:
    """Raise ``Refusal`` unless whoever signed the call may make it. For rules that run outside of the checks."""
    _check(call)


def _check(call: Call) -> None:
    principal = principal_of(call.account, access_key_of(call.http)) if call.http else None
    if principal is None or principal.policies is None:
        return
    action, resource_of = _HELD[call.service, call.operation]
    resource = resource_of(call.account, call.params)
    if not allows(principal.policies, action, resource):
        raise Refusal(
            "AccessDeniedException" if call.service in ("lambda", "ssm", "secretsmanager", "ecs") else "AccessDenied",
            f"User: {principal.arn} is not authorized to perform: {action}"
            + (f" on resource: {resource}" if resource else "")
            + f" because no identity-based policy allows the {action} action",
        )
