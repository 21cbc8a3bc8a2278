"""The ECS services of one account, as they were asked for, and how facts make them what they are."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from localcloud.aws.account import Account, DeploymentFact, ServiceFact, TaskFact
from localcloud.aws.backends import backend
from localcloud.aws.ids import now
from localcloud.aws.refusal import Refusal
from localcloud.aws.wire import Call

EVENTS_SHOWN = 100  # as ECS does


@dataclass
class Deployment:
    """What the newest deployment of a service is to bring: the id, the task definition, when it was asked for."""

    task_definition: str
    id: str = field(default_factory=lambda: f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}")
    created: datetime = field(default_factory=now)


@dataclass
class Service:
    arn: str
    name: str
    cluster_arn: str
    settings: dict[str, Any]  # members of ECS's Service shape, as asked for, with defaults
    deployment: Deployment
    created: datetime = field(default_factory=now)
    deleted: bool = False


class State:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.services: dict[str, Service] = {}  # by ARN

    @property
    def moto(self) -> Any:
        return backend(self.account, "ecs")

    def cluster(self, call: Call) -> Any:
        """moto's cluster that the call names ("default" if none)."""
        name = (call.params.get("cluster") or "default").rpartition("/")[2]
        cluster = self.moto.clusters.get(name)
        if cluster is None or cluster.status != "ACTIVE":
            raise Refusal("ClusterNotFoundException", f"Cluster not found: {name}.")
        return cluster

    def in_cluster(self, cluster_arn: str) -> list[Service]:
        return [service for service in self.services.values() if service.cluster_arn == cluster_arn]

    def find(self, cluster_arn: str, name_or_arn: str) -> Service | None:
        name = name_or_arn.rpartition("/")[2]
        return next((service for service in self.in_cluster(cluster_arn) if service.name == name), None)

    def fact(self, service: Service) -> ServiceFact:
        return self.account.facts.services.get(service.arn, ServiceFact())

    def live_tasks(self, service: Service) -> list[TaskFact]:
        return [task for task in self.fact(service).tasks if task.last_status != "STOPPED"]

    def status(self, service: Service) -> str:
        if not service.deleted:
            return "ACTIVE"
        fact = self.fact(service)
        return "DRAINING" if fact.running or fact.pending or self.live_tasks(service) else "INACTIVE"

    def task_definition(self, service: Service) -> str:
        """ARN of the task definition that the service runs or rolls out: after a rollback, the one it went back to."""
        fact = self.fact(service)
        return (not self._outdated(service, fact) and fact.task_definition) or service.deployment.task_definition

    def described(self, service: Service) -> dict[str, Any]:
        """The service in ECS's shape."""
        fact = self.fact(service)
        return {
            **service.settings,
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": service.cluster_arn,
            "status": self.status(service),
            "desiredCount": 0 if service.deleted else service.settings["desiredCount"],
            "runningCount": fact.running,
            "pendingCount": fact.pending,
            "taskDefinition": self.task_definition(service),
            "deployments": [] if service.deleted else self._deployments(service, fact),
            "events": [_event(service, at, message) for at, message in fact.events[:EVENTS_SHOWN]],
            "createdAt": service.created,
        }

    @staticmethod
    def _outdated(service: Service, fact: ServiceFact) -> bool:
        """Whether the fact was made before the newest deployment was asked for."""
        spoken_of = {deployment.id for deployment in fact.deployments} | {fact.speaks_of} - {None}
        return bool(spoken_of) and service.deployment.id not in spoken_of

    def _deployments(self, service: Service, fact: ServiceFact) -> list[dict[str, Any]]:
        newest, desired = service.deployment, service.settings["desiredCount"]
        shown = list(fact.deployments)
        if self._outdated(service, fact):
            shown = [_fresh(newest, desired), *(_older(deployment) for deployment in shown)]
        elif not shown:
            shown = [
                DeploymentFact(
                    newest.id,
                    "PRIMARY",
                    newest.task_definition,
                    desired,
                    fact.running,
                    fact.pending,
                    rollout_state=fact.rollout_state,
                    rollout_reason=fact.rollout_reason,
                )
            ]
        return [_deployment(service, deployment) for deployment in shown]


def _fresh(newest: Deployment, desired: int) -> DeploymentFact:
    reason = f"ECS deployment {newest.id} in progress."
    return DeploymentFact(newest.id, "PRIMARY", newest.task_definition, desired, 0, rollout_reason=reason)


def _older(fact: DeploymentFact) -> DeploymentFact:
    """A deployment that a newer one replaces, of which no fact speaks yet."""
    return replace(fact, status="ACTIVE", desired=0)


def _deployment(service: Service, fact: DeploymentFact) -> dict[str, Any]:
    created = fact.created or service.deployment.created
    shared = ("launchType", "capacityProviderStrategy", "platformVersion", "platformFamily", "networkConfiguration")
    return {
        **{name: service.settings[name] for name in shared if name in service.settings},
        "id": fact.id,
        "status": fact.status,
        "taskDefinition": fact.task_definition,
        "desiredCount": fact.desired,
        "runningCount": fact.running,
        "pendingCount": fact.pending,
        "failedTasks": fact.failed,
        "rolloutState": fact.rollout_state,
        "rolloutStateReason": fact.rollout_reason,
        "createdAt": created,
        "updatedAt": fact.updated or created,
    }


def _event(service: Service, at: datetime, message: str) -> dict[str, Any]:
    # The same event keeps its id from answer to answer.
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{service.arn} {at} {message}")),
        "createdAt": at,
        "message": message,
    }
