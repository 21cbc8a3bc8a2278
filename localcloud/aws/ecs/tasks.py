"""Tasks, as the data plane reports them. moto would invent running ones; here none runs that no process stands for."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import ContainerFact, StandaloneTask, TaskFact
from localcloud.aws.backends import backend
from localcloud.aws.ecs import standalone
from localcloud.aws.ecs.services import page
from localcloud.aws.ecs.state import Service, State
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_NOT_SIMULATED = ("StartTask", "CreateTaskSet", "RegisterContainerInstance", "ExecuteCommand")
_MOST_DESCRIBED = 100


def register(rules: Rules, state: State) -> None:
    for operation in _NOT_SIMULATED:
        rules.answer("ecs", operation)(_refuse)

    @rules.answer("ecs", "ListTasks")
    def list_tasks(call: Call) -> dict[str, Any]:
        cluster = state.cluster(call)
        if call.params.get("serviceName") and state.find(cluster.arn, call.params["serviceName"]) is None:
            raise Refusal("ServiceNotFoundException", f"Service not found: {call.params['serviceName']}.")
        matching = [task.arn for service, task in _tasks(state, cluster.arn) if _matches(state, call, service, task)]
        matching += [task.arn for task in _standalone(state, cluster) if _matches_alone(state, call, task)]
        return page("taskArns", call, matching)

    @rules.answer("ecs", "DescribeTasks")
    def describe_tasks(call: Call) -> dict[str, Any]:
        cluster, names = state.cluster(call), call.params.get("tasks") or []
        if not 1 <= len(names) <= _MOST_DESCRIBED:
            raise Refusal(
                "InvalidParameterException",
                f"tasks has {len(names)} names; it can be 1 to {_MOST_DESCRIBED}.",
            )
        known = {task.arn.rpartition("/")[2]: (service, task) for service, task in _tasks(state, cluster.arn)}
        alone = {task.arn.rpartition("/")[2]: task for task in _standalone(state, cluster)}
        prefix = f"arn:aws:ecs:{call.account.region}:{call.account.account_id}:task/{cluster.name}/"
        found, failures = [], []
        for name in names:
            id = name.rpartition("/")[2]
            if id in known:
                found.append(_of_service(state, *known[id]))
            elif id in alone:
                found.append(standalone.described(state, alone[id]))
            else:
                failures.append({"arn": name if name.startswith("arn:") else prefix + name, "reason": "MISSING"})
        return {"tasks": found, "failures": failures}


def _refuse(call: Call) -> dict[str, Any]:
    raise Refusal(
        "UnsupportedFeatureException",
        f"The simulated ECS has no {call.operation}: it runs services' tasks and those of RunTask.",
    )


def _tasks(state: State, cluster_arn: str) -> list[tuple[Service, TaskFact]]:
    return [(service, task) for service in state.in_cluster(cluster_arn) for task in state.fact(service).tasks]


def _matches(state: State, call: Call, service: Service, task: TaskFact) -> bool:
    params = call.params
    family = _definition(service, task).rpartition("/")[2].partition(":")[0]
    return (
        params.get("serviceName", service.name).rpartition("/")[2] == service.name
        and params.get("family") in (None, family)
        and params.get("launchType") in (None, "FARGATE")
        and params.get("startedBy") in (None, task.deployment)
        and not params.get("containerInstance")
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html: RUNNING unless asked otherwise
        and task.desired_status == (params.get("desiredStatus") or "RUNNING")
    )


def _definition(service: Service, task: TaskFact) -> str:
    return task.task_definition or service.deployment.task_definition


def _standalone(state: State, cluster: Any) -> list[StandaloneTask]:
    return [task for task in list(state.account.standalone.values()) if task.cluster == cluster.name]


def _matches_alone(state: State, call: Call, task: StandaloneTask) -> bool:
    params = call.params
    return (
        not params.get("serviceName")
        and params.get("family") in (None, task.family)
        and params.get("launchType") in (None, "FARGATE")
        and params.get("startedBy") in (None, task.started_by)
        and not params.get("containerInstance")
        and standalone.fact(state, task).desired_status == (params.get("desiredStatus") or "RUNNING")
    )


def _of_service(state: State, service: Service, task: TaskFact) -> dict[str, Any]:
    said = described(state, task, _definition(service, task), service.cluster_arn, service.settings)
    return said | {"group": f"service:{service.name}", "startedBy": task.deployment}


def described(
    state: State, task: TaskFact, definition_arn: str, cluster_arn: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """A task in ECS's shape; who started it is the caller's to say."""
    reference = definition_arn.rpartition("/")[2]
    family, _, revision = reference.partition(":")
    definition = state.moto.task_definitions.get(family, {}).get(int(revision or 0))
    containers = {one["name"]: one for one in definition.container_definitions} if definition else {}
    said = {
        "taskArn": task.arn,
        "clusterArn": cluster_arn,
        "taskDefinitionArn": definition_arn,
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "healthStatus": task.health,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0" if settings["platformVersion"] == "LATEST" else settings["platformVersion"],
        "platformFamily": settings["platformFamily"],
        "enableExecuteCommand": settings["enableExecuteCommand"],
        "cpu": definition.cpu if definition else None,
        "memory": definition.memory if definition else None,
        "createdAt": task.created,
        "startedAt": task.started,
        "stoppedAt": task.stopped,
        "stoppedReason": task.stopped_reason,
        "stopCode": task.stop_code,
        "containers": [_container(task, fact, containers.get(fact.name, {})) for fact in task.containers],
        "attachments": _attachments(state, task),
        "overrides": {"containerOverrides": [{"name": name} for name in containers]},
    }
    return {name: value for name, value in said.items() if value is not None}


def _container(task: TaskFact, fact: ContainerFact, definition: dict[str, Any]) -> dict[str, Any]:
    id = task.arn.rpartition("/")[2]
    described = {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{fact.name}",
        "taskArn": task.arn,
        "name": fact.name,
        "image": definition.get("image"),
        "runtimeId": f"{id}-{fact.name}",
        "lastStatus": fact.last_status,
        "exitCode": fact.exit_code,
        "reason": fact.reason,
        "healthStatus": fact.health,
        "networkInterfaces": [{"privateIpv4Address": task.ip}] if task.ip else [],
        "cpu": str(definition.get("cpu") or 0),
    }
    return {name: value for name, value in described.items() if value is not None}


def _attachments(state: State, task: TaskFact) -> list[dict[str, Any]]:
    if not task.eni_id:
        return []
    details = {"networkInterfaceId": task.eni_id, "privateIPv4Address": task.ip}
    interface = backend(state.account, "ec2").enis.get(task.eni_id)
    if interface is not None:
        details |= {"subnetId": interface.subnet.id, "macAddress": interface.mac_address}
    return [
        {
            "id": task.eni_id.removeprefix("eni-"),
            "type": "ElasticNetworkInterface",
            "status": "DELETED" if interface is None else "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items() if value],
        }
    ]
