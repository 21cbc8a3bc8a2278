"""Puts a stack to sleep, and wakes it: the service to nothing and the database stopped, and back.

What there is comes from the stack's state, so it works on any backend and with whatever the program says today.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import CannotRun
from ops.shapes import object_at

SERVICE = "aws:ecs/service:Service"
DATABASE = "aws:rds/instance:Instance"
AURORA = "aws:rds/cluster:Cluster"
SCHEDULE = "aws:scheduler/schedule:Schedule"
SCALING = "aws:appautoscaling/target:Target"
KEEP_ASLEEP = "keep-asleep"
# Seconds between two looks, and looks: an instance stops or starts within a quarter of an hour.
_LOOK = {"Delay": 10, "MaxAttempts": 180}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """What sleeps. `tasks` is how many run when awake. `schedule` is the group and name of the one that keeps the
    database from starting by itself; None where office hours do that. `aurora`: the database is a cluster. `scaled`
    names scalable targets."""

    region: str
    cluster: str
    service: str
    tasks: int
    database: str | None
    schedule: tuple[str, str] | None
    aurora: bool = False
    scaled: tuple[str, ...] = ()


def parts(resources: Iterable[Mapping[str, Any]]) -> Parts:
    """From a stack's state.

    Raises:
        CannotRun: it has no service, or is protected.
    """
    there = [item for item in resources if not item.get("delete")]
    if any(item.get("protect") for item in there):
        raise CannotRun("this stack is protected, and a protected stack isn't put to sleep")
    found = {item["type"]: object_at(item, "outputs") for item in there}
    if SERVICE not in found:
        raise CannotRun("this stack has no service: it is not up")
    service, aurora = found[SERVICE], found.get(AURORA)
    database = aurora["clusterIdentifier"] if aurora else object_at(found, DATABASE).get("identifier")
    schedules = [object_at(item, "outputs") for item in there if item["type"] == SCHEDULE]
    named = [schedule for schedule in schedules if schedule.get("name") == KEEP_ASLEEP]
    return Parts(
        region=str(service["region"]),
        cluster=str(service["cluster"]),
        service=str(service["name"]),
        # a stack that was refreshed while it slept has forgotten how many there were
        tasks=max(1, int(service.get("desiredCount") or 0)),
        database=str(database) if database else None,
        aurora=aurora is not None,
        schedule=(str(named[0]["groupName"]), KEEP_ASLEEP) if named else None,
        scaled=tuple(str(object_at(i, "outputs")["resourceId"]) for i in there if i["type"] == SCALING),
    )


def sleep(these: Parts, client: Callable[[str], Any], say: Say) -> None:
    """Tasks first: one without a database would end and be started again and again."""
    _scaling(these, client, suspended=True)
    ecs = client("ecs")
    ecs.update_service(cluster=these.cluster, service=these.service, desiredCount=0)
    say("the tasks end")
    ecs.get_waiter("services_stable").wait(cluster=these.cluster, services=[these.service], WaiterConfig=_LOOK)
    if these.database is None:
        return
    store = _Store(client("rds"), these)
    if store.status not in ("stopping", "stopped"):
        say("the database stops (minutes)")
        store.wait("available")
        store.stop()
    _keep_asleep(these, client, "ENABLED")


def wake(these: Parts, client: Callable[[str], Any], say: Say) -> None:
    """The database first. Returns once the tasks are healthy behind the doors."""
    if these.database is not None:
        _keep_asleep(these, client, "DISABLED")
        store = _Store(client("rds"), these)
        if store.status == "stopping":
            say("the database is still stopping")
            store.wait("stopped")
        if store.status == "stopped":
            store.start()
        say("the database starts (minutes)")
        store.wait("available")
    ecs = client("ecs")
    ecs.update_service(cluster=these.cluster, service=these.service, desiredCount=these.tasks)
    say("the tasks start")
    ecs.get_waiter("services_stable").wait(cluster=these.cluster, services=[these.service], WaiterConfig=_LOOK)
    # stable is said of tasks that run; they serve once the load balancer finds them healthy
    [service] = ecs.describe_services(cluster=these.cluster, services=[these.service])["services"]
    for behind in service["loadBalancers"]:
        waiter = client("elbv2").get_waiter("target_in_service")
        waiter.wait(TargetGroupArn=behind["targetGroupArn"], WaiterConfig=_LOOK)
    _scaling(these, client, suspended=False)


class _Store:
    """The database: an instance, or a cluster, whose calls are named alike."""

    def __init__(self, rds: Any, these: Parts) -> None:
        self._rds, self._aurora = rds, these.aurora
        kind = "Cluster" if these.aurora else "Instance"
        self._which = {f"DB{kind}Identifier": these.database}

    @property
    def status(self) -> str:
        if self._aurora:
            return str(self._rds.describe_db_clusters(**self._which)["DBClusters"][0]["Status"])
        return str(self._rds.describe_db_instances(**self._which)["DBInstances"][0]["DBInstanceStatus"])

    def wait(self, status: str) -> None:
        """Until it is `available` or `stopped`."""
        if self._aurora and status == "stopped":  # botocore has no waiter for it
            for _ in range(_LOOK["MaxAttempts"]):
                if self.status == status:
                    return
                time.sleep(_LOOK["Delay"])
            raise CannotRun("the database is still stopping after half an hour; try again later")
        name = f"db_{'cluster' if self._aurora else 'instance'}_{status}"
        self._rds.get_waiter(name).wait(**self._which, WaiterConfig=_LOOK)

    def stop(self) -> None:
        (self._rds.stop_db_cluster if self._aurora else self._rds.stop_db_instance)(**self._which)

    def start(self) -> None:
        (self._rds.start_db_cluster if self._aurora else self._rds.start_db_instance)(**self._which)


def _keep_asleep(these: Parts, client: Callable[[str], Any], state: str) -> None:
    """RDS starts a stopped instance after seven days; while this schedule is on it is stopped again each night."""
    if these.schedule is None:
        return
    scheduler = client("scheduler")
    group, name = these.schedule
    known = scheduler.get_schedule(GroupName=group, Name=name)
    # an update says everything anew
    said = ("Description", "FlexibleTimeWindow", "ScheduleExpression", "ScheduleExpressionTimezone", "Target")
    kept = {member: known[member] for member in said if known.get(member) is not None}
    scheduler.update_schedule(GroupName=group, Name=name, State=state, **kept)


def _scaling(these: Parts, client: Callable[[str], Any], *, suspended: bool) -> None:
    """Autoscaling would bring the tasks back to its least."""
    for resource in these.scaled:
        client("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=resource,
            ScalableDimension="ecs:service:DesiredCount",
            SuspendedState={
                "DynamicScalingInSuspended": suspended,
                "DynamicScalingOutSuspended": suspended,
                "ScheduledScalingSuspended": suspended,
            },
        )
