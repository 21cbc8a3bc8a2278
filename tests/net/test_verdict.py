"""The verdicts, without any network: what AWS lets through, what it doesn't, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.net.model import Endpoint, Group, Interface, Nat, Peer, Route, RouteTable, Rule, Subnet, Topology
from localcloud.net.verdict import MACHINE, judge, judge_aws
from tests.net.model import (
    ALB,
    CLOUDFRONT,
    DATABASE,
    EVERYWHERE,
    LOCAL,
    S3_ENDPOINT,
    STRANGER,
    TASK,
    TOPOLOGY,
    tcp,
    to_cidr,
    to_group,
    with_group,
    with_table,
)

HOPS = [(ALB, TASK, 4000), (TASK, DATABASE, 5432), (MACHINE, ALB, 8080), (CLOUDFRONT, ALB, 80)]


@pytest.mark.parametrize(("source", "destination", "port"), HOPS)
def test_the_declared_hops_are_open(source: Interface | str, destination: Interface, port: int) -> None:
    assert judge(TOPOLOGY, source, destination, port)


@pytest.mark.parametrize(("source", "destination", "port"), HOPS)
def test_without_the_ingress_rule_a_hop_is_closed(source: Interface | str, destination: Interface, port: int) -> None:
    kept = tuple(rule for rule in TOPOLOGY.groups[destination.groups[0]].ingress if not rule.covers(port))
    verdict = judge(with_group(TOPOLOGY, destination.groups[0], ingress=kept), source, destination, port)
    assert not verdict
    assert f"no ingress rule for port {port}" in verdict.reason


@pytest.mark.parametrize(("source", "destination", "port"), [hop for hop in HOPS if hop[0] is not MACHINE])
def test_without_the_egress_rule_a_hop_is_closed(source: Interface, destination: Interface, port: int) -> None:
    verdict = judge(with_group(TOPOLOGY, source.groups[0], egress=()), source, destination, port)
    assert not verdict
    assert f"no egress rule for port {port}" in verdict.reason


def test_the_reason_names_both_ends_the_port_and_the_missing_rule() -> None:
    verdict = judge(with_group(TOPOLOGY, "sg-task", ingress=()), ALB, TASK, 4000)
    assert verdict.reason == (
        "load balancer gw → task 1 10.20.1.20:4000: security group sg-task (gw-task) has no ingress rule for port 4000"
        " from sg-alb (gw-alb)"
    )


def test_egress_is_complained_of_before_ingress() -> None:
    closed = with_group(with_group(TOPOLOGY, "sg-task", ingress=()), "sg-alb", egress=())
    assert "sg-alb (gw-alb) has no egress rule" in judge(closed, ALB, TASK, 4000).reason


def test_a_referenced_group_reaches_no_other_vpc() -> None:
    assert "has no egress rule for port 5432" in judge(TOPOLOGY, STRANGER, DATABASE, 5432).reason
    opened = with_group(TOPOLOGY, "sg-db", ingress=(to_cidr(5432, "0.0.0.0/0"),))
    opened = with_group(opened, "sg-task", egress=(to_cidr(5432, "0.0.0.0/0"),))
    assert "vpc-2 has no route to vpc-1" in judge(opened, STRANGER, DATABASE, 5432).reason


def test_a_group_that_is_gone_allows_nothing_and_is_named() -> None:
    gone = replace(TOPOLOGY, groups={id: group for id, group in TOPOLOGY.groups.items() if id != "sg-task"})
    assert "sg-task (which doesn't exist)" in judge(gone, ALB, TASK, 4000).reason


def test_the_managed_group_counts_as_the_origin_facing_prefix_list_and_no_other_does() -> None:
    assert judge(TOPOLOGY, CLOUDFRONT, ALB, 80)
    renamed = replace(TOPOLOGY.groups["sg-cf"], name="CloudFront-lookalike")
    assert not judge(replace(TOPOLOGY, groups={**TOPOLOGY.groups, "sg-cf": renamed}), CLOUDFRONT, ALB, 80)
    assert not judge(TOPOLOGY, CLOUDFRONT, ALB, 8080)


def test_a_public_address_reaches_only_what_has_one_too() -> None:
    opened = with_group(TOPOLOGY, "sg-alb", ingress=(to_cidr(80, "0.0.0.0/0"),))
    assert "has no public address" in judge(opened, "203.0.113.5", ALB, 80).reason
    public = replace(ALB, public=True)
    assert "has no route to an internet gateway" in judge(opened, "203.0.113.5", public, 80).reason
    assert judge(opened, "203.0.113.5", replace(public, subnet="subnet-p"), 80)


def test_udp_opens_no_tcp_port() -> None:
    udp = Rule("udp", 0, 65535, Peer(network=EVERYWHERE))
    assert not judge(with_group(TOPOLOGY, "sg-task", ingress=(udp,)), ALB, TASK, 4000)


# Ways to the AWS API


def test_the_api_is_reached_by_nat_and_internet_gateway() -> None:
    assert judge_aws(TOPOLOGY, TASK, "secretsmanager")
    assert "has no route to" in judge_aws(with_table(TOPOLOGY, "rtb-private", (LOCAL,)), TASK, "logs").reason
    assert "leads to nat-1, which isn't there" in judge_aws(replace(TOPOLOGY, nats={}), TASK, "logs").reason
    pending = replace(TOPOLOGY, nats={"nat-1": Nat("nat-1", "subnet-p", available=False, public=True)})
    assert "not available" in judge_aws(pending, TASK, "logs").reason
    stranded = with_table(TOPOLOGY, "rtb-public", (LOCAL,))
    assert "which has no route to an internet gateway" in judge_aws(stranded, TASK, "logs").reason
    detached = replace(TOPOLOGY, gateways={"igw-1": frozenset()})
    assert not judge_aws(detached, TASK, "logs")
    assert "no egress rule for port 443" in judge_aws(with_group(TOPOLOGY, "sg-task", egress=()), TASK, "logs").reason


def test_a_subnet_without_a_table_of_its_own_uses_the_main_one() -> None:
    assert (
        "rtb-main of subnet subnet-b has no route"
        in judge_aws(TOPOLOGY, replace(TASK, subnet="subnet-b"), "logs").reason
    )


def test_an_internet_gateway_serves_only_who_has_a_public_address() -> None:
    in_public = replace(TASK, subnet="subnet-p")
    assert "has no public address" in judge_aws(TOPOLOGY, in_public, "logs").reason
    assert judge_aws(TOPOLOGY, replace(in_public, public=True), "logs")
    known = replace(TOPOLOGY, public_interfaces=frozenset({in_public.id}))
    assert judge_aws(known, in_public, "logs")


def test_the_gateway_endpoint_serves_s3_only_and_only_its_tables() -> None:
    closed = with_table(TOPOLOGY, "rtb-private", (LOCAL,))
    assert judge_aws(replace(closed, endpoints=(S3_ENDPOINT,)), TASK, "s3")
    assert not judge_aws(replace(closed, endpoints=(S3_ENDPOINT,)), TASK, "logs")
    elsewhere = replace(S3_ENDPOINT, route_tables=frozenset({"rtb-public"}))
    reason = judge_aws(replace(closed, endpoints=(elsewhere,)), TASK, "s3").reason
    assert "gateway endpoint vpce-s3 exists but isn't in route table rtb-private" in reason


def test_egress_to_the_prefix_list_suffices_for_s3() -> None:
    narrow = with_group(TOPOLOGY, "sg-task", egress=(tcp(443, Peer(prefix_list="pl-s3")),))
    assert judge_aws(replace(narrow, endpoints=(S3_ENDPOINT,)), TASK, "s3")
    assert not judge_aws(narrow, TASK, "logs")


def test_an_interface_endpoint_is_judged_by_its_own_groups() -> None:
    door = Interface("eni-e", "secretsmanager endpoint", "vpc-1", "subnet-a", "10.20.1.99", ("sg-db",))
    endpoint = Endpoint("vpce-1", "vpc-1", "secretsmanager", "Interface", True, interfaces=(door,), private_dns=True)
    closed = replace(with_table(TOPOLOGY, "rtb-private", (LOCAL,)), endpoints=(endpoint,))
    assert "has no ingress rule for port 443" in judge_aws(closed, TASK, "secretsmanager").reason
    opened = with_group(closed, "sg-db", ingress=(to_group(443, "sg-task"),))
    assert judge_aws(opened, TASK, "secretsmanager")
    # Without private DNS the service's name leads to the internet, where there is no way from here.
    assert not judge_aws(replace(opened, endpoints=(replace(endpoint, private_dns=False),)), TASK, "secretsmanager")


def test_outside_of_a_vpc_the_api_is_always_reached() -> None:
    assert judge_aws(TOPOLOGY, Interface("fn", "function", None, None, "169.254.0.1"), "sts")


# Properties

ports = st.integers(1, 65535)
addresses = st.builds(lambda n: str(IPv4Address(n)), st.integers(0, 2**32 - 1))
networks = st.builds(
    lambda n, length: IPv4Network((n, length), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)
)
peers = st.one_of(
    st.builds(lambda n: Peer(network=n), networks),
    st.builds(lambda g: Peer(group=g), st.sampled_from([*TOPOLOGY.groups, "sg-none"])),
    st.builds(lambda p: Peer(prefix_list=p), st.sampled_from([*TOPOLOGY.prefix_lists, "pl-none"])),
)
rules = st.builds(
    lambda protocol, first, span, peer: Rule(protocol, first, min(65535, first + span), peer),
    st.sampled_from(["tcp", "udp", "-1", "icmp"]),
    ports,
    st.integers(0, 1000),
    peers,
)
interfaces = st.sampled_from([ALB, TASK, DATABASE, STRANGER, CLOUDFRONT])


@given(st.lists(rules, max_size=6), st.lists(rules, max_size=6), interfaces, interfaces, ports)
def test_more_rules_never_close_a_hop(
    ingress: list[Rule], egress: list[Rule], source: Interface, destination: Interface, port: int
) -> None:
    before = judge(TOPOLOGY, source, destination, port)
    opened = with_group(
        TOPOLOGY, destination.groups[0], ingress=TOPOLOGY.groups[destination.groups[0]].ingress + tuple(ingress)
    )
    opened = with_group(opened, source.groups[0], egress=opened.groups[source.groups[0]].egress + tuple(egress))
    assert not before or judge(opened, source, destination, port)


@given(st.lists(rules, max_size=8), ports)
def test_rules_that_name_neither_side_never_open(added: list[Rule], port: int) -> None:
    """An unrelated rule: another port, or a peer that the other side is not."""
    closed = with_group(TOPOLOGY, "sg-task", ingress=())
    unrelated = tuple(
        rule
        for rule in added
        if not rule.covers(port)
        or (
            rule.peer.group not in ALB.groups
            and (rule.peer.network is None or IPv4Address(ALB.ip) not in rule.peer.network)
        )
    )
    opened = with_group(closed, "sg-task", ingress=unrelated)
    opened = with_group(opened, "sg-alb", egress=(Rule("-1", 0, 65535, Peer(network=EVERYWHERE)),))
    assert not judge(opened, ALB, TASK, port)


@given(addresses, ports, networks)
def test_a_range_lets_in_its_members_only(ip: str, port: int, network: IPv4Network) -> None:
    one_rule = with_group(TOPOLOGY, "sg-alb", ingress=(tcp(port, Peer(network=network)),))
    # "Machine" is judged by rules alone, so any address can stand in for it here by its rule.
    verdict = judge(one_rule, replace(CLOUDFRONT, ip=ip), ALB, port)
    assert verdict.allowed == (IPv4Address(ip) in network)


@given(st.lists(st.builds(lambda n: Route("nat-1", n), networks), max_size=5))
def test_routes_that_miss_the_service_never_lead_there(routes: list[Route]) -> None:
    missing = tuple(route for route in routes if route.network and IPv4Address("52.46.128.1") not in route.network)
    assert not judge_aws(with_table(TOPOLOGY, "rtb-private", (LOCAL, *missing)), TASK, "logs")


SIX = IPv6Network("::/0")


def dual_stack_relay() -> tuple[Interface, Topology]:
    """A function in a subnet with IPv6 whose only way out is an egress-only internet gateway."""
    relay = Interface("eni-relay", "function relay", "vpc-1", "subnet-six", "10.20.3.9", ("sg-relay",), dual_stack=True)
    table = RouteTable("rtb-six", "vpc-1", (LOCAL, Route("eigw-1", network6=SIX)), frozenset({"subnet-six"}))
    topology = replace(
        TOPOLOGY,
        subnets={**TOPOLOGY.subnets, "subnet-six": Subnet("subnet-six", "vpc-1", IPv4Network("10.20.3.0/24"), True)},
        tables=(*TOPOLOGY.tables, table),
        gateways={**TOPOLOGY.gateways, "eigw-1": frozenset({"vpc-1"})},
        groups={
            **TOPOLOGY.groups,
            "sg-relay": Group("sg-relay", "gw-relay", "vpc-1", egress=(Rule("tcp", 443, 443, Peer(network6=SIX)),)),
        },
    )
    return relay, topology


def test_an_egress_only_gateway_leads_to_services_that_speak_ipv6_and_to_no_other() -> None:
    relay, topology = dual_stack_relay()
    assert judge_aws(topology, relay, "secretsmanager").reason.endswith("allowed, over IPv6")
    assert not judge_aws(topology, relay, "rds")
    assert judge_aws(topology, relay, "sts", "sts.us-west-1.api.aws").reason.endswith("allowed, over IPv6")
    assert not judge_aws(topology, relay, "sts", "sts.us-west-1.amazonaws.com"), "the ordinary name has IPv4 only"
    assert not judge(topology, relay, "140.82.112.33", 443), "nothing on IPv4 comes nearer"


@pytest.mark.parametrize("missing", ["address", "range", "route", "gateway", "rule"])
def test_each_part_of_the_ipv6_way_is_needed(missing: str) -> None:
    relay, topology = dual_stack_relay()
    if missing == "address":
        relay = replace(relay, dual_stack=False)
    elif missing == "range":
        four = replace(topology.subnets["subnet-six"], dual_stack=False)
        topology = replace(topology, subnets={**topology.subnets, "subnet-six": four})
    elif missing == "route":
        topology = replace(topology, tables=TOPOLOGY.tables)
    elif missing == "gateway":
        topology = replace(topology, gateways=TOPOLOGY.gateways)
    else:
        topology = with_group(topology, "sg-relay", egress=(to_cidr(443, "0.0.0.0/0"),))
    assert not judge_aws(topology, relay, "secretsmanager")
