"""EC2's networks: moto keeps them, and takes what AWS refuses. These rooms refuse it, and mend addresses."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.network import dependencies, endpoints, gateways, groups, interfaces, ipv6
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# Nothing here runs an instance, and moto's table of instance types is not loaded.
_NOT_SIMULATED = ("RunInstances", "DescribeInstanceTypes", "DescribeInstanceTypeOfferings", "RequestSpotInstances")


def register(rules: Rules, account: Account) -> None:
    for room in (interfaces, groups, gateways, endpoints, dependencies, ipv6):
        room.register(rules, account)
    for operation in _NOT_SIMULATED:
        rules.check("ec2", operation)(_refuse)


def _refuse(call: Call) -> None:
    raise Refusal("UnsupportedOperation", f"The simulated EC2 has no instances, so there is no {call.operation}.")
