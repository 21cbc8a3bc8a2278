"""IAM policies as documented: explicit deny, then allow, else no; conditions, boundaries, trust."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iam.conditions import UnknownOperator, holds
from localcloud.aws.iam.policy import Policies, Request, refusal, trusts

GET = "secretsmanager:GetSecretValue"
ARN = "arn:aws:secretsmanager:us-west-1:1:secret:app/db-AbCdEf"
CALLER = "arn:aws:sts::1:assumed-role/web/task"
ROLE = "arn:aws:iam::1:role/web"
TASKS = "ecs-tasks.amazonaws.com"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(action: Any = GET, resource: Any = ARN, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def allows(policies: list[dict[str, Any]], resource: str = ARN, context: Any = None, **more: Any) -> bool:
    request = Request(CALLER, GET, resource, ROLE, context or {})
    return refusal(Policies(tuple(policies), **more), request) is None


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([statement()], True),
        ([statement("secretsmanager:getsecretvalue")], True),
        ([statement("secretsmanager:Get*", "arn:aws:secretsmanager:*:1:secret:app/*")], True),
        ([statement("*", "*")], True),
        ([statement(["s3:GetObject", GET], ["x", ARN])], True),
        ([statement(resource=ARN.lower())], False),
        ([statement(resource=ARN[:-1])], False),
        ([statement(resource=f"{ARN[:-1]}?")], True),
        ([statement("secretsmanager:PutSecretValue")], False),
        ([statement("*", "*"), statement(effect="Deny")], False),
        ([statement("*", "*"), statement(effect="Deny", Condition={"Bool": {"aws:Nothing": "true"}})], True),
        ([statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-west-1"}})], True),
        ([statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})], False),
        ([statement(Condition={"StringEquals": {"aws:Nothing": "x"}})], False),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": ARN}], False),
    ],
)
def test_evaluation(statements: list[dict[str, Any]], expected: bool) -> None:
    context = {"aws:requestedregion": "us-west-1"}
    assert allows([policy(one) for one in statements], context=context) is expected
    assert allows([policy(*statements)], context=context) is expected
    if len(statements) == 1:
        assert allows([{"Statement": statements[0]}], context=context) is expected


def test_a_resource_policy_allows_by_itself_and_denies_all_others() -> None:
    mine = {"Principal": {"AWS": ROLE}}
    assert allows([], resource=ARN) is False
    assert refusal(Policies((), (policy(statement(**mine)),)), Request(CALLER, GET, ARN, ROLE)) is None
    someone = policy(statement(Principal={"AWS": "arn:aws:iam::1:role/other"}))
    assert refusal(Policies((), (someone,)), Request(CALLER, GET, ARN, ROLE)) is not None
    deny = policy(statement("*", "*", "Deny", Principal="*"))
    said = refusal(Policies((policy(statement()),), (deny,)), Request(CALLER, GET, ARN, ROLE))
    assert said == "with an explicit deny in a resource-based policy"


@pytest.mark.parametrize("kind", ["boundary", "session"])
def test_a_boundary_and_a_session_policy_only_take_away(kind: str) -> None:
    everything, nothing = policy(statement("*", "*")), policy()
    assert allows([everything], **{kind: everything})
    assert not allows([everything], **{kind: nothing})
    assert not allows([], **{kind: everything})


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_pattern_without_wildcards_means_itself(resource: str, other: str) -> None:
    plain = resource.replace("*", "").replace("?", "").replace("$", "")
    assert allows([policy(statement(resource=plain))], plain)
    assert allows([policy(statement(resource=plain))], other) is (plain == other)


CONTEXT = {
    "aws:sourceip": "10.1.2.3",
    "aws:username": "ann",
    "bedrock:inferenceprofilearn": "arn:aws:bedrock:us-west-1:1:inference-profile/us.model",
    "aws:currenttime": "2026-11-25T12:00:00Z",
    "s3:max-keys": "10",
    "aws:tagkeys": ["team", "cost"],
}


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:username", "ann", True),
        ("StringEquals", "AWS:UserName", ["bob", "ann"], True),
        ("StringEquals", "aws:username", "Ann", False),
        ("StringEqualsIgnoreCase", "aws:username", "Ann", True),
        ("StringNotEquals", "aws:username", ["bob", "ann"], False),
        ("StringNotEquals", "aws:nothing", "x", True),
        ("StringEquals", "aws:nothing", "x", False),
        ("StringEqualsIfExists", "aws:nothing", "x", True),
        ("StringLike", "aws:username", "a?*", True),
        ("StringNotLike", "aws:username", "a*", False),
        ("StringEquals", "aws:username", "${aws:username}", True),
        ("ArnEquals", "bedrock:InferenceProfileArn", "arn:aws:bedrock:*:1:inference-profile/us.*", True),
        ("ArnLike", "bedrock:InferenceProfileArn", "arn:aws:bedrock:*:inference-profile/us.model", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("NumericLessThanEquals", "s3:max-keys", "10", True),
        ("NumericGreaterThan", "s3:max-keys", 10, False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01", False),
        ("Null", "aws:nothing", True, True),
        ("Null", "aws:username", "true", False),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["cost"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["cost"], False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["cost", "team", "more"], True),
        ("ForAllValues:StringEquals", "aws:nothing", ["x"], True),
        ("Bool", "aws:nothing", "true", False),
    ],
)
def test_conditions(operator: str, key: str, value: Any, expected: bool) -> None:
    assert holds({operator: {key: value}}, CONTEXT) is expected
    if expected:
        assert not holds({operator: {key: value}, "StringEquals": {"aws:username": "bob"}}, CONTEXT)


def test_an_operator_that_is_not_simulated_is_named() -> None:
    with pytest.raises(UnknownOperator, match="BinaryEquals"):
        holds({"BinaryEquals": {"aws:username": "x"}}, CONTEXT)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Principal": {"Service": [TASKS, "ec2.amazonaws.com"]}}, True),
        ({"Action": ["sts:AssumeRole", "sts:TagSession"]}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}, False),
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False),
        ({"Action": "sts:AssumeRoleWithWebIdentity"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_trust(change: dict[str, Any], expected: bool) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole", **change}
    request = Request(TASKS, "sts:AssumeRole", ROLE, context={"aws:sourceaccount": "1"})
    assert trusts({"Statement": [trust]}, TASKS, request) is expected
    assert trusts({"Statement": trust}, TASKS, request) is expected
