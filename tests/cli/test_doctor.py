"""What the doctor makes of what AWS and LiteLLM say. `tests/live/test_doctor.py` breaks the real thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from litellm_admin.cli.doctor import flows, keys, states
from litellm_admin.cli.doctor.findings import REPAIR
from litellm_admin.cli.doctor.flows import Flow, Part
from litellm_admin.models import ObservedKey, ObservedUser
from litellm_admin.stack import StackFacts
from tests.cli.test_way import FACTS

STACK = StackFacts(**FACTS)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def service(desired: int = 1, running: int = 1, **more: Any) -> dict[str, Any]:
    return {"desiredCount": desired, "runningCount": running, "deployments": [], "events": [], **more}


def text(findings: Any) -> str:
    return "\n".join(f"{finding.what} → {finding.remedy}" for finding in findings)


def test_a_service_that_is_well_is_a_note() -> None:
    [found] = states.service(service(), [], STACK)
    assert not found.broken


STOPPED = [
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): not found",
        "can't pull the image",
        "NAT",
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm",
        "can't read a secret",
        REPAIR,
    ),
    ("OutOfMemoryError: Container killed due to memory usage", "ran out of memory", "taskMemory"),
    ("Task failed ELB health checks in (target-group arn:…)", "ended tasks that didn't get healthy", "aws logs tail l"),
    ("Essential container in task exited", "ended by itself", "aws logs tail l"),
]


@pytest.mark.parametrize(("reason", "what", "remedy"), STOPPED)
def test_why_tasks_end_is_told_with_what_to_do(reason: str, what: str, remedy: str) -> None:
    task = {"stoppedReason": reason, "containers": [{"name": "litellm"}]}
    found = text(states.service(service(1, 0), [task], STACK))
    assert "None of 1 wanted tasks runs" in found
    assert what in found
    assert remedy in found
    by_event = states.service(service(1, 0, events=[{"message": f"(service x) {reason}"}]), [], STACK)
    assert what in text(by_event)


def test_an_exit_code_of_137_is_memory() -> None:
    task = {"stoppedReason": "Essential container in task exited", "containers": [{"exitCode": 137}]}
    assert "ran out of memory" in text(states.service(service(1, 0), [task], STACK))


def test_a_deployment_that_fails_beside_a_running_task_is_told() -> None:
    failing = {"rolloutState": "IN_PROGRESS", "failedTasks": 2, "rolloutStateReason": "tasks failed to start"}
    task = {"stoppedReason": STOPPED[0][0], "containers": []}
    found = text(states.service(service(deployments=[failing]), [task], STACK))
    assert "The latest deployment doesn't get through: tasks failed to start" in found
    assert "can't pull the image" in found


def test_a_service_scaled_to_none_is_told_as_such() -> None:
    found = text(states.service(service(0, 0), [{"stoppedReason": "Scaling activity"}], STACK))
    assert "scaled to no tasks" in found
    assert "`make wake STACK=poc`" in found
    assert "pulumi up` leaves" in found


def target(state: str, reason: str = "", description: str = "") -> dict[str, Any]:
    health = {"State": state, **({"Reason": reason, "Description": description} if reason else {})}
    return {"Target": {"Id": "10.0.0.1", "Port": 4000}, "TargetHealth": health}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([], "no task is registered"),
        ([target("unhealthy", "Target.Timeout", "Request timed out")], "security groups"),
        ([target("unhealthy", "Target.ResponseCodeMismatch", "codes: [503]")], "can't reach its database"),
        ([target("unhealthy", "Target.FailedHealthChecks", "failed")], "takes no connection"),
        ([target("initial", "Elb.InitialHealthChecking", "in progress")], "wait a minute"),
        ([target("draining")], "is draining"),
    ],
)
def test_targets_that_arent_healthy_are_explained(answer: Any, says: str) -> None:
    found = states.targets(answer)
    assert says in text(found)
    assert all(finding.broken for finding in found)


def test_one_healthy_target_is_enough() -> None:
    [found] = states.targets([target("unhealthy", "Target.Timeout"), target("healthy")])
    assert (found.broken, found.what) == (False, "1 of 2 targets are healthy")


@pytest.mark.parametrize(
    ("status", "broken", "says"),
    [
        ("available", False, "RDS says available"),
        ("stopped", True, "aws rds start-db-instance --db-instance-identifier d --region us-west-1"),
        ("stopping", True, "start-db-instance"),
        ("starting", True, "Wait until it is available"),
        ("storage-full", True, "databaseStorage"),
        ("incompatible-network", True, "in the state incompatible-network"),
    ],
)
def test_the_databases_state_says_what_to_do(status: str, broken: bool, says: str) -> None:
    [found] = states.database({"DBInstanceStatus": status}, STACK)
    assert (found.broken, says in text([found])) == (broken, True)


def test_what_is_gone_is_made_anew() -> None:
    assert "no database d" in text(states.database(None, STACK))
    assert "secret is gone" in text(states.secret(None, STACK))
    assert "restore-secret" in text(states.secret({"DeletedDate": "x"}, STACK))
    assert states.secret({"Name": "x"}, STACK) == []


# -- security groups

RELAY, ALB = Part("the relay", ("sg-relay",)), Part("the load balancer", ("sg-alb",))


def rule(egress: bool, group: str, port: int = 8080, other: str | None = None, protocol: str = "tcp") -> dict[str, Any]:
    ends = {"ReferencedGroupInfo": {"GroupId": other}} if other else {"CidrIpv4": "0.0.0.0/0"}
    ports = {"FromPort": port, "ToPort": port} if protocol == "tcp" else {"FromPort": -1, "ToPort": -1}
    return {"IsEgress": egress, "GroupId": group, "IpProtocol": protocol, **ports, **ends}


OUT, IN = rule(True, "sg-relay", other="sg-alb"), rule(False, "sg-alb", other="sg-relay")


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ([OUT, IN], []),
        ([rule(True, "sg-relay", protocol="-1"), IN], []),
        ([rule(True, "sg-relay"), rule(False, "sg-alb")], []),
        ([IN], ["the relay (sg-relay) lets nothing out to the load balancer on port 8080"]),
        ([OUT], ["the load balancer (sg-alb) lets nothing in from the relay on port 8080"]),
        ([], ["the relay (sg-relay) lets nothing out", "the load balancer (sg-alb) lets nothing in"]),
        ([OUT, rule(False, "sg-alb", other="sg-other")], ["lets nothing in from the relay"]),
        ([OUT, rule(False, "sg-alb", port=80, other="sg-relay")], ["lets nothing in from the relay"]),
        ([OUT, rule(False, "sg-alb", other="sg-relay", protocol="udp")], ["lets nothing in"]),
        ([rule(False, "sg-relay", other="sg-alb"), IN], ["lets nothing out"]),
    ],
)
def test_a_missing_rule_is_named_on_its_side(rules: list[Any], missing: list[str]) -> None:
    flow = Flow(RELAY, ALB, 8080)
    found = flows.check([flow], rules)[flow]
    assert len(found) == len(missing)
    assert all(said in finding.what for said, finding in zip(missing, found, strict=True))


def test_of_something_outside_only_our_side_is_looked_at() -> None:
    flow = Flow(Part("CloudFront"), ALB, 80)
    assert flows.check([flow], [rule(False, "sg-alb", port=80, other="sg-managed")])[flow] == []
    assert "lets nothing in from CloudFront on port 80" in flows.check([flow], [])[flow][0].what


# -- keys


def a_key(**more: Any) -> ObservedKey:
    values: dict[str, Any] = {
        **dict.fromkeys(("owner_id", "budget", "duration", "expires", "tpm_limit", "rpm_limit", "resets")),
        "token": "t" * 64,
        "alias": "laptop",
        "models": (),
        "metadata": {},
        "routes": (),
        "blocked": False,
        "spend": 0.0,
    }
    return ObservedKey(**{**values, **more})


def an_owner(budget: float | None, spend: float) -> ObservedUser:
    return ObservedUser("u-1", "dev@example.com", None, None, (), budget, None, None, None, {}, spend, None)


@pytest.mark.parametrize(
    ("seen", "owner", "says"),
    [
        (a_key(), None, []),
        (a_key(budget=5.0, spend=4.9), an_owner(5.0, 4.9), []),
        (a_key(blocked=True), None, ["is blocked", "unblock-key laptop"]),
        (a_key(expires=NOW - timedelta(days=1)), None, ["Invalid API Key: laptop expired at 2026-11-24", "update-key"]),
        (a_key(budget=5.0, spend=5.0), None, ["Budget exceeded: laptop has spent $5.00 of $5.00", "update-key laptop"]),
        (a_key(), an_owner(10.0, 12.0), ["Budget exceeded: dev@example.com", "update-budget --user-id u-1"]),
    ],
)
def test_why_a_key_is_refused(seen: ObservedKey, owner: ObservedUser | None, says: list[str]) -> None:
    found = text(keys.judge(seen, owner, NOW))
    assert all(said in found for said in says)
    assert bool(found) == bool(says)
