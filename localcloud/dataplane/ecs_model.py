"""ECS services and task definitions as the API describes them, read into values. Defaults are ECS's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.aws.account import Account

_DESCRIBED_AT_ONCE = 10  # services a DescribeServices call may name


@dataclass(frozen=True)
class HealthCheck:
    """A container's own check; times in seconds. ``command`` is an argument vector."""

    command: tuple[str, ...]
    interval: float = 30
    timeout: float = 5
    retries: int = 3
    start_period: float = 0


@dataclass(frozen=True)
class ContainerSpec:
    """One container definition. ``needs``: (container, condition) pairs of ``dependsOn``."""

    name: str
    image: str
    essential: bool = True
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[dict[str, str], ...] = ()
    health: HealthCheck | None = None
    stop_timeout: float = 30
    log_options: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TaskSpec:
    """A task definition's revision."""

    arn: str
    family: str
    containers: tuple[ContainerSpec, ...]
    execution_role: str | None = None
    task_role: str | None = None


@dataclass(frozen=True)
class Balanced:
    """A container's port behind a target group."""

    target_group: str
    container: str
    port: int


@dataclass(frozen=True)
class ServiceSpec:
    """What is wanted of a service. ``deployment``: id of the API's newest deployment."""

    arn: str
    name: str
    cluster: str
    active: bool
    desired: int
    definition: str
    deployment: str
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    public: bool = False
    balanced: tuple[Balanced, ...] = ()
    grace: float = 0
    min_percent: int = 100
    max_percent: int = 200
    breaker: bool = False
    rollback: bool = False


def read_services(account: Account) -> list[ServiceSpec]:
    """Every service of the account that isn't gone. Blocks; raises botocore's errors."""
    ecs = account.client("ecs")
    found = []
    for page in ecs.get_paginator("list_clusters").paginate():
        for cluster in page["clusterArns"]:
            arns = [
                arn
                for part in ecs.get_paginator("list_services").paginate(cluster=cluster)
                for arn in part["serviceArns"]
            ]
            for start in range(0, len(arns), _DESCRIBED_AT_ONCE):
                answer = ecs.describe_services(cluster=cluster, services=arns[start : start + _DESCRIBED_AT_ONCE])
                found += [_service(item) for item in answer["services"]]
    return found


def read_task(account: Account, definition: str) -> TaskSpec:
    """A task definition by its ARN. Blocks; raises botocore's errors."""
    item = account.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    return TaskSpec(
        arn=item["taskDefinitionArn"],
        family=item["family"],
        containers=tuple(_container(one) for one in item["containerDefinitions"]),
        execution_role=item.get("executionRoleArn"),
        task_role=item.get("taskRoleArn"),
    )


def in_start_order(containers: Sequence[ContainerSpec]) -> list[ContainerSpec]:
    """Containers so that each comes after those that it depends on. Raises ``ValueError`` for a circle."""
    ordered: list[ContainerSpec] = []
    left = list(containers)
    while left:
        names = {container.name for container in ordered}
        ready = [container for container in left if all(name in names for name, _ in container.needs)]
        if not ready:
            raise ValueError(
                f"containers {', '.join(c.name for c in left)} depend on one another, or on one that isn't there"
            )
        ordered += ready
        left = [container for container in left if container not in ready]
    return ordered


def _service(item: dict[str, Any]) -> ServiceSpec:
    network = (item.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    deployment = item.get("deploymentConfiguration") or {}
    breaker = deployment.get("deploymentCircuitBreaker") or {}
    primary = next((one for one in item.get("deployments") or [] if one.get("status") == "PRIMARY"), {})
    return ServiceSpec(
        arn=item["serviceArn"],
        name=item["serviceName"],
        cluster=item["clusterArn"].rpartition("/")[2],
        active=item.get("status") == "ACTIVE",
        desired=item.get("desiredCount", 0),
        definition=primary.get("taskDefinition") or item["taskDefinition"],
        deployment=primary.get("id", ""),
        subnets=tuple(network.get("subnets") or ()),
        groups=tuple(network.get("securityGroups") or ()),
        public=network.get("assignPublicIp") == "ENABLED",
        balanced=tuple(
            Balanced(one["targetGroupArn"], one["containerName"], one["containerPort"])
            for one in item.get("loadBalancers") or []
            if one.get("targetGroupArn")
        ),
        grace=item.get("healthCheckGracePeriodSeconds") or 0,
        min_percent=deployment.get("minimumHealthyPercent", 100),
        max_percent=deployment.get("maximumPercent", 200),
        breaker=bool(breaker.get("enable")),
        rollback=bool(breaker.get("rollback")),
    )


def _container(item: dict[str, Any]) -> ContainerSpec:
    logs = item.get("logConfiguration") or {}
    return ContainerSpec(
        name=item["name"],
        image=item["image"],
        essential=item.get("essential", True),
        entrypoint=tuple(item.get("entryPoint") or ()),
        command=tuple(item.get("command") or ()),
        environment={one["name"]: one.get("value", "") for one in item.get("environment") or []},
        secrets=tuple(item.get("secrets") or ()),
        health=_health(item.get("healthCheck")),
        stop_timeout=item.get("stopTimeout") or 30,
        log_options=(logs.get("options") or {}) if logs.get("logDriver") == "awslogs" else {},
        needs=tuple((one["containerName"], one["condition"]) for one in item.get("dependsOn") or []),
    )


def _health(item: dict[str, Any] | None) -> HealthCheck | None:
    """Defaults: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""
    command = list((item or {}).get("command") or [])
    if not item or not command or command[0] == "NONE":
        return None
    if command[0] == "CMD-SHELL":
        vector = ("/bin/sh", "-c", " ".join(command[1:]))
    else:
        vector = tuple(command[1:] if command[0] == "CMD" else command)
    return HealthCheck(
        vector,
        item.get("interval") or 30,
        item.get("timeout") or 5,
        item.get("retries") or 3,
        item.get("startPeriod") or 0,
    )
