"""VPCs and their subnets."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    flag,
    text,
)

_ARN = "arn:aws:ec2:{region}:{account}:"


def ec2_tags(kind: str) -> Tagging:
    """EC2's tagging of one resource by id."""
    return Tagging(
        Call("CreateTags", {"Resources": ["{id}"]}), Call("DeleteTags", {"Resources": ["{id}"]}), kind=kind, keys="Tags"
    )


def _one_by_one(operation: str, resource: str, *names: str) -> tuple[Update, ...]:
    """EC2 attributes of which a call sets only one."""
    return tuple(Update(name, Call(operation, {resource: "{id}"})) for name in names)


_VPC_FLAGS = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")


async def _read_vpc(op: Operation) -> dict[str, Any] | None:
    """A VPC with its DNS attributes and the ids of what AWS makes with it."""
    found = (await op.call("DescribeVpcs", VpcIds=[op.id]))["Vpcs"]
    if not found:
        return None
    vpc = found[0]
    for name in _VPC_FLAGS:
        said = await op.call("DescribeVpcAttribute", VpcId=op.id, Attribute=name)
        vpc |= {key: item for key, item in said.items() if key != "ResponseMetadata"}
    mine = [{"Name": "vpc-id", "Values": [op.id]}]
    default = [*mine, {"Name": "group-name", "Values": ["default"]}]
    main = [*mine, {"Name": "association.main", "Values": ["true"]}]
    vpc["group"] = await op.run(Call("DescribeSecurityGroups", {"Filters": default}, "SecurityGroups[0].GroupId"))
    vpc["table"] = await op.run(Call("DescribeRouteTables", {"Filters": main}, "RouteTables[0].RouteTableId"))
    acl = [*mine, {"Name": "default", "Values": ["true"]}]
    vpc["acl"] = await op.run(Call("DescribeNetworkAcls", {"Filters": acl}, "NetworkAcls[0].NetworkAclId"))
    vpc["ipv6"] = _associated(vpc)
    vpc["AmazonProvidedIpv6CidrBlock"] = vpc["ipv6"] is not None
    return vpc


def _associated(item: dict[str, Any]) -> dict[str, Any] | None:
    """The IPv6 block of a VPC or subnet; None without one. One that was taken away is listed for a while."""
    blocks = item.get("Ipv6CidrBlockAssociationSet") or []
    return next((one for one in blocks if one["Ipv6CidrBlockState"]["State"] == "associated"), None)


async def _set_vpc_ipv6(op: Operation) -> None:
    found = _associated((await op.call("DescribeVpcs", VpcIds=[op.id]))["Vpcs"][0])
    if op.inputs["assignGeneratedIpv6CidrBlock"] and not found:
        await op.call("AssociateVpcCidrBlock", VpcId=op.id, AmazonProvidedIpv6CidrBlock=True)
    elif found and not op.inputs["assignGeneratedIpv6CidrBlock"]:
        await op.call("DisassociateVpcCidrBlock", AssociationId=found["AssociationId"])


VPC = Row(
    "aws:ec2/vpc:Vpc",
    "ec2",
    inputs={
        "cidrBlock": text(REPLACE | COMPUTED),
        "enableDnsSupport": flag(default=True),
        "enableDnsHostnames": flag(default=False),
        "enableNetworkAddressUsageMetrics": flag(default=False),
        "instanceTenancy": text(REPLACE, default="default"),
        "assignGeneratedIpv6CidrBlock": flag(default=False, to="AmazonProvidedIpv6CidrBlock"),
    },
    outputs={
        "ipv6CidrBlock": "ipv6.Ipv6CidrBlock || ''",
        "ipv6AssociationId": "ipv6.AssociationId || ''",
        "arn": _ARN + "vpc/{id}",
        "ownerId": "{account}",
        "dhcpOptionsId": "DhcpOptionsId",
        "defaultSecurityGroupId": "group",
        "defaultRouteTableId": "table",
        "mainRouteTableId": "table",
        "defaultNetworkAclId": "acl",
    },
    create=Call("CreateVpc"),
    id="Vpc.VpcId",
    read=_read_vpc,
    updates=(
        *_one_by_one("ModifyVpcAttribute", "VpcId", *_VPC_FLAGS),
        Update("assignGeneratedIpv6CidrBlock", _set_vpc_ipv6),
    ),
    volatile=("ipv6CidrBlock", "ipv6AssociationId"),
    delete=Call("DeleteVpc", {"VpcId": "{id}"}),
    gone=("InvalidVpcID.NotFound",),
    tags=ec2_tags("vpc"),
)


async def _read_subnet(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeSubnets", SubnetIds=[op.id]))["Subnets"]
    return found[0] | {"ipv6": _associated(found[0])} if found else None


async def _set_subnet_ipv6(op: Operation) -> None:
    found = _associated((await op.call("DescribeSubnets", SubnetIds=[op.id]))["Subnets"][0])
    if found:
        await op.call("DisassociateSubnetCidrBlock", AssociationId=found["AssociationId"])
    if op.inputs.get("ipv6CidrBlock"):
        await op.call("AssociateSubnetCidrBlock", SubnetId=op.id, Ipv6CidrBlock=op.inputs["ipv6CidrBlock"])


SUBNET = Row(
    "aws:ec2/subnet:Subnet",
    "ec2",
    inputs={
        "vpcId": text(REQUIRED | REPLACE),
        "cidrBlock": text(REPLACE),
        "availabilityZone": text(REPLACE | COMPUTED),
        "availabilityZoneId": text(REPLACE | COMPUTED),
        "mapPublicIpOnLaunch": flag(default=False),
        "assignIpv6AddressOnCreation": flag(default=False),
        "ipv6CidrBlock": text(frm="ipv6.Ipv6CidrBlock"),
    },
    outputs={"arn": "SubnetArn", "ownerId": "OwnerId"},
    create=Call("CreateSubnet", pick="Subnet"),
    id="SubnetId",
    read=_read_subnet,
    updates=(
        *_one_by_one("ModifySubnetAttribute", "SubnetId", "mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"),
        Update("ipv6CidrBlock", _set_subnet_ipv6),
    ),
    delete=Call("DeleteSubnet", {"SubnetId": "{id}"}),
    gone=("InvalidSubnetID.NotFound",),
    ready=Wait("State", ("available",)),
    tags=ec2_tags("subnet"),
)

ROWS = (VPC, SUBNET)
