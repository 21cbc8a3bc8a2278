"""What is watched, as data: one entry an alarm, each with a page in docs/runbook that says what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from components import connections
from components.connections import GIB

RUNBOOK = "docs/runbook"


@dataclass(frozen=True)
class Watched:
    """Names by which CloudWatch knows the parts. `database` is None without one; with a `capacity` (Aurora's least and
    most units) it is a cluster."""

    load_balancer: str
    target_group: str
    cluster: str
    service: str
    relay: str
    distribution: str
    database: str | None
    instance_class: str
    storage: int
    capacity: tuple[float, float] | None = None


@dataclass(frozen=True)
class Alarm:
    """An alarm: `statistic` (or percentile such as p95) of a metric over `minutes`, above (or below) `threshold` in
    `bad` of `of` periods. `edge`: CloudFront's metrics are in us-east-1 only."""

    name: str
    what: str
    namespace: str
    metric: str
    dimensions: dict[str, str]
    statistic: str
    threshold: float
    minutes: int = 5
    bad: int = 3
    of: int = 3
    below: bool = False
    edge: bool = False

    @property
    def description(self) -> str:
        return f"{self.what} See {RUNBOOK}/{self.name}.md."

    @property
    def comparison(self) -> Literal["LessThanThreshold", "GreaterThanThreshold"]:
        return "LessThanThreshold" if self.below else "GreaterThanThreshold"


@dataclass(frozen=True)
class Event:
    """Something that has no metric of its own and is told as it happens."""

    name: str
    what: str
    pattern: dict[str, Any] = field(default_factory=dict[str, Any])


def alarms(watched: Watched) -> list[Alarm]:
    """All alarms, doors first. Thresholds are where the gateway is worse than a team of a dozen should ever see it."""
    balancer = {"LoadBalancer": watched.load_balancer}
    targets = {**balancer, "TargetGroup": watched.target_group}
    service = {"ClusterName": watched.cluster, "ServiceName": watched.service}
    edge = {"DistributionId": watched.distribution, "Region": "Global"}
    alb, ecs, cdn = "AWS/ApplicationELB", "AWS/ECS", "AWS/CloudFront"
    found = [
        Alarm("alb-5xx", "The load balancer itself answers 5xx: no task is there to answer.", alb,
              "HTTPCode_ELB_5XX_Count", balancer, "Sum", 5, minutes=1, bad=3, of=5),
        Alarm("target-5xx", "LiteLLM answers 5xx.", alb, "HTTPCode_Target_5XX_Count", balancer, "Sum", 10),
        Alarm("latency", "One request in twenty takes more than two minutes until its answer begins.", alb,
              "TargetResponseTime", balancer, "p95", 120),
        Alarm("unhealthy-targets", "A task fails its health checks.", alb, "UnHealthyHostCount", targets, "Maximum", 0,
              minutes=1, bad=5, of=5),
        # the edge's guard stops what is not on the list, so hardly anything should be left for the door to refuse
        Alarm("door-403", "The public door refuses requests that the edge let through.", alb,
              "HTTP_Fixed_Response_Count", balancer, "Sum", 20),
        Alarm("edge-5xx", "CloudFront answers 5xx to more than one request in twenty.", cdn, "5xxErrorRate", edge,
              "Average", 5, edge=True),
        Alarm("edge-latency", "One request in ten waits more than two minutes for the gateway behind CloudFront.", cdn,
              "OriginLatency", edge, "p90", 120_000, edge=True),
        Alarm("edge-403", "CloudFront refuses a third of all requests: somebody tries admin paths, or a client is set "
              "up wrongly.", cdn, "403ErrorRate", edge, "Average", 33, edge=True),
        Alarm("cpu", "The tasks' CPU is busy.", ecs, "CPUUtilization", service, "Average", 85),
        Alarm("memory", "The tasks' memory is nearly full.", ecs, "MemoryUtilization", service, "Average", 85),
        Alarm("relay-errors", "The admin relay fails.", "AWS/Lambda", "Errors", {"FunctionName": watched.relay},
              "Sum", 2, bad=1, of=1),
    ]  # fmt: skip
    return [*found, *_database_alarms(watched)]


def _database_alarms(watched: Watched) -> list[Alarm]:
    if watched.database is None:
        return []
    if watched.capacity is not None:
        return _aurora_alarms(watched.database, watched.capacity)
    instance = {"DBInstanceIdentifier": watched.database}
    rds = "AWS/RDS"
    found = [
        Alarm("database-connections", "The database's connections are nearly used up.", rds, "DatabaseConnections",
              instance, "Maximum", connections_worth_an_alarm(watched.instance_class)),
        Alarm("database-storage", "Less than a tenth of the database's storage is free.", rds, "FreeStorageSpace",
              instance, "Minimum", watched.storage * GIB / 10, bad=1, of=1, below=True),
    ]  # fmt: skip
    if watched.instance_class.startswith("db.t"):
        found.append(
            Alarm("database-credits", "The database has used up its CPU credits and is slowed down, or costs more.",
                  rds, "CPUCreditBalance", instance, "Minimum", 10, below=True)
        )  # fmt: skip
    return found


def _aurora_alarms(database: str, capacity: tuple[float, float]) -> list[Alarm]:
    """Its storage grows by itself, and it has no credits."""
    cluster = {"DBClusterIdentifier": database}
    most = connections.aurora_limit(*capacity) * 4 // 5
    return [
        Alarm("database-connections", "The database's connections are nearly used up.", "AWS/RDS",
              "DatabaseConnections", cluster, "Maximum", most),
        Alarm("database-capacity", "Aurora is at nearly all the capacity that it may take.", "AWS/RDS",
              "ACUUtilization", cluster, "Average", 90),
    ]  # fmt: skip


def connections_worth_an_alarm(instance_class: str) -> int:
    """Four fifths of what an instance of this class takes; of the smallest for a class that isn't known here."""
    most = connections.limit(instance_class) or connections.limit("db.t4g.micro") or 0
    return most * 4 // 5


def task_stops(cluster_arn: str) -> Event:
    """Tasks that stop on their own: ECS counts no restarts, but it tells of each task that ends.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    failed_check = [{"prefix": "Task failed ELB health checks"}, {"prefix": "Task failed container health checks"}]
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [cluster_arn],
            "lastStatus": ["STOPPED"],
            "$or": [
                {"stopCode": ["EssentialContainerExited", "TaskFailedToStart"]},
                {"stoppedReason": failed_check},
            ],
        },
    }
    return Event("task-restarts", "A task ended on its own, and ECS starts another.", pattern)


def dashboard(watched: Watched, region: str) -> dict[str, Any]:
    """One page: what callers see on the left, what it runs on on the right."""
    widgets: list[dict[str, Any]] = []
    for place, alarm in enumerate(alarms(watched)):
        dimensions = [part for pair in alarm.dimensions.items() for part in pair]
        widgets.append(
            {
                "type": "metric",
                "x": 12 * (place % 2),
                "y": 6 * (place // 2),
                "width": 12,
                "height": 6,
                "properties": {
                    "title": alarm.what,
                    "region": "us-east-1" if alarm.edge else region,
                    "view": "timeSeries",
                    "stat": alarm.statistic,
                    "period": alarm.minutes * 60,
                    "metrics": [[alarm.namespace, alarm.metric, *dimensions]],
                    "annotations": {"horizontal": [{"label": alarm.name, "value": alarm.threshold}]},
                },
            }
        )
    return {"widgets": widgets}
