"""A distribution in front of a world's load balancer, made with boto3."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from tests.net.world import World, permission

METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
# AWS's ids of the managed policies.
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"

BLOCK = """function handler(event) {
  return {statusCode: 403, statusDescription: 'Forbidden', headers: {'content-type': {value: 'application/json'}},
          body: '{"error":{"message":"blocked at the edge"}}'};
}"""
# An allow-list with the traits of a guard: decodes to a fixed point, is strict, and refuses everything else.
GUARD = """var ALLOWED = ['/v1/models', '/v1/chat/completions', '/stream', '/headers', '/slow'];
function refuse(uri) {
  return {statusCode: 403, headers: {'x-guard': {value: encodeURIComponent(uri)}}, body: 'guarded'};
}
function handler(event) {
  var uri = event.request.uri, plain = uri;
  for (var i = 0; i < 5; i++) {
    var next;
    try { next = decodeURIComponent(plain); } catch (error) { return refuse(uri); }
    if (next === plain) break;
    plain = next;
  }
  return plain === uri && ALLOWED.indexOf(uri) >= 0 ? event.request : refuse(uri);
}"""
_numbers = itertools.count(1)


def publish(world: World, name: str, code: str) -> str:
    """Create and publish a function, or publish new code of an existing one; returns its ARN."""
    client = world.cloudfront
    config = {"Comment": name, "Runtime": "cloudfront-js-2.0"}
    name = f"{world.name}-{name}"
    try:
        etag = client.describe_function(Name=name)["ETag"]
        etag = client.update_function(Name=name, IfMatch=etag, FunctionConfig=config, FunctionCode=code.encode())[
            "ETag"
        ]
    except client.exceptions.NoSuchFunctionExists:
        answer = client.create_function(Name=name, FunctionConfig=config, FunctionCode=code.encode())
        etag = answer["ETag"]
    published = client.publish_function(Name=name, IfMatch=etag)
    return published["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]


def behavior(function: str | None = None, **changes: Any) -> dict[str, Any]:
    """One cache behaviour towards the load balancer, with a viewer-request function if given."""
    found: dict[str, Any] = {
        "TargetOriginId": "alb",
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": {
            "Quantity": 7,
            "Items": METHODS,
            "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]},
        },
        "CachePolicyId": CACHING_DISABLED,
        "OriginRequestPolicyId": ALL_VIEWER_BUT_HOST,
        "Compress": False,
    }
    if function:
        items = [{"FunctionARN": function, "EventType": "viewer-request"}]
        found["FunctionAssociations"] = {"Quantity": 1, "Items": items}
    return {**found, **changes}


def vpc_origin(world: World, port: int = 80) -> str:
    """A deployed VPC origin of the load balancer; lets CloudFront's group in on the port."""
    config = {
        "Name": f"{world.name}-origin-{next(_numbers)}",
        "Arn": world.ids["balancer"],
        "HTTPPort": port,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "http-only",
    }
    answer = world.cloudfront.create_vpc_origin(VpcOriginEndpointConfig=config)["VpcOrigin"]
    deadline = time.monotonic() + 10
    while world.cloudfront.get_vpc_origin(Id=answer["Id"])["VpcOrigin"]["Status"] != "Deployed":
        assert time.monotonic() < deadline, "the VPC origin is never deployed"
        time.sleep(0.05)
    filters = [
        {"Name": "group-name", "Values": ["CloudFront-VPCOrigins-Service-SG"]},
        {"Name": "vpc-id", "Values": [world.ids["vpc"]]},
    ]
    group = world.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    if "cloudfront" not in world.ids:
        world.ids["cloudfront"] = group
        world.open("ingress", "alb", permission(80, group=group))
    return answer["Id"]


def distribution(
    world: World, default: dict[str, Any], patterns: dict[str, dict[str, Any]], **origin_changes: Any
) -> dict[str, Any]:
    """Create a distribution; returns the API's description of it."""
    origin = {
        "Id": "alb",
        "DomainName": world.ids["dns"],
        "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "X-Origin-Secret", "HeaderValue": "s1"}]},
        "VpcOriginConfig": {"VpcOriginId": vpc_origin(world), "OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5},
        **origin_changes,
    }
    items = [{"PathPattern": pattern, **found} for pattern, found in patterns.items()]
    config = {
        "CallerReference": f"{world.name}-{next(_numbers)}",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": default,
        "CacheBehaviors": {"Quantity": len(items), "Items": items},
    }
    return world.cloudfront.create_distribution(DistributionConfig=config)["Distribution"]


async def change(world: World, id: str, **changes: Any) -> None:
    """Update a distribution's configuration."""

    def update() -> None:
        found = world.cloudfront.get_distribution_config(Id=id)
        config = {**found["DistributionConfig"], **changes}
        world.cloudfront.update_distribution(Id=id, IfMatch=found["ETag"], DistributionConfig=config)

    await asyncio.to_thread(update)
