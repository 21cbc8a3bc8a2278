"""What the network verdicts speak of: interfaces, security groups, routes, endpoints. Frozen data, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network

# Group that CloudFront manages in a VPC with a VPC origin, and the prefix list that stands for CloudFront's servers.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
ORIGIN_FACING_GROUP = "CloudFront-VPCOrigins-Service-SG"
ORIGIN_FACING_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"


@dataclass(frozen=True)
class Interface:
    """One network interface (ENI). ``vpc`` None: outside of every VPC. ``public``: it has a public IPv4 address too.
    ``dual_stack``: it has an IPv6 address as well, where its subnet has a range of them."""

    id: str
    label: str  # "relay", "task …", "load balancer …": the subject of the sentences that explain a refusal
    vpc: str | None
    subnet: str | None
    ip: str
    groups: tuple[str, ...] = ()
    public: bool = False
    dual_stack: bool = False


@dataclass(frozen=True)
class Peer:
    """The other side of a security group rule: exactly one of an address range, a group or a prefix list."""

    network: IPv4Network | None = None
    network6: IPv6Network | None = None
    group: str | None = None
    prefix_list: str | None = None


@dataclass(frozen=True)
class Rule:
    """One permission. ``protocol`` as EC2 gives it: "tcp", "udp", "-1" (all)…; ports are inclusive."""

    protocol: str
    first_port: int
    last_port: int
    peer: Peer

    def covers(self, port: int) -> bool:
        """Whether a TCP connection to ``port`` falls under the rule's protocol and ports."""
        if self.protocol == "-1":
            return True
        return self.protocol in ("tcp", "6") and self.first_port <= port <= self.last_port


@dataclass(frozen=True)
class Group:
    id: str
    name: str
    vpc: str | None
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Subnet:
    id: str
    vpc: str
    network: IPv4Network
    dual_stack: bool = False  # it has an IPv6 range


@dataclass(frozen=True)
class Route:
    """``target`` is an id: "local", igw-…, eigw-…, nat-…, vpce-…, pcx-…. Destination: a range or a prefix list."""

    target: str
    network: IPv4Network | None = None
    network6: IPv6Network | None = None
    prefix_list: str | None = None


@dataclass(frozen=True)
class RouteTable:
    id: str
    vpc: str
    routes: tuple[Route, ...]
    subnets: frozenset[str] = frozenset()
    main: bool = False


@dataclass(frozen=True)
class Nat:
    id: str
    subnet: str
    available: bool
    public: bool  # connectivity type; a private NAT gateway leads to no internet gateway


@dataclass(frozen=True)
class Endpoint:
    """A VPC endpoint. ``service`` is the last part of its service name ("s3", "secretsmanager", "ecr.api")."""

    id: str
    vpc: str
    service: str
    kind: str  # "Gateway" | "Interface"
    available: bool
    route_tables: frozenset[str] = frozenset()
    interfaces: tuple[Interface, ...] = ()
    private_dns: bool = False


@dataclass(frozen=True)
class PrefixList:
    id: str
    name: str
    networks: tuple[IPv4Network, ...] = ()


@dataclass(frozen=True)
class Topology:
    """Everything that decides whether a packet arrives, each part by its id (``gateways``: id of an internet gateway,
    egress-only ones included → its VPCs)."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    tables: tuple[RouteTable, ...] = ()
    gateways: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nats: Mapping[str, Nat] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    public_interfaces: frozenset[str] = frozenset()  # ids of the interfaces that EC2 says have a public address

    def table_of(self, subnet: str | None) -> RouteTable | None:
        """The subnet's own route table, else its VPC's main one (as EC2 does for a subnet without association)."""
        found = self.subnets.get(subnet or "")
        if found is None:
            return None
        own = next((table for table in self.tables if found.id in table.subnets), None)
        return own or next((table for table in self.tables if table.main and table.vpc == found.vpc), None)

    def in_prefix_list(self, prefix_list: str, ip: str, groups: tuple[str, ...] = ()) -> bool:
        """Whether an address falls under a prefix list.

        CloudFront's servers reach a VPC origin from private addresses, yet a rule for the origin-facing prefix list
        lets them in (private-content-vpc-origins.html): so members of the managed group count as in that list.
        """
        found = self.prefix_lists.get(prefix_list)
        if found is None:
            return False
        if found.name == ORIGIN_FACING_PREFIX_LIST and any(
            group in self.groups and self.groups[group].name == ORIGIN_FACING_GROUP for group in groups
        ):
            return True
        address = IPv4Address(ip)
        return any(address in network for network in found.networks)


@dataclass(frozen=True)
class Verdict:
    """``reason`` is one sentence: who wanted what, and when refused, the first thing that is missing."""

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed
