"""One task from PROVISIONING to STOPPED: interface, secrets, environment, processes, targets, and the way back."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from localcloud import images, processes
from localcloud.aws.account import TaskFact
from localcloud.dataplane import clock, ecs_environment, ecs_logging, ecs_network, ecs_pull
from localcloud.dataplane.ecs_container import Container, Prepared
from localcloud.dataplane.ecs_health import Judgement, Verdict, View, judge
from localcloud.dataplane.ecs_model import Balanced, ContainerSpec, ServiceSpec, TaskSpec, in_start_order
from localcloud.dataplane.ecs_secrets import SecretError, Unreachable
from localcloud.dataplane.logs import LogSink, keep_newest
from localcloud.dataplane.roles import TASKS, Offer, RoleError
from localcloud.dataplane.site import Site
from localcloud.net.model import Interface

log = logging.getLogger(__name__)

FAILED_TO_START = "TaskFailedToStart"
ESSENTIAL_EXITED = "EssentialContainerExited"
BY_SCHEDULER = "ServiceSchedulerInitiated"


class TaskFailed(Exception):
    """The task can't go on. ``code`` is ECS's stop code, ``cause`` names what to repair."""

    def __init__(self, code: str, reason: str, cause: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.cause = cause or reason


@dataclass(frozen=True)
class Assignment:
    """What a task is to be: its definition, the service's wishes, the deployment, and the subnet chosen for it."""

    id: str
    task: TaskSpec
    service: ServiceSpec
    deployment: str
    subnet: str

    @property
    def label(self) -> str:
        return f"task {self.service.name}/{self.id[:8]}"


