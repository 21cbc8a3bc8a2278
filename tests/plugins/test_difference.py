"""Diffs: what changed, whether in place, and whether to delete first."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcloud.plugins.aws.difference import AUTONAMED, changes, deletes_first
from localcloud.plugins.aws.table import ROWS
from localcloud.plugins.values import UNKNOWN

VPC = ROWS["aws:ec2/vpc:Vpc"]
SERVICE = ROWS["aws:ecs/service:Service"]
LISTENER = ROWS["aws:lb/listener:Listener"]
GROUP = ROWS["aws:ec2/securityGroup:SecurityGroup"]
TASK = ROWS["aws:ecs/taskDefinition:TaskDefinition"]


def paths(row: Any, old: dict, new: dict) -> dict[str, tuple[str, bool]]:
    return {change.path: (change.kind, change.replace) for change in changes(row, old, new)}


def test_a_change_in_place_and_one_that_needs_a_new_resource() -> None:
    old = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": False}
    assert paths(VPC, old, old | {"enableDnsHostnames": True}) == {"enableDnsHostnames": ("update", False)}
    assert paths(VPC, old, old | {"cidrBlock": "10.1.0.0/16"}) == {"cidrBlock": ("update", True)}


def test_leaving_out_what_aws_chooses_or_what_is_default_changes_nothing() -> None:
    old = {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": True, "instanceTenancy": "default"}
    assert paths(VPC, old, {"cidrBlock": "10.0.0.0/16"}) == {}
    assert paths(VPC, {"cidrBlock": "10.0.0.0/16"}, {}) == {}


def test_the_path_leads_to_where_the_values_part() -> None:
    action = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "403"}}
    other = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
    old = {"loadBalancerArn": "a", "defaultActions": [action]}
    assert paths(LISTENER, old, old | {"defaultActions": [other]}) == {
        "defaultActions[0].fixedResponse.statusCode": ("update", False)
    }
    forward = {"type": "forward", "targetGroupArn": "t"}
    assert paths(LISTENER, old, old | {"defaultActions": [forward]}) == {
        "defaultActions[0].type": ("update", False),
        "defaultActions[0].fixedResponse": ("delete", False),
        "defaultActions[0].targetGroupArn": ("add", False),
    }


def test_adding_and_taking_away() -> None:
    block = {"enable": True, "rollback": True}
    assert paths(SERVICE, {}, {"deploymentCircuitBreaker": block}) == {"deploymentCircuitBreaker": ("add", False)}
    assert paths(SERVICE, {"deploymentCircuitBreaker": block}, {}) == {"deploymentCircuitBreaker": ("delete", False)}


def test_an_unknown_value_is_a_change() -> None:
    old = {"vpcId": "v", "name": "a"}
    assert paths(GROUP, old, old | {"vpcId": UNKNOWN}) == {"vpcId": ("update", True)}


def test_the_same_containers_in_other_words_are_no_change() -> None:
    old = {"family": "f", "containerDefinitions": '[{"name":"a","image":"i","cpu":0,"essential":true}]'}
    new = {"family": "f", "containerDefinitions": '[ {"image": "i", "name": "a"} ]'}
    assert paths(TASK, old, new) == {}
    changed = new | {"containerDefinitions": '[{"image": "j", "name": "a"}]'}
    assert paths(TASK, old, changed) == {"containerDefinitions": ("update", True)}


def test_a_fixed_name_that_stays_must_be_free_before_the_replacement_takes_it() -> None:
    old = {"name": "fixed", "vpcId": "a"}
    assert deletes_first(GROUP, old, old | {"vpcId": "b"})
    assert not deletes_first(GROUP, old, old | {"name": "other"})
    assert not deletes_first(GROUP, old, old | {"vpcId": "b", AUTONAMED: ["name"]})
    assert not deletes_first(GROUP, {"namePrefix": "a-"}, {"namePrefix": "b-"})
    assert not deletes_first(GROUP, old, {"name": UNKNOWN, "vpcId": "b"})


inputs = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b"]),
        "desiredCount": st.integers(0, 3),
        "enableExecuteCommand": st.booleans(),
        "networkConfiguration": st.fixed_dictionaries(
            {"subnets": st.lists(st.sampled_from(["x", "y", "z"]), unique=True)},
            optional={"assignPublicIp": st.booleans()},
        ),
        "loadBalancers": st.lists(
            st.fixed_dictionaries({"containerName": st.just("c"), "containerPort": st.integers(80, 82)}), max_size=3
        ),
    },
)


@given(inputs)
def test_nothing_changed_is_no_change(values: dict) -> None:
    assert changes(SERVICE, values, values) == []


@given(inputs, inputs)
def test_a_change_there_is_one_back(old: dict, new: dict) -> None:
    there = {change.name for change in changes(SERVICE, old, new)}
    back = {change.name for change in changes(SERVICE, new, old)}
    computed = {name for name in ("name",) if name not in old or name not in new}
    assert there - computed == back - computed


@given(inputs, inputs)
def test_every_path_starts_with_its_property(old: dict, new: dict) -> None:
    assert all(change.path.startswith(change.name) for change in changes(SERVICE, old, new))
