"""What is in use stays: AWS answers DependencyViolation, and a teardown in the wrong order must meet it here too."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, database_subnets, referring_groups
from localcloud.aws.network.gateways import attached_gateway, live_nat_gateways
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "DeleteSubnet")
    def subnet_unused(call: Call) -> None:
        id = call.params["SubnetId"]
        _refuse(f"The subnet '{id}'", [who for who, subnets, _ in _users(account) if id in subnets])

    @rules.check("ec2", "DeleteSecurityGroup")
    def group_unused(call: Call) -> None:
        id = call.params.get("GroupId")
        ec2 = backend(account, "ec2")
        group = ec2.get_security_group_from_id(id) if id else None
        if group is None:
            return  # moto says that it doesn't exist
        if group.name == "default":
            raise Refusal("CannotDelete", f'the specified group: "{id}" name: "default" cannot be deleted by a user')
        users = [who for who, _, groups in _users(account) if id in groups]
        users += [f"a rule of security group {other}" for other in referring_groups(account, group.id)]
        _refuse(f"resource {id}", users)

    @rules.check("ec2", "DeleteVpc")
    def vpc_empty(call: Call) -> None:
        id = call.params["VpcId"]
        ec2 = backend(account, "ec2")
        users = [f"subnet {one.id}" for zone in ec2.subnets.values() for one in zone.values() if one.vpc_id == id]
        users += [
            f"security group {one.id} ({one.name})" for one in ec2.groups.get(id, {}).values() if one.name != "default"
        ]
        # moto keeps deleted ones
        endpoints = [one for one in ec2.vpc_end_points.values() if one.vpc_id == id and one.state != "deleted"]
        users += [f"VPC endpoint {one.id}" for one in endpoints]
        gateway = attached_gateway(account, id)
        users += [f"internet gateway {gateway.id}"] if gateway else []
        _refuse(f"The vpc '{id}'", users)


def _refuse(what: str, users: list[str]) -> None:
    if users:
        raise Refusal(
            "DependencyViolation",
            f"{what} has dependencies and cannot be deleted: {', '.join(sorted(users))}.",
        )


def _users(account: Account) -> Iterator[tuple[str, set[str], set[str]]]:
    """(what, its subnets, its security groups) of everything that has, or on AWS would have, a network interface."""
    yield from _in_ec2(account)
    for users in account.users:
        yield from users()
    for balancer in backend(account, "elbv2").load_balancers.values():
        subnets = {subnet.id for subnet in balancer.subnets}
        yield f"load balancer {balancer.name}", subnets, set(balancer.security_groups or [])
    for database in backend(account, "rds").databases.values():
        subnets = {subnet.id for subnet in database_subnets(database)}
        yield f"database {database.db_instance_identifier}", subnets, set(database.vpc_security_group_ids or [])
    for function in backend(account, "awslambda").list_functions():
        config = function.vpc_config or {}
        yield (
            f"function {function.function_name}",
            set(config.get("SubnetIds") or []),
            set(config.get("SecurityGroupIds") or []),
        )


def _in_ec2(account: Account) -> Iterator[tuple[str, set[str], set[str]]]:
    ec2 = backend(account, "ec2")
    owners = {gateway._eni.id: f"NAT gateway {gateway.id}" for gateway in live_nat_gateways(account)}
    for endpoint in ec2.vpc_end_points.values():
        owners |= dict.fromkeys(endpoint.network_interface_ids, f"VPC endpoint {endpoint.id}")
    for interface in ec2.enis.values():
        who = owners.get(
            interface.id, f"network interface {interface.id} ({interface.description or 'no description'})"
        )
        yield who, {interface.subnet.id}, {group.id for group in interface.group_set}
