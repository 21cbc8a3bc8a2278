"""Schedules in a group of their own, through the real engine."""

from __future__ import annotations

import pulumi_aws as aws
import pytest

from tests.plugins.every_watching import TRUST
from tests.plugins.world import World

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_a_schedule_goes_from_its_own_group(world: World) -> None:
    """A deletion knows only the state: the default group must not stand in for the schedule's."""
    there = {"is": True}

    def program() -> None:
        group = aws.scheduler.ScheduleGroup("group", name="mishaps-group")
        role = aws.iam.Role("role", assume_role_policy=TRUST)
        if there["is"]:
            aws.scheduler.Schedule(
                "one",
                name="one",
                group_name=group.name,
                schedule_expression="rate(1 day)",
                flexible_time_window={"mode": "OFF"},
                target={"arn": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance", "role_arn": role.arn, "input": "{}"},
            )

    stack = world.stack("schedules", program)
    scheduler = world.account.client("scheduler")
    try:
        stack.up()
        assert [s["Name"] for s in scheduler.list_schedules(GroupName="mishaps-group")["Schedules"]] == ["one"]
        there["is"] = False
        stack.up()
        assert scheduler.list_schedules(GroupName="mishaps-group")["Schedules"] == []
    finally:
        stack.destroy()
