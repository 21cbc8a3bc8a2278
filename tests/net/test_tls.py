"""HTTPS at the load balancer: a certificate that ACM has issued, a name that DNS gives, CloudFront's way in by it."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from tests.net.edge_world import behavior, distribution, vpc_origin
from tests.net.raw import Backend, ask, get
from tests.net.world import MACHINE_CIDR, World, permission, running

NAME = "doors.net.example"


@pytest.fixture(scope="module")
def certificate(world: World) -> str:
    """Issued, and with it an alias record for the load balancer."""
    acm, dns = world.account.client("acm"), world.account.client("route53")
    zone = dns.create_hosted_zone(Name="net.example", CallerReference="net")["HostedZone"]["Id"]
    arn = acm.request_certificate(DomainName=NAME, ValidationMethod="DNS")["CertificateArn"]
    [option] = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    proof = option["ResourceRecord"]
    records = [
        {
            "Name": proof["Name"],
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": proof["Value"]}],
        },
        {
            "Name": NAME,
            "Type": "A",
            "AliasTarget": {"DNSName": world.ids["dns"], "HostedZoneId": "Z1", "EvaluateTargetHealth": False},
        },
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in records]
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    return arn


@pytest.fixture(scope="module")
def listener(world: World, certificate: str) -> str:
    world.open("ingress", "alb", permission(443, cidr=MACHINE_CIDR))
    made = world.elb.create_listener(
        LoadBalancerArn=world.ids["balancer"],
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[world.forward()],
    )
    return made["Listeners"][0]["ListenerArn"]


def edge(world: World, name: str) -> dict[str, Any]:
    """A distribution whose origin is reached by https only, and called `name`."""
    origin = vpc_origin(world)
    config = world.cloudfront.get_vpc_origin(Id=origin)
    changed = {**config["VpcOrigin"]["VpcOriginEndpointConfig"], "OriginProtocolPolicy": "https-only"}
    world.cloudfront.update_vpc_origin(Id=origin, IfMatch=config["ETag"], VpcOriginEndpointConfig=changed)
    deadline = time.monotonic() + 30
    while world.cloudfront.get_vpc_origin(Id=origin)["VpcOrigin"]["Status"] != "Deployed":
        assert time.monotonic() < deadline, "the VPC origin is never deployed"
        time.sleep(0.05)
    way = {"VpcOriginId": origin, "OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5}
    return distribution(world, behavior(), {}, DomainName=name, VpcOriginConfig=way)


def test_a_client_that_trusts_the_authority_is_served_by_the_name(world: World, listener: str) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            url = world.account.facts.hosts[f"https://{NAME}"]
            assert url.startswith("https://127.0.0.1:")
            port = int(url.rpartition(":")[2])
            trusting = ssl.create_default_context(cafile=str(plane.authority.root()))
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=NAME)
            writer.write(get("/v1/models", host=NAME))
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="other.example")
            seen = backend.requests[-1]
            assert (seen.get("x-forwarded-proto"), seen.get("x-forwarded-port")) == ("https", "443")

    asyncio.run(scenario())


@pytest.mark.parametrize(("name", "status"), [(NAME, 200), (None, 502)])
def test_cloudfront_wants_a_certificate_for_the_origins_name(
    world: World, listener: str, name: str | None, status: int
) -> None:
    made = edge(world, name or world.ids["dns"])
    if "cloudfront-443" not in world.ids:
        world.ids["cloudfront-443"] = "open"
        world.open("ingress", "alb", permission(443, group=world.ids["cloudfront"]))

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            port = plane.port(f"https://{made['DomainName']}")
            answer = await ask(port, get("/v1/models", host=made["DomainName"]))
            assert answer.status == status, answer.body
            if status == 200:
                assert backend.requests[-1].get("host") == NAME

    asyncio.run(scenario())
