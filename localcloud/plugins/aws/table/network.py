"""VPC, subnets, gateways, routes, endpoints."""

from __future__ import annotations

import zlib
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    exactly_one,
    flag,
    several,
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


async def _attach(op: Operation) -> None:
    old, new = op.state.get("vpcId"), op.inputs.get("vpcId")
    if old:
        await op.call("DetachInternetGateway", InternetGatewayId=op.id, VpcId=old)
    if new:
        await op.call("AttachInternetGateway", InternetGatewayId=op.id, VpcId=new)


async def _delete_gateway(op: Operation) -> None:
    # A retry finds it detached already.
    vpc = await op.run(
        Call("DescribeInternetGateways", {"InternetGatewayIds": ["{id}"]}, "InternetGateways[0].Attachments[0].VpcId")
    )
    if vpc:
        await op.call("DetachInternetGateway", InternetGatewayId=op.id, VpcId=vpc)
    await op.call("DeleteInternetGateway", InternetGatewayId=op.id)


INTERNET_GATEWAY = Row(
    "aws:ec2/internetGateway:InternetGateway",
    "ec2",
    inputs={"vpcId": text(COMPUTED, frm="Attachments[0].VpcId")},
    outputs={"arn": _ARN + "internet-gateway/{id}", "ownerId": "{account}"},
    create=Call("CreateInternetGateway"),
    id="InternetGateway.InternetGatewayId",
    read=Call("DescribeInternetGateways", {"InternetGatewayIds": ["{id}"]}, "InternetGateways[0]"),
    updates=(Update("vpcId", _attach),),
    delete=_delete_gateway,
    gone=("InvalidInternetGatewayID.NotFound",),
    tags=ec2_tags("internet-gateway"),
)

EGRESS_ONLY_GATEWAY = Row(
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "ec2",
    inputs={"vpcId": text(REQUIRED | REPLACE, frm="Attachments[0].VpcId")},
    create=Call("CreateEgressOnlyInternetGateway", pick="EgressOnlyInternetGateway"),
    id="EgressOnlyInternetGatewayId",
    read=Call(
        "DescribeEgressOnlyInternetGateways",
        {"EgressOnlyInternetGatewayIds": ["{id}"]},
        "EgressOnlyInternetGateways[0]",
    ),
    delete=Call("DeleteEgressOnlyInternetGateway", {"EgressOnlyInternetGatewayId": "{id}"}),
    gone=("InvalidGatewayID.NotFound",),
    tags=ec2_tags("egress-only-internet-gateway"),
)

EIP = Row(
    "aws:ec2/eip:Eip",
    "ec2",
    inputs={
        "domain": text(REPLACE | COMPUTED),
        "publicIpv4Pool": text(REPLACE | COMPUTED),
        "networkBorderGroup": text(REPLACE | COMPUTED),
    },
    # Which interface it serves is left out: it changes when a NAT gateway takes it, after this resource was made.
    outputs={
        "allocationId": "{id}",
        "arn": _ARN + "elastic-ip/{id}",
        "publicIp": "PublicIp",
    },
    create=Call("AllocateAddress"),
    id="AllocationId",
    read=Call("DescribeAddresses", {"AllocationIds": ["{id}"]}, "Addresses[0]"),
    delete=Call("ReleaseAddress", {"AllocationId": "{id}"}),
    gone=("InvalidAllocationID.NotFound", "InvalidAddressID.NotFound"),
    busy=("DependencyViolation", "InvalidIPAddress.InUse", "AuthFailure"),
    tags=ec2_tags("elastic-ip"),
)


