"""CloudFront's functions, VPC origins, policies and tags, through boto3."""

from __future__ import annotations

import pytest

from localcloud.aws.account import Account
from localcloud.aws.cloudfront.vpc_origins import MANAGED_GROUP
from tests.aws.world import (
    ALL_VIEWER_EXCEPT_HOST,
    CACHING_DISABLED,
    World,
    behaviour,
    refused,
    until,
)

JS = {"Comment": "a comment", "Runtime": "cloudfront-js-2.0"}


def test_a_function_goes_through_its_stages(world: World) -> None:
    cloudfront, name = world.cloudfront, world.name("f")
    made = cloudfront.create_function(Name=name, FunctionConfig=JS, FunctionCode=b"one")
    assert made["FunctionSummary"]["Status"] == "UNPUBLISHED"
    with refused("NoSuchFunctionExists", "LIVE", status=404):
        cloudfront.get_function(Name=name, Stage="LIVE")
    live = cloudfront.publish_function(Name=name, IfMatch=made["ETag"])["FunctionSummary"]
    assert live["FunctionMetadata"]["Stage"] == "LIVE"
    updated = cloudfront.update_function(Name=name, IfMatch=made["ETag"], FunctionConfig=JS, FunctionCode=b"two")
    etag = cloudfront.describe_function(Name=name)["ETag"]
    assert etag != made["ETag"]
    assert updated["ResponseMetadata"]["HTTPHeaders"]["ettag"] == etag, "AWS's model misspells this one header"
    live_code = cloudfront.get_function(Name=name, Stage="LIVE")
    assert live_code["FunctionCode"].read() == b"one"
    assert live_code["ContentType"] == "application/octet-stream"
    assert cloudfront.get_function(Name=name)["FunctionCode"].read() == b"two"
    cloudfront.publish_function(Name=name, IfMatch=etag)
    assert cloudfront.get_function(Name=name, Stage="LIVE")["FunctionCode"].read() == b"two"
    listed = cloudfront.list_functions(Stage="LIVE", MaxItems="1000")["FunctionList"]["Items"]
    assert name in [item["Name"] for item in listed]
    cloudfront.delete_function(Name=name, IfMatch=etag)
    with refused("NoSuchFunctionExists"):
        cloudfront.describe_function(Name=name)


def test_what_a_function_can_not_be(world: World) -> None:
    cloudfront, name = world.cloudfront, world.name("f")
    with refused("FunctionSizeLimitExceeded", "10241", status=413):
        cloudfront.create_function(Name=name, FunctionConfig=JS, FunctionCode=b"x" * 10241)
    with refused("InvalidArgument", "Runtime"):
        cloudfront.create_function(Name=name, FunctionConfig=JS | {"Runtime": "cloudfront-js-3.0"}, FunctionCode=b"x")
    with refused("InvalidArgument", "Name"):
        cloudfront.create_function(Name="a b", FunctionConfig=JS, FunctionCode=b"x")
    etag = cloudfront.create_function(Name=name, FunctionConfig=JS, FunctionCode=b"x" * 10240)["ETag"]
    with refused("FunctionAlreadyExists", status=409):
        cloudfront.create_function(Name=name, FunctionConfig=JS, FunctionCode=b"x")
    with refused("PreconditionFailed", status=412):
        cloudfront.publish_function(Name=name, IfMatch="E000")
    cloudfront.delete_function(Name=name, IfMatch=etag)


def test_a_function_in_use_stays(world: World) -> None:
    arn = world.function()
    association = {"Quantity": 1, "Items": [{"FunctionARN": arn, "EventType": "viewer-request"}]}
    config = world.distribution_config(DefaultCacheBehavior=behaviour(FunctionAssociations=association))
    world.cloudfront.create_distribution(DistributionConfig=config)
    name = arn.rpartition("/")[2]
    etag = world.cloudfront.describe_function(Name=name)["ETag"]
    assert world.cloudfront.describe_function(Name=name)["FunctionSummary"]["Status"] == "DEPLOYED"
    with refused("FunctionInUse", name, status=409):
        world.cloudfront.delete_function(Name=name, IfMatch=etag)


def test_a_vpc_origin_brings_its_security_group_and_takes_it_along(world: World) -> None:
    balancer = world.load_balancer()["LoadBalancerArn"]
    made = world.vpc_origin(balancer)
    id = made["VpcOrigin"]["Id"]
    assert made["VpcOrigin"]["Status"] == "Deploying"
    until(lambda: world.cloudfront.get_vpc_origin(Id=id)["VpcOrigin"]["Status"] == "Deployed")
    filters = [{"Name": "vpc-id", "Values": [world.vpc]}, {"Name": "group-name", "Values": [MANAGED_GROUP]}]
    groups = world.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert len(groups) == 1
    items = world.cloudfront.list_vpc_origins()["VpcOriginList"]["Items"]
    assert [item["OriginEndpointArn"] for item in items if item["Id"] == id] == [balancer]
    with refused("ResourceInUse", id):
        world.elb.delete_load_balancer(LoadBalancerArn=balancer)
    with refused("InvalidIfMatchVersion", status=400):
        world.cloudfront.delete_vpc_origin(Id=id, IfMatch="")
    world.cloudfront.delete_vpc_origin(Id=id, IfMatch=made["ETag"])
    assert world.ec2.describe_security_groups(Filters=filters)["SecurityGroups"] == []
    world.elb.delete_load_balancer(LoadBalancerArn=balancer)


