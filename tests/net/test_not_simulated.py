"""What the local load balancer and CloudFront don't do is answered by 501 with the reason, never half done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.net.edge_world import behavior, change, distribution
from tests.net.raw import Backend, ask, get
from tests.net.world import World, running

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ORIGIN_DECIDES = "83da9c7e-98b4-4e11-a168-04f0df8e2c65"
PLAIN = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
OUTSIDE = {"Id": "alb", "DomainName": "outside.example", "CustomOriginConfig": PLAIN}
BUCKET = {"Id": "alb", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
LOGS = {"Enabled": True, "IncludeCookies": False, "Bucket": "b.s3.amazonaws.com", "Prefix": ""}
PAGE = {"ErrorCode": 404, "ResponsePagePath": "/no.html", "ResponseCode": "404", "ErrorCachingMinTTL": 1}
OFF = {"Quantity": 0}


@pytest.fixture(scope="module")
def edge(world: World) -> dict[str, Any]:
    return distribution(world, behavior(), {})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"DefaultCacheBehavior": behavior(CachePolicyId=CACHING_OPTIMIZED)}, "caching isn't simulated"),
        ({"DefaultCacheBehavior": behavior(CachePolicyId=ORIGIN_DECIDES)}, "use Managed-CachingDisabled"),
        ({"Origins": {"Quantity": 1, "Items": [OUTSIDE]}}, "TLS with an origin outside of the VPC isn't simulated"),
        ({"Origins": {"Quantity": 1, "Items": [BUCKET]}}, "S3 origins aren't simulated"),
        ({"CustomErrorResponses": {"Quantity": 1, "Items": [PAGE]}}, "custom error pages aren't simulated"),
        ({"Logging": LOGS}, "standard logs to a bucket aren't simulated"),
    ],
)
def test_a_distribution_that_would_do_more_on_aws_answers_with_the_reason(
    world: World, edge: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    before = world.cloudfront.get_distribution_config(Id=edge["Id"])["DistributionConfig"]

    async def scenario() -> None:
        async with running(world) as plane:
            await change(world, edge["Id"], **changes)
            try:
                await plane.reconcile()
                answer = await ask(plane.port(f"https://{edge['DomainName']}"), get("/x"))
                assert answer.status == 501
                assert why in (answer.get("x-localcloud-reason") or "")
            finally:
                await change(world, edge["Id"], **before)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("key", "value", "off", "why"),
    [
        ("stickiness.enabled", "true", "false", "stickiness isn't simulated"),
        ("slow_start.duration_seconds", "30", "0", "slow start isn't simulated"),
        ("load_balancing.algorithm.type", "weighted_random", "round_robin", "weighted_random isn't simulated"),
    ],
)
def test_a_target_group_that_would_do_more_on_aws_answers_with_the_reason(
    world: World, key: str, value: str, off: str, why: str
) -> None:
    def set_to(value: str) -> None:
        said = [{"Key": key, "Value": value}]
        world.elb.modify_target_group_attributes(TargetGroupArn=world.ids["targets"], Attributes=said)

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            await asyncio.to_thread(set_to, value)
            try:
                await plane.reconcile()
                answer = await ask(plane.door(8080), get("/x"))
                assert (answer.status, backend.requests) == (501, [])
                assert why in (answer.get("x-localcloud-reason") or "")
            finally:
                await asyncio.to_thread(set_to, off)
            await plane.reconcile()
            assert (await ask(plane.door(8080), get("/x"))).status == 200

    asyncio.run(scenario())


def test_http_1_is_spoken_and_nothing_newer(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with running(world) as plane:
            for port in (plane.port(f"https://{edge['DomainName']}"), plane.door(8080)):
                assert (await ask(port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).status == 400

    asyncio.run(scenario())