async def _read_nat(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeNatGateways", NatGatewayIds=[op.id])).get("NatGateways")
    return found[0] if found and found[0]["State"] != "deleted" else None


NAT_GATEWAY = Row(
    "aws:ec2/natGateway:NatGateway",
    "ec2",
    inputs={
        "subnetId": text(REQUIRED | REPLACE),
        "allocationId": text(REPLACE, frm="NatGatewayAddresses[0].AllocationId"),
        "connectivityType": text(REPLACE, default="public"),
        "privateIp": text(REPLACE | COMPUTED, to="PrivateIpAddress", frm="NatGatewayAddresses[0].PrivateIp"),
    },
    outputs={
        "networkInterfaceId": "NatGatewayAddresses[0].NetworkInterfaceId",
        "publicIp": "NatGatewayAddresses[0].PublicIp",
    },
    create=Call("CreateNatGateway", pick="NatGateway"),
    id="NatGatewayId",
    read=_read_nat,
    delete=Call("DeleteNatGateway", {"NatGatewayId": "{id}"}),
    gone=("NatGatewayNotFound",),
    ready=Wait("State", ("available",), ("failed",), "FailureMessage"),
    ends=300,
    tags=ec2_tags("natgateway"),
)

_TARGETS = {
    "gatewayId": text(),
    "natGatewayId": text(),
    "networkInterfaceId": text(),
    "transitGatewayId": text(),
    "vpcEndpointId": text(),
    "vpcPeeringConnectionId": text(),
    "egressOnlyGatewayId": text(to="EgressOnlyInternetGatewayId"),
}
_ROUTE = {
    "cidrBlock": text(to="DestinationCidrBlock"),
    "ipv6CidrBlock": text(to="DestinationIpv6CidrBlock"),
    "destinationPrefixListId": text(),
    **_TARGETS,
}


async def _set_routes(op: Operation) -> None:
    """Makes the table's routes those of `routes`: what is stale goes, what is new comes."""
    wanted = [await op.shaped("CreateRoute", _ROUTE, route) for route in op.inputs.get("routes") or []]
    table = await op.run(_READ_TABLE)
    have = [_request_of(route) for route in table["Routes"] if route.get("Origin") == "CreateRoute"]
    for route in have:
        if route not in wanted and not route.get("DestinationPrefixListId"):
            place = {key: item for key, item in route.items() if key.startswith("Destination")}
            await op.call("DeleteRoute", RouteTableId=op.id, **place)
    for route in wanted:
        if route not in have:
            await op.call("CreateRoute", RouteTableId=op.id, **route)


def _request_of(route: dict[str, Any]) -> dict[str, Any]:
    members = {"Origin", "State", "InstanceOwnerId"}
    return {key: item for key, item in route.items() if key not in members and item}


_READ_TABLE = Call("DescribeRouteTables", {"RouteTableIds": ["{id}"]}, "RouteTables[0]")


async def _read_table(op: Operation) -> dict[str, Any] | None:
    table = await op.run(_READ_TABLE)
    if table and "routes" not in op.given:
        # Routes that are resources of their own are none of the table's.
        table.pop("Routes", None)
    return table


ROUTE_TABLE = Row(
    "aws:ec2/routeTable:RouteTable",
    "ec2",
    inputs={
        "vpcId": text(REQUIRED | REPLACE),
        "routes": several(_ROUTE, COMPUTED | UNORDERED, frm="Routes[?Origin=='CreateRoute']"),
    },
    outputs={"arn": _ARN + "route-table/{id}", "ownerId": "{account}"},
    create=Call("CreateRouteTable", pick="RouteTable"),
    id="RouteTableId",
    read=_read_table,
    updates=(Update("routes", _set_routes),),
    delete=Call("DeleteRouteTable", {"RouteTableId": "{id}"}),
    gone=("InvalidRouteTableID.NotFound",),
    tags=ec2_tags("route-table"),
)

_DESTINATIONS = {
    "destinationCidrBlock": text(REPLACE),
    "destinationIpv6CidrBlock": text(REPLACE),
    "destinationPrefixListId": text(REPLACE),
}


_PLACE = {"RouteTableId": "{routeTableId}"} | {name[0].upper() + name[1:]: f"{{{name}}}" for name in _DESTINATIONS}


async def _read_route(op: Operation) -> dict[str, Any] | None:
    table = await op.run(Call("DescribeRouteTables", {"RouteTableIds": ["{routeTableId}"]}, "RouteTables[0]"))
    place = {name[0].upper() + name[1:]: op.value(name) for name in _DESTINATIONS if op.value(name)}
    routes = (table or {}).get("Routes", [])
    found = next((route for route in routes if all(route.get(key) == item for key, item in place.items())), None)
    return found and found | {"RouteTableId": op.value("routeTableId")}


async def _route_id(op: Operation) -> None:
    # terraform-provider-aws, routeCreateID: the table and a hash of the destination.
    destination = next(op.inputs[name] for name in _DESTINATIONS if op.inputs.get(name))
    op.id = f"r-{op.inputs['routeTableId']}{zlib.crc32(destination.encode())}"


ROUTE = Row(
    "aws:ec2/route:Route",
    "ec2",
    inputs={"routeTableId": text(REQUIRED | REPLACE), **_DESTINATIONS, **_TARGETS},
    outputs={"origin": "Origin", "state": "State"},
    create=Call("CreateRoute"),
    id="{routeTableId}",
    settle=_route_id,
    read=_read_route,
    updates=(Update(" ".join(_TARGETS), Call("ReplaceRoute", _PLACE)),),
    delete=Call("DeleteRoute", _PLACE),
    gone=("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"),
    identity=("routeTableId", *_DESTINATIONS),
    check=(exactly_one(*_DESTINATIONS), exactly_one(*_TARGETS)),
)


async def _association(op: Operation) -> dict[str, Any] | None:
    """The association by what it joins: replacing the table gives it another id than the one Pulumi keeps."""
    subnet, gateway = op.value("subnetId"), op.value("gatewayId")
    by = {"Name": "association.subnet-id", "Values": [subnet]}
    if not subnet:
        by = {"Name": "association.gateway-id", "Values": [gateway]}
    for table in (await op.call("DescribeRouteTables", Filters=[by]))["RouteTables"]:
        for found in table["Associations"]:
            if (subnet and found.get("SubnetId") == subnet) or (gateway and found.get("GatewayId") == gateway):
                return found
    return None


async def _reassociate(op: Operation) -> None:
    found = await _association(op)
    if found:
        table = op.inputs["routeTableId"]
        await op.call(
            "ReplaceRouteTableAssociation", AssociationId=found["RouteTableAssociationId"], RouteTableId=table
        )


async def _disassociate(op: Operation) -> None:
    found = await _association(op)
    if found:
        await op.call("DisassociateRouteTable", AssociationId=found["RouteTableAssociationId"])


ROUTE_TABLE_ASSOCIATION = Row(
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "ec2",
    inputs={"routeTableId": text(REQUIRED), "subnetId": text(REPLACE), "gatewayId": text(REPLACE)},
    create=Call("AssociateRouteTable"),
    id="AssociationId",
    read=_association,
    updates=(Update("routeTableId", _reassociate),),
    delete=_disassociate,
    gone=("InvalidAssociationID.NotFound", "InvalidSubnetID.NotFound", "InvalidRouteTableID.NotFound"),
    identity=("subnetId", "gatewayId"),
    check=(exactly_one("subnetId", "gatewayId"),),
)

ROWS = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
    EGRESS_ONLY_GATEWAY,
    EIP,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE,
    ROUTE_TABLE_ASSOCIATION,
)
