"""Properties to requests and answers to properties, on botocore's own models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.plugins.aws.rows import SECRET, UNORDERED, Call, flag, mapping, number, one, several, text, texts
from localcloud.plugins.aws.shapes import TableError, answer, request, root_of, sendable
from localcloud.plugins.aws.table import ROWS
from localcloud.plugins.values import UNKNOWN
from tests.plugins.models import operation

CALL = Call("UpdateDistribution", root="DistributionConfig")


def made(service: str, name: str, props: dict, values: dict) -> tuple[dict, dict[str, str]]:
    problems: dict[str, str] = {}
    said = request(operation(service, name).input_shape, props, values, problems.__setitem__)
    return said, problems


def test_a_property_goes_to_the_member_of_its_name() -> None:
    said, problems = made(
        "ec2", "CreateSubnet", {"vpcId": text(), "cidrBlock": text()}, {"vpcId": "v", "cidrBlock": "c"}
    )
    assert said == {"VpcId": "v", "CidrBlock": "c"}
    assert not problems


def test_forms_follow_the_model() -> None:
    assert made("ec2", "ModifyVpcAttribute", {"enableDnsSupport": flag()}, {"enableDnsSupport": "true"})[0] == {
        "EnableDnsSupport": {"Value": True}
    }
    assert made("rds", "CreateDBInstance", {"tags": mapping()}, {"tags": {"a": "b"}})[0] == {
        "Tags": [{"Key": "a", "Value": "b"}]
    }
    assert made("logs", "CreateLogGroup", {"tags": mapping()}, {"tags": {"a": 1}})[0] == {"tags": {"a": "1"}}
    network = {"networkConfiguration": one({"assignPublicIp": flag()}, to="networkConfiguration.awsvpcConfiguration")}
    assert made("ecs", "CreateService", network, {"networkConfiguration": {"assignPublicIp": False}})[0] == {
        "networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "DISABLED"}}
    }


def test_cloudfronts_counted_lists_come_and_go() -> None:
    props = {
        "aliases": texts(),
        "orderedCacheBehaviors": several(
            {
                "pathPattern": text(),
                "allowedMethods": texts(),
                "cachedMethods": texts(to="AllowedMethods.CachedMethods"),
            },
            to="CacheBehaviors",
        ),
        "restrictions": one({"geoRestriction": one({"restrictionType": text(), "locations": texts(to="Items")})}),
    }
    values = {
        "aliases": ["a", "b"],
        "orderedCacheBehaviors": [{"pathPattern": "/x", "allowedMethods": ["GET", "HEAD"], "cachedMethods": ["GET"]}],
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
    }
    config = root_of(
        operation("cloudfront", "UpdateDistribution"), Call("UpdateDistribution", root="DistributionConfig")
    )
    said = request(config, props, values, pytest.fail)
    assert said["Aliases"] == {"Quantity": 2, "Items": ["a", "b"]}
    assert said["Restrictions"] == {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}
    allowed = said["CacheBehaviors"]["Items"][0]["AllowedMethods"]
    assert allowed == {"Quantity": 2, "Items": ["GET", "HEAD"], "CachedMethods": {"Quantity": 1, "Items": ["GET"]}}
    assert answer(props, said) == values


def test_values_that_aws_refuses_are_refused_with_what_it_takes() -> None:
    _, problems = made(
        "cloudfront", "CreateFunction", {"runtime": text(to="FunctionConfig.Runtime")}, {"runtime": "js-9"}
    )
    assert "must be one of cloudfront-js-1.0, cloudfront-js-2.0; not `js-9`" in problems["runtime"]
    _, problems = made(
        "lambda", "CreateFunction", {"memorySize": number(), "timeout": number()}, {"memorySize": 64, "timeout": 901}
    )
    assert "at least 128" in problems["memorySize"]
    _, problems = made("iam", "CreateRole", {"name": text(to="RoleName")}, {"name": "a b"})
    assert "must match" in problems["name"]
    _, problems = made("elbv2", "CreateTargetGroup", {"port": number()}, {"port": 70000})
    assert "at most 65535" in problems["port"]
    _, problems = made("lambda", "CreateFunction", {"timeout": number()}, {"timeout": "soon"})
    assert problems["timeout"] == "must be a number"


def test_a_refused_secret_is_not_shown() -> None:
    _, problems = made("secretsmanager", "PutSecretValue", {"secretString": text(SECRET)}, {"secretString": ""})
    assert "the given value" not in problems.get("secretString", "")
    _, problems = made("iam", "CreateRole", {"name": text(SECRET, to="RoleName")}, {"name": "hush hush"})
    assert "hush" not in problems["name"]


def test_unknown_values_are_left_out_and_not_judged() -> None:
    props = {"vpcId": text(), "subnetIds": texts(), "tags": mapping()}
    said, problems = made("ec2", "CreateVpcEndpoint", props, {"vpcId": UNKNOWN, "subnetIds": ["s", UNKNOWN]})
    assert said == {"SubnetIds": ["s"]}
    assert not problems


def test_a_field_without_a_place_is_a_mistake_in_the_table() -> None:
    config = root_of(
        operation("cloudfront", "UpdateDistribution"), Call("UpdateDistribution", root="DistributionConfig")
    )
    props = {"restrictions": one({"nonsense": text()})}
    with pytest.raises(TableError, match=r"no place for restrictions\.nonsense"):
        request(config, props, {"restrictions": {"nonsense": "x"}}, pytest.fail)


actions = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["forward", "fixed-response", "redirect"])},
        optional={
            "targetGroupArn": st.text("abc", min_size=1, max_size=3),
            "fixedResponse": st.fixed_dictionaries(
                {"contentType": st.just("text/plain"), "statusCode": st.just("403")}
            ),
            "forward": st.fixed_dictionaries(
                {
                    "targetGroups": st.lists(
                        st.fixed_dictionaries({"arn": st.just("a"), "weight": st.integers(1, 9)}), min_size=1
                    )
                }
            ),
        },
    ),
    min_size=1,
    max_size=3,
)


@given(actions)
def test_blocks_come_back_from_a_request_as_they_went_in(items: list[dict]) -> None:
    props = {"defaultActions": ROWS["aws:lb/listener:Listener"].inputs["defaultActions"]}
    said = request(operation("elbv2", "CreateListener").input_shape, props, {"defaultActions": items}, pytest.fail)
    assert answer(props, said) == {"defaultActions": items}


def test_sendable_knows_what_a_call_has_a_place_for() -> None:
    row = ROWS["aws:ec2/vpc:Vpc"]
    assert isinstance(row.create, Call)
    names = sendable(operation("ec2", "CreateVpc"), row.create, row.inputs)
    assert "cidrBlock" in names
    assert "enableDnsSupport" not in names
    assert not {"tags", "region"} & set(names)


def test_a_list_answered_as_objects_is_read_by_its_row() -> None:
    prop = {"groups": texts(UNORDERED, frm="Groups[].GroupId")}
    assert answer(prop, {"Groups": [{"GroupId": "a"}, {"GroupId": "b"}]}) == {"groups": ["a", "b"]}
    assert answer(prop, {"Groups": []}) == {}
