"""EC2's networks: moto keeps them, and takes what AWS refuses. These rooms refuse it, and mend addresses."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.network import dependencies, endpoints, gateways, groups, interfaces
from localcloud.aws.rules import Rules


def register(rules: Rules, account: Account) -> None:
    for room in (interfaces, groups, gateways, endpoints, dependencies):
        room.register(rules, account)
