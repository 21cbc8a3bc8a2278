"""What is refused before anything is made. Checks call no API, only botocore's models."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from localcloud.plugins.aws.api import simulated_endpoint
from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.random import RandomProvider
from localcloud.plugins.serve import Host, Refusal
from localcloud.plugins.values import UNKNOWN, plain_map, wrap_map

HOST = Host("127.0.0.1:1")


@pytest.fixture(scope="module")
def provider() -> AwsProvider:
    made = AwsProvider(HOST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_REGION", "us-west-1")
        asyncio.run(made.configure(sdk.ConfigureRequest({}, {}, True, True)))
    return made


def check(provider: sdk.Provider, token: str, old: dict[str, Any] | None = None, **given: Any) -> sdk.CheckResponse:
    urn = f"urn:pulumi:stack::project::parent:type:Type${token}::name"
    request = sdk.CheckRequest(urn, wrap_map(old or {}), wrap_map(given), bytes.fromhex("0123456789abcdef"))
    return asyncio.run(provider.check(request))


def failures(*arguments: Any, **given: Any) -> dict[str, str]:
    return {found.property: found.reason for found in check(*arguments, **given).failures or []}


RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
LISTENER = "aws:lb/listener:Listener"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
FUNCTION = "aws:cloudfront/function:Function"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
CONTAINERS = '[{"name": "a", "image": "i"}]'
FARGATE = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "family": "f",
    "containerDefinitions": CONTAINERS,
}
FORWARD = {"type": "forward", "targetGroupArn": "t"}


@pytest.mark.parametrize(
    ("token", "given", "path", "sentence"),
    [
        (
            "aws:ec2/vpc:Vpc",
            {"cidr": "x"},
            "cidr",
            "is no property of aws:ec2/vpc:Vpc in localcloud/plugins/aws/table/vpc.py",
        ),
        ("aws:ec2/subnet:Subnet", {}, "vpcId", "is required; set it"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8", "tags": ["a"]}, "tags", "must be a map of strings"),
        (
            "aws:ec2/vpc:Vpc",
            {"cidrBlock": "10.0.0.0/8", "enableDnsSupport": "maybe"},
            "enableDnsSupport",
            "true or false",
        ),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8", "region": "eu-west-1"}, "region", "must be us-west-1"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 8}, "retentionInDays", "must be one of 0, 1, 3, 5, 7"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{"}, "assumeRolePolicy", "must hold JSON"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "name": "a b"}, "name", "must match"),
        (
            "aws:iam/role:Role",
            {"assumeRolePolicy": "{}", "name": "a", "namePrefix": "b"},
            "namePrefix",
            "conflicts with `name`",
        ),
        (
            FUNCTION,
            {"runtime": "js", "code": "x"},
            "runtime",
            "must be one of cloudfront-js-1.0, cloudfront-js-2.0; not `js`",
        ),
        (FUNCTION, {"runtime": "cloudfront-js-2.0", "code": "x" * 10241}, "code", "has 10241 bytes"),
        (RULE, {"securityGroupId": "s", "ipProtocol": "tcp", "cidrIpv4": "c"}, "fromPort", "are required when"),
        (RULE, {"securityGroupId": "s", "ipProtocol": "-1"}, "cidrIpv4", "needs exactly one of"),
        (
            RULE,
            {"securityGroupId": "s", "ipProtocol": "-1", "cidrIpv4": "c", "fromPort": 1, "toPort": 1},
            "fromPort",
            "must be left out when `ipProtocol` is -1",
        ),
        (TASK, {**FARGATE, "cpu": "256", "memory": "4096"}, "memory", "must be 512 to 2048"),
        (TASK, {**FARGATE, "cpu": "300", "memory": "512"}, "cpu", "must be one of 256, 512"),
        (TASK, {**FARGATE, "cpu": "256"}, "cpu", "and `memory` are required"),
        (TASK, {**FARGATE, "networkMode": "bridge"}, "networkMode", "must be awsvpc"),
        (
            TASK,
            {"family": "f", "containerDefinitions": '[{"name": "a"}]'},
            "containerDefinitions",
            "a `name` and an `image`",
        ),
        (TASK, {"family": "f", "containerDefinitions": "[]"}, "containerDefinitions", "at least one container"),
        (
            LISTENER,
            {"loadBalancerArn": "a", "defaultActions": [{"type": "forward"}]},
            "defaultActions[0]",
            "needs `targetGroupArn`",
        ),
        (
            LISTENER,
            {"loadBalancerArn": "a", "defaultActions": [{"type": "nothing"}]},
            "defaultActions[0].type",
            "must be one of forward, authenticate-oidc",
        ),
        (
            LISTENER,
            {"loadBalancerArn": "a", "defaultActions": [FORWARD], "port": 70000},
            "port",
            "must be at most 65535",
        ),
        (
            LISTENER_RULE,
            {
                "listenerArn": "a",
                "actions": [FORWARD],
                "conditions": [{"pathPattern": {"values": list("123")}}, {"hostHeader": {"values": list("456")}}],
            },
            "conditions",
            "may have 5 values in all, not 6",
        ),
        (
            LISTENER_RULE,
            {"listenerArn": "a", "actions": [FORWARD], "conditions": [{"pathPattern": {"values": list("1234")}}]},
            "conditions[0]",
            "may have 3 values, not 4",
        ),
        (
            LISTENER_RULE,
            {
                "listenerArn": "a",
                "actions": [FORWARD],
                "conditions": [{"pathPattern": {"values": ["/"]}, "hostHeader": {"values": ["h"]}}],
            },
            "conditions[0]",
            "must have exactly one of",
        ),
        (
            LISTENER_RULE,
            {
                "listenerArn": "a",
                "actions": [FORWARD],
                "conditions": [{"pathPattern": {"values": ["/"]}}],
                "priority": 0,
            },
            "priority",
            "between 1 and 50000",
        ),
        (
            "aws:rds/instance:Instance",
            {"instanceClass": "db.t4g.micro", "password": "hush-hush@"},
            "password",
            "must be printable ASCII without",
        ),
        (
            "aws:ec2/route:Route",
            {"routeTableId": "r", "destinationCidrBlock": "c"},
            "gatewayId",
            "needs exactly one of",
        ),
        ("aws:lambda/function:Function", {"role": "arn:aws:iam::123456789012:role/r"}, "code", "or `s3Bucket`"),
    ],
)
def test_a_mistake_is_told_where_it_is(
    token: str, given: dict[str, Any], path: str, sentence: str, provider: AwsProvider
) -> None:
    found = failures(provider, token, **given)
    assert list(found) == [path]
    assert found[path].startswith(f"`{path}` ")
    assert sentence in found[path]


def test_mistakes_are_told_all_at_once(provider: AwsProvider) -> None:
    actions = [{"type": "redirect", "authenticateOidc": {}, "redirect": {"code": 1}}]
    assert set(failures(provider, LISTENER, defaultActions=actions, porte=1)) == {
        "porte",
        "loadBalancerArn",
        "defaultActions[0].authenticateOidc",
        "defaultActions[0].redirect.code",
        "defaultActions[0].redirect.statusCode",
    }


def test_a_behaviour_must_name_an_origin_there_is(provider: AwsProvider) -> None:
    behaviour = {
        "targetOriginId": "other",
        "viewerProtocolPolicy": "https-only",
        "allowedMethods": ["GET", "HEAD"],
        "cachedMethods": ["GET", "HEAD"],
    }
    given = {
        "enabled": True,
        "origins": [{"originId": "alb", "domainName": "d", "vpcOriginConfig": {"vpcOriginId": "v"}}],
        "defaultCacheBehavior": behaviour,
        "orderedCacheBehaviors": [
            {**behaviour, "pathPattern": "/x", "targetOriginId": "alb", "viewerProtocolPolicy": "no"}
        ],
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": {"cloudfrontDefaultCertificate": True},
    }
    assert set(failures(provider, DISTRIBUTION, **given)) == {
        "defaultCacheBehavior.targetOriginId",
        "orderedCacheBehaviors[0].viewerProtocolPolicy",
    }


def test_a_refused_secret_is_not_shown(provider: AwsProvider) -> None:
    urn = "urn:pulumi:stack::project::aws:iam/role:Role::name"
    given = wrap_map({"name": "hush hush hush", "assumeRolePolicy": "{}"}, None, frozenset({"name"}))
    answer = asyncio.run(provider.check(sdk.CheckRequest(urn, {}, given, b"seed")))
    assert "must match" in answer.failures[0].reason
    assert "hush" not in answer.failures[0].reason


def test_unknown_values_pass(provider: AwsProvider) -> None:
    assert not failures(
        provider,
        LISTENER,
        loadBalancerArn=UNKNOWN,
        port=UNKNOWN,
        defaultActions=[{"type": "forward", "targetGroupArn": UNKNOWN}],
    )
    assert not failures(provider, TASK, family=UNKNOWN, containerDefinitions=UNKNOWN, cpu=UNKNOWN)
    assert not failures(provider, RULE, securityGroupId=UNKNOWN, ipProtocol="-1", referencedSecurityGroupId=UNKNOWN)
    assert not failures(provider, "aws:ec2/vpc:Vpc", cidrBlock=UNKNOWN, tags=UNKNOWN)


def test_a_name_is_made_once_and_kept(provider: AwsProvider) -> None:
    token = "aws:s3/bucket:Bucket"
    first = plain_map(check(provider, token).inputs or {})
    assert first == {"bucket": "name-0123456", "__defaults": ["bucket"]}
    assert (
        plain_map(check(provider, token, {"bucket": "name-kept", "__defaults": ["bucket"]}).inputs or {})["bucket"]
        == "name-kept"
    )
    assert plain_map(check(provider, token, bucket="given").inputs or {}) == {"bucket": "given"}
    assert "bucket" not in plain_map(check(provider, token, bucketPrefix="p").inputs or {})


def test_an_option_that_means_nothing_here_is_refused(provider: AwsProvider) -> None:
    request = sdk.CheckRequest("urn", {}, wrap_map({"region": "us-west-1", "assumeRoles": []}), b"")
    answer = asyncio.run(provider.check_config(request))
    assert [found.property for found in answer.failures or []] == ["assumeRoles"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "needs AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "https://ec2.us-west-1.amazonaws.com"}, "only talks to a loopback address"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1.evil.example:80"}, "only talks to a loopback address"),
        ({"AWS_ENDPOINT_URL": "http://10.0.0.1"}, "only talks to a loopback address"),
    ],
)
def test_only_a_loopback_endpoint_will_do(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        simulated_endpoint(environment)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:5000", "http://[::1]:5000", "http://localhost:5000"])
def test_loopback_endpoints_are_taken(endpoint: str) -> None:
    assert simulated_endpoint({"AWS_ENDPOINT_URL": endpoint}) == endpoint


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "length"),
        ({"length": 0}, "length"),
        ({"length": "long"}, "length"),
        ({"length": 3, "minLower": 2, "minUpper": 2}, "length"),
        ({"length": 3, "special": "yes"}, "special"),
        ({"length": 3, "lower": False, "upper": False, "numeric": False, "special": False}, "special"),
        ({"length": 3, "keepers": "a"}, "keepers"),
        ({"length": 3, "words": 2}, "words"),
    ],
)
def test_mistakes_with_random_passwords(given: dict[str, Any], path: str) -> None:
    assert list(failures(RandomProvider(HOST), "random:index/randomPassword:RandomPassword", **given)) == [path]
