"""When a task is well, when it has failed, and when it is replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.aws.account import TargetFact
from localcloud.dataplane import clock
from localcloud.dataplane.ecs_health import Judgement, TargetView, View, judge

ADDRESS = "10.0.0.4:80"
REFUSAL = f"load balancer front → task web/1 {ADDRESS}: security group sg-1 (web) has no ingress rule for port 80"
TIMED_OUT = TargetFact("unhealthy", "Target.Timeout", "Request timed out")
ANSWERED_404 = TargetFact("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]")
INITIAL = TargetFact("initial")


def view(target: TargetFact | None = None, **more) -> View:
    targets = (
        [TargetView("arn:tg", ADDRESS, f"GET /well on {ADDRESS}", target)]
        if target is not None or "bare" not in more
        else []
    )
    more.pop("bare", None)
    plain = View(started=0, opened=10, grace=180, was_well=False, unwell_since=None, containers=(), targets=targets)
    return replace(plain, **more)


def test_well_means_every_check_passes() -> None:
    healthy = TargetFact("healthy")
    assert judge(view(bare=True), (), 0).judgement is Judgement.WELL
    assert judge(view(healthy), (), 0).judgement is Judgement.WELL
    assert judge(view(healthy, containers=[("a", "HEALTHY", "")]), (), 0).judgement is Judgement.WELL
    assert judge(view(healthy, containers=[("a", "UNKNOWN", "")]), (), 0).judgement is Judgement.COMING
    assert judge(view(INITIAL), (), 1e9).judgement is Judgement.COMING
    assert judge(view(None), (), 1e9).judgement is Judgement.COMING


def test_a_program_that_is_still_starting_has_its_whole_grace() -> None:
    starting = view(ANSWERED_404, opened=None)
    assert judge(starting, (), 179).judgement is Judgement.COMING
    assert judge(starting, (), 180).judgement is Judgement.FAILED
    impatient = replace(starting, grace=0)
    assert judge(impatient, (), clock.START_SECONDS_LEAST - 1).judgement is Judgement.COMING


def test_one_that_listens_has_a_compressed_grace() -> None:
    grace = 180 / clock.GRACE_DIVISOR
    assert judge(view(ANSWERED_404), (), 10 + grace - 0.1).judgement is Judgement.COMING
    verdict = judge(view(ANSWERED_404), (), 10 + grace)
    assert verdict.judgement is Judgement.FAILED
    assert verdict.reason == (
        "Task failed ELB health checks in (target-group arn:tg): "
        f"GET /well on {ADDRESS}: Health checks failed with these codes: [404]"
    )


def test_a_refusal_by_the_network_is_quoted_and_needs_no_grace() -> None:
    blocked = ["somebody → else: refused", REFUSAL, "a third: refused"]
    assert judge(view(TIMED_OUT), blocked, 10 + clock.HOPELESS_SECONDS - 0.1).judgement is Judgement.COMING
    verdict = judge(view(TIMED_OUT), blocked, 10 + clock.HOPELESS_SECONDS)
    assert verdict.judgement is Judgement.FAILED and verdict.reason.endswith(REFUSAL)
    assert "Request timed out" in judge(view(TIMED_OUT), ["somebody → else"], 1e9).reason
    assert "[404]" in judge(view(ANSWERED_404), blocked, 1e9).reason, "an old refusal explains no answer"


def test_a_container_that_turns_unhealthy_fails_a_new_task_and_replaces_an_old_one() -> None:
    sick = [("web", "UNHEALTHY", "exit code 1: not yet")]
    verdict = judge(view(bare=True, containers=sick), (), 0)
    assert verdict.judgement is Judgement.FAILED
    assert verdict.reason == "Task failed container health checks: container web: exit code 1: not yet"
    assert judge(view(bare=True, containers=sick, was_well=True), (), 0).judgement is Judgement.SICK


@pytest.mark.parametrize(("seconds", "expected"), [(0, Judgement.UNWELL), (clock.REPLACE_SECONDS, Judgement.SICK)])
def test_an_old_task_is_replaced_when_it_stays_unwell(seconds: float, expected: Judgement) -> None:
    old = view(ANSWERED_404, was_well=True, unwell_since=100)
    assert judge(old, (), 100 + seconds).judgement is expected


def test_an_old_task_that_the_network_cuts_off_is_kept() -> None:
    old = view(TIMED_OUT, was_well=True, unwell_since=100)
    verdict = judge(old, [REFUSAL], 1e9)
    assert verdict.judgement is Judgement.UNWELL and REFUSAL in verdict.reason
