"""Tasks of RunTask are real programs that run once: to their end, with their exit code, or until they are stopped."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.dataplane.cloud import Cloud
from tests.dataplane.services import Stage, make_stage, until

WELL = ["python", "-c", "import os; print('migrating', os.environ['WHAT'])"]
BADLY = ["python", "-c", "import sys; print('no such column'); sys.exit(3)"]
FOR_EVER = ["python", "-c", "import time; time.sleep(600)"]


@pytest.fixture(scope="module")
def stage(cloud: Cloud) -> Stage:
    return make_stage(cloud)


@pytest.fixture(scope="module")
def definition(stage: Stage) -> str:
    return stage.definition("once")


def run(stage: Stage, definition: str, command: list[str], **more: Any) -> str:
    override = {"name": "web", "command": command, "environment": [{"name": "WHAT", "value": "the schema"}]}
    answer = stage.client("ecs").run_task(
        cluster="default",
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": list(stage.network.subnets), "securityGroups": [stage.group]}
        },
        overrides={"containerOverrides": [override]},
        startedBy="a-test",
        **more,
    )
    [task] = answer["tasks"]
    assert answer["failures"] == [] and task["lastStatus"] == "PROVISIONING" and task["group"] == "family:once"
    return task["taskArn"]


def ended(stage: Stage, arn: str) -> dict[str, Any]:
    ecs = stage.client("ecs")
    ecs.get_waiter("tasks_stopped").wait(cluster="default", tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return ecs.describe_tasks(cluster="default", tasks=[arn])["tasks"][0]


def test_it_runs_to_its_end_with_its_own_command_and_variables(stage: Stage, definition: str) -> None:
    arn = run(stage, definition, WELL)
    task = ended(stage, arn)
    [container] = task["containers"]
    assert (task["stopCode"], container["exitCode"], task["startedBy"]) == ("EssentialContainerExited", 0, "a-test")
    ecs = stage.client("ecs")
    assert arn in ecs.list_tasks(cluster="default", desiredStatus="STOPPED", startedBy="a-test")["taskArns"]
    assert arn not in ecs.list_tasks(cluster="default")["taskArns"]
    log = next(stage.cloud.home.glob(f"log/task-once-web-{arn.rpartition('/')[2][:8]}.log"))
    assert "migrating the schema" in log.read_text()


def test_a_repeated_call_starts_nothing_twice(stage: Stage, definition: str) -> None:
    first = run(stage, definition, WELL, clientToken="once-and-only")
    assert run_again(stage, definition) == first
    ended(stage, first)


def run_again(stage: Stage, definition: str) -> str:
    network = {"awsvpcConfiguration": {"subnets": list(stage.network.subnets), "securityGroups": [stage.group]}}
    asked: dict[str, Any] = {"launchType": "FARGATE", "networkConfiguration": network, "clientToken": "once-and-only"}
    [task] = stage.client("ecs").run_task(cluster="default", taskDefinition=definition, **asked)["tasks"]
    return task["taskArn"]


def test_its_exit_code_and_last_words_are_told(stage: Stage, definition: str) -> None:
    [container] = ended(stage, run(stage, definition, BADLY))["containers"]
    assert container["exitCode"] == 3 and "no such column" in container["reason"]


def test_it_can_be_stopped_and_its_cluster_stays_until_then(stage: Stage, definition: str) -> None:
    ecs = stage.client("ecs")
    arn = run(stage, definition, FOR_EVER)
    until(lambda: ecs.describe_tasks(cluster="default", tasks=[arn])["tasks"][0]["lastStatus"] == "RUNNING", 30)
    with pytest.raises(ClientError, match="ClusterContainsTasksException"):
        ecs.delete_cluster(cluster="default")
    ecs.stop_task(cluster="default", task=arn, reason="enough")
    task = ended(stage, arn)
    assert task["stoppedReason"] == "enough"
    interfaces = stage.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert not [one for one in interfaces if arn.rpartition("/")[2] in one["Description"]]


def test_a_secret_that_is_not_there_is_why_it_never_ran(stage: Stage) -> None:
    nothing = "arn:aws:secretsmanager:us-west-1:123456789012:secret:nothing-AbCdEf"
    definition = stage.definition("once", secrets=[{"name": "S", "valueFrom": nothing}])
    task = ended(stage, run(stage, definition, WELL))
    assert task["stopCode"] == "TaskFailedToStart" and "nothing-AbCdEf" in task["stoppedReason"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"count": 11}, "count is 11"),
        ({"overrides": {"containerOverrides": [{"name": "nobody"}]}}, "container named nobody"),
        ({"overrides": {"containerOverrides": [{"name": "web", "cpu": 1}]}}, "overrides no container's cpu"),
        ({"overrides": {"cpu": "256"}}, "not cpu"),
        ({"launchType": "EC2"}, "FARGATE"),
        ({"referenceId": "x"}, "has no referenceId"),
    ],
)
def test_what_run_task_refuses(stage: Stage, definition: str, more: dict[str, Any], word: str) -> None:
    network = {"awsvpcConfiguration": {"subnets": list(stage.network.subnets), "securityGroups": [stage.group]}}
    asked: dict[str, Any] = {"launchType": "FARGATE", "networkConfiguration": network} | more
    with pytest.raises(ClientError, match=word):
        stage.client("ecs").run_task(cluster="default", taskDefinition=definition, **asked)
