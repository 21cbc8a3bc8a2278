"""Migrations: the database's schema is brought up to date by a task of its own, before the service rolls.

A dynamic resource, because no AWS resource runs a task once and waits for it. It uses the service's own task definition
with another command, so that image, secrets, roles and network are those of the service. The provider holds no state
and lives in an importable module, so it is pickled by reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

# LiteLLM's own way to migrate and not to serve (litellm/proxy/prisma_migration.py does the same).
COMMAND = ["--skip_server_startup"]
# The service's tasks leave the schema alone; this one is there for it.
SCHEMA_UPDATE = "DISABLE_SCHEMA_UPDATE"
# Seconds between two looks, and looks: an hour, which only an index on very many rows needs.
_LOOK = {"Delay": 3, "MaxAttempts": 1200}
# What decides whether there may be something to migrate: LiteLLM's version, and which database it is.
_TRIGGERS = ("image", "database")


class MigrationFailed(Exception):
    """The task didn't end well; the sentence says how it ended, and where its log is."""


class _Runner(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("migrations", {**props, "task": _run(props)})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=any(olds.get(name) != news.get(name) for name in _TRIGGERS))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**news, "task": _run(news)})


def _run(props: dict[str, Any]) -> str:
    """Runs the task to its end; its ARN.

    Raises:
        MigrationFailed: it could not be started, or ended otherwise than well.
    """
    import boto3
    from botocore.exceptions import ClientError, WaiterError

    ecs: Any = cast(Any, boto3).client("ecs", region_name=props["region"])
    network = {
        "subnets": props["subnets"],
        "securityGroups": [props["security_group"]],
        "assignPublicIp": "ENABLED" if props["public_address"] else "DISABLED",
    }
    override = {
        "name": props["container"],
        "command": COMMAND,
        "environment": [{"name": SCHEMA_UPDATE, "value": "false"}],
    }
    try:
        answer: dict[str, Any] = ecs.run_task(
            cluster=props["cluster"],
            taskDefinition=props["task_definition"],
            launchType="FARGATE",
            platformVersion="1.4.0",
            networkConfiguration={"awsvpcConfiguration": network},
            overrides={"containerOverrides": [override]},
            startedBy="pulumi-migrations",
            propagateTags="TASK_DEFINITION",
        )
    except ClientError as error:
        raise MigrationFailed(f"the migrations' task was not started: {error.response['Error']['Message']}") from None
    if not answer["tasks"]:
        reasons = "; ".join(f"{one.get('reason')} {one.get('detail', '')}".strip() for one in answer["failures"])
        raise MigrationFailed(f"the migrations' task was not started: {reasons}")
    task = answer["tasks"][0]["taskArn"]
    try:
        ecs.get_waiter("tasks_stopped").wait(cluster=props["cluster"], tasks=[task], WaiterConfig=_LOOK)
    except WaiterError:
        raise MigrationFailed(f"the migrations are not done after an hour; the task {task} goes on") from None
    [ended] = ecs.describe_tasks(cluster=props["cluster"], tasks=[task])["tasks"]
    _check(ended, props)
    return task


def _check(task: dict[str, Any], props: dict[str, Any]) -> None:
    [container] = [one for one in task["containers"] if one["name"] == props["container"]]
    if container.get("exitCode") == 0:
        return
    how = f"exit code {container['exitCode']}" if "exitCode" in container else "it never ran"
    said = "; ".join(filter(None, (task.get("stoppedReason"), container.get("reason"))))
    stream = f"{props['container']}/{props['container']}/{task['taskArn'].rpartition('/')[2]}"
    raise MigrationFailed(
        f"the migrations failed ({how}: {said}), and the service stays as it is; their log is in "
        f"{props['log_group']}, {stream}"
    )


class Migrations(Resource, module="migrations", name="Migrations"):
    """Run when the stack is made, and again when `image` or `database` (its secret's version) change."""

    def __init__(
        self,
        name: str,
        *,
        region: str,
        cluster: pulumi.Input[str],
        task_definition: pulumi.Input[str],
        container: str,
        subnets: Sequence[pulumi.Input[str]],
        security_group: pulumi.Input[str],
        public_address: bool,
        log_group: pulumi.Input[str],
        image: pulumi.Input[str],
        database: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs: dict[str, Any] = {
            "region": region,
            "cluster": cluster,
            "task_definition": task_definition,
            "container": container,
            "subnets": list(subnets),
            "security_group": security_group,
            "public_address": public_address,
            "log_group": log_group,
            "image": image,
            "database": database,
            "task": None,
        }
        super().__init__(_Runner(), name, inputs, opts)
