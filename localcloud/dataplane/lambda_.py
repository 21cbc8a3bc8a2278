"""The Lambda functions of the account: deployed code in warm processes, invoked through the API."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import shutil
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud import processes
from localcloud.aws.account import InvokeResult
from localcloud.aws.backends import backend
from localcloud.dataplane import clock, hops
from localcloud.dataplane.lambda_process import Environment, FunctionSpec, Invocation
from localcloud.dataplane.logs import LogSink, NoLogGroup
from localcloud.dataplane.roles import FUNCTIONS, Credentials, RoleError, expired
from localcloud.dataplane.site import Site
from localcloud.net.model import Interface

log = logging.getLogger(__name__)


class Unrunnable(Exception):
    """The function can't be run here; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """A function as the API describes it, and its environment as it became here. Equal: the same processes serve."""

    name: str
    arn: str
    runtime: str
    handler: str
    role: str
    timeout: float
    memory: int
    sha: str
    package: str
    log_group: str
    interface: Interface
    env: tuple[tuple[str, str], ...] = field(repr=False)


class Function:
    """One function's environments. Safe from any thread."""

    def __init__(self, site: Site, wanted: Wanted) -> None:
        self.wanted = wanted
        self.invocations = 0
        self._site = site
        self._idle: list[Environment] = []
        self._busy = 0
        self._changed = threading.Condition()
        self._closed = False
        self._credentials: Credentials | None = None
        self._code: Path | None = None
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._sink: LogSink | None = None

    def invoke(self, payload: bytes) -> InvokeResult:
        """Run it once, in a free environment or a new one. Blocks."""
        invocation = Invocation(str(uuid.uuid4()), payload)
        try:
            environment = self._take()
        except (Unrunnable, RoleError, processes.StartError) as error:
            shape = {"errorType": "Runtime.Unrunnable", "errorMessage": f"RequestId: {invocation.id} Error: {error}"}
            return InvokeResult(json.dumps(shape).encode(), "Unhandled", f"{error}\n")
        try:
            return environment.invoke(invocation)
        finally:
            self._give_back(environment)

    def pids(self) -> list[int]:
        """Its idle processes."""
        with self._changed:
            return [environment.pid for environment in self._idle]

    def close(self) -> None:
        """End its environments: idle ones at once, busy ones when they are done."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
        for environment in idle:
            environment.close()

    def trim(self) -> None:
        """End environments that a burst left idle; one stays warm."""
        limit = time.monotonic() - clock.LAMBDA_IDLE_SECONDS
        with self._changed:
            stale = [environment for environment in self._idle[:-1] if environment.used < limit]
            self._idle = [environment for environment in self._idle if environment not in stale]
        for environment in stale:
            environment.close()

    def _take(self) -> Environment:
        with self._changed:
            # Beyond the limit a call waits; AWS has 1,000 environments before it throttles.
            self._changed.wait_for(lambda: self._idle or self._busy < clock.LAMBDA_ENVIRONMENTS_MOST)
            self.invocations += 1
            self._busy += 1
            fresh = self._credentials is not None and not expired(self._credentials)
            stale, kept = ([], self._idle) if fresh else (self._idle, [])
            self._idle = kept
            found = self._idle.pop() if self._idle else None
        for environment in stale:
            environment.close()
        try:
            return found or self._start()
        except BaseException:
            with self._changed:
                self._busy -= 1
                self._changed.notify()
            raise

    def _give_back(self, environment: Environment) -> None:
        with self._changed:
            self._busy -= 1
            keep = environment.usable and not self._closed
            if keep:
                self._idle.append(environment)
            self._changed.notify()
        if not keep:
            environment.close()

    def _start(self) -> Environment:
        wanted = self.wanted
        if not wanted.runtime.startswith("python"):
            raise Unrunnable(
                f"function {wanted.name} has runtime {wanted.runtime or wanted.package}; "
                "the local cloud runs Python functions only"
            )
        with self._changed:
            if self._credentials is None or expired(self._credentials):
                self._credentials = self._site.roles.assume(wanted.role, FUNCTIONS, wanted.name)
            self._code = self._code or _unpack(self._site, wanted)
            self._sink = self._sink or self._open_log()
            credentials, code, sink = self._credentials, self._code, self._sink
        spec = FunctionSpec(
            wanted.name, wanted.arn, wanted.handler, wanted.timeout, wanted.memory, code, self._environment(credentials)
        )
        return Environment(spec, self._site.home.path, sink)

    def _environment(self, credentials: Credentials) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (defined runtime variables)"""
        wanted, region = self.wanted, self._site.account.region
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{wanted.runtime}",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": credentials.key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_LAMBDA_FUNCTION_NAME": wanted.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(wanted.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": wanted.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "_HANDLER": wanted.handler,
            **dict(wanted.env),
        }

    def _open_log(self) -> LogSink:
        """Lambda makes the group when there is none and the role may; without one, lines go to the file alone."""
        group = self.wanted.log_group
        try:
            self._site.shipper.open_stream(group, self._stream, create_group=True)
        except NoLogGroup as error:
            log.warning("function %s: %s", self.wanted.name, error)
            group = ""
        return LogSink(
            self._site.home.log / f"function-{self.wanted.name}.log", self._site.shipper, group, self._stream
        )


