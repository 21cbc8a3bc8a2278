"""IPv6 ranges of VPCs and subnets: moto hands them out, EC2's rules about them are here."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_SUBNET_SIZE = 64


def register(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "CreateSubnet", "AssociateSubnetCidrBlock")
    def within_the_vpc(call: Call) -> None:
        block = call.params.get("Ipv6CidrBlock")
        if block:
            vpc = call.params.get("VpcId") or _vpc_of(account, call.params["SubnetId"])
            _check_range(block, _ranges(account, vpc))

    @rules.after("ec2", "CreateSubnet")
    def made(call: Call, result: dict[str, Any]) -> None:
        _spell(result["Subnet"])

    @rules.after("ec2", "DescribeSubnets")
    def described(call: Call, result: dict[str, Any]) -> None:
        for subnet in result.get("Subnets") or []:
            _spell(subnet)

    @rules.check("ec2", "DeleteVpc")
    def without_egress_only_gateways(call: Call) -> None:
        vpc = call.params["VpcId"]
        gateways = backend(account, "ec2").egress_only_internet_gateways.values()
        if any(gateway.vpc_id == vpc for gateway in gateways):
            raise Refusal("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")


def _vpc_of(account: Account, subnet_id: str) -> str:
    return next((s[subnet_id].vpc_id for s in backend(account, "ec2").subnets.values() if subnet_id in s), "")


def _ranges(account: Account, vpc_id: str) -> list[IPv6Network]:
    vpc = backend(account, "ec2").vpcs.get(vpc_id)
    blocks = vpc.get_cidr_block_association_set(ipv6=True) if vpc else []
    return [IPv6Network(block["cidr_block"]) for block in blocks if block["cidr_block_state"]["state"] == "associated"]


def _check_range(block: str, ranges: list[IPv6Network]) -> None:
    wanted = IPv6Network(block)
    if wanted.prefixlen != _SUBNET_SIZE or not any(wanted.subnet_of(known) for known in ranges):
        raise Refusal(
            "InvalidSubnet.Range", f"The IPv6 CIDR '{block}' is invalid: a subnet takes a /64 of its VPC's range."
        )


def _spell(subnet: dict[str, Any]) -> None:
    """moto writes the state of a subnet's range as the text of a dictionary."""
    for block in subnet.get("Ipv6CidrBlockAssociationSet") or []:
        state = block["Ipv6CidrBlockState"]
        state["State"] = next(
            (word for word in ("disassociated", "associated") if word in state["State"]), state["State"]
        )
