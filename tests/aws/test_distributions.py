"""Distributions: nothing of a configuration is forgotten, and what CloudFront refuses is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.world import World, behaviour, refused, until


def nest(path: str, value: Any) -> Any:
    """A change of one member of a distribution's configuration, given as "Origins.Items.0.ConnectionAttempts"."""

    def change(config: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(config)
        place: Any = changed
        *parents, last = path.split(".")
        for name in parents:
            place = place[_step(name)]
        if value is None:
            del place[_step(last)]
        else:
            place[_step(last)] = value
        return changed

    return change


def _step(name: str) -> Any:
    return int(name) if name.isdigit() else name


def test_a_configuration_comes_back_whole(world: World) -> None:
    deny, guard = world.function(), world.function()
    balancer = world.load_balancer()
    vpc_origin = world.deployed_origin(balancer["LoadBalancerArn"])
    origin = {
        "Id": "door",
        "DomainName": balancer["DNSName"],
        "OriginPath": "/prefix",
        "CustomHeaders": {
            "Quantity": 1,
            "Items": [{"HeaderName": "X-Door", "HeaderValue": 'a "quoted" <value> & more'}],
        },
        "VpcOriginConfig": {"VpcOriginId": vpc_origin, "OriginReadTimeout": 120, "OriginKeepaliveTimeout": 60},
        "ConnectionAttempts": 2,
        "ConnectionTimeout": 5,
        "OriginShield": {"Enabled": False},
        "OriginAccessControlId": "",
    }
    methods = {
        "Quantity": 7,
        "Items": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]},
    }

    def with_function(arn: str, **more: Any) -> dict[str, Any]:
        functions = {"Quantity": 1, "Items": [{"FunctionARN": arn, "EventType": "viewer-request"}]}
        changes = {"TargetOriginId": "door", "AllowedMethods": methods, "FunctionAssociations": functions}
        return behaviour(**changes, Compress=True, **more)

    patterns = ["/user/*", "/key/*", "/model/*", "/spend/*"]
    given = world.distribution_config(
        Comment="two doors",
        Origins={"Quantity": 1, "Items": [origin]},
        DefaultCacheBehavior=with_function(guard),
        CacheBehaviors={"Quantity": 4, "Items": [with_function(deny, PathPattern=pattern) for pattern in patterns]},
        CustomErrorResponses={"Quantity": 1, "Items": [{"ErrorCode": 502, "ErrorCachingMinTTL": 0}]},
        PriceClass="PriceClass_100",
        HttpVersion="http2and3",
        IsIPV6Enabled=True,
    )
    tags = {"Items": [{"Key": "stack", "Value": "local"}]}
    made = world.cloudfront.create_distribution_with_tags(
        DistributionConfigWithTags={"DistributionConfig": given, "Tags": tags}
    )
    id = made["Distribution"]["Id"]
    found = world.cloudfront.get_distribution_config(Id=id)["DistributionConfig"]
    _assert_holds(found, given)
    _assert_holds(world.cloudfront.get_distribution(Id=id)["Distribution"]["DistributionConfig"], given)
    assert found["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1", "CloudFront's own certificate comes with it"
    summary = next(
        item for item in world.cloudfront.list_distributions()["DistributionList"]["Items"] if item["Id"] == id
    )
    _assert_holds(summary["CacheBehaviors"], given["CacheBehaviors"])
    assert world.cloudfront.list_tags_for_resource(Resource=made["Distribution"]["ARN"])["Tags"] == tags
    # Sent back as it was read, it is the same: no second version, no drift.
    etag = world.cloudfront.get_distribution(Id=id)["ETag"]
    assert world.cloudfront.update_distribution(Id=id, IfMatch=etag, DistributionConfig=found)["ETag"] == etag


def _assert_holds(found: Any, given: Any, path: str = "") -> None:
    """``found`` has everything of ``given``, and perhaps defaults besides."""
    if isinstance(given, dict):
        for name, value in given.items():
            assert name in found, f"{path}.{name} was forgotten"
            _assert_holds(found[name], value, f"{path}.{name}")
    elif isinstance(given, list):
        assert len(found) == len(given), path
        for index, value in enumerate(given):
            _assert_holds(found[index], value, f"{path}[{index}]")
    else:
        assert found == given, path


REFUSALS = [
    (nest("DefaultCacheBehavior.TargetOriginId", "other"), "NoSuchOrigin", "'other'"),
    (nest("Origins.Quantity", 2), "InconsistentQuantities", "says 2"),
    (nest("Origins.Items.0.CustomOriginConfig", None), "InvalidArgument", "exactly one"),
    (nest("Origins.Items.0.CustomOriginConfig.OriginReadTimeout", 121), "InvalidOriginReadTimeout", "121"),
    (nest("Origins.Items.0.CustomOriginConfig.OriginKeepaliveTimeout", 0), "InvalidOriginKeepaliveTimeout", "1 to"),
    (nest("Origins.Items.0.CustomOriginConfig.OriginProtocolPolicy", "ftp"), "InvalidArgument", "'ftp'"),
    (nest("Origins.Items.0.ConnectionAttempts", 4), "InvalidArgument", "1 to 3"),
    (nest("Origins.Items.0.OriginPath", "x"), "InvalidRelativePath", "slash"),
    (nest("DefaultCacheBehavior.ViewerProtocolPolicy", "http-only"), "InvalidArgument", "redirect-to-https"),
    (nest("DefaultCacheBehavior.CachePolicyId", None), "InvalidArgument", "CachePolicyId or ForwardedValues"),
    (nest("DefaultCacheBehavior.CachePolicyId", "0" * 36), "NoSuchCachePolicy", "0000"),
    (nest("DefaultCacheBehavior.OriginRequestPolicyId", "0" * 36), "NoSuchOriginRequestPolicy", "0000"),
    (nest("DefaultCacheBehavior.ResponseHeadersPolicyId", "0" * 36), "NoSuchResponseHeadersPolicy", "0000"),
    (nest("DefaultCacheBehavior.MinTTL", 1), "InvalidArgument", "MinTTL"),
    (nest("Aliases", {"Quantity": 1, "Items": ["llm.example.com"]}), "InvalidViewerCertificate", "llm.example.com"),
    (nest("DefaultRootObject", "/index.html"), "InvalidDefaultRootObject", "no leading slash"),
    (
        nest("CustomErrorResponses", {"Quantity": 1, "Items": [{"ErrorCode": 401}]}),
        "InvalidErrorCode",
        "401",
    ),
    (
        nest("ViewerCertificate", {"ACMCertificateArn": "arn:aws:acm:us-west-1:1:certificate/x"}),
        "InvalidViewerCertificate",
        "us-east-1",
    ),
    (
        nest("DefaultCacheBehavior.AllowedMethods", {"Quantity": 2, "Items": ["GET", "POST"]}),
        "InvalidArgument",
        "AllowedMethods",
    ),
    (
        nest("CacheBehaviors", {"Quantity": 2, "Items": [behaviour(PathPattern="/a"), behaviour(PathPattern="/a")]}),
        "InvalidArgument",
        "'/a'",
    ),
    (
        nest("CacheBehaviors", {"Quantity": 75, "Items": [behaviour(PathPattern=f"/{n}") for n in range(75)]}),
        "TooManyCacheBehaviors",
        "75",
    ),
    (
        nest("Origins.Items.0", {"Id": "origin", "DomainName": "a", "VpcOriginConfig": {"VpcOriginId": "vo_none"}}),
        "EntityNotFound",
        "vo_none",
    ),
]


@pytest.mark.parametrize(("change", "code", "word"), REFUSALS, ids=[f"{row[1]}:{row[2]}" for row in REFUSALS])
def test_what_cloudfront_refuses(world: World, change: Any, code: str, word: str) -> None:
    with refused(code, word):
        world.cloudfront.create_distribution(DistributionConfig=change(world.distribution_config()))


def test_which_functions_a_behaviour_can_name(world: World) -> None:
    def create(*associations: tuple[str, str]) -> None:
        items = [{"FunctionARN": arn, "EventType": event} for arn, event in associations]
        functions = {"Quantity": len(items), "Items": items}
        config = world.distribution_config(DefaultCacheBehavior=behaviour(FunctionAssociations=functions))
        world.cloudfront.create_distribution(DistributionConfig=config)

    one, two, unpublished = world.function(), world.function(), world.function(publish=False)
    with refused("InvalidFunctionAssociation", unpublished, "publish it first"):
        create((unpublished, "viewer-request"))
    with refused("InvalidFunctionAssociation", "does not exist"):
        create((one + "x", "viewer-request"))
    with refused("InvalidFunctionAssociation", "origin-request"):
        create((one, "origin-request"))
    with refused("TooManyFunctionAssociations", "viewer-request"):
        create((one, "viewer-request"), (two, "viewer-request"))
    create((one, "viewer-request"), (two, "viewer-response"))


def test_a_vpc_origin_must_be_deployed_first(world: World) -> None:
    balancer = world.load_balancer()
    id = world.vpc_origin(balancer["LoadBalancerArn"])["VpcOrigin"]["Id"]
    origin = {"Id": "origin", "DomainName": balancer["DNSName"], "VpcOriginConfig": {"VpcOriginId": id}}
    config = world.distribution_config(Origins={"Quantity": 1, "Items": [origin]})
    with refused("InvalidOrigin", "Deploying"):
        world.cloudfront.create_distribution(DistributionConfig=config)


def test_disabled_then_deployed_then_deleted(world: World) -> None:
    cloudfront, config = world.cloudfront, world.distribution_config()
    made = cloudfront.create_distribution(DistributionConfig=config)
    id, etag = made["Distribution"]["Id"], made["ETag"]
    assert made["Distribution"]["Status"] == "InProgress"
    with refused("DistributionAlreadyExists", id):
        cloudfront.create_distribution(DistributionConfig=config)
    with refused("DistributionNotDisabled", "enabled", status=409):
        cloudfront.delete_distribution(Id=id, IfMatch=etag)
    with refused("PreconditionFailed", status=412):
        cloudfront.update_distribution(Id=id, IfMatch="E0", DistributionConfig=config)
    with refused("InvalidIfMatchVersion"):
        cloudfront.update_distribution(Id=id, DistributionConfig=config)
    with refused("IllegalUpdate", "CallerReference"):
        cloudfront.update_distribution(Id=id, IfMatch=etag, DistributionConfig=config | {"CallerReference": "other"})
    etag = cloudfront.update_distribution(Id=id, IfMatch=etag, DistributionConfig=config | {"Enabled": False})["ETag"]
    with refused("DistributionNotDisabled", "being disabled"):
        cloudfront.delete_distribution(Id=id, IfMatch=etag)
    until(lambda: cloudfront.get_distribution(Id=id)["Distribution"]["Status"] == "Deployed")
    cloudfront.delete_distribution(Id=id, IfMatch=etag)
    with refused("NoSuchDistribution", id, status=404):
        cloudfront.get_distribution(Id=id)


def test_deployed_is_what_the_edge_runs(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account.facts, "deployed", {})
    made = world.cloudfront.create_distribution(DistributionConfig=world.distribution_config())
    id = made["Distribution"]["Id"]

    def status() -> str:
        return world.cloudfront.get_distribution(Id=id)["Distribution"]["Status"]

    account.facts.deployed[id] = "an older version"
    assert status() == "InProgress"
    account.facts.deployed[id] = made["ETag"]
    assert status() == "Deployed"