class Functions:
    """Runs every function that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._functions: dict[str, Function] = {}  # by name
        self._interfaces: dict[str, Interface] = {}  # by name
        self._seen = -1
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._trimmer = asyncio.create_task(self._trim(), name="idle functions")
        site.account.facts.invoke = self.invoke

    async def reconcile(self) -> None:
        """Make what is run equal to what the API holds. Repeatable. Processes start with the first invocation."""
        async with self._lock:
            version = self._site.account.changes.version
            described = await asyncio.to_thread(_read, self._site)
            known = await asyncio.to_thread(self._site.hosts)
            for name in [name for name in self._functions if name not in described]:
                await self._end(name)
            for name, item in described.items():
                wanted = await self._wanted(item, known)
                function = self._functions.get(name)
                if function is not None and function.wanted == wanted:
                    continue
                self._functions[name] = Function(self._site, wanted)
                if function is not None:
                    self._functions[name].invocations = function.invocations
                    await asyncio.to_thread(function.close)
            self._seen = version

    def invoke(self, name: str, payload: bytes) -> InvokeResult:
        """Invoke a function by name or ARN. Called on the API's threads; blocks for as long as the function runs.

        Raises LookupError when there is no such function.
        """
        if self._seen != self._site.account.changes.version:
            # The call may be the first after a change of the function: it must meet the new code.
            asyncio.run_coroutine_threadsafe(self.reconcile(), self._loop).result()
        short = _short_name(name)
        if short not in self._functions:
            raise LookupError(f"Function not found: {name}")
        return self._functions[short].invoke(payload)

    async def close(self) -> None:
        """End every environment. Repeatable."""
        self._site.account.facts.invoke = None
        self._trimmer.cancel()
        for name in list(self._functions):
            await self._end(name)

    def status(self) -> list[dict[str, Any]]:
        """For ``status``."""
        return [
            {
                "name": name,
                "state": "warm" if function.pids() else "cold",
                "invocations": function.invocations,
                "pids": function.pids(),
                "memory_bytes": sum(processes.resident(pid) for pid in function.pids()),
                "log": f"function-{name}",
            }
            for name, function in self._functions.items()
        ]

    async def _trim(self) -> None:
        while True:
            await asyncio.sleep(clock.LAMBDA_IDLE_SECONDS / 4)
            for function in list(self._functions.values()):
                await asyncio.to_thread(function.trim)

    async def _end(self, name: str) -> None:
        function = self._functions.pop(name)
        await asyncio.to_thread(function.close)
        interface = self._interfaces.pop(name, None)
        if interface is not None:
            await self._site.fabric.forget(interface)
            self._site.fabric.addresses.release(interface.id)
        shutil.rmtree(self._site.home.data / "functions" / name, ignore_errors=True)

    async def _wanted(self, item: dict[str, Any], known: dict[str, int]) -> Wanted:
        name = item["FunctionName"]
        interface = await self._interface(name, item.get("VpcConfig") or {})
        given = (item.get("Environment") or {}).get("Variables") or {}
        env = await hops.localise(given, known, lambda host, port: self._site.fabric.listen(interface, host, port))
        if any("https://127.0.0.1:" in value for value in env.values()):
            await asyncio.to_thread(self._site.authority.root)  # it may be asked for before it has signed anything
        trust = self._site.authority.trust()
        env |= {"SSL_CERT_FILE": str(trust)} if trust is not None else {}
        env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{await self._site.fabric.listen_aws(interface)}"
        return Wanted(
            name=name,
            arn=item["FunctionArn"],
            runtime=item.get("Runtime") or "",
            handler=item.get("Handler") or "",
            role=item["Role"],
            timeout=float(item.get("Timeout") or 3),
            memory=int(item.get("MemorySize") or 128),
            sha=item.get("CodeSha256") or "",
            package=item.get("PackageType") or "Zip",
            log_group=(item.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
            interface=interface,
            env=tuple(sorted(env.items())),
        )

    async def _interface(self, name: str, vpc: dict[str, Any]) -> Interface:
        """The function's place in its VPC; outside of every VPC when it has none."""
        id, label = f"eni-function-{name}", f"function {name}"
        subnets = vpc.get("SubnetIds") or []
        found = Interface(id=id, label=label, vpc=None, subnet=None, ip="169.254.100.1")
        if subnets:
            ip = await self._site.fabric.addresses.get(subnets[0], id)
            vpc_id = (await self._site.fabric.topology.get()).subnets[subnets[0]].vpc
            groups = tuple(vpc.get("SecurityGroupIds") or ())
            dual_stack = bool(vpc.get("Ipv6AllowedForDualStack"))
            found = replace(found, vpc=vpc_id, subnet=subnets[0], ip=ip, groups=groups, dual_stack=dual_stack)
        before = self._interfaces.get(name)
        if before is not None and before != found:
            await self._site.fabric.forget(before)
        self._interfaces[name] = found
        return found


def _read(site: Site) -> dict[str, dict[str, Any]]:
    pages = site.account.client("lambda").get_paginator("list_functions").paginate()
    return {item["FunctionName"]: item for page in pages for item in page["Functions"]}


def _short_name(name: str) -> str:
    """Invoke takes a name, ``name:qualifier``, a partial ARN ``account:function:name`` or a whole one."""
    parts = name.split(":")
    if "function" in parts[:-1]:
        return parts[parts.index("function") + 1]
    return parts[0]


def _unpack(site: Site, wanted: Wanted) -> Path:
    """The deployed package in a folder of its own, named after its hash. Blocks. Raises ``Unrunnable``."""
    folder = site.home.data / "functions" / wanted.name / "".join(c for c in wanted.sha if c.isalnum())
    if folder.exists():
        return folder
    deployed = backend(site.account, "awslambda").get_function(wanted.name)
    draft = folder.with_name(f".{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with zipfile.ZipFile(io.BytesIO(deployed.code_bytes)) as archive:
            archive.extractall(draft)
    except zipfile.BadZipFile:
        raise Unrunnable(f"the deployed package of function {wanted.name} is not a zip archive") from None
    draft.replace(folder)
    return folder
