"""Egress by endpoints: no way to the internet, and an image that comes without one."""

from __future__ import annotations

import json

from tests.components.declared import ACCOUNT, declare

CREDENTIAL = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:ecr-pullthroughcache/ghcr-AbCdEf"
OWN_IMAGE = f"{ACCOUNT}.dkr.ecr.us-west-1.amazonaws.com/team/litellm:v1.108.7"


def test_nothing_leads_to_the_internet() -> None:
    declared = declare("poc", egress="endpoints", registryCredentialArn=CREDENTIAL)
    kinds = {resource.typ for resource in declared.resources}
    assert not kinds & {"aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip", "aws:ec2/route:Route"}
    assert not [name for name in declared.of("aws:ec2/subnet:Subnet") if "public" in name]
    egress = declared.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").values()
    assert not [rule for rule in egress if "cidrIpv4" in rule or "cidrIpv6" in rule]
    endpoints = declared.of("aws:ec2/vpcEndpoint:VpcEndpoint").values()
    assert {one["serviceName"].removeprefix("com.amazonaws.us-west-1.") for one in endpoints} == {
        "s3",
        "ecr.api",
        "ecr.dkr",
        "logs",
        "secretsmanager",
        "bedrock-runtime",
        "sts",
    }
    interfaces = [one for one in endpoints if one["vpcEndpointType"] == "Interface"]
    assert all(one["privateDnsEnabled"] and len(one["subnetIds"]) == 2 for one in interfaces)


def test_the_image_comes_by_a_cache_that_the_execution_role_may_fill() -> None:
    declared = declare("poc", egress="endpoints", registryCredentialArn=CREDENTIAL)
    rule = declared.one("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
    assert rule["upstreamRegistryUrl"] == "ghcr.io" and rule["credentialArn"] == CREDENTIAL
    repository = declared.one("aws:ecr/repository:Repository")
    assert repository["name"] == f"{rule['ecrRepositoryPrefix']}/berriai/litellm" and repository["forceDelete"]
    [container] = json.loads(declared.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    assert container["image"] == "cache.example/berriai/litellm:v1.108.7"
    statements = [one for policy in declared.policies() for one in policy["Statement"]]
    [pull] = [one for one in statements if "ecr:BatchImportUpstreamImage" in one["Action"]]
    assert pull["Resource"].endswith(":image-repository")


def test_an_image_in_ecr_needs_no_cache_and_a_right_to_its_repository_alone() -> None:
    declared = declare("poc", egress="endpoints", image=OWN_IMAGE)
    assert not declared.of("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
    statements = [one for policy in declared.policies() for one in policy["Statement"]]
    [pull] = [one for one in statements if "ecr:BatchGetImage" in one["Action"]]
    assert pull["Resource"] == f"arn:aws:ecr:us-west-1:{ACCOUNT}:repository/team/litellm"


def test_with_a_way_out_there_is_no_endpoint_but_the_free_one() -> None:
    for egress in ("nat", "public"):
        declared = declare("poc", egress=egress)
        assert len(declared.of("aws:ec2/vpcEndpoint:VpcEndpoint")) == 1
        assert not declared.of("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
