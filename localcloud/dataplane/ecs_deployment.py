"""What an ECS service should do next: rolling update, circuit breaker, rollback. Pure: states in, actions out.

Rules: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html (minimum and maximum healthy
percent), …/deployment-circuit-breaker.html (threshold, rollback to the last completed deployment). The replacement of
an unhealthy task is started before that task is stopped, where the maximum percent leaves room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum

from localcloud.dataplane import clock

IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"


class Phase(Enum):
    """Where a task is in its life, as far as the scheduler cares."""

    STARTING = "starting"  # before RUNNING
    RUNNING = "running"
    STOPPING = "stopping"  # on its way out, or stopped: it counts no more


@dataclass(frozen=True)
class TaskState:
    """``healthy``: passes its containers' and its load balancers' checks. ``sick``: was healthy, and has not been for
    so long that it is to be replaced. ``born`` orders tasks by age."""

    id: str
    deployment: str
    phase: Phase
    healthy: bool = False
    sick: bool = False
    born: float = 0.0

    @property
    def alive(self) -> bool:
        return self.phase is not Phase.STOPPING


@dataclass(frozen=True)
class Deployment:
    """``failures`` is what the circuit breaker counts; no task is started before ``retry_at`` (seconds, monotonic)."""

    id: str
    definition: str
    state: str = IN_PROGRESS
    failures: int = 0
    failed_tasks: int = 0
    in_a_row: int = 0
    retry_at: float = 0.0
    reason: str = ""
    was_completed: bool = False


@dataclass(frozen=True)
class Plan:
    """What is wanted of a service. ``deployments``: the primary one first."""

    desired: int
    deployments: tuple[Deployment, ...]
    min_percent: int = 100
    max_percent: int = 200
    breaker: bool = False
    rollback: bool = False

    @property
    def least(self) -> int:
        """Healthy tasks that must stay. Rounded up (deployment-type-ecs.html)."""
        return math.ceil(self.desired * self.min_percent / 100)

    @property
    def most(self) -> int:
        """Tasks that may be alive. Rounded down (deployment-type-ecs.html)."""
        return math.floor(self.desired * self.max_percent / 100)

    @property
    def threshold(self) -> int:
        """Failed tasks that trip the circuit breaker."""
        return min(max(math.ceil(self.desired / 2), clock.BREAKER_LEAST), clock.BREAKER_MOST)


@dataclass(frozen=True)
class Decision:
    """``start``: how many tasks of the primary deployment. ``stop``: task id → why. ``events`` are ECS's sentences."""

    deployments: tuple[Deployment, ...]
    start: int = 0
    stop: dict[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()


def failed(deployment: Deployment, reason: str, seconds: float, now: float) -> Deployment:
    """``deployment`` after one of its tasks failed ``seconds`` after its start."""
    pauses = clock.RETRY_SECONDS
    return replace(
        deployment,
        failures=deployment.failures + (clock.BREAKER_LEAST if seconds >= clock.SLOW_FAILURE_SECONDS else 1),
        failed_tasks=deployment.failed_tasks + 1,
        in_a_row=deployment.in_a_row + 1,
        retry_at=now + pauses[min(deployment.in_a_row, len(pauses) - 1)],
        reason=reason,
    )


def decide(plan: Plan, tasks: list[TaskState], now: float) -> Decision:
    """The next step. Call it again when something has changed: it converges."""
    plan, events = _judge_rollout(plan, tasks)
    primary = plan.deployments[0]
    mine = [task for task in tasks if task.alive and task.deployment == primary.id]
    others = [task for task in tasks if task.alive and task.deployment != primary.id]
    start = _to_start(plan, mine, others, now)
    stop = _surplus(plan, mine, others) | _superseded(plan, mine, others, start)
    return Decision(_listed(plan, others), start, stop, events)


def _listed(plan: Plan, others: list[TaskState]) -> tuple[Deployment, ...]:
    """Deployments that matter: the primary, those with tasks, failed ones (to be read), and the one to go back to."""
    primary = plan.deployments[0]
    target = _rollback_target(plan) if primary.state == IN_PROGRESS else None
    return tuple(
        deployment
        for deployment in plan.deployments
        if deployment in (primary, target)
        or deployment.state == FAILED
        or any(task.deployment == deployment.id for task in others)
    )


def _rollback_target(plan: Plan) -> Deployment | None:
    return next((deployment for deployment in plan.deployments[1:] if deployment.was_completed), None)


def _judge_rollout(plan: Plan, tasks: list[TaskState]) -> tuple[Plan, tuple[str, ...]]:
    """Completed, or tripped the circuit breaker?"""
    primary, *older = plan.deployments
    if primary.state != IN_PROGRESS:
        return plan, ()
    alive = [task for task in tasks if task.alive]
    well = [task for task in alive if task.deployment == primary.id and task.healthy and task.phase is Phase.RUNNING]
    if len(well) >= plan.desired and len(alive) == len(well) == plan.desired:
        done = replace(primary, state=COMPLETED, was_completed=True, reason=f"ECS deployment {primary.id} completed.")
        failures = [deployment for deployment in older if deployment.state == FAILED]
        return replace(plan, deployments=(done, *failures)), (f"(deployment {primary.id}) deployment completed.",)
    if not plan.breaker or primary.failures < plan.threshold:
        return plan, ()
    cause = primary.reason or "tasks failed to start"
    lost = replace(primary, state=FAILED, reason=f"ECS deployment circuit breaker: {cause}")
    target = _rollback_target(plan)
    event = f"(deployment {primary.id}) deployment failed: {cause}"
    if not plan.rollback or target is None:
        return replace(plan, deployments=(lost, *older)), (event,)
    again = replace(
        target,
        state=IN_PROGRESS,
        failures=0,
        in_a_row=0,
        retry_at=0.0,
        reason=f"ECS deployment circuit breaker: rolling back to deploymentId {target.id}.",
    )
    rest = tuple(deployment for deployment in older if deployment is not target)
    return replace(plan, deployments=(again, lost, *rest)), (event, f"rolling back to deployment {target.id}.")


def _to_start(plan: Plan, mine: list[TaskState], others: list[TaskState], now: float) -> int:
    primary = plan.deployments[0]
    if primary.state == FAILED or now < primary.retry_at:
        return 0
    sound = [task for task in mine if not task.sick]
    return max(0, min(plan.desired - len(sound), plan.most - len(mine) - len(others)))


def _surplus(plan: Plan, mine: list[TaskState], others: list[TaskState]) -> dict[str, str]:
    """Tasks of the primary deployment beyond the desired count, the least useful first; and sick ones that have been
    replaced, or for whose replacement there is no room."""
    sound = sorted((task for task in mine if not task.sick), key=_usefulness)
    excess = max(0, len(sound) - plan.desired)
    stop = {task.id: "Scaling activity initiated by the desired count" for task in sound[:excess]}
    replaced = sum(task.healthy for task in sound) >= plan.desired
    no_room = len(sound) < plan.desired and not others and len(mine) >= plan.most
    if replaced or no_room:
        stop |= {task.id: "Task failed its health checks" for task in mine if task.sick}
    return stop


def _superseded(plan: Plan, mine: list[TaskState], others: list[TaskState], start: int) -> dict[str, str]:
    """Tasks of older deployments that new healthy ones stand in for, or that must make room for new ones."""
    if not others:
        return {}
    primary = plan.deployments[0]
    well = sum(task.healthy for task in mine)
    lost = {deployment.id for deployment in plan.deployments if deployment.state == FAILED}
    # Of a deployment that has failed nothing is kept, except when there is nothing else that serves.
    doomed = [task for task in others if not task.healthy and (task.phase is Phase.STARTING or task.deployment in lost)]
    rest = [task for task in others if task not in doomed]
    wanted = plan.desired - sum(not task.sick for task in mine) - start
    room = wanted if primary.state != FAILED and wanted > 0 and len(mine) + len(others) + start >= plan.most else 0
    number = max(well + len(rest) - plan.desired, room - len(doomed))
    spare = well + sum(task.healthy for task in rest) - plan.least
    chosen: list[TaskState] = list(doomed)
    for task in sorted(rest, key=_usefulness):
        if number <= 0:
            break
        if task.healthy:
            if spare <= 0:
                continue
            spare -= 1
        chosen.append(task)
        number -= 1
    return {task.id: f"Scaling activity initiated by (deployment {primary.id})" for task in chosen}


def _usefulness(task: TaskState) -> tuple[int, float]:
    """Sorts the task to stop first to the front: starting, sick, unhealthy, healthy; the youngest of each first."""
    if task.phase is Phase.STARTING:
        rank = 0
    elif task.sick:
        rank = 1
    else:
        rank = 3 if task.healthy else 2
    return rank, -task.born
