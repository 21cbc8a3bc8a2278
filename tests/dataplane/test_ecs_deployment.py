"""Rolling update, circuit breaker and rollback as pure decisions: by example, and held against random histories."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane import clock
from localcloud.dataplane.ecs_deployment import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    Decision,
    Deployment,
    Phase,
    Plan,
    TaskState,
    decide,
    failed,
)

OLD = Deployment("old", "family:1", state=COMPLETED, was_completed=True)
NEW = Deployment("new", "family:2")


def task(
    id: str, deployment: str, phase: Phase = Phase.RUNNING, healthy: bool = False, sick: bool = False
) -> TaskState:
    return TaskState(id, deployment, phase, healthy, sick, born=float(len(id)))


def test_the_first_deployment_starts_what_is_desired_and_completes_when_all_are_healthy() -> None:
    plan = Plan(2, (NEW,))
    assert decide(plan, [], 0).start == 2
    half = [task("a", "new", healthy=True), task("b", "new")]
    assert decide(plan, half, 0) == Decision((NEW,))
    done = decide(plan, [replace(one, healthy=True) for one in half], 0)
    assert done.deployments[0].state == COMPLETED
    assert done.events == ("(deployment new) deployment completed.",)


def test_old_tasks_serve_until_new_ones_are_healthy() -> None:
    plan = Plan(1, (NEW, OLD))
    old = task("o", "old", healthy=True)
    assert decide(plan, [old], 0) == Decision((NEW, OLD), start=1)
    assert decide(plan, [old, task("n", "new")], 0) == Decision((NEW, OLD))
    both = decide(plan, [old, task("n", "new", healthy=True)], 0)
    assert list(both.stop) == ["o"] and both.deployments[0].state == IN_PROGRESS
    last = decide(plan, [replace(old, phase=Phase.STOPPING), task("n", "new", healthy=True)], 0)
    assert [(d.id, d.state) for d in last.deployments] == [("new", COMPLETED)]


def test_without_room_an_old_task_is_stopped_first_but_never_below_the_minimum() -> None:
    plan = Plan(2, (NEW, OLD), min_percent=50, max_percent=100)
    old = [task("o", "old", healthy=True), task("oo", "old", healthy=True)]
    decision = decide(plan, old, 0)
    assert (decision.start, list(decision.stop)) == (0, ["oo"])
    after = [old[0], task("n", "new", Phase.STARTING)]
    assert decide(plan, after, 0) == Decision((NEW, OLD))


def test_no_task_starts_before_its_pause_is_over() -> None:
    waiting = failed(NEW, "it broke", 0.1, now=100)
    assert decide(Plan(1, (waiting,)), [], 100).start == 0
    assert decide(Plan(1, (waiting,)), [], waiting.retry_at).start == 1


def test_three_quick_failures_or_a_slow_one_trip_the_circuit_breaker() -> None:
    quick = NEW
    for count in range(3):
        assert decide(Plan(1, (quick,), breaker=True), [], 1e9).deployments[0].state == IN_PROGRESS, count
        quick = failed(quick, "secret missing", 0.1, now=0)
    slow = failed(NEW, "secret missing", clock.SLOW_FAILURE_SECONDS, now=0)
    for tripped in (quick, slow):
        decision = decide(Plan(1, (tripped,), breaker=True), [], 1e9)
        assert decision.deployments[0].state == FAILED and decision.start == 0
        assert decision.deployments[0].reason == "ECS deployment circuit breaker: secret missing"
    assert decide(Plan(1, (slow,), breaker=False), [], 1e9).start == 1


def test_a_rollback_returns_to_the_completed_deployment_and_keeps_its_tasks() -> None:
    lost = replace(NEW, failures=3, reason="exit code 1")
    old = task("o", "old", healthy=True)
    decision = decide(Plan(1, (lost, OLD), breaker=True, rollback=True), [old, task("n", "new")], 0)
    assert [(d.id, d.state) for d in decision.deployments] == [("old", IN_PROGRESS), ("new", FAILED)]
    assert list(decision.stop) == ["n"] and decision.start == 0
    settled = decide(Plan(1, decision.deployments, breaker=True, rollback=True), [old], 0)
    assert [(d.id, d.state) for d in settled.deployments] == [("old", COMPLETED), ("new", FAILED)]


def test_without_a_completed_deployment_there_is_nothing_to_roll_back_to() -> None:
    lost = replace(NEW, failures=3)
    decision = decide(Plan(1, (lost,), breaker=True, rollback=True), [], 1e9)
    assert decision.deployments[0].state == FAILED and decision.start == 0


def test_a_sick_task_serves_on_until_its_replacement_is_healthy() -> None:
    plan = Plan(1, (replace(NEW, state=COMPLETED),))
    sick = task("s", "new", sick=True)
    assert decide(plan, [sick], 0).start == 1
    assert decide(plan, [sick, task("r", "new")], 0).stop == {}
    assert list(decide(plan, [sick, task("r", "new", healthy=True)], 0).stop) == ["s"]
    recovered = replace(sick, sick=False, healthy=True)
    assert list(decide(plan, [recovered, task("r", "new", Phase.STARTING)], 0).stop) == ["r"]
    assert list(decide(replace(plan, max_percent=100), [sick], 0).stop) == ["s"]


def test_scaling_in_stops_the_least_useful() -> None:
    plan = Plan(1, (replace(NEW, state=COMPLETED),))
    tasks = [task("a", "new", healthy=True), task("bb", "new", Phase.STARTING), task("ccc", "new")]
    assert set(decide(plan, tasks, 0).stop) == {"bb", "ccc"}
    assert set(decide(replace(plan, desired=0), tasks, 0).stop) == {"a", "bb", "ccc"}


# ── Random histories ───────────────────────────────────────────────────────────────────────────────────────────────


class World:
    """A service with an old, completed deployment, and a new one whose tasks are all good or all bad."""

    def __init__(self, plan: Plan, good: bool) -> None:
        self.plan = plan
        self.good = good
        self.now = 0.0
        self.count = 0
        self.tasks = [self._born("old", Phase.RUNNING, True) for _ in range(plan.desired)]

    def _born(self, deployment: str, phase: Phase, healthy: bool) -> TaskState:
        self.count += 1
        return TaskState(f"t{self.count}", deployment, phase, healthy, born=float(self.count))

    def step(self) -> Decision:
        """Decide, check what must hold of every decision, and carry it out."""
        healthy = sum(one.healthy for one in self.tasks if one.alive)
        decision = decide(self.plan, self.tasks, self.now)
        alive = [one for one in self.tasks if one.alive]
        assert decision.start == 0 or len(alive) + decision.start <= self.plan.most
        stopped = [one for one in alive if one.id in decision.stop]
        left = healthy - sum(one.healthy for one in stopped)
        assert left >= min(healthy, self.plan.least), "a healthy task was stopped below the minimum"
        self.tasks = [replace(one, phase=Phase.STOPPING) if one.id in decision.stop else one for one in self.tasks]
        self.plan = replace(self.plan, deployments=decision.deployments)
        primary = decision.deployments[0].id
        self.tasks += [self._born(primary, Phase.STARTING, False) for _ in range(decision.start)]
        self.now += 20
        return decision

    def happen(self, place: int) -> None:
        """Something happens to one living task: progress, or failure when its deployment is bad."""
        alive = [number for number, one in enumerate(self.tasks) if one.alive]
        if not alive:
            return
        number = alive[place % len(alive)]
        one = self.tasks[number]
        if one.deployment == "new" and not self.good and one.phase is Phase.RUNNING:
            self.tasks[number] = replace(one, phase=Phase.STOPPING, healthy=False)
            self.plan = replace(
                self.plan,
                deployments=tuple(
                    failed(d, "exit code 1", 1, self.now) if d.id == "new" else d for d in self.plan.deployments
                ),
            )
        elif one.phase is Phase.STARTING:
            self.tasks[number] = replace(one, phase=Phase.RUNNING)
        else:
            self.tasks[number] = replace(one, healthy=True)


percents = st.sampled_from([(100, 200), (50, 100), (0, 100), (100, 150), (50, 200)])


@given(st.integers(1, 6), percents, st.booleans(), st.lists(st.integers(0, 50), max_size=60))
def test_any_history_converges_and_keeps_the_service_up(
    desired: int, percent: tuple[int, int], good: bool, history: list[int]
) -> None:
    plan = Plan(desired, (NEW, OLD), *percent, breaker=True, rollback=True)
    if plan.most <= desired and plan.least >= desired:
        plan = replace(plan, max_percent=200)  # neither room to start nor leave to stop: stuck on AWS as well
    world = World(plan, good)
    for place in history:
        world.happen(place)
        world.step()
    for place in range(40 * desired):
        world.happen(place)
        world.step()
    alive = [one for one in world.tasks if one.alive]
    expected = "new" if good else "old"
    assert {one.deployment for one in alive} == {expected} and len(alive) == desired
    assert all(one.healthy for one in alive)
    assert (world.plan.deployments[0].id, world.plan.deployments[0].state) == (expected, COMPLETED)
    assert world.step().start == 0 and not world.step().stop
