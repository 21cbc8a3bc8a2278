"""Office hours, lifetime, alarms: what they declare, and the rules behind it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components import alarms
from components.hours import DAYS, OfficeHours
from components.lifetime import Lifetime, _Expiry, moment, span
from tests.components.declared import ACCOUNT, ROOT, Declared, declare

SCHEDULE = "aws:scheduler/schedule:Schedule"
HOURS = {"start": "08:00", "stop": "18:30", "timezone": "Europe/Berlin", "days": ["MON", "WED", "FRI"]}


def schedules(declared: Declared) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Name → expression, call and its input."""
    return {
        schedule["name"]: (
            schedule["scheduleExpression"],
            schedule["target"]["arn"].rpartition("aws-sdk:")[2],
            json.loads(schedule["target"]["input"]),
        )
        for schedule in declared.of(SCHEDULE).values()
    }


def test_office_hours_scale_the_service_and_stop_the_database_around_it() -> None:
    declared = declare("poc", officeHours=HOURS)
    service = {"Cluster": "llm-gateway-poc", "Service": "llm-gateway-poc"}
    database = {"DbInstanceIdentifier": "llm-gateway-poc"}
    assert schedules(declared) == {
        "database-start": ("cron(45 7 ? * MON,WED,FRI *)", "rds:startDBInstance", database),
        "service-start": ("cron(0 8 ? * MON,WED,FRI *)", "ecs:updateService", {**service, "DesiredCount": 1}),
        "service-stop": ("cron(30 18 ? * * *)", "ecs:updateService", {**service, "DesiredCount": 0}),
        "database-stop": ("cron(40 18 ? * * *)", "rds:stopDBInstance", database),
    }
    assert {s["scheduleExpressionTimezone"] for s in declared.of(SCHEDULE).values()} == {"Europe/Berlin"}


def test_the_scheduler_may_do_these_calls_on_these_resources_and_no_more() -> None:
    declared = declare("poc", officeHours=HOURS)
    policy = json.loads(declared.of("aws:iam/rolePolicy:RolePolicy")["sleep-policy"]["policy"])
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "ecs:UpdateService",
            "Resource": f"arn:aws:ecs:us-west-1:{ACCOUNT}:service/llm-gateway-poc/llm-gateway-poc",
        },
        {
            "Effect": "Allow",
            "Action": ["rds:StopDBInstance", "rds:StartDBInstance"],
            "Resource": f"arn:aws:rds:us-west-1:{ACCOUNT}:database-instance",
        },
    ]
    trust = json.loads(declared.of("aws:iam/role:Role")["sleep-role"]["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"].endswith("sleep-group")


def test_without_office_hours_one_schedule_waits_for_make_sleep() -> None:
    declared = declare("poc")
    [schedule] = declared.of(SCHEDULE).values()
    assert (schedule["name"], schedule["state"]) == ("keep-asleep", "DISABLED")
    assert schedule["target"]["arn"].endswith("rds:stopDBInstance")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start": "8:00"}, "must be a time of day such as 08:00"),
        ({"stop": "07:00"}, "must be later on the same day than start"),
        ({"stop": "23:55"}, "the database needs the rest"),
        ({"start": "00:10"}, "the database needs the rest"),
        ({"timezone": "Berlin"}, "is no time zone of the IANA database"),
        ({"days": ["MON", "Friday"]}, "'Friday'; the days are MON, TUE"),
        ({"days": []}, "at least 1 item"),
        ({"from": "08:00"}, "Extra inputs are not permitted"),
    ],
)
def test_hours_that_cannot_be_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        OfficeHours.model_validate({**HOURS, **changes})


MINUTES = st.integers(15, 23 * 60 + 49)


