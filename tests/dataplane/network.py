"""A small VPC with a way out, made through the API as a program would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from localcloud.images.python import REFERENCE as PYTHON_IMAGE
from tests.dataplane.cloud import Cloud

ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]


@dataclass(frozen=True)
class Network:
    """Ids of a VPC with two private subnets, which have a NAT gateway."""

    vpc: str
    subnets: tuple[str, str]


def make_network(cloud: Cloud, cidr: str = "10.60") -> Network:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=f"{cidr}.0.0/16")["Vpc"]["VpcId"]
    public, *private = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{cidr}.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(("us-west-1a", "us-west-1a", "us-west-1b"))
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    _route(cloud, vpc, [public], GatewayId=gateway)
    _route(cloud, vpc, private, NatGatewayId=nat)
    return Network(vpc, (private[0], private[1]))


def _route(cloud: Cloud, vpc: str, subnets: list[str], **target: str) -> None:
    ec2 = cloud.client("ec2")
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)


def make_group(
    cloud: Cloud, network: Network, name: str, port: int | None = None, source: list[dict[str, Any]] | None = None
) -> str:
    """A security group that lets everything out, and ``source`` (ranges) in on ``port``."""
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=network.vpc)["GroupId"]
    if port is not None:
        allow(cloud, group, port, source or ANYWHERE)
    return group


def allow(cloud: Cloud, group: str, port: int, ranges: list[dict[str, Any]]) -> None:
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[_rule(port, ranges)])


def forbid(cloud: Cloud, group: str, port: int, ranges: list[dict[str, Any]]) -> None:
    cloud.client("ec2").revoke_security_group_ingress(GroupId=group, IpPermissions=[_rule(port, ranges)])


def make_role(cloud: Cloud, name: str, principal: str) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
    }
    return cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def _rule(port: int, ranges: list[dict[str, Any]]) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}


__all__ = ["ANYWHERE", "PYTHON_IMAGE", "Network", "allow", "forbid", "make_group", "make_network", "make_role"]
