"""Fires a schedule of the simulated account: what EventBridge Scheduler does when its time has come.

Nobody waits here for 18:00 on a Friday, so time doesn't fire schedules; this does, with the schedule's own target,
input and role: a role that nothing lets Scheduler assume, or that may not make the call, fails here as it would on AWS.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.account import Account
from localcloud.dataplane.permissions import AccessDenied, require

_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
_PRINCIPAL = "scheduler.amazonaws.com"
# What a call is about, for IAM: its ARN from the input.
_RESOURCES = {
    ("ecs", "updateService"): "arn:aws:ecs:{region}:{account}:service/{Cluster}/{Service}",
    ("rds", "stopDBInstance"): "arn:aws:rds:{region}:{account}:db:{DbInstanceIdentifier}",
    ("rds", "startDBInstance"): "arn:aws:rds:{region}:{account}:db:{DbInstanceIdentifier}",
}


class CannotFire(Exception):
    """The schedule would come to nothing; a sentence says why."""


def fire(account: Account, group: str, name: str) -> str:
    """Makes the schedule's call and returns a sentence. Raises ``CannotFire``."""
    try:
        schedule = account.client("scheduler").get_schedule(GroupName=group, Name=name)
        if schedule["State"] != "ENABLED":
            raise CannotFire(f"schedule {group}/{name} is {schedule['State'].lower()}: AWS would not fire it")
        target = schedule["Target"]
        service, operation = _call(target["Arn"])
        given = json.loads(target.get("Input") or "{}")
        _allowed(account, group, target["RoleArn"], service, operation, given)
        _make(account, service, operation, given)
    except (ClientError, BotoCoreError, AccessDenied) as error:
        raise CannotFire(f"schedule {group}/{name} failed: {error}") from None
    return f"schedule {group}/{name} fired: {service} {operation} {json.dumps(given)}"


def _call(arn: str) -> tuple[str, str]:
    service, colon, operation = arn.removeprefix(_UNIVERSAL).partition(":")
    if not arn.startswith(_UNIVERSAL) or not colon or (service, operation) not in _RESOURCES:
        known = ", ".join(":".join(call) for call in _RESOURCES)
        raise CannotFire(f"the local cloud fires {known}, and no target {arn}")
    return service, operation


def _allowed(account: Account, group: str, role: str, service: str, operation: str, given: dict[str, Any]) -> None:
    """Scheduler assumes the role for schedules of the group that its trust names."""
    found = account.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    own = f"arn:aws:scheduler:{account.region}:{account.account_id}:schedule-group/{group}"
    if not any(_trusts(statement, own, account.account_id) for statement in found["Statement"]):
        raise CannotFire(f"{role} doesn't trust {_PRINCIPAL} for schedules of {own}")
    resource = _RESOURCES[service, operation].format(region=account.region, account=account.account_id, **given)
    action = f"{service}:{operation[0].upper()}{operation[1:]}"
    require(account, role, "scheduler", action, resource)


def _trusts(statement: dict[str, Any], group: str, account_id: str) -> bool:
    services = (statement.get("Principal") or {}).get("Service") or []
    wanted = (statement.get("Condition") or {}).get("StringEquals") or {}
    facts = {"aws:SourceArn": group, "aws:SourceAccount": account_id}
    return (
        statement.get("Effect") == "Allow"
        and _PRINCIPAL in ([services] if isinstance(services, str) else services)
        and all(facts.get(key) == value for key, value in wanted.items())
    )


def _make(account: Account, service: str, operation: str, given: dict[str, Any]) -> None:
    client = account.client(service)
    method = f"{operation[0].upper()}{operation[1:]}"
    members = client.meta.service_model.operation_model(method).input_shape.members
    # Scheduler takes PascalCase (DbInstanceIdentifier), whatever the API's own spelling (DBInstanceIdentifier)
    spelling = {member.lower(): member for member in members}
    if unknown := [key for key in given if key.lower() not in spelling]:
        raise CannotFire(f"{service} {operation} has no parameter {unknown[0]}")
    getattr(client, xform_name(method))(**{spelling[key.lower()]: value for key, value in given.items()})
