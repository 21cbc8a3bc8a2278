"""AWS WAF before the local CloudFront: rates, the size of a body, and what it answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

from localcloud.dataplane.edge_firewall import Block, Firewall, Rule, rules
from tests.net.edge_world import behavior, change, distribution
from tests.net.raw import Backend, ask, get
from tests.net.world import World, running

VISIBLE = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
BODY = json.dumps({"error": {"message": "slow down"}})
_numbers = itertools.count(1)


def rate(limit: int, action: dict[str, Any], priority: int = 0, **statement: Any) -> dict[str, Any]:
    found = {"Limit": limit, "AggregateKeyType": "IP", "EvaluationWindowSec": 60, **statement}
    named = {"Name": f"rate-{priority}", "Priority": priority, "VisibilityConfig": VISIBLE}
    return {**named, "Statement": {"RateBasedStatement": found}, "Action": action}


def group(name: str, priority: int, *counted: str) -> dict[str, Any]:
    overrides = [{"Name": rule, "ActionToUse": {"Count": {}}} for rule in counted]
    statement = {"VendorName": "AWS", "Name": name, "RuleActionOverrides": overrides}
    return {
        "Name": name,
        "Priority": priority,
        "Statement": {"ManagedRuleGroupStatement": statement},
        "OverrideAction": {"None": {}},
        "VisibilityConfig": VISIBLE,
    }


def acl(world: World, *given: dict[str, Any]) -> dict[str, Any]:
    """Creates a web ACL; returns its summary."""
    client = world.account.client("wafv2", "us-east-1")
    return client.create_web_acl(
        Name=f"acl-{next(_numbers)}",
        Scope="CLOUDFRONT",
        DefaultAction={"Allow": {}},
        Rules=list(given),
        VisibilityConfig=VISIBLE,
        CustomResponseBodies={"slow": {"ContentType": "APPLICATION_JSON", "Content": BODY}},
    )["Summary"]


@pytest.fixture(scope="module")
def edge(world: World) -> dict[str, Any]:
    world.elb.modify_listener(ListenerArn=world.ids["public-door"], DefaultActions=[world.forward()])
    return distribution(world, behavior(), {})


def post(size: int, chunked: bool = False) -> bytes:
    head = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    parts = [b"x" * min(1000, size - start) for start in range(0, size, 1000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


CUSTOM = {
    "Block": {
        "CustomResponse": {
            "ResponseCode": 429,
            "CustomResponseBodyKey": "slow",
            "ResponseHeaders": [{"Name": "Retry-After", "Value": "9"}],
        }
    }
}


def test_an_address_that_asks_too_often_is_told_so(world: World, edge: dict[str, Any]) -> None:
    made = acl(world, rate(10, {"Count": {}}, 0), rate(12, CUSTOM, 1))

    async def scenario() -> None:
        await change(world, edge["Id"], WebACLId=made["ARN"])
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            port = plane.port(f"https://{edge['DomainName']}")
            answers = [await ask(port, get("/x")) for _ in range(15)]
            assert [answer.status for answer in answers] == [200] * 12 + [429] * 3
            last = answers[-1]
            assert json.loads(last.body) == {"error": {"message": "slow down"}}
            assert (last.get("content-type"), last.get("retry-after")) == ("application/json", "9")
            assert last.get("x-cache") == "Error from cloudfront"
            assert "more than 12 requests in 60 s" in (last.get("x-localcloud-reason") or "")
            assert len(backend.requests) == 12
            await plane.reconcile()
            assert (await ask(port, get("/x"))).status == 429, "the counts outlive a reconciliation"

    asyncio.run(scenario())


@pytest.mark.parametrize("chunked", [False, True])
def test_the_core_rule_set_stops_a_long_body_unless_that_rule_only_counts(
    world: World, edge: dict[str, Any], chunked: bool
) -> None:
    name = "AWSManagedRulesCommonRuleSet"
    strict, counting = acl(world, group(name, 0)), acl(world, group(name, 0, "SizeRestrictions_BODY"))

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            port = plane.port(f"https://{edge['DomainName']}")
            for made, long in ((strict, 403), (counting, 200)):
                await change(world, edge["Id"], WebACLId=made["ARN"])
                await plane.reconcile()
                assert (await ask(port, post(8192, chunked))).status == 200
                assert backend.requests[-1].body == b"x" * 8192, "what was looked at goes on"
                answer = await ask(port, post(8193, chunked))
                assert answer.status == long
                assert long == 200 or (
                    b"Request blocked" in answer.body and "SizeRestrictions_BODY" in str(answer.headers)
                )
                assert (await ask(port, post(300_000, chunked))).status == long
                assert (await ask(port, get("/x"))).status == 200
            assert backend.requests[-2].body == b"x" * 300_000

    asyncio.run(scenario())


def test_a_web_acl_that_is_not_simulated_is_named(world: World, edge: dict[str, Any]) -> None:
    made = acl(world, rate(10, {"Block": {}}, 0, AggregateKeyType="FORWARDED_IP", ForwardedIPConfig=FORWARDED))

    async def scenario() -> None:
        await change(world, edge["Id"], WebACLId=made["ARN"])
        async with running(world) as plane:
            answer = await ask(plane.port(f"https://{edge['DomainName']}"), get("/x"))
            assert answer.status == 501
            assert "counts by something else than the address" in (answer.get("x-localcloud-reason") or "")
        await change(world, edge["Id"], WebACLId="")

    asyncio.run(scenario())


FORWARDED = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "MATCH"}


def test_a_window_slides_and_addresses_are_counted_apart() -> None:
    clock = [0.0]
    firewall = Firewall((Rule("r", 2, 60, Block("too many")),), now=lambda: clock[0])

    def blocked(address: str) -> bool:
        exchange: Any = type("Exchange", (), {"client": type("Client", (), {"ip": address})})
        return asyncio.run(firewall.check(exchange)) is not None

    assert [blocked("a"), blocked("a"), blocked("a"), blocked("b")] == [False, False, True, False]
    clock[0] = 59.9
    assert blocked("a")
    clock[0] = 120.0
    assert not blocked("a")


def test_rules_are_read_by_priority_and_groups_that_are_not_evaluated_are_left_out() -> None:
    found, problem = rules(
        {
            "DefaultAction": {"Allow": {}},
            "Rules": [
                group("AWSManagedRulesKnownBadInputsRuleSet", 3),
                rate(20, {"Block": {}}, 2),
                group("AWSManagedRulesCommonRuleSet", 1),
            ],
        }
    )
    assert problem is None
    assert [(rule.name, rule.limit) for rule in found] == [("AWSManagedRulesCommonRuleSet", None), ("rate-2", 20)]
    assert rules({"DefaultAction": {"Block": {}}})[1]
