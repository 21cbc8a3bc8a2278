"""Which stacks are destroyed, and what is said of what they leave: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops import orphans
from ops.errors import CannotRun
from ops.lifetimes import LIFETIME, standing
from ops.sleeping import parts

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def lifetime(expires: Any) -> dict[str, Any]:
    return {"type": LIFETIME, "urn": "u", "outputs": {"expires": expires}}


def test_only_what_is_over_and_unprotected_is_destroyed() -> None:
    past, future = (NOW - timedelta(seconds=1)).isoformat(), (NOW + timedelta(days=1)).isoformat()
    vpc = {"type": "aws:ec2/vpc:Vpc", "urn": "v"}
    assert standing("a", [vpc, lifetime(past)]).expired(NOW)
    assert not standing("a", [vpc, lifetime(future)]).expired(NOW)
    assert not standing("a", [vpc]).expired(NOW)
    assert not standing("a", [{**vpc, "protect": True}, lifetime(past)]).expired(NOW)


@pytest.mark.parametrize("nonsense", [None, "", "soon", 17, "04da6b54-80e4-46f7-96ec-b56ff0331ba9"])
def test_a_lifetime_that_cannot_be_read_destroys_nothing(nonsense: Any) -> None:
    assert not standing("a", [lifetime(nonsense)]).expired(NOW)


def test_what_is_done_is_said() -> None:
    past = (NOW - timedelta(days=1)).isoformat()
    assert standing("pr-1", [lifetime(past)]).sentence(NOW) == "pr-1: expired 2026-11-24 12:00 UTC"
    assert standing("poc", []).sentence(NOW) == "poc: no lifetime, stays"
    assert standing("prod", [{"type": "x", "protect": True}]).sentence(NOW) == "prod: protected, stays"


ARNS = {
    "arn:aws:ec2:us-west-1:1:vpc/vpc-1": "aws ec2 delete-vpc --vpc-id vpc-1 --region us-west-1",
    "arn:aws:rds:us-west-1:1:db:llm-gateway-poc": "delete-db-instance --db-instance-identifier llm-gateway-poc",
    "arn:aws:s3:::llm-gateway-poc-config-1-us-west-1": "aws s3 rb s3://llm-gateway-poc-config-1-us-west-1 --force",
    "arn:aws:ecs:us-west-1:1:service/c/s": "aws ecs delete-service --cluster c --service s --force",
    "arn:aws:secretsmanager:us-west-1:1:secret:a/b-x": "--secret-id arn:aws:secretsmanager:us-west-1:1:secret:a/b-x",
    "arn:aws:iam::1:role/llm-gateway-poc-task": "aws iam delete-role --role-name llm-gateway-poc-task",
    "arn:aws:logs:us-west-1:1:log-group:/ecs/x": "aws logs delete-log-group --log-group-name /ecs/x",
    "arn:aws:cloudfront::1:distribution/E1": "aws cloudfront delete-distribution --id E1",
    "arn:aws:elasticloadbalancing:us-west-1:1:loadbalancer/app/x/1": "aws elbv2 delete-load-balancer",
    "arn:aws:lambda:us-west-1:1:function:x-relay": "aws lambda delete-function --function-name x-relay",
}


@pytest.mark.parametrize(("arn", "command"), ARNS.items())
def test_every_kind_has_its_command(arn: str, command: str) -> None:
    assert command in orphans.orphan(arn, "us-west-1").command


def test_what_is_not_known_is_named_all_the_same() -> None:
    assert "by hand" in orphans.orphan("arn:aws:mq:us-west-1:1:broker:x", "us-west-1").command


def test_commands_come_in_the_order_in_which_aws_lets_go() -> None:
    rank = {arn.split(":")[2]: orphans.orphan(arn, "us-west-1").rank for arn in ARNS}
    assert rank["cloudfront"] < rank["elasticloadbalancing"] < rank["ec2"]
    assert rank["ecs"] < rank["rds"] < rank["ec2"]


def state(**service: Any) -> list[dict[str, Any]]:
    outputs = {"region": "us-west-1", "cluster": "c", "name": "s", "desiredCount": 1, **service}
    return [{"type": "aws:ecs/service:Service", "outputs": outputs}]


def test_what_sleeps_is_read_from_the_state() -> None:
    found = parts(
        [
            *state(desiredCount=0),
            {"type": "aws:rds/instance:Instance", "outputs": {"identifier": "db"}},
            {"type": "aws:scheduler/schedule:Schedule", "outputs": {"groupName": "g", "name": "keep-asleep"}},
            {"type": "aws:appautoscaling/target:Target", "outputs": {"resourceId": "service/c/s"}},
        ]
    )
    assert (found.tasks, found.database, found.schedule, found.scaled) == (
        1,
        "db",
        ("g", "keep-asleep"),
        ("service/c/s",),
    )
    assert parts(state(desiredCount=3)).tasks == 3


def test_what_cannot_sleep_says_why() -> None:
    with pytest.raises(CannotRun, match="it is not up"):
        parts([])
    with pytest.raises(CannotRun, match="protected"):
        parts([*state(), {"type": "x", "protect": True}])
