"""The topology as the simulated EC2 describes it, read again only when the account has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from localcloud.aws.account import Account
from localcloud.net.model import (
    Endpoint,
    Group,
    Interface,
    Nat,
    Peer,
    PrefixList,
    Route,
    RouteTable,
    Rule,
    Subnet,
    Topology,
)

_ALL_PORTS = (0, 65535)


class TopologyCache:
    """The latest topology of one account; readers at the same time share one reading."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._version = -1
        self._topology = Topology()
        self._lock = asyncio.Lock()

    def current(self) -> Topology | None:
        """The topology if it is up to date, without waiting; None when it must be read again."""
        return self._topology if self._version == self._account.changes.version else None

    async def get(self) -> Topology:
        """The topology of the account as it is now. Raises botocore errors when the API doesn't answer."""
        while (current := self.current()) is None:
            async with self._lock:
                if self.current() is None:
                    # The version from before the reading: a change meanwhile makes the next caller read again.
                    version = self._account.changes.version
                    known = self._topology.prefix_lists
                    self._topology = await asyncio.to_thread(read, self._account, known)
                    self._version = version
                    return self._topology
        return current


def read(account: Account, known: Mapping[str, PrefixList] | None = None) -> Topology:
    """Build a topology from EC2's describe calls (blocking). ``known``: prefix lists of AWS need no second reading."""
    ec2 = account.client("ec2")
    interfaces = _pages(ec2, "describe_network_interfaces", "NetworkInterfaces")
    by_id = {item["NetworkInterfaceId"]: item for item in interfaces}
    return Topology(
        groups={item["GroupId"]: _group(item) for item in _pages(ec2, "describe_security_groups", "SecurityGroups")},
        subnets={item["SubnetId"]: _subnet(item) for item in _pages(ec2, "describe_subnets", "Subnets")},
        tables=tuple(_table(item) for item in _pages(ec2, "describe_route_tables", "RouteTables")),
        gateways=_gateways(ec2),
        nats={item["NatGatewayId"]: _nat(item) for item in _pages(ec2, "describe_nat_gateways", "NatGateways")},
        endpoints=tuple(
            _endpoint(item, by_id, account.region) for item in _pages(ec2, "describe_vpc_endpoints", "VpcEndpoints")
        ),
        prefix_lists=_prefix_lists(ec2, known or {}),
        public_interfaces=frozenset(id for id, item in by_id.items() if item.get("Association", {}).get("PublicIp")),
    )


def _gateways(ec2: Any) -> dict[str, frozenset[str]]:
    found = _pages(ec2, "describe_internet_gateways", "InternetGateways")
    found += _pages(ec2, "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways")
    return {
        item.get("InternetGatewayId") or item["EgressOnlyInternetGatewayId"]: frozenset(
            a["VpcId"] for a in item.get("Attachments", []) if a.get("State") in ("available", "attached")
        )
        for item in found
    }


def _pages(ec2: Any, operation: str, key: str) -> list[dict[str, Any]]:
    if not ec2.can_paginate(operation):
        return list(getattr(ec2, operation)()[key])
    return [item for page in ec2.get_paginator(operation).paginate() for item in page[key]]


def _group(item: dict[str, Any]) -> Group:
    return Group(
        id=item["GroupId"],
        name=item["GroupName"],
        vpc=item.get("VpcId"),
        ingress=tuple(_rules(item.get("IpPermissions", []))),
        egress=tuple(_rules(item.get("IpPermissionsEgress", []))),
    )


def _rules(permissions: Iterable[dict[str, Any]]) -> Iterable[Rule]:
    """One rule a peer."""
    for permission in permissions:
        protocol = str(permission.get("IpProtocol", "-1"))
        first, last = permission.get("FromPort"), permission.get("ToPort")
        if first is None or last is None or first == -1:
            first, last = _ALL_PORTS
        peers = [Peer(network=IPv4Network(r["CidrIp"], strict=False)) for r in permission.get("IpRanges", [])]
        peers += [Peer(network6=IPv6Network(r["CidrIpv6"], strict=False)) for r in permission.get("Ipv6Ranges", [])]
        peers += [Peer(group=pair["GroupId"]) for pair in permission.get("UserIdGroupPairs", [])]
        peers += [Peer(prefix_list=entry["PrefixListId"]) for entry in permission.get("PrefixListIds", [])]
        for peer in peers:
            yield Rule(protocol, int(first), int(last), peer)


