"""Migrations: one task before the service rolls; only another LiteLLM or another database is a reason for one."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from components import migrations
from components.migrations import MigrationFailed, _Runner
from tests.components.declared import declare

TASK = "arn:aws:ecs:us-west-1:111122223333:task/llm-gateway-poc/0123456789abcdef"
PROPS = {
    "region": "us-west-1",
    "cluster": "llm-gateway-poc",
    "task_definition": "arn:aws:ecs:us-west-1:111122223333:task-definition/llm-gateway-poc:1",
    "container": "litellm",
    "subnets": ["subnet-1", "subnet-2"],
    "security_group": "sg-1",
    "public_address": False,
    "log_group": "/ecs/llm-gateway-poc",
    "image": "ghcr.io/berriai/litellm:v1.108.7",
    "database": "version-1",
}


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """What botocore's model says of the calls holds, though nothing answers them."""
    client = boto3.client("ecs", region_name="us-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(boto3, "client", lambda service, region_name: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


def started(ecs: Stubber, **answer: Any) -> None:
    override = {
        "name": "litellm",
        "command": ["--skip_server_startup"],
        "environment": [{"name": "DISABLE_SCHEMA_UPDATE", "value": "false"}],
    }
    network = {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    expected = {
        "cluster": "llm-gateway-poc",
        "taskDefinition": PROPS["task_definition"],
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {"containerOverrides": [override]},
        "startedBy": "pulumi-migrations",
        "propagateTags": "TASK_DEFINITION",
    }
    ecs.add_response("run_task", {"tasks": [{"taskArn": TASK}], "failures": []} | answer, expected)


def stopped(ecs: Stubber, **container: Any) -> None:
    task = {
        "taskArn": TASK,
        "lastStatus": "STOPPED",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "litellm", **container}],
    }
    for _ in range(2):  # for the waiter, and for the reason
        ecs.add_response("describe_tasks", {"tasks": [task]})


def test_a_task_that_ends_well_is_all(ecs: Stubber) -> None:
    started(ecs)
    stopped(ecs, exitCode=0)
    made = _Runner().create(PROPS)
    assert made.outs["task"] == TASK
    ecs.assert_no_pending_responses()


def test_a_task_that_fails_stops_the_update_and_says_where_its_log_is(ecs: Stubber) -> None:
    started(ecs)
    stopped(ecs, exitCode=1, reason="exit code 1")
    with pytest.raises(MigrationFailed) as caught:
        _Runner().update("migrations", PROPS, PROPS)
    said = str(caught.value)
    assert "exit code 1" in said and "/ecs/llm-gateway-poc, litellm/litellm/0123456789abcdef" in said


def test_a_task_that_never_ran_says_why(ecs: Stubber) -> None:
    started(ecs)
    stopped(ecs)
    with pytest.raises(MigrationFailed, match="it never ran: Essential container in task exited"):
        _Runner().create(PROPS)


def test_no_capacity_is_told(ecs: Stubber) -> None:
    started(ecs, tasks=[], failures=[{"reason": "RESOURCE:CPU", "detail": "none left"}])
    with pytest.raises(MigrationFailed, match="was not started: RESOURCE:CPU none left"):
        _Runner().create(PROPS)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"image": "ghcr.io/berriai/litellm:v1.109.0"}, True),
        ({"database": "version-2"}, True),
        ({"task_definition": "…:2"}, False),
        ({"subnets": ["subnet-3"]}, False),
        ({}, False),
    ],
)
def test_only_another_litellm_or_database_is_a_reason_to_migrate(change: dict[str, Any], again: bool) -> None:
    assert _Runner().diff("migrations", {**PROPS, "task": TASK}, {**PROPS, **change}).changes is again


def test_the_provider_is_pickled_by_reference() -> None:
    assert _Runner.__module__ == migrations.__name__ and _Runner().__dict__ == {}


def test_it_is_declared_between_the_definition_and_the_service() -> None:
    kind = "pulumi-python:dynamic/migrations:Migrations"
    assert not declare("poc").of(kind)
    declared = declare("poc", migrations="task")
    made = declared.one(kind)
    assert made["image"] == "ghcr.io/berriai/litellm:v1.108.7" and made["database"] == "version-of-database-secret"
    [container] = json.loads(declared.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    variables = {one["name"]: one["value"] for one in container["environment"]}
    assert variables["DISABLE_SCHEMA_UPDATE"] == "true"
    order = [resource.name for resource in declared.resources]
    assert order.index("gateway-task") < order.index("gateway-migrations") < order.index("gateway-service")