@given(MINUTES, MINUTES, st.sets(st.sampled_from(DAYS), min_size=1))
def test_the_database_is_up_before_and_after_the_service(start: int, stop: int, days: set[str]) -> None:
    def spelt(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    given = {"start": spelt(start), "stop": spelt(stop), "days": sorted(days)}
    if stop <= start:
        with pytest.raises(ValidationError):
            OfficeHours.model_validate(given)
        return
    hours = OfficeHours.model_validate(given)

    def at(cron: str) -> int:
        minute, hour = cron.removeprefix("cron(").split()[:2]
        return int(hour) * 60 + int(minute)

    assert (at(hours.database_start()), at(hours.service_start())) == (start - 15, start)
    assert (at(hours.service_stop()), at(hours.database_stop())) == (stop, stop + 10)
    assert hours.hours_a_week == pytest.approx((stop - start) / 60 * len(days))


def test_a_lifetime_runs_from_the_creation_and_anew_only_with_another_renewal() -> None:
    provider = _Expiry()
    first = {"ttl": "7d", "expires_at": "", "renewal": ""}
    made = provider.create(first).outs
    began = datetime.fromisoformat(made["began"])
    assert abs(began - datetime.now(UTC)) < timedelta(minutes=1)
    assert datetime.fromisoformat(made["expires"]) == began + timedelta(days=7)
    assert not provider.diff("x", made, first).changes, "another update prolongs nothing"

    old = {**made, "began": "2026-01-01T00:00:00+00:00"}
    longer = {**first, "ttl": "2w"}
    assert provider.diff("x", old, longer).changes
    assert provider.update("x", old, longer).outs["expires"] == "2026-01-15T00:00:00+00:00"
    renewed = provider.update("x", old, {**first, "renewal": "until the fair"}).outs
    assert datetime.fromisoformat(renewed["expires"]) > datetime.now(UTC) + timedelta(days=6)
    fixed = provider.update("x", old, {"ttl": "", "expires_at": "2026-12-24", "renewal": ""}).outs
    assert fixed["expires"] == "2026-12-25T00:00:00+00:00", "to the end of that day"


@pytest.mark.parametrize("wrong", ["7", "d", "0d", "-1d", "7 d", "400d", "1y", "99999999999w"])
def test_a_ttl_that_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        span(wrong)


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-13-01", "2026-12-24T18:00"])
def test_a_moment_that_is_none(wrong: str) -> None:
    with pytest.raises(ValueError):
        moment(wrong)


def test_only_a_stack_with_a_lifetime_has_one() -> None:
    kind = "pulumi-python:dynamic/lifetime:Lifetime"
    assert declare("poc").of(kind) == {}
    declared = declare("poc", ttl="7d")
    assert declared.one(kind)["ttl"] == "7d"
    assert "expiresAt" in declared.outputs
    assert Lifetime.__module__ == "components.lifetime"


def test_nobody_to_tell_means_a_dashboard_and_no_alarm() -> None:
    declared = declare("poc")
    types = {resource.typ for resource in declared.resources}
    assert "aws:cloudwatch/dashboard:Dashboard" in types
    assert not types & {"aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sns/topic:Topic", "aws:budgets/budget:Budget"}


@pytest.fixture(scope="module")
def told() -> Declared:
    return declare("poc", alarmEmail="ops@example.com")


def test_every_alarm_is_told_and_has_a_page_that_says_what_to_do(told: Declared) -> None:
    declared = told.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    watched = alarms.Watched("", "", "", "", "", "", "db", "db.t4g.micro", 20)
    assert len(declared) == len(alarms.alarms(watched)) == 14
    for name, alarm in declared.items():
        assert alarm["alarmActions"] and alarm["alarmActions"] == alarm["okActions"]
        assert all(alarm["dimensions"].values()), name
        page = ROOT / alarm["alarmDescription"].rpartition("See ")[2].rstrip(".")
        assert page.is_file(), f"{name} has no page {page}"
    pages = {path.stem for path in (ROOT / alarms.RUNBOOK).glob("*.md")} - {"README"}
    aurora = alarms.Watched("", "", "", "", "", "", "db", "", 0, capacity=(0.5, 4))
    every = {alarm.name for one in (watched, aurora) for alarm in alarms.alarms(one)}
    assert pages == every | {"task-restarts", "budget"}


def test_alarms_on_the_edge_are_where_its_metrics_are(told: Declared) -> None:
    edge = {
        resource.name
        for resource in told.resources
        if resource.typ == "aws:cloudwatch/metricAlarm:MetricAlarm" and "us-east-1" in (resource.provider or "")
    }
    assert edge == {"observability-edge-5xx", "observability-edge-latency", "observability-edge-403"}
    topics = told.of("aws:sns/topic:Topic")
    assert set(topics) == {"observability-topic", "observability-edge-topic"}
    assert {s["endpoint"] for s in told.of("aws:sns/topicSubscription:TopicSubscription").values()} == {
        "ops@example.com"
    }


def test_a_budget_watches_the_stacks_tag(told: Declared) -> None:
    budget = told.one("aws:budgets/budget:Budget")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Stack$poc"]}]
    assert [(n["notificationType"], n["threshold"]) for n in budget["notifications"]] == [
        ("ACTUAL", 80),
        ("FORECASTED", 100),
    ]


def test_the_dashboard_shows_every_alarms_metric(told: Declared) -> None:
    body = json.loads(told.one("aws:cloudwatch/dashboard:Dashboard")["dashboardBody"])
    assert len(body["widgets"]) == 14
    assert {w["properties"]["region"] for w in body["widgets"]} == {"us-west-1", "us-east-1"}


def test_connections_follow_the_instance_class() -> None:
    found = [alarms.connections_worth_an_alarm(f"db.t4g.{size}") for size in ("micro", "small", "medium", "strange")]
    assert found == [*sorted(found[:3]), found[0]]
    assert 60 < found[0] < 112, "below what the smallest class takes"
