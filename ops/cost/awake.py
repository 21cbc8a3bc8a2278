"""How many hours a month things run, read from the schedules that a stack declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ops.cost.prices import HOURS_A_MONTH
from ops.plan import Planned
from ops.shapes import object_at

SCHEDULE = "aws:scheduler/schedule:Schedule"
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_WEEK = 24 * 7


def service_hours(planned: Iterable[Planned]) -> float:
    """A month's hours in which the service has tasks."""
    return _hours(planned, "ecs:updateService", "ecs:updateService")


def database_hours(planned: Iterable[Planned]) -> float:
    """A month's hours in which the database runs."""
    return _hours(planned, "rds:startDBInstance", "rds:stopDBInstance")


def _hours(planned: Iterable[Planned], start: str, stop: str) -> float:
    """All of them, unless schedules both start and stop it."""
    starts: list[tuple[float, tuple[str, ...]]] = []
    stops: list[tuple[float, tuple[str, ...]]] = []
    for schedule in planned:
        if schedule.type != SCHEDULE or schedule.inputs.get("state", "ENABLED") != "ENABLED" or not schedule.stays:
            continue
        target = object_at(schedule.inputs, "target")
        call = str(target.get("arn", "")).rpartition("aws-sdk:")[2]
        moment = _moment(str(schedule.inputs.get("scheduleExpression", "")))
        if moment is None or call not in (start, stop):
            continue
        wakes = _wakes(call, target)
        (starts if wakes else stops).append(moment)
    if not starts or not stops:
        return HOURS_A_MONTH
    # each start runs until the next stop of the same day
    awake = sum(len(days) * max(0.0, min(h for h, _ in stops if h > hour) - hour) for hour, days in starts)
    return awake / _WEEK * HOURS_A_MONTH


def _wakes(call: str, target: dict[str, Any]) -> bool:
    if call == "ecs:updateService":
        return int(json.loads(target.get("input") or "{}").get("DesiredCount", 0)) > 0
    return call.startswith("rds:start")


def _moment(expression: str) -> tuple[float, tuple[str, ...]] | None:
    """`cron(30 8 ? * MON,FRI *)` → 8.5 and its days; None for what says something else."""
    found = re.fullmatch(r"cron\((\d+) (\d+) \? \* (\*|[A-Z,]+) \*\)", expression)
    if not found:
        return None
    days = _DAYS if found[3] == "*" else tuple(found[3].split(","))
    return int(found[2]) + int(found[1]) / 60, days
