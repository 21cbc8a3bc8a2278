"""When AWS refuses, is slow, or a row is wrong: what is told, what is kept, what is tried again."""

from __future__ import annotations

import pytest

from localcloud.plugins.serve import PartialFailure, Refusal
from localcloud.plugins.values import plain_map, wrap_map
from tests.plugins.fake import Bench, refused

VPC = "aws:ec2/vpc:Vpc"
PARAMETER = "aws:ssm/parameter:Parameter"
NAT = "aws:ec2/natGateway:NatGateway"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
LOG = "aws:cloudwatch/logGroup:LogGroup"
SECRET = "hush-hush-hush"

LIVE_VPC = {
    "CreateVpc": {"Vpc": {"VpcId": "vpc-1"}},
    "DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "InstanceTenancy": "default"}]},
    "DescribeVpcAttribute": {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}},
    "DescribeSecurityGroups": {"SecurityGroups": []},
    "DescribeRouteTables": {"RouteTables": []},
    "DescribeNetworkAcls": {"NetworkAcls": []},
}
VPC_INPUTS = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True}


def test_a_create_that_fails_midway_keeps_the_resource_and_the_update_finishes_it() -> None:
    bench = Bench(VPC, **LIVE_VPC, ModifyVpcAttribute=[refused("Throttled"), {}])
    with pytest.raises(PartialFailure, match=r"^aws:ec2/vpc:Vpc: service Operation: Throttled: no$") as failure:
        bench.create(wrap_map(VPC_INPUTS))
    assert failure.value.resource_id == "vpc-1"
    bench.api.calls.clear()
    state = plain_map(bench.update(VPC_INPUTS, failure.value.properties, VPC_INPUTS).properties)
    assert bench.api.operations[0] == "ModifyVpcAttribute"
    assert state["enableDnsHostnames"] is True
    assert "__pending" not in state


def test_a_create_that_aws_refuses_leaves_nothing() -> None:
    bench = Bench(VPC, CreateVpc=refused("VpcLimitExceeded", "Too  many\nVPCs"))
    with pytest.raises(Refusal, match="VpcLimitExceeded: Too many VPCs") as failure:
        bench.create(wrap_map(VPC_INPUTS))
    assert not isinstance(failure.value, PartialFailure)


def test_a_mistake_in_a_row_keeps_the_resource_and_shows_no_value() -> None:
    broken = LIVE_VPC | {"DescribeVpcs": lambda _: {}[SECRET]}
    with pytest.raises(PartialFailure, match=r"a mistake in the local cloud's plugin: KeyError in ") as failure:
        Bench(VPC, **broken, ModifyVpcAttribute={}).create(wrap_map(VPC_INPUTS))
    assert SECRET not in str(failure.value)
    assert failure.value.resource_id == "vpc-1"


def test_a_secret_that_aws_repeats_is_blanked() -> None:
    inputs = wrap_map({"name": "n", "type": "SecureString", "value": SECRET}, None, frozenset({"value"}))
    with pytest.raises(Refusal, match=r"bad \[secret\] value") as failure:
        Bench(PARAMETER, PutParameter=refused("ValidationException", f"bad {SECRET} value")).create(inputs)
    assert SECRET not in str(failure.value)


def nat(state: str, **more: str) -> dict[str, object]:
    return {
        "NatGateways": [
            {"NatGatewayId": "nat-1", "State": state, "SubnetId": "s", "ConnectivityType": "public", **more}
        ]
    }


def test_a_wait_goes_on_until_aws_is_done_and_says_so() -> None:
    bench = Bench(
        NAT,
        CreateNatGateway={"NatGateway": {"NatGatewayId": "nat-1"}},
        DescribeNatGateways=[nat("pending")] * 3 + [nat("available")] * 2,
    )
    assert bench.create(wrap_map({"subnetId": "s"})).resource_id == "nat-1"
    assert bench.api.operations.count("DescribeNatGateways") == 5


def test_a_wait_ends_when_aws_gives_up_with_its_reason() -> None:
    failed = nat("failed", FailureMessage="no address left")
    bench = Bench(NAT, CreateNatGateway={"NatGateway": {"NatGatewayId": "nat-1"}}, DescribeNatGateways=failed)
    with pytest.raises(PartialFailure, match="nat-1 is failed: no address left"):
        bench.create(wrap_map({"subnetId": "s"}))


