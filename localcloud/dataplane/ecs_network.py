"""A task's own network interface, and its place behind target groups: the API calls that ECS itself makes on AWS."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from localcloud.aws.account import Account
from localcloud.dataplane.ecs_health import TargetView
from localcloud.dataplane.ecs_model import Balanced
from localcloud.net.model import Interface

log = logging.getLogger(__name__)


class NetworkError(Exception):
    """The interface can't be made; the message is ECS's."""


def attach(
    account: Account, subnet: str, groups: Sequence[str], public: bool, label: str, attachment: str
) -> Interface:
    """Make the interface. Raises ``NetworkError``. Blocks."""
    wanted: dict[str, Any] = {"SubnetId": subnet, "Description": attachment}
    if groups:
        wanted["Groups"] = list(groups)
    try:
        made = account.client("ec2").create_network_interface(**wanted)["NetworkInterface"]
    except ClientError as error:
        said = error.response["Error"]
        raise NetworkError(
            f"ResourceInitializationError: the task's network interface can't be made in {subnet}: "
            f"{said['Code']}: {said['Message']}"
        ) from None
    return Interface(
        id=made["NetworkInterfaceId"],
        label=label,
        vpc=made["VpcId"],
        subnet=subnet,
        ip=made["PrivateIpAddress"],
        groups=tuple(group["GroupId"] for group in made["Groups"]),
        public=public,
    )


def detach(account: Account, interface: Interface) -> None:
    """Remove the interface; nothing when it is gone already. Blocks."""
    _forgiving(
        ("InvalidNetworkInterfaceID.NotFound",),
        lambda: account.client("ec2").delete_network_interface(NetworkInterfaceId=interface.id),
    )


def register(account: Account, balanced: Sequence[Balanced], ip: str) -> None:
    """Put the task behind its target groups. Raises botocore's errors. Blocks."""
    for one in balanced:
        target = {"Id": ip, "Port": one.port}
        account.client("elbv2").register_targets(TargetGroupArn=one.target_group, Targets=[target])


def deregister(account: Account, balanced: Sequence[Balanced], ip: str) -> None:
    """Take the task from its target groups; a group that is gone is no error. Blocks."""
    for one in balanced:
        target = {"Id": ip, "Port": one.port}
        _forgiving(
            ("TargetGroupNotFound", "TargetGroupNotFoundException", "InvalidTarget"),
            lambda one=one, target=target: account.client("elbv2").deregister_targets(
                TargetGroupArn=one.target_group, Targets=[target]
            ),
        )


def checks(account: Account, balanced: Sequence[Balanced]) -> dict[str, str]:
    """Target group → how it checks, for sentences: "GET /health". Blocks."""
    if not balanced:
        return {}
    arns = sorted({one.target_group for one in balanced})
    found = account.client("elbv2").describe_target_groups(TargetGroupArns=arns)["TargetGroups"]
    return {group["TargetGroupArn"]: f"GET {group.get('HealthCheckPath') or '/'}" for group in found}


def view(account: Account, balanced: Sequence[Balanced], how: dict[str, str], ip: str) -> list[TargetView]:
    """How the load balancers see the task now."""
    return [
        TargetView(
            one.target_group,
            f"{ip}:{one.port}",
            f"{how.get(one.target_group, 'health check')} on {ip}:{one.port}",
            account.facts.targets.get(one.target_group, {}).get((ip, one.port)),
        )
        for one in balanced
    ]


def _forgiving(codes: tuple[str, ...], call: Any) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
