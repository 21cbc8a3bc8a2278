"""A small topology for the pure verdict tests: a VPC with a load balancer, a task and a database, and a second VPC."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

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

EVERYWHERE = IPv4Network("0.0.0.0/0")
S3_LIST = PrefixList("pl-s3", "com.amazonaws.us-west-1.s3", (IPv4Network("52.216.0.0/15"),))
ORIGIN_LIST = PrefixList("pl-cf", "com.amazonaws.global.cloudfront.origin-facing", (IPv4Network("130.176.0.0/18"),))


def tcp(port: int, peer: Peer) -> Rule:
    return Rule("tcp", port, port, peer)


def to_group(port: int, group: str) -> Rule:
    return tcp(port, Peer(group=group))


def to_cidr(port: int, cidr: str) -> Rule:
    return tcp(port, Peer(network=IPv4Network(cidr)))


ALB = Interface("eni-alb", "load balancer gw", "vpc-1", "subnet-a", "10.20.1.10", ("sg-alb",))
TASK = Interface("eni-task", "task 1", "vpc-1", "subnet-a", "10.20.1.20", ("sg-task",))
DATABASE = Interface("eni-db", "database gw", "vpc-1", "subnet-b", "10.20.2.30", ("sg-db",))
STRANGER = Interface("eni-other", "stranger", "vpc-2", "subnet-z", "10.99.0.5", ("sg-task",))
CLOUDFRONT = Interface("eni-cf", "CloudFront", "vpc-1", "subnet-a", "10.20.1.40", ("sg-cf",))

GROUPS = {
    "sg-alb": Group(
        "sg-alb",
        "gw-alb",
        "vpc-1",
        ingress=(to_cidr(8080, "127.0.0.1/32"), tcp(80, Peer(prefix_list="pl-cf"))),
        egress=(to_group(4000, "sg-task"),),
    ),
    "sg-task": Group(
        "sg-task",
        "gw-task",
        "vpc-1",
        ingress=(to_group(4000, "sg-alb"),),
        egress=(to_group(5432, "sg-db"), to_cidr(443, "0.0.0.0/0")),
    ),
    "sg-db": Group("sg-db", "gw-db", "vpc-1", ingress=(to_group(5432, "sg-task"),)),
    "sg-cf": Group(
        "sg-cf",
        "CloudFront-VPCOrigins-Service-SG",
        "vpc-1",
        egress=(Rule("-1", 0, 65535, Peer(network=EVERYWHERE)),),
    ),
}
LOCAL = Route("local", IPv4Network("10.20.0.0/16"))
PRIVATE = RouteTable("rtb-private", "vpc-1", (LOCAL, Route("nat-1", EVERYWHERE)), frozenset({"subnet-a"}))
PUBLIC = RouteTable("rtb-public", "vpc-1", (LOCAL, Route("igw-1", EVERYWHERE)), frozenset({"subnet-p"}))
MAIN = RouteTable("rtb-main", "vpc-1", (LOCAL,), main=True)
TOPOLOGY = Topology(
    groups=GROUPS,
    subnets={
        "subnet-a": Subnet("subnet-a", "vpc-1", IPv4Network("10.20.1.0/24")),
        "subnet-b": Subnet("subnet-b", "vpc-1", IPv4Network("10.20.2.0/24")),
        "subnet-p": Subnet("subnet-p", "vpc-1", IPv4Network("10.20.3.0/24")),
        "subnet-z": Subnet("subnet-z", "vpc-2", IPv4Network("10.99.0.0/24")),
    },
    tables=(PRIVATE, PUBLIC, MAIN),
    gateways={"igw-1": frozenset({"vpc-1"})},
    nats={"nat-1": Nat("nat-1", "subnet-p", available=True, public=True)},
    prefix_lists={"pl-s3": S3_LIST, "pl-cf": ORIGIN_LIST},
)
S3_ENDPOINT = Endpoint("vpce-s3", "vpc-1", "s3", "Gateway", True, frozenset({"rtb-private"}))


def with_group(topology: Topology, group: str, **changes: tuple[Rule, ...]) -> Topology:
    """The topology with a security group's ingress or egress replaced."""
    return replace(topology, groups={**topology.groups, group: replace(topology.groups[group], **changes)})


def with_table(topology: Topology, id: str, routes: tuple[Route, ...]) -> Topology:
    """The topology with the routes of a table replaced."""
    tables = tuple(replace(table, routes=routes) if table.id == id else table for table in topology.tables)
    return replace(topology, tables=tables)
