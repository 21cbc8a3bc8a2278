"""IAM policies as documented: explicit deny, then allow, else no."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane.permissions import allows
from localcloud.dataplane.roles import TASKS, trusts

GET = "secretsmanager:GetSecretValue"
ARN = "arn:aws:secretsmanager:us-west-1:1:secret:app/db-AbCdEf"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(action: Any = GET, resource: Any = ARN, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


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
        ([statement("*", "*"), statement(effect="Deny", Condition={"Bool": {}})], True),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": ARN}], False),
    ],
)
def test_evaluation(statements: list[dict[str, Any]], expected: bool) -> None:
    assert allows([policy(one) for one in statements], GET, ARN) is expected
    assert allows([policy(*statements)], GET, ARN) is expected
    if len(statements) == 1:
        assert allows([{"Statement": statements[0]}], GET, ARN) is expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_pattern_without_wildcards_means_itself(resource: str, other: str) -> None:
    plain = resource.replace("*", "").replace("?", "")
    assert allows([policy(statement(resource=plain))], GET, plain)
    assert allows([policy(statement(resource=plain))], GET, other) is (plain == other)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Principal": {"Service": [TASKS, "ec2.amazonaws.com"]}}, True),
        ({"Action": ["sts:AssumeRole", "sts:TagSession"]}, True),
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, False),
        ({"Principal": {"AWS": "*"}}, False),
        ({"Principal": "*"}, False),
        ({"Action": "sts:AssumeRoleWithWebIdentity"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_trust(change: dict[str, Any], expected: bool) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole", **change}
    assert trusts({"Statement": [trust]}, TASKS) is expected
    assert trusts({"Statement": trust}, TASKS) is expected
