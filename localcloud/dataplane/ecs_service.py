"""One ECS service: its deployments and tasks, looked at and moved on until the service is gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from localcloud.aws.account import DeploymentFact, ServiceFact, TaskFact
from localcloud.dataplane import clock, ecs_deployment
from localcloud.dataplane.ecs_deployment import Deployment, Phase, Plan, TaskState, decide
from localcloud.dataplane.ecs_health import Judgement
from localcloud.dataplane.ecs_model import ServiceSpec, TaskSpec, read_task
from localcloud.dataplane.ecs_task import Assignment, Task
from localcloud.dataplane.site import Site

log = logging.getLogger(__name__)
_EVENTS_KEPT = 100  # as ECS keeps


class Service:
    """Runs until ``close``. ``update`` tells it what is wanted."""

    def __init__(self, site: Site, spec: ServiceSpec) -> None:
        self.spec = spec
        self.tasks: list[Task] = []
        self._site = site
        self._definitions: dict[str, TaskSpec] = {}
        self._deployments: tuple[Deployment, ...] = ()
        self._specs: dict[str, ServiceSpec] = {}  # deployment id → the service as it was then
        self._times: dict[str, tuple[datetime, datetime]] = {}  # deployment id → created, updated
        self._events: deque[tuple[datetime, str]] = deque(maxlen=_EVENTS_KEPT)
        self._stopped: deque[TaskFact] = deque(maxlen=clock.STOPPED_KEPT)
        self._started = 0
        self._newest = ""  # id of the deployment that was begun last
        self._past: set[str] = set()  # ids of deployments that are over
        self._counted: set[str] = set()  # ids of tasks whose failure has been counted
        self._wake = asyncio.Event()
        self._closing = False
        self._loop = asyncio.create_task(self._run(), name=f"service {spec.name}")
        self.update(spec)

    def update(self, spec: ServiceSpec) -> None:
        """What is wanted now. An unknown deployment id, or its absence with another definition, begins a deployment."""
        wanted = spec.deployment or spec.definition
        known = {deployment.id for deployment in self._deployments} | self._past
        if spec.active and wanted not in known:
            self._begin(wanted, spec)
        primary = self._deployments[0].id if self._deployments else ""
        if primary in self._specs:
            # Counts, percentages and grace hold at once, for whichever deployment is the primary one.
            old = self._specs[primary]
            self._specs[primary] = replace(
                spec,
                definition=old.definition,
                subnets=old.subnets,
                groups=old.groups,
                public=old.public,
                balanced=old.balanced,
            )
        self.spec = spec
        self._wake.set()

    async def close(self) -> None:
        """Stop every task at once and wait until all is gone."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(self._loop, return_exceptions=True)
        for task in self.tasks:
            task.stop("the service was deleted", drain=False)
        await asyncio.gather(*(task.finished() for task in self.tasks))
        self._collect(time.monotonic())
        self.publish()

    @property
    def empty(self) -> bool:
        """Whether no task is left."""
        return not self.tasks

    # Inside

    def _begin(self, id: str, spec: ServiceSpec) -> None:
        # Failed deployments were kept to be read; now there is something newer.
        older = tuple(d for d in self._deployments if d.state != ecs_deployment.FAILED or self._has_tasks(d.id))
        self._past |= {d.id for d in self._deployments if d not in older}
        self._deployments = (Deployment(id, spec.definition, reason=f"ECS deployment {id} in progress."), *older)
        self._specs[id] = spec
        self._newest = id
        now = datetime.now(UTC)
        self._times[id] = (now, now)

    def _has_tasks(self, deployment: str) -> bool:
        return any(task.assignment.deployment == deployment and not task.ended for task in self.tasks)

    async def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                settled = await self._step()
            except Exception:
                log.exception("service %s could not be looked at", self.spec.name)
                settled = True
            pause = clock.SETTLED_SECONDS if settled else clock.UNSETTLED_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _step(self) -> bool:
        """Look, decide, act, report. Returns whether nothing is on the move."""
        now = time.monotonic()
        for task in self.tasks:
            verdict = task.judge(now)
            if verdict.judgement is Judgement.FAILED:
                task.fail(verdict.reason)
        # Failures are counted before anything is decided, or a task would be started that the circuit breaker forbids.
        self._collect(now)
        self._forget_failures()
        if not self._deployments:
            return True
        states = [self._state(task) for task in self.tasks]
        plan = Plan(
            desired=self.spec.desired if self.spec.active else 0,
            deployments=self._deployments,
            min_percent=self.spec.min_percent,
            max_percent=self.spec.max_percent,
            breaker=self.spec.breaker,
            rollback=self.spec.rollback,
        )
        decision = decide(plan, states, now)
        self._take(decision.deployments)
        for event in decision.events:
            self._say(event)
        for task in self.tasks:
            if task.assignment.id in decision.stop:
                task.stop(decision.stop[task.assignment.id])
        for _ in range(decision.start):
            await self._start(self._deployments[0])
        self.publish()
        moving = decision.start or decision.stop or any(s.phase is not Phase.RUNNING or not s.healthy for s in states)
        return not moving and self._deployments[0].state != ecs_deployment.IN_PROGRESS

    def _state(self, task: Task) -> TaskState:
        """Where a task stands, for the scheduler."""
        judgement = task.verdict.judgement
        running = task.fact.last_status == "RUNNING"
        phase = Phase.STOPPING if task.stopping or task.ended else Phase.RUNNING if running else Phase.STARTING
        return TaskState(
            task.assignment.id,
            task.assignment.deployment,
            phase,
            healthy=phase is Phase.RUNNING and self._counts_as_well(judgement),
            sick=phase is Phase.RUNNING and judgement is Judgement.SICK,
            born=task.created,
        )

    @staticmethod
    def _counts_as_well(judgement: Judgement) -> bool:
        # UNWELL may pass: until it is SICK the task counts as what it was.
        return judgement in (Judgement.WELL, Judgement.UNWELL)

    def _collect(self, now: float) -> None:
        """Take account of tasks that have failed, and let go of those that are gone."""
        for task in self.tasks:
            if task.failure is not None and task.assignment.id not in self._counted:
                self._counted.add(task.assignment.id)
                self._count_failure(task, now)
            elif task.was_well and task.verdict.judgement is Judgement.WELL:
                self._forgive(task.assignment.deployment)
        for task in [task for task in self.tasks if task.ended]:
            self.tasks.remove(task)
            self._counted.discard(task.assignment.id)
            self._stopped.appendleft(task.fact)

    def _forget_failures(self) -> None:
        """A failed deployment is shown for a while, so that whoever waits for it can read why."""
        primary, *others = self._deployments or (None,)
        limit = datetime.now(UTC) - timedelta(seconds=clock.FAILED_SHOWN_SECONDS)
        over = [
            d
            for d in others
            if d.state == ecs_deployment.FAILED and self._times[d.id][1] < limit and not self._has_tasks(d.id)
        ]
        if primary is not None and over:
            self._take((primary, *(d for d in others if d not in over)))

    def _count_failure(self, task: Task, now: float) -> None:
        reason = task.failure or ""
        self._say(f"(task {task.assignment.id[:8]}) stopped: {reason}")
        log.warning("%s: %s", task.assignment.label, reason)
        self._deployments = tuple(
            ecs_deployment.failed(d, reason, now - task.created, now) if d.id == task.assignment.deployment else d
            for d in self._deployments
        )

    def _forgive(self, deployment: str) -> None:
        """A task that became healthy ends the pauses between tries."""
        self._deployments = tuple(
            replace(d, in_a_row=0) if d.id == deployment and d.in_a_row else d for d in self._deployments
        )

    def _take(self, deployments: tuple[Deployment, ...]) -> None:
        kept = {deployment.id for deployment in deployments}
        for old in self._deployments:
            if old.id not in kept:
                self._past.add(old.id)
                self._specs.pop(old.id, None)
        for deployment in deployments:
            before = next((old for old in self._deployments if old.id == deployment.id), None)
            if before is not None and before.state != deployment.state:
                self._times[deployment.id] = (self._times[deployment.id][0], datetime.now(UTC))
                log.info("service %s: %s", self.spec.name, deployment.reason)
        self._deployments = deployments

    async def _start(self, deployment: Deployment) -> None:
        spec = self._specs[deployment.id]
        if deployment.definition not in self._definitions:
            self._definitions[deployment.definition] = await asyncio.to_thread(
                read_task, self._site.account, deployment.definition
            )
        subnet = spec.subnets[self._started % len(spec.subnets)] if spec.subnets else ""
        self._started += 1
        assignment = Assignment(
            secrets.token_hex(16), self._definitions[deployment.definition], spec, deployment.id, subnet
        )
        task = Task(self._site, assignment)
        self.tasks.append(task)
        task.begin()
        self._say(f"has started 1 tasks: (task {assignment.id}).")

    def _say(self, event: str) -> None:
        self._events.appendleft((datetime.now(UTC), f"(service {self.spec.name}) {event}"))

    def publish(self) -> None:
        """Report to the API."""
        facts = [self._deployment_fact(number, deployment) for number, deployment in enumerate(self._deployments)]
        if not facts:
            return
        self._site.account.facts.services[self.spec.arn] = ServiceFact(
            running=sum(fact.running for fact in facts),
            pending=sum(fact.pending for fact in facts),
            rollout_state=facts[0].rollout_state,
            rollout_reason=facts[0].rollout_reason,
            deployments=tuple(facts),
            speaks_of=self._newest,
            events=tuple(self._events),
            tasks=(*(task.fact for task in self.tasks), *self._stopped),
            task_definition=self._deployments[0].definition,
        )

    def _deployment_fact(self, place: int, deployment: Deployment) -> DeploymentFact:
        mine = [task for task in self.tasks if task.assignment.deployment == deployment.id and not task.stopping]
        running = sum(task.fact.last_status == "RUNNING" for task in mine)
        created, updated = self._times[deployment.id]
        return DeploymentFact(
            id=deployment.id,
            status="PRIMARY" if place == 0 else "ACTIVE",
            task_definition=deployment.definition,
            desired=self.spec.desired if place == 0 else 0,
            running=running,
            pending=len(mine) - running,
            failed=deployment.failed_tasks,
            rollout_state=deployment.state,
            rollout_reason=deployment.reason,
            created=created,
            updated=updated,
        )
