"""Gateways, and the routes to them."""

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
    Update,
    Wait,
    exactly_one,
    several,
    text,
)
from localcloud.plugins.aws.table.vpc import ec2_tags

_ARN = "arn:aws:ec2:{region}:{account}:"


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
    INTERNET_GATEWAY,
    EGRESS_ONLY_GATEWAY,
    EIP,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE,
    ROUTE_TABLE_ASSOCIATION,
)
