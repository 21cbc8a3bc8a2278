"""Tasks that run by themselves: RunTask and StopTask. The data plane runs them and reports what became of them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud.aws.account import StandaloneTask, TaskFact
from localcloud.aws.ecs import service_checks as checks
from localcloud.aws.ecs.services import with_defaults
from localcloud.aws.ecs.state import State
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_MOST = 10  # that one call may start
_REMEMBERED = timedelta(hours=1)  # "stopped tasks appear for at least one hour": API_DescribeTasks.html
_NOT_SIMULATED = ("placementConstraints", "placementStrategy", "referenceId", "volumeConfigurations")
_OVERRIDDEN = {"name", "command", "environment"}


def register(rules: Rules, state: State) -> None:
    @rules.answer("ecs", "RunTask")
    def run(call: Call) -> dict[str, Any]:
        params = call.params
        for _kind, _path, sentence in findings(call.model.input_shape, params):
            raise Refusal("InvalidParameterException", sentence)
        for member in _NOT_SIMULATED:
            if params.get(member):
                raise Refusal("UnsupportedFeatureException", f"The simulated RunTask has no {member}.")
        count = params.get("count") or 1
        if not 1 <= count <= _MOST:
            raise Refusal("InvalidParameterException", f"count is {count}; it can be 1 to {_MOST}.")
        cluster = state.cluster(call)
        definition = checks.task_definition(state, params.get("taskDefinition"))
        settings = with_defaults(state, {name: params[name] for name in _LAUNCH if params.get(name) is not None})
        checks.check_settings(state, cluster, definition, settings)
        commands, environment = _overrides(definition, params.get("overrides") or {})
        _forget(state)
        network = settings["networkConfiguration"]["awsvpcConfiguration"]
        token = params.get("clientToken")  # SDKs send one, so that a call that they repeat starts nothing twice
        made = [one for one in state.account.standalone.values() if token and one.token == token]
        for _ in range(0 if made else count):
            arn = f"arn:aws:ecs:{call.region}:{call.account.account_id}:task/{cluster.name}/{secrets.token_hex(16)}"
            task = StandaloneTask(
                arn=arn,
                family=definition.family,
                cluster=cluster.name,
                task_definition=definition.arn,
                subnets=tuple(network["subnets"]),
                groups=tuple(network["securityGroups"]),
                public=network["assignPublicIp"] == "ENABLED",
                commands=commands,
                environment=environment,
                started_by=params.get("startedBy"),
                token=token,
                created=datetime.now(UTC),
            )
            state.account.standalone[arn] = task
            made.append(task)
        return {"tasks": [described(state, task) for task in made], "failures": []}

    @rules.answer("ecs", "StopTask")
    def stop(call: Call) -> dict[str, Any]:
        cluster = state.cluster(call)
        id = call.params["task"].rpartition("/")[2]
        for arn, task in state.account.standalone.items():
            if arn.endswith(f"/{cluster.name}/{id}"):
                stopped = replace(task, stop_reason=call.params.get("reason") or "Task stopped by user")
                state.account.standalone[arn] = stopped
                return {"task": described(state, stopped)}
        raise Refusal(
            "InvalidParameterException",
            "The referenced task was not found, or it is a service's: the simulated ECS stops those by the service.",
        )


_LAUNCH = ("launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration")


def _overrides(definition: Any, overrides: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Container → command, and container → variables."""
    strange = sorted(set(overrides) - {"containerOverrides"})
    if strange:
        raise Refusal("UnsupportedFeatureException", f"The simulated RunTask overrides containers, not {strange[0]}.")
    names = {one["name"] for one in definition.container_definitions}
    commands, environment = {}, {}
    for one in overrides.get("containerOverrides") or []:
        if one.get("name") not in names:
            raise Refusal(
                "InvalidParameterException",
                f"Override for container named {one.get('name')} is not a container in the TaskDefinition.",
            )
        if more := sorted(name for name in set(one) - _OVERRIDDEN if one[name]):
            raise Refusal("UnsupportedFeatureException", f"The simulated RunTask overrides no container's {more[0]}.")
        if one.get("command"):
            commands[one["name"]] = tuple(one["command"])
        environment[one["name"]] = {pair["name"]: pair.get("value", "") for pair in one.get("environment") or []}
    return commands, environment


def fact(state: State, task: StandaloneTask) -> TaskFact:
    """What became of it; before the data plane has seen it, that it is being provided for."""
    return state.account.facts.tasks.get(
        task.arn,
        TaskFact(task.arn, "PROVISIONING", task_definition=task.task_definition, created=task.created),
    )


def described(state: State, task: StandaloneTask) -> dict[str, Any]:
    """The task in ECS's shape, as ``tasks`` describes a service's."""
    from localcloud.aws.ecs.tasks import described as of_task  # they describe alike, and need each other

    overrides = [
        {
            "name": name,
            "command": list(task.commands.get(name, ())),
            "environment": [{"name": k, "value": v} for k, v in task.environment.get(name, {}).items()],
        }
        for name in {**task.commands, **task.environment}
    ]
    settings = {"platformVersion": "1.4.0", "platformFamily": "Linux", "enableExecuteCommand": False}
    cluster = f"arn:aws:ecs:{state.account.region}:{state.account.account_id}:cluster/{task.cluster}"
    said = of_task(state, fact(state, task), task.task_definition, cluster, settings)
    return said | {
        "group": f"family:{task.family}",
        "overrides": {"containerOverrides": overrides},
        **({"startedBy": task.started_by} if task.started_by else {}),
    }


def _forget(state: State) -> None:
    for arn in list(state.account.standalone):
        known = state.account.facts.tasks.get(arn)
        if known is not None and known.stopped is not None and datetime.now(UTC) - known.stopped > _REMEMBERED:
            del state.account.standalone[arn]
            del state.account.facts.tasks[arn]