def test_a_wait_ends_after_the_programs_own_timeout() -> None:
    bench = Bench(NAT, CreateNatGateway={"NatGateway": {"NatGatewayId": "nat-1"}}, DescribeNatGateways=nat("pending"))
    with pytest.raises(PartialFailure, match="nat-1 is still pending after 1 s"):
        bench.create(wrap_map({"subnetId": "s"}), timeout=1)


def test_a_deletion_is_tried_again_while_something_holds_the_resource() -> None:
    bench = Bench(GROUP, DeleteSecurityGroup=[refused("DependencyViolation")] * 2 + [{}])
    bench.delete({"name": "g"})
    assert bench.api.operations == ["DeleteSecurityGroup"] * 3


def test_a_deletion_that_stays_impossible_says_what_holds_the_resource() -> None:
    bench = Bench(GROUP, DeleteSecurityGroup=refused("DependencyViolation", "eni-1 uses it"))
    with pytest.raises(Refusal, match=r"g can't be deleted yet: .*eni-1 uses it after 1 s"):
        bench.delete({"name": "g"}, timeout=1)


def test_deleting_what_is_gone_is_no_mistake() -> None:
    Bench(GROUP, DeleteSecurityGroup=refused("InvalidGroup.NotFound")).delete({"name": "g"})


def test_a_deletion_that_aws_refuses_for_another_reason_fails_at_once() -> None:
    bench = Bench(GROUP, DeleteSecurityGroup=refused("UnauthorizedOperation"))
    with pytest.raises(Refusal, match="UnauthorizedOperation"):
        bench.delete({"name": "g"})
    assert bench.api.operations == ["DeleteSecurityGroup"]


def test_what_is_gone_reads_as_nothing() -> None:
    answer = Bench(VPC, DescribeVpcs=refused("InvalidVpcID.NotFound")).read({"cidrBlock": "c"}, {"cidrBlock": "c"})
    assert answer.resource_id == ""
    assert not answer.properties
    with pytest.raises(Refusal, match="UnauthorizedOperation"):
        Bench(VPC, DescribeVpcs=refused("UnauthorizedOperation")).read({"cidrBlock": "c"}, {"cidrBlock": "c"})


def test_a_read_returns_what_the_program_says_and_nothing_more() -> None:
    bench = Bench(VPC, **LIVE_VPC)
    answer = bench.read({}, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": False})
    assert plain_map(answer.inputs) == {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True}, (
        "drift shows as an input"
    )
    assert plain_map(answer.properties)["enableDnsSupport"] is True


def test_only_what_changed_is_sent() -> None:
    group = {"logGroups": [{"logGroupName": "id", "retentionInDays": 14}]}
    bench = Bench(
        LOG,
        DescribeLogGroups=group,
        ListTagsForResource={"tags": {"b": "2"}},
        PutRetentionPolicy={},
        TagResource={},
        UntagResource={},
    )
    old = {"name": "id", "retentionInDays": 7, "tags": {"a": "1", "b": "1"}}
    state = wrap_map(old | {"tagsAll": {"a": "1", "b": "1"}})
    bench.update(old, state, {"name": "id", "retentionInDays": 14, "tags": {"b": "2"}})
    sent = [call for call in bench.api.calls if not call[0].startswith(("Describe", "List"))]
    arn = "arn:aws:logs:us-west-1:123456789012:log-group:id"
    assert ("PutRetentionPolicy", {"logGroupName": "id", "retentionInDays": 14}) in sent
    assert ("UntagResource", {"resourceArn": arn, "tagKeys": ["a"]}) in sent
    assert ("TagResource", {"resourceArn": arn, "tags": {"b": "2"}}) in sent
    bench.api.calls.clear()
    bench.update(old, wrap_map(old | {"tagsAll": {"a": "1", "b": "1"}}), old)
    assert not [name for name in bench.api.operations if name.startswith(("Put", "Tag", "Untag", "Delete"))]


def test_new_default_tags_are_a_change() -> None:
    bench = Bench(VPC)
    bench.provider._default_tags = {"team": "two"}
    old = {"cidrBlock": "c", "tags": {"a": "1"}}
    answer = bench.diff(old, {"tagsAll": {"a": "1", "team": "one"}}, old)
    assert answer.changes
    assert not answer.replaces
    assert not bench.diff(old, {"tagsAll": {"a": "1", "team": "two"}}, old).changes
