"""One container of a task: its process, whether its ports are open, and its own health check."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud import processes
from localcloud.aws.account import ContainerFact
from localcloud.dataplane import clock
from localcloud.dataplane.ecs_model import ContainerSpec, HealthCheck
from localcloud.dataplane.logs import LogSink
from localcloud.images import ContainerContext, ContainerProcess, Image, rewrite_local

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A container that can be started: its image, complete environment and folder."""

    spec: ContainerSpec
    image: Image
    env: Mapping[str, str]
    folder: Path
    sink: LogSink


class Container:
    """Started with ``start``; ``ended`` is done when the process is. To be used on the event loop."""

    def __init__(self, prepared: Prepared, home: Path, label: str) -> None:
        self.spec = prepared.spec
        self.sink = prepared.sink
        self.child: processes.Child | None = None
        self.process: ContainerProcess | None = None
        self.health = "UNKNOWN"
        self.check_output = ""
        self.exit_code: int | None = None
        self.opened: float | None = None  # when a port of it was first open (monotonic)
        self._prepared = prepared
        self._home = home
        self._label = label
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Prepare and start the process. Raises ``processes.StartError``, or what the image raises."""
        self.process = await asyncio.to_thread(self._prepare)
        self.child = await asyncio.to_thread(self._spawn, self.process)
        self._watcher = asyncio.create_task(self._watch())

    async def ended(self) -> int:
        """The exit code, once the process has ended."""
        assert self.child is not None
        self.exit_code = await self.child.exited()
        return self.exit_code

    async def stop(self) -> None:
        """End the process, gently at first. Repeatable."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if self.child is not None:
            grace = min(self.spec.stop_timeout, clock.STOP_SECONDS_MOST)
            self.exit_code = await asyncio.to_thread(self.child.stop, grace)

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    @property
    def ports(self) -> dict[int, int]:
        """Port in the container → port on loopback."""
        return self.process.ports if self.process is not None else {}

    def fact(self) -> ContainerFact:
        """What DescribeTasks says of it."""
        status = "PENDING" if self.child is None else "RUNNING" if self.running else "STOPPED"
        reason = None
        if status == "STOPPED" and self.exit_code:
            reason = self.last_words()
        code = None if self.exit_code is None else _as_docker(self.exit_code)
        return ContainerFact(self.spec.name, status, self.health, code, reason)

    def last_words(self) -> str:
        """How it ended, with the last lines that it wrote (secrets are masked in them)."""
        lines = " | ".join(self.sink.last_words())
        said = f"; its last lines: {lines}" if lines else "; it wrote nothing"
        return f"exit code {_as_docker(self.exit_code or 0)}{said}"

    def _prepare(self) -> ContainerProcess:
        """Blocks for as long as the image needs, which may be a database migration."""
        self._prepared.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        context = ContainerContext(
            entrypoint=list(self.spec.entrypoint),
            command=list(self.spec.command),
            env=dict(self._prepared.env),
            workdir=self._prepared.folder,
            log=self.sink.path,
        )
        return self._prepared.image.prepare(context)

    def _spawn(self, process: ContainerProcess) -> processes.Child:
        return processes.start(
            self._label, process.argv, home=self._home, env=process.env, cwd=process.cwd, output=self.sink
        )

    async def _watch(self) -> None:
        await self._wait_for_a_port()
        if self.spec.health is not None:
            await self._check(self.spec.health)

    async def _wait_for_a_port(self) -> None:
        """A container without ports counts as open at once."""
        began = time.monotonic()
        while self.ports and not await any_open(list(self.ports.values())):
            check = self.spec.health
            # A program that never opens a port is judged by its check when its start period is over, as on AWS.
            if check is not None and time.monotonic() - began > check.start_period + check.interval:
                return
            await asyncio.sleep(clock.PORT_SECONDS)
        self.opened = time.monotonic()
        log.info("%s: up after %.1f s", self._label, self.opened - began)

    async def _check(self, check: HealthCheck) -> None:
        began = time.monotonic()
        grace = max(clock.GRACE_LEAST_SECONDS, check.start_period / clock.GRACE_DIVISOR) if check.start_period else 0
        failures = 0
        while True:
            if await self._passes(check):
                failures, self.health = 0, "HEALTHY"
                await asyncio.sleep(check.interval)
                continue
            # Failures in the start period don't count (API_HealthCheck.html, startPeriod).
            if self.health == "HEALTHY" or time.monotonic() - began > grace:
                failures += 1
            if failures >= check.retries:
                self.health = "UNHEALTHY"
            await asyncio.sleep(min(check.interval, clock.FIRST_CHECK_SECONDS))

    async def _passes(self, check: HealthCheck) -> bool:
        assert self.process is not None
        lines: list[str] = []
        command = rewrite_local(list(check.command), self.process.ports)
        try:
            child = await asyncio.to_thread(
                processes.start,
                f"{self._label} health check",
                command,
                home=self._home,
                env=self.process.env,
                cwd=self.process.cwd,
                output=lines.append,
            )
        except processes.StartError as error:
            self.check_output = str(error)
            return False
        try:
            async with asyncio.timeout(check.timeout):
                code = await child.exited()
        except TimeoutError:
            self.check_output = f"no answer within {check.timeout:g} s"
            return False
        finally:
            if child.running:
                child.kill()
        self.check_output = f"exit code {code}: {lines[-1] if lines else 'no output'}"
        return code == 0


async def any_open(ports: Sequence[int]) -> bool:
    """Whether a program listens on one of these loopback ports."""
    for port in ports:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
    return False


def _as_docker(code: int) -> int:
    """Docker's exit code for a process that a signal ended is 128 + its number."""
    return 128 - code if code < 0 else code
