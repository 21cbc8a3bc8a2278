"""Clusters: what they hold is counted from facts, and one that holds something stays."""

from __future__ import annotations

from typing import Any

from localcloud.aws.ecs import standalone
from localcloud.aws.ecs.state import State
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, state: State) -> None:
    @rules.check("ecs", "DeleteCluster")
    def empty_before_deleted(call: Call) -> None:
        cluster = state.cluster(call)
        services = state.in_cluster(cluster.arn)
        active = [service.name for service in services if state.status(service) == "ACTIVE"]
        if active:
            raise Refusal(
                "ClusterContainsServicesException",
                f"The Cluster cannot be deleted while Services are active: {', '.join(active)}.",
            )
        tasks = [task.arn for service in services for task in state.live_tasks(service)]
        tasks += [
            arn
            for arn, task in state.account.standalone.items()
            if task.cluster == cluster.name and standalone.fact(state, task).last_status != "STOPPED"
        ]
        if tasks:
            raise Refusal(
                "ClusterContainsTasksException",
                f"The Cluster cannot be deleted while Tasks are active: {', '.join(tasks)}.",
            )

    @rules.after("ecs", "ListClusters")
    def without_deleted(call: Call, result: dict[str, Any]) -> None:
        active = {cluster.arn for cluster in state.moto.clusters.values() if cluster.status == "ACTIVE"}
        result["clusterArns"] = [arn for arn in result["clusterArns"] if arn in active]

    @rules.after("ecs", "DescribeClusters", "CreateCluster")
    def counted(call: Call, result: dict[str, Any]) -> None:
        for cluster in [result["cluster"]] if "cluster" in result else result["clusters"]:
            services = state.in_cluster(cluster["clusterArn"])
            facts = [state.fact(service) for service in services]
            cluster["activeServicesCount"] = sum(state.status(service) == "ACTIVE" for service in services)
            cluster["runningTasksCount"] = sum(fact.running for fact in facts)
            cluster["pendingTasksCount"] = sum(fact.pending for fact in facts)