class Task:
    """Runs from ``begin`` until ``ended``. ``failure`` says why it ended when nobody had asked for it."""

    def __init__(self, site: Site, assignment: Assignment) -> None:
        self.assignment = assignment
        self.interface: Interface | None = None
        self.containers: list[Container] = []
        self.failure: str | None = None
        self.was_well = False
        self.verdict = Verdict(Judgement.COMING)
        self.created = time.monotonic()
        self.stopping = False
        account = site.account
        arn = f"arn:aws:ecs:{account.region}:{account.account_id}:task/{assignment.service.cluster}/{assignment.id}"
        self._fact = TaskFact(
            arn,
            "PROVISIONING",
            task_definition=assignment.task.arn,
            deployment=assignment.deployment,
            created=datetime.now(UTC),
        )
        self._site = site
        self._offer: Offer | None = None
        self._sinks: list[LogSink] = []
        self._registered = False
        self._how: dict[str, str] = {}
        self._folder = site.home.data / "tasks" / assignment.id
        self._unwell_since: float | None = None
        self._stop_asked = asyncio.Event()
        self._drain = True
        self._life: asyncio.Task[None] | None = None

    # Life

    def begin(self) -> None:
        """Start; returns at once."""
        self._life = asyncio.create_task(self._run(), name=self.assignment.label)

    @property
    def ended(self) -> bool:
        return self._life is not None and self._life.done()

    def stop(self, reason: str, drain: bool = True) -> None:
        """Ask the task to end; returns at once. ``drain``: give requests under way a moment."""
        if not self.stopping:
            self.stopping = True
            self._drain = drain
            self._change(desired_status="STOPPED", stopped_reason=reason, stop_code=BY_SCHEDULER)
            self._stop_asked.set()

    def fail(self, reason: str) -> None:
        """End the task because it isn't well."""
        if not self.stopping:
            self.failure = reason
            self.stop(reason, drain=False)

    async def finished(self) -> None:
        """Wait until everything of the task is gone."""
        if self._life is not None:
            await asyncio.gather(self._life, return_exceptions=True)

    async def _run(self) -> None:
        life = asyncio.create_task(self._live())
        asked = asyncio.create_task(self._stop_asked.wait())
        try:
            await asyncio.wait({life, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if not life.done():
                life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            if not life.cancelled():
                self._note(life.exception())
        finally:
            await self._tear_down()

    async def _live(self) -> None:
        self.interface = await self._attach()
        self._change(last_status="PENDING", eni_id=self.interface.id, ip=self.interface.ip)
        await self._start_containers(self.interface, await self._prepare(self.interface))
        await self._register(self.interface)
        self._change(last_status="RUNNING", started=datetime.now(UTC))
        await self._essential_exit()

    def _note(self, error: BaseException | None) -> None:
        """Why ``_live`` ended by itself."""
        if error is None or self.stopping:
            return
        if not isinstance(error, TaskFailed):
            log.error("%s broke", self.assignment.label, exc_info=error)
            error = TaskFailed(
                FAILED_TO_START, f"the local cloud failed to run the task: {type(error).__name__}: {error}"
            )
        self.failure = error.cause
        self.stopping = True
        self._change(desired_status="STOPPED", stopped_reason=str(error), stop_code=error.code)

    # Steps of the start

    async def _attach(self) -> Interface:
        service = self.assignment.service
        attachment = (
            f"arn:aws:ecs:{self._site.account.region}:{self._site.account.account_id}:attachment/{self.assignment.id}"
        )
        try:
            return await asyncio.to_thread(
                ecs_network.attach,
                self._site.account,
                self.assignment.subnet,
                service.groups,
                service.public,
                self.assignment.label,
                attachment,
            )
        except ecs_network.NetworkError as error:
            raise TaskFailed(FAILED_TO_START, str(error)) from None

    async def _prepare(self, interface: Interface) -> list[Prepared]:
        task, site = self.assignment.task, self._site
        try:
            carried = {container.name: images.resolve(container.image) for container in task.containers}
            await ecs_pull.check(site, task, interface, self.assignment.id)
            secrets = await ecs_environment.fetch_secrets(site, task, interface, self.assignment.id)
            if task.task_role is not None:
                self._offer = await asyncio.to_thread(site.roles.offer, task.task_role, TASKS, self.assignment.id)
            return [
                await self._prepare_one(one, carried[one.name], secrets.get(one.name, {}), interface)
                for one in in_start_order(task.containers)
            ]
        except (images.CannotPullContainer, ecs_pull.CannotPull) as error:
            raise TaskFailed(FAILED_TO_START, f"CannotPullContainerError: {error}") from None
        except Unreachable as error:
            refusal = self._last_refusal()
            raise TaskFailed(FAILED_TO_START, f"{error}{f': {refusal}' if refusal else ''}") from None
        except (SecretError, RoleError, ecs_logging.LoggingError, ValueError) as error:
            raise TaskFailed(FAILED_TO_START, str(error)) from None

    async def _prepare_one(
        self, container: ContainerSpec, image: images.Image, secrets: dict[str, str], interface: Interface
    ) -> Prepared:
        env = await ecs_environment.environment(self._site, container, secrets, interface, self._offer)
        sink = await asyncio.to_thread(self._open_log, container)
        self._sinks.append(sink)
        sink.hide(ecs_environment.to_hide(secrets, env, self._offer))
        return Prepared(container, image, env, self._folder / container.name, sink)

    def _open_log(self, container: ContainerSpec) -> LogSink:
        name = f"task-{self.assignment.service.name}-{container.name}"
        keep_newest(self._site.home.log, f"{name}-????????.log", clock.STOPPED_KEPT)
        group, stream = ecs_logging.open_stream(self._site, self.assignment.task, container, self.assignment.id)
        return LogSink(self._site.home.log / f"{name}-{self.assignment.id[:8]}.log", self._site.shipper, group, stream)

    async def _start_containers(self, interface: Interface, prepared: list[Prepared]) -> None:
        for one in prepared:
            await self._wait_for(one.spec)
            container = Container(one, self._site.home.path, f"{self.assignment.label} {one.spec.name}")
            self.containers.append(container)
            try:
                await container.start()
            except (processes.StartError, images.CannotStartContainer) as error:
                raise TaskFailed(
                    FAILED_TO_START, f"CannotStartContainerError: container {one.spec.name}: {error}"
                ) from None
            self._check_ports(container)
            for port, real in container.ports.items():
                await self._site.fabric.bind(interface.ip, port, interface, ("127.0.0.1", real))

    async def _wait_for(self, spec: ContainerSpec) -> None:
        """``dependsOn``: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html"""
        for name, condition in spec.needs:
            other = next(container for container in self.containers if container.spec.name == name)
            if condition in ("COMPLETE", "SUCCESS"):
                code = await other.ended()
                if condition == "SUCCESS" and code != 0:
                    raise TaskFailed(
                        FAILED_TO_START, f"container {spec.name} needs {name} to succeed, but {other.last_words()}"
                    )
            while condition == "HEALTHY" and other.health != "HEALTHY":
                if other.health == "UNHEALTHY" or not other.running:
                    raise TaskFailed(FAILED_TO_START, f"container {spec.name} needs {name} to be healthy, and it isn't")
                await asyncio.sleep(clock.PORT_SECONDS)

    def _check_ports(self, container: Container) -> None:
        """A target's port on which nothing will ever listen: on AWS the health checks find that out, minutes later."""
        for one in self.assignment.service.balanced:
            if one.container != container.spec.name or not container.ports or one.port in container.ports:
                continue
            listens = " and ".join(str(port) for port in container.ports)
            raise TaskFailed(
                BY_SCHEDULER,
                f"Task failed ELB health checks in (target-group {one.target_group}): "
                f"nothing listens on port {one.port} in container {container.spec.name} (it listens on {listens})",
            )

    async def _register(self, interface: Interface) -> None:
        balanced = self.assignment.service.balanced
        if not balanced:
            return
        try:
            self._how = await asyncio.to_thread(ecs_network.checks, self._site.account, balanced)
            self._registered = True
            await asyncio.to_thread(ecs_network.register, self._site.account, balanced, interface.ip)
        except ClientError as error:
            raise TaskFailed(FAILED_TO_START, f"the task can't be registered with its target group: {error}") from None

    async def _essential_exit(self) -> None:
        """Return or raise when a container that the task can't do without has ended."""
        waits = {asyncio.create_task(c.ended()): c for c in self.containers if c.spec.essential}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        container = waits[next(iter(done))]
        if self.interface is not None:  # nobody is led there any more
            for port in container.ports:
                await self._site.fabric.unbind(self.interface.ip, port)
        words = f"container {container.spec.name}: {container.last_words()}"
        raise TaskFailed(
            ESSENTIAL_EXITED, "Essential container in task exited", f"Essential container in task exited: {words}"
        )

    # Health

    def judge(self, now: float) -> Verdict:
        """How the task is; remembers when it was last well."""
        if self._fact.last_status != "RUNNING":
            return self.verdict
        view = View(
            started=self.created,
            opened=min((c.opened for c in self.containers if c.opened is not None), default=None),
            grace=self.assignment.service.grace,
            was_well=self.was_well,
            unwell_since=self._unwell_since,
            containers=[
                (c.spec.name, c.health if c.spec.health else "", c.check_output)
                for c in self.containers
                if c.spec.essential
            ],
            targets=ecs_network.view(self._site.account, self._balanced(), self._how, self._fact.ip or ""),
        )
        self.verdict = judge(view, self._site.account.facts.blocked, now)
        if self.verdict.judgement is Judgement.WELL:
            if not self.was_well:
                log.info("%s: well after %.1f s", self.assignment.label, now - self.created)
            self.was_well, self._unwell_since = True, None
        elif self._unwell_since is None:
            self._unwell_since = now
        return self.verdict

    def _balanced(self) -> tuple[Balanced, ...]:
        return self.assignment.service.balanced

    @property
    def fact(self) -> TaskFact:
        """What DescribeTasks says of it."""
        return replace(self._fact, health=self._health(), containers=tuple(c.fact() for c in self.containers))

    def _health(self) -> str:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html#task-health"""
        checked = [c.health for c in self.containers if c.spec.health is not None and c.spec.essential]
        for state in ("UNHEALTHY", "UNKNOWN"):
            if state in checked:
                return state
        return "HEALTHY" if checked else "UNKNOWN"

    # The end

    async def _tear_down(self) -> None:
        self._change(last_status="DEACTIVATING")
        if self.interface is not None and self._registered:
            await asyncio.to_thread(ecs_network.deregister, self._site.account, self._balanced(), self.interface.ip)
            if self._drain and self.failure is None and self.was_well:
                await asyncio.sleep(clock.DRAIN_SECONDS_MOST)
        self._change(last_status="STOPPING")
        await asyncio.gather(*(container.stop() for container in self.containers))
        for sink in self._sinks:
            sink.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        if self._offer is not None:
            self._site.roles.withdraw(self._offer)
        if self.interface is not None:
            for container in self.containers:
                for port in container.ports:
                    await self._site.fabric.unbind(self.interface.ip, port)
            await self._site.fabric.forget(self.interface)
            await asyncio.to_thread(ecs_network.detach, self._site.account, self.interface)
        self._change(last_status="STOPPED", stopped=datetime.now(UTC))

    def _change(self, **fields: object) -> None:
        self._fact = replace(self._fact, **fields)  # type: ignore[arg-type]

    def _last_refusal(self) -> str | None:
        label = self.assignment.label
        return next((s for s in reversed(list(self._site.account.facts.blocked)) if s.startswith(label)), None)
