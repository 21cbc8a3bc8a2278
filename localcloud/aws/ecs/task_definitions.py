"""Task definitions: moto keeps them; these are the rules by which ECS takes one.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.ecs.state import State
from localcloud.aws.model_check import findings
from localcloud.aws.reference_data import fargate_cpus, fargate_memory
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_AWSLOGS_REQUIRED = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/")
_CPU = re.compile(r"(\d+)|(\d*\.?\d+)\s*vcpu", re.IGNORECASE)
_MEMORY = re.compile(r"(\d+)|(\d*\.?\d+)\s*gb", re.IGNORECASE)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def register(rules: Rules, state: State) -> None:
    @rules.check("ecs", "RegisterTaskDefinition")
    def sane(call: Call) -> None:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal("InvalidParameterException", sentence)
        params = call.params
        containers = params["containerDefinitions"]
        _check_containers(containers)
        _check_roles(params, containers)
        if "FARGATE" in (params.get("requiresCompatibilities") or []):
            _check_fargate(params, containers)
        if params.get("networkMode") == "awsvpc":
            _check_awsvpc(containers)


def _check_containers(containers: list[dict[str, Any]]) -> None:
    if not containers:
        raise Refusal("ClientException", "Container definitions should not be null or empty.")
    names = [container.get("name") or "" for container in containers]
    for name, container in zip(names, containers, strict=True):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
            raise Refusal(
                "ClientException",
                f"The container name {name!r} is not valid: 1 to 255 letters, digits, hyphens and underscores.",
            )
        if names.count(name) > 1:
            raise Refusal("ClientException", f"Two containers have the name {name}.")
        _check_container(name, container, containers)
    if not any(container.get("essential", True) for container in containers):
        raise Refusal("ClientException", "Invalid setting for container. At least one container must be essential.")


def _check_container(name: str, container: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    if not container.get("image"):
        raise Refusal("ClientException", f"Container.image should not be null or empty (container {name}).")
    check = container.get("healthCheck")
    if check and (check.get("command") or [""])[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise Refusal("ClientException", f"The health check of container {name} must begin with CMD or CMD-SHELL.")
    secrets, variables = ([item["name"] for item in container.get(kind) or []] for kind in ("secrets", "environment"))
    for variable in secrets:
        if variable in variables or secrets.count(variable) > 1:
            raise Refusal(
                "ClientException",
                "The secret name must be unique and not shared with any new or existing environment variables set on "
                f"the container, such as '{variable}'.",
            )
    checked = {other["name"] for other in containers if other.get("healthCheck")}
    for dependency in container.get("dependsOn") or []:
        other, condition = dependency["containerName"], dependency["condition"]
        if other not in {each["name"] for each in containers}:
            raise Refusal(
                "ClientException",
                f"Container {name} depends on {other}, which is not in the task definition.",
            )
        if condition == "HEALTHY" and other not in checked:
            raise Refusal(
                "ClientException",
                f"Container {name} waits for {other} to be HEALTHY, and {other} has no health check.",
            )


def _check_roles(params: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    for kind in ("taskRoleArn", "executionRoleArn"):
        role = params.get(kind)
        if role and role.startswith("arn:") and not _ROLE.fullmatch(role):  # a role's bare name is taken too
            raise Refusal("ClientException", f"{kind} is not a role: {role}.")
    if params.get("executionRoleArn"):
        return
    for container in containers:
        if container.get("secrets") or (container.get("logConfiguration") or {}).get("secretOptions"):
            raise Refusal(
                "ClientException",
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            )


def _check_fargate(params: dict[str, Any], containers: list[dict[str, Any]]) -> None:
    if params.get("networkMode") != "awsvpc":
        raise Refusal("ClientException", "Fargate only supports network mode 'awsvpc'.")
    cpu, memory = _size(params, "cpu", _CPU), _size(params, "memory", _MEMORY)
    allowed = fargate_memory(cpu)
    if not allowed:
        raise Refusal(
            "ClientException",
            f"Invalid 'cpu' setting for task: {params['cpu']}. Fargate has {', '.join(map(str, fargate_cpus()))} "
            "units.",
        )
    if memory not in allowed:
        raise Refusal(
            "ClientException",
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. With {cpu} CPU it takes "
            f"{_spelled(allowed)} MiB.",
        )
    for resource, limit in (("cpu", cpu), ("memory", memory)):
        total = sum(container.get(resource) or 0 for container in containers)
        if total > limit:
            raise Refusal(
                "ClientException",
                f"The containers ask for {total} {resource} together; the task has {limit}.",
            )
    for container in containers:
        _check_fargate_container(params, container)


def _check_fargate_container(params: dict[str, Any], container: dict[str, Any]) -> None:
    name, logs = container["name"], container.get("logConfiguration") or {}
    for unsupported in ("links", "privileged", "extraHosts", "dnsServers", "dockerSecurityOptions"):
        if container.get(unsupported):
            raise Refusal(
                "ClientException",
                f"Tasks using the Fargate launch type do not support {unsupported!r} (container {name}).",
            )
    if logs.get("logDriver") == "awslogs":
        missing = [option for option in _AWSLOGS_REQUIRED if not (logs.get("options") or {}).get(option)]
        if missing:
            raise Refusal(
                "ClientException",
                f"Log driver awslogs of container {name} requires options: {', '.join(missing)}.",
            )
        if not params.get("executionRoleArn"):
            raise Refusal(
                "ClientException",
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            )
    elif logs and logs["logDriver"] not in ("splunk", "awsfirelens"):
        raise Refusal(
            "ClientException",
            f"Container {name}: Fargate has the log drivers awslogs, splunk and awsfirelens.",
        )
    if _ECR.match(container["image"]) and not params.get("executionRoleArn"):
        raise Refusal(
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        )


def _check_awsvpc(containers: list[dict[str, Any]]) -> None:
    used: dict[tuple[int, str], str] = {}
    for container in containers:
        for mapping in container.get("portMappings") or []:
            port, host = mapping.get("containerPort"), mapping.get("hostPort")
            if host and port and host != port:
                raise Refusal(
                    "ClientException",
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match "
                    f"(container {container['name']}: {host} and {port}).",
                )
            other = used.setdefault((port, mapping.get("protocol") or "tcp"), container["name"])
            if other != container["name"]:
                raise Refusal(
                    "ClientException",
                    f"The containers {other} and {container['name']} share one network interface and can't both have "
                    f"port {port}.",
                )


def _size(params: dict[str, Any], name: str, pattern: re.Pattern[str]) -> int:
    """Units or MiB from "1024", "1 vCPU", "4 GB"."""
    value = params.get(name)
    if not value:
        raise Refusal("ClientException", f"Fargate requires that '{name}' be defined at the task level.")
    match = pattern.fullmatch(str(value).strip())
    if match is None:
        raise Refusal("ClientException", f"Invalid '{name}' setting for task: {value!r}.")
    return int(match[1]) if match[1] else int(float(match[2]) * 1024)


def _spelled(sizes: tuple[int, ...]) -> str:
    if len(sizes) <= 3:
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"