def _subnet(item: dict[str, Any]) -> Subnet:
    blocks = item.get("Ipv6CidrBlockAssociationSet") or []
    dual_stack = any(block["Ipv6CidrBlockState"]["State"] == "associated" for block in blocks)
    return Subnet(item["SubnetId"], item["VpcId"], IPv4Network(item["CidrBlock"]), dual_stack)


def _table(item: dict[str, Any]) -> RouteTable:
    associations = item.get("Associations", [])
    return RouteTable(
        id=item["RouteTableId"],
        vpc=item["VpcId"],
        routes=tuple(_routes(item.get("Routes", []))),
        subnets=frozenset(a["SubnetId"] for a in associations if a.get("SubnetId")),
        main=any(a.get("Main") for a in associations),
    )


def _routes(routes: Iterable[dict[str, Any]]) -> Iterable[Route]:
    targets = (
        "GatewayId",
        "NatGatewayId",
        "EgressOnlyInternetGatewayId",
        "VpcPeeringConnectionId",
        "TransitGatewayId",
        "NetworkInterfaceId",
    )
    for route in routes:
        target = next((route[key] for key in targets if route.get(key)), "nothing")
        if route.get("DestinationCidrBlock"):
            yield Route(target, network=IPv4Network(route["DestinationCidrBlock"], strict=False))
        elif route.get("DestinationIpv6CidrBlock"):
            yield Route(target, network6=IPv6Network(route["DestinationIpv6CidrBlock"], strict=False))
        elif route.get("DestinationPrefixListId"):
            yield Route(target, prefix_list=route["DestinationPrefixListId"])


def _nat(item: dict[str, Any]) -> Nat:
    return Nat(
        id=item["NatGatewayId"],
        subnet=item["SubnetId"],
        available=item.get("State") == "available",
        public=item.get("ConnectivityType", "public") == "public",
    )


def _endpoint(item: dict[str, Any], interfaces: dict[str, dict[str, Any]], region: str) -> Endpoint:
    service = item["ServiceName"].removeprefix(f"com.amazonaws.{region}.")
    groups = tuple(group["GroupId"] for group in item.get("Groups", []))
    return Endpoint(
        id=item["VpcEndpointId"],
        vpc=item["VpcId"],
        service=service,
        kind=item.get("VpcEndpointType", "Gateway"),
        available=item.get("State", "available").lower() == "available",
        route_tables=frozenset(item.get("RouteTableIds", [])),
        interfaces=tuple(_endpoint_interfaces(item, interfaces, groups, service)),
        private_dns=bool(item.get("PrivateDnsEnabled")),
    )


def _endpoint_interfaces(
    item: dict[str, Any], interfaces: dict[str, dict[str, Any]], groups: tuple[str, ...], service: str
) -> Iterable[Interface]:
    for id in item.get("NetworkInterfaceIds", []):
        found = interfaces.get(id)
        if found is not None:
            label = f"{service} endpoint {item['VpcEndpointId']}"
            own = tuple(group["GroupId"] for group in found.get("Groups", [])) or groups
            yield Interface(id, label, found["VpcId"], found["SubnetId"], found["PrivateIpAddress"], own)


def _prefix_lists(ec2: Any, known: Mapping[str, PrefixList]) -> dict[str, PrefixList]:
    """All prefix lists with their IPv4 entries (one call each: AWS has no call that answers with all entries)."""
    lists: dict[str, PrefixList] = {}
    for item in _pages(ec2, "describe_managed_prefix_lists", "PrefixLists"):
        id = item["PrefixListId"]
        if item.get("OwnerId") == "AWS" and id in known:
            lists[id] = known[id]
            continue
        networks: list[IPv4Network] = []
        if item.get("AddressFamily") != "IPv6":
            pages = ec2.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=id)
            networks = [IPv4Network(entry["Cidr"], strict=False) for page in pages for entry in page["Entries"]]
        lists[id] = PrefixList(id, item.get("PrefixListName", ""), tuple(networks))
    return lists
