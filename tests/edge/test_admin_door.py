"""The admin door is unreachable from CloudFront: its security group says so, and trying shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from components.network import ADMIN_DOOR_PORT, PUBLIC_DOOR_PORT
from tests.edge.chain import Chain, Stack
from tests.edge.conftest import Ground
from tests.edge.proof import asked
from tests.net.raw import ask, get
from tests.net.world import permission

MANAGED = "CloudFront-VPCOrigins-Service-SG"


def ingress(stack: Stack) -> dict[int, set[str]]:
    """Port → who may reach the load balancer there, as the simulated EC2 holds it."""
    found = stack.ec2.describe_security_groups(GroupIds=[stack.made["network-alb"]["id"]])["SecurityGroups"][0]
    peers: dict[int, set[str]] = {}
    for rule in found["IpPermissions"]:
        assert rule["FromPort"] == rule["ToPort"]
        peers.setdefault(rule["FromPort"], set()).update(pair["GroupId"] for pair in rule["UserIdGroupPairs"])
        peers[rule["FromPort"]].update(entry["CidrIp"] for entry in rule["IpRanges"])
    return peers


def managed(stack: Stack) -> str:
    """The group that CloudFront's interfaces are in."""
    filters = [{"Name": "group-name", "Values": [MANAGED]}]
    return stack.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]


@pytest.fixture
def chain(ground: Ground) -> Iterator[Chain]:
    """The distribution's origin is moved to the admin door, by mistake or by somebody with rights in CloudFront."""
    stack = ground.stack
    cloudfront, made = stack.cloudfront, stack.made
    endpoint = {
        "Name": "admin-door",
        "Arn": made["doors-alb"]["arn"],
        "HTTPPort": ADMIN_DOOR_PORT,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "http-only",
    }
    origin = cloudfront.create_vpc_origin(VpcOriginEndpointConfig=endpoint)["VpcOrigin"]["Id"]
    deadline = time.monotonic() + 30
    while cloudfront.get_vpc_origin(Id=origin)["VpcOrigin"]["Status"] != "Deployed":
        assert time.monotonic() < deadline
        time.sleep(0.05)

    def point(to: str) -> None:
        found = cloudfront.get_distribution_config(Id=made["edge-distribution"]["id"])
        config = found["DistributionConfig"]
        config["Origins"]["Items"][0]["VpcOriginConfig"]["VpcOriginId"] = to
        cloudfront.update_distribution(
            Id=made["edge-distribution"]["id"], IfMatch=found["ETag"], DistributionConfig=config
        )

    point(origin)
    try:
        with ground.chain() as chain:
            yield chain
    finally:
        point(made["edge-origin"]["id"])
        cloudfront.delete_vpc_origin(Id=origin, IfMatch=cloudfront.get_vpc_origin(Id=origin)["ETag"])


def test_the_security_group_lets_cloudfront_reach_the_public_door_alone(ground: Ground) -> None:
    peers = ingress(ground.stack)
    assert managed(ground.stack) in peers[PUBLIC_DOOR_PORT]
    assert managed(ground.stack) not in peers[ADMIN_DOOR_PORT]
    assert peers[ADMIN_DOOR_PORT] == {ground.stack.made["network-relay"]["id"], "127.0.0.1/32"}
    assert peers.keys() == {PUBLIC_DOOR_PORT, ADMIN_DOOR_PORT}


def test_an_origin_at_the_admin_door_gets_no_connection(ground: Ground, chain: Chain) -> None:
    """Even for a path that the edge lets pass. The control: with a rule for it, the same request arrives."""
    answer = ground.runner.run(ask(chain.edge, get("/v1/models", f"Authorization: Bearer {ground.proxy.master_key}")))
    assert answer.status == 504
    reason = answer.get("x-localcloud-reason") or ""
    assert f"no ingress rule for port {ADMIN_DOOR_PORT}" in reason and MANAGED in reason
    group, rule = ground.stack.made["network-alb"]["id"], permission(ADMIN_DOOR_PORT, group=managed(ground.stack))
    ground.stack.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    try:
        verdict = ground.fire(chain.edge, asked([("GET", "/v1/models")], ground.proxy.master_key))
        assert verdict.makers == {"litellm": 1}
    finally:
        ground.stack.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_the_guard_stands_before_the_admin_door_too(ground: Ground, chain: Chain) -> None:
    """The admin door serves management, so the edge's refusal is what is tried here: with the way open."""
    group, rule = ground.stack.made["network-alb"]["id"], permission(ADMIN_DOOR_PORT, group=managed(ground.stack))
    ground.stack.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    try:
        calls = [("GET", "/key/list"), ("GET", "/team/list"), ("POST", "/v1/memory"), ("GET", "/health/history")]
        at_the_door = ground.fire(chain.admin_door, asked(calls, key=""))
        assert len(at_the_door.leaks) == len(calls), "the admin door does serve them"
        assert ground.fire(chain.edge, asked(calls, ground.proxy.master_key)).makers == {"function": len(calls)}
    finally:
        ground.stack.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
