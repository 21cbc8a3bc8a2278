"""Tasks that RunTask asked for: run once, to their end."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

from localcloud.aws.account import StandaloneTask
from localcloud.dataplane import clock
from localcloud.dataplane.ecs_model import ContainerSpec, ServiceSpec, TaskSpec, read_task
from localcloud.dataplane.ecs_task import Assignment, Task
from localcloud.dataplane.site import Site


class StandaloneTasks:
    """Runs every task that the API holds outside of services. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._running: dict[str, Task] = {}
        self._followers: set[asyncio.Task[None]] = set()
        self._begun: set[str] = set()
        self._turn = itertools.count()

    async def reconcile(self) -> None:
        """Start what is new, and stop what is to be stopped. Repeatable; returns before tasks are up."""
        wanted = dict(self._site.account.standalone)
        for arn, asked in wanted.items():
            if arn not in self._begun:
                self._begun.add(arn)
                await self._begin(asked)
            elif asked.stop_reason is not None and arn in self._running:
                self._running[arn].stop(asked.stop_reason, drain=False)
        self._begun &= wanted.keys()

    async def close(self) -> None:
        """Stop every task and wait until all are gone. Repeatable."""
        for task in self._running.values():
            task.stop("the local cloud stops", drain=False)
        await asyncio.gather(*self._followers, return_exceptions=True)

    def status(self) -> list[dict[str, Any]]:
        """For ``status``: their processes are in its list of those; here, what they are."""
        return [
            {"id": task.assignment.id[:8], "family": task.assignment.task.family, "status": task.fact.last_status}
            for task in self._running.values()
        ]

    async def _begin(self, asked: StandaloneTask) -> None:
        task = Task(self._site, await asyncio.to_thread(self._assignment, asked))
        self._running[asked.arn] = task
        task.begin()
        follower = asyncio.create_task(self._follow(asked.arn, task), name=task.assignment.label)
        self._followers.add(follower)
        follower.add_done_callback(self._followers.discard)

    async def _follow(self, arn: str, task: Task) -> None:
        """Report until it is over."""
        facts = self._site.account.facts
        while not task.ended:
            facts.tasks[arn] = task.fact
            await asyncio.sleep(clock.UNSETTLED_SECONDS)
        facts.tasks[arn] = task.fact
        self._running.pop(arn, None)

    def _assignment(self, asked: StandaloneTask) -> Assignment:
        """As a service's task, without a service: no target group, no grace, nobody who replaces it."""
        spec = read_task(self._site.account, asked.task_definition)
        nobody = ServiceSpec(
            arn="",
            name=asked.family,
            cluster=asked.cluster,
            active=True,
            desired=1,
            definition=asked.task_definition,
            deployment="",
            subnets=asked.subnets,
            groups=asked.groups,
            public=asked.public,
        )
        subnet = asked.subnets[next(self._turn) % len(asked.subnets)]
        return Assignment(asked.arn.rpartition("/")[2], _overridden(spec, asked), nobody, "", subnet)


def _overridden(spec: TaskSpec, asked: StandaloneTask) -> TaskSpec:
    def one(container: ContainerSpec) -> ContainerSpec:
        return replace(
            container,
            command=asked.commands.get(container.name, container.command),
            environment={**container.environment, **asked.environment.get(container.name, {})},
        )

    return replace(spec, containers=tuple(one(container) for container in spec.containers))
