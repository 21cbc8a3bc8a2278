"""Is a task well, still coming up, to be replaced, or has it failed? Pure: observations in, a judgement out.

ECS fails a task whose container turns UNHEALTHY, or whose target is unhealthy after the service's grace period
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html). Here the grace that a task
has *after its program has opened a port* is compressed, see ``clock``; a program that is still starting has all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from localcloud.aws.account import TargetFact
from localcloud.dataplane import clock

_TIMED_OUT = "Target.Timeout"


class Judgement(Enum):
    WELL = "well"
    COMING = "coming up"
    UNWELL = "unwell"  # was well, and isn't; may recover
    SICK = "sick"  # was well, and is to be replaced
    FAILED = "failed"  # never was well, and won't be


@dataclass(frozen=True)
class TargetView:
    """A task's port behind a target group, as the load balancer sees it. ``check``: "GET /path on 10.0.0.4:80"."""

    group: str
    address: str  # ip:port
    check: str
    fact: TargetFact | None


@dataclass(frozen=True)
class View:
    """What is known of a task. Times are monotonic seconds; ``opened``: when its program first listened."""

    started: float
    opened: float | None
    grace: float
    was_well: bool
    unwell_since: float | None
    containers: Sequence[tuple[str, str, str]]  # name, health, last word of the check
    targets: Sequence[TargetView]


@dataclass(frozen=True)
class Verdict:
    judgement: Judgement
    reason: str = ""


def judge(view: View, blocked: Iterable[str], now: float) -> Verdict:
    """``blocked``: the network's refusals, the latest last; they explain a target's time-out."""
    sick_container = next((c for c in view.containers if c[1] == "UNHEALTHY"), None)
    bad = [target for target in view.targets if target.fact is None or target.fact.state != "healthy"]
    if sick_container is not None:
        name, _, said = sick_container
        return _lost(view, f"Task failed container health checks: container {name}: {said}")
    if not bad and all(health in ("HEALTHY", "") for _, health, _ in view.containers):
        return Verdict(Judgement.WELL)
    failing = next((target for target in bad if target.fact is not None and target.fact.state == "unhealthy"), None)
    if failing is None:
        return Verdict(Judgement.UNWELL if view.was_well else Judgement.COMING)
    refusal = _refusal(failing, blocked)
    reason = f"Task failed ELB health checks in (target-group {failing.group}): {_explained(failing, refusal)}"
    if view.was_well:
        since = now - (view.unwell_since if view.unwell_since is not None else now)
        # Another task would meet the same refusal: it is reported, and this one kept for when the rule is back.
        return Verdict(
            Judgement.SICK if refusal is None and since >= clock.REPLACE_SECONDS else Judgement.UNWELL, reason
        )
    over = now >= _deadline(view, hopeless=refusal is not None)
    return Verdict(Judgement.FAILED if over else Judgement.COMING, reason)


def _lost(view: View, reason: str) -> Verdict:
    return Verdict(Judgement.SICK if view.was_well else Judgement.FAILED, reason)


def _deadline(view: View, hopeless: bool) -> float:
    if view.opened is None:
        return view.started + max(view.grace, clock.START_SECONDS_LEAST)
    if hopeless:
        return view.opened + clock.HOPELESS_SECONDS
    return view.opened + max(clock.GRACE_LEAST_SECONDS, view.grace / clock.GRACE_DIVISOR)


def _refusal(target: TargetView, blocked: Iterable[str]) -> str | None:
    """The network's own word on a check that timed out."""
    if target.fact is None or target.fact.reason != _TIMED_OUT:
        return None
    return next((sentence for sentence in reversed(list(blocked)) if target.address in sentence), None)


def _explained(target: TargetView, refusal: str | None) -> str:
    if refusal is not None:
        return refusal
    described = (target.fact.description if target.fact else None) or "no answer yet"
    return f"{target.check}: {described}"