def test_where_a_vpc_origin_can_not_point(world: World, account: Account) -> None:
    with refused("InvalidArgument", "does not exist"):
        world.vpc_origin("arn:aws:elasticloadbalancing:us-west-1:333333333333:loadbalancer/app/none/0123456789abcdef")
    outward = world.load_balancer(Scheme="internet-facing")["LoadBalancerArn"]
    with refused("InvalidArgument", "internet-facing"):
        world.vpc_origin(outward)
    closed = World(account, gateway=False)
    with refused("InvalidArgument", "no internet gateway"):
        closed.vpc_origin(closed.load_balancer()["LoadBalancerArn"])
    balancer = world.load_balancer()["LoadBalancerArn"]
    with refused("InvalidArgument", "HTTPPort"):
        world.vpc_origin(balancer, HTTPPort=79)
    with refused("InconsistentQuantities", "OriginSslProtocols"):
        world.vpc_origin(balancer, OriginSslProtocols={"Quantity": 2, "Items": ["TLSv1.2"]})


def test_a_vpc_origin_in_use_neither_changes_nor_goes(world: World) -> None:
    balancer = world.load_balancer()
    id = world.deployed_origin(balancer["LoadBalancerArn"])
    origin = {"Id": "origin", "DomainName": balancer["DNSName"], "VpcOriginConfig": {"VpcOriginId": id}}
    config = world.distribution_config(Origins={"Quantity": 1, "Items": [origin]})
    world.cloudfront.create_distribution(DistributionConfig=config)
    held = world.cloudfront.get_vpc_origin(Id=id)
    endpoint = held["VpcOrigin"]["VpcOriginEndpointConfig"]
    with refused("CannotDeleteEntityWhileInUse", status=409):
        world.cloudfront.delete_vpc_origin(Id=id, IfMatch=held["ETag"])
    with refused("CannotUpdateEntityWhileInUse", status=409):
        world.cloudfront.update_vpc_origin(
            Id=id, IfMatch=held["ETag"], VpcOriginEndpointConfig=endpoint | {"HTTPPort": 8080}
        )


def test_a_vpc_origin_not_in_use_changes(world: World) -> None:
    made = world.vpc_origin(world.load_balancer()["LoadBalancerArn"])
    endpoint = made["VpcOrigin"]["VpcOriginEndpointConfig"] | {"HTTPPort": 8080}
    id = made["VpcOrigin"]["Id"]
    world.cloudfront.update_vpc_origin(Id=id, IfMatch=made["ETag"], VpcOriginEndpointConfig=endpoint)
    assert world.cloudfront.get_vpc_origin(Id=id)["VpcOrigin"]["VpcOriginEndpointConfig"] == endpoint


@pytest.mark.parametrize(
    ("kind", "id", "name"),
    [
        ("cache_policy", CACHING_DISABLED, "Managed-CachingDisabled"),
        ("origin_request_policy", ALL_VIEWER_EXCEPT_HOST, "Managed-AllViewerExceptHostHeader"),
        ("response_headers_policy", "67f7725c-6f97-4210-82d7-5512b31e9d03", "Managed-SecurityHeadersPolicy"),
    ],
)
def test_managed_policies_are_there_by_id_and_name(world: World, kind: str, id: str, name: str) -> None:
    shape = kind.title().replace("_", "")
    found = getattr(world.cloudfront, f"get_{kind}")(Id=id)[shape]
    assert found[f"{shape}Config"]["Name"] == name
    plural = kind.removesuffix("y") + "ies"
    listed = getattr(world.cloudfront, f"list_{plural}")(Type="managed")[f"{shape}List"]["Items"]
    assert id in [item[shape]["Id"] for item in listed]
    with refused(f"NoSuch{shape}", status=404):
        getattr(world.cloudfront, f"get_{kind}")(Id="0" * 36)


def test_what_the_policies_of_the_stack_forward(world: World) -> None:
    cache = world.cloudfront.get_cache_policy_config(Id=CACHING_DISABLED)["CachePolicyConfig"]
    assert (cache["MinTTL"], cache["DefaultTTL"], cache["MaxTTL"]) == (0, 0, 0)
    request = world.cloudfront.get_origin_request_policy_config(Id=ALL_VIEWER_EXCEPT_HOST)["OriginRequestPolicyConfig"]
    assert request["HeadersConfig"] == {"HeaderBehavior": "allExcept", "Headers": {"Quantity": 1, "Items": ["host"]}}
    assert request["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


def test_tags_come_and_go(world: World) -> None:
    arn = world.function()
    tags = {"Items": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]}
    world.cloudfront.tag_resource(Resource=arn, Tags=tags)
    world.cloudfront.untag_resource(Resource=arn, TagKeys={"Items": ["a"]})
    found = world.cloudfront.list_tags_for_resource(Resource=arn)["Tags"]["Items"]
    assert found == [{"Key": "b", "Value": ""}]
    with refused("NoSuchResource", status=404):
        world.cloudfront.list_tags_for_resource(Resource=arn + "x")
    many = {"Items": [{"Key": str(number), "Value": ""} for number in range(51)]}
    with refused("InvalidTagging"):
        world.cloudfront.tag_resource(Resource=arn, Tags=many)
