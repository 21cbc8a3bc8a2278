"""moto's own objects, for the rules that must look across services. Only under the gateway's lock."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account


def backend(account: Account, service: str, region: str | None = None) -> Any:
    """moto's backend of ``service`` (moto's name for it: "ec2", "elbv2", "awslambda"…) in the account's region."""
    from moto.backends import get_backend

    return get_backend(service)[account.account_id][region or account.region]  # type: ignore[call-overload]


def load_balancer(account: Account, arn: str) -> Any | None:
    """moto's load balancer, or None."""
    return backend(account, "elbv2").load_balancers.get(arn)


def subnet(account: Account, subnet_id: str) -> Any | None:
    """moto's subnet, or None."""
    for subnets in backend(account, "ec2").subnets.values():
        if subnet_id in subnets:
            return subnets[subnet_id]
    return None


def security_group(account: Account, group_id: str) -> Any | None:
    """moto's security group, or None."""
    return backend(account, "ec2").get_security_group_from_id(group_id)


def referring_groups(account: Account, group_id: str) -> list[str]:
    """Ids of the other security groups one of whose rules names ``group_id``."""
    return [
        group.id
        for groups in backend(account, "ec2").groups.values()
        for group in groups.values()
        if group.id != group_id
        and any(rule.source_group.get("GroupId") == group_id for rule in (*group.ingress_rules, *group.egress_rules))
    ]


def database_subnets(database: Any) -> list[Any]:
    """moto's subnets of a DB instance's subnet group; none outside a VPC."""
    group = getattr(database, "db_subnet_group", None)
    return list(group._subnets) if group is not None else []
