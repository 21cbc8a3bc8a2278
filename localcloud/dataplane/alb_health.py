"""Health checks of target groups, from the load balancer's own interface, as
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html describes them.

Time is compressed: a target that is not (or no longer) healthy is asked at least twice a second, a healthy one at least
every five seconds, whatever the configured interval; counts, timeout, path and matcher are obeyed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from localcloud.aws.account import TargetFact
from localcloud.dataplane.alb_model import TargetGroup
from localcloud.net.fabric import Blocked, Fabric, Unresolved
from localcloud.net.http_client import Outgoing, Pool, UpstreamError
from localcloud.net.model import Interface
from localcloud.net.wire import Wire

log = logging.getLogger(__name__)

Address = tuple[str, int]
_UNSETTLED_SECONDS = 0.5
_SETTLED_SECONDS = 5.0
_INITIAL = TargetFact("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
_REGISTERING = TargetFact("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
_HEALTHY = TargetFact("healthy")


def code_matches(codes: str, status: int) -> bool:
    """Whether a status is among a matcher's codes, such as "200,302" or "200-399"."""
    for part in codes.split(","):
        first, _, last = part.strip().partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


class HealthChecker:
    """Checks the targets of one target group until closed; ``facts()`` is what is known of them.

    ``source`` is the interface that asks. ``report`` is called after every change.
    """

    def __init__(self, fabric: Fabric, group: TargetGroup, source: Interface, report: Callable[[], None]) -> None:
        self._fabric = fabric
        self._report = report
        self._facts: dict[Address, TargetFact] = {}
        self._tasks: dict[Address, asyncio.Task[None]] = {}
        self.group = group
        self.source = source
        self._follow()

    def update(self, group: TargetGroup, source: Interface) -> None:
        """Take a new configuration: checks of targets that stay go on with it."""
        if source != self.source or group.health != self.group.health:
            for task in self._tasks.values():
                task.cancel()
            self._tasks.clear()
        self.group, self.source = group, source
        self._follow()

    def facts(self) -> dict[Address, TargetFact]:
        """State of every registered target."""
        return {target: self._facts.get(target, _REGISTERING) for target in self.group.targets}

    async def close(self) -> None:
        """End the checks."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self) -> None:
        for target in [target for target in self._tasks if target not in self.group.targets]:
            self._tasks.pop(target).cancel()
            self._facts.pop(target, None)
        for target in self.group.targets:
            if not self.group.health.enabled:
                self._set(target, _HEALTHY)
            elif target not in self._tasks or self._tasks[target].done():
                self._tasks[target] = asyncio.get_running_loop().create_task(self._watch(target))

    def _set(self, target: Address, fact: TargetFact) -> None:
        if self._facts.get(target) != fact:
            log.info("target %s:%d of %s: %s %s", *target, self.group.name, fact.state, fact.description or "")
            self._facts[target] = fact
            self._report()

    async def _watch(self, target: Address) -> None:
        """A target is healthy after one success when new, else after the configured run of successes; unhealthy after
        the configured run of failures."""
        check = self.group.health
        good = bad = 0
        if target not in self._facts:
            self._set(target, _INITIAL)
        while True:
            failure = await self._ask(target)
            state = self._facts.get(target, _INITIAL).state
            if failure is None:
                good, bad = good + 1, 0
                if state == "initial" or good >= check.healthy_after:
                    self._set(target, _HEALTHY)
            else:
                good, bad = 0, bad + 1
                if state == "unhealthy" or bad >= check.unhealthy_after:
                    self._set(target, failure)
            settled = self._facts[target].state == "healthy" and bad == 0
            await asyncio.sleep(min(check.interval, _SETTLED_SECONDS if settled else _UNSETTLED_SECONDS))

    async def _ask(self, target: Address) -> TargetFact | None:
        """One check; None when it succeeded, else what DescribeTargetHealth would say."""
        check = self.group.health
        address = (target[0], check.port or target[1])
        try:
            async with asyncio.timeout(check.timeout):
                status = await self._status(address, check.path)
        except (TimeoutError, Blocked, Unresolved):  # AWS drops what a rule doesn't allow, so its checks time out
            return TargetFact("unhealthy", "Target.Timeout", "Request timed out")
        except (OSError, UpstreamError):
            return TargetFact("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
        if code_matches(check.codes, status):
            return None
        return TargetFact(
            "unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"
        )

    async def _status(self, address: Address, path: str) -> int:
        headers = [
            (b"Host", f"{address[0]}:{address[1]}".encode()),
            (b"Connection", b"close"),
            (b"User-Agent", b"ELB-HealthChecker/2.0"),
            (b"Accept-Encoding", b"gzip, compressed"),
        ]
        pool = Pool(keep_seconds=0)
        outgoing = Outgoing(b"GET", path.encode(), headers)

        async def connect() -> Wire:
            return await self._fabric.connect(self.source, *address)

        async with pool.request(address, connect, outgoing) as response:
            return response.status
