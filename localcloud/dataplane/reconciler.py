"""The loop that keeps what runs equal to what the account describes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from localcloud import processes
from localcloud.aws.account import Account
from localcloud.control import Control
from localcloud.dataplane import clock
from localcloud.dataplane.alb import LoadBalancers
from localcloud.dataplane.caches import Caches
from localcloud.dataplane.ecs import Services
from localcloud.dataplane.ecs_standalone import StandaloneTasks
from localcloud.dataplane.edge import Distributions
from localcloud.dataplane.lambda_ import Functions
from localcloud.dataplane.logs import Shipper
from localcloud.dataplane.rds import Databases
from localcloud.dataplane.roles import Roles
from localcloud.dataplane.site import Site
from localcloud.home import Home
from localcloud.net.fabric import Fabric
from localcloud.tls import Authority

log = logging.getLogger(__name__)


class Part(Protocol):
    """One kind of thing that runs."""

    async def reconcile(self) -> None: ...

    async def close(self) -> None: ...


class Reconciler:
    """The data plane of one account. ``open`` once, then it follows every change until ``close``."""

    def __init__(self, home: Home, account: Account, control: Control) -> None:
        self._home = home
        self._account = account
        self._control = control
        self._began = time.time()
        self._changed = asyncio.Event()
        self._parts: list[Part] = []
        self._loop: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to follow the account."""
        loop = asyncio.get_running_loop()
        self._fabric = Fabric(self._account)
        self._shipper = Shipper(self._account)
        site = Site(
            self._home,
            self._account,
            self._fabric,
            Roles(self._account, self._control),
            self._shipper,
            authority := Authority(self._home.data / "tls"),
        )
        self._databases = Databases(site)
        self._caches = Caches(site)
        self._functions = Functions(site)
        self._services = Services(site)
        self._standalone = StandaloneTasks(site)
        self._balancers = LoadBalancers(self._account, self._fabric, authority)
        self._distributions = Distributions(self._account, self._fabric, authority)
        # In this order: what others need comes first.
        self._parts = [
            self._databases,
            self._caches,
            self._functions,
            self._services,
            self._standalone,
            self._balancers,
            self._distributions,
        ]

        def changed() -> None:
            with contextlib.suppress(RuntimeError):  # a change after the event loop's end
                loop.call_soon_threadsafe(self._changed.set)

        self._account.changes.subscribe(changed)
        # At once: a first look at the empty account loads, in the background, what the first update will need.
        self._changed.set()
        self._loop = asyncio.create_task(self._follow(), name="reconciler")

    async def close(self) -> None:
        """Stop everything, what is reached last first. Repeatable."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for part in reversed(self._parts):
            try:
                await part.close()
            except Exception:
                log.exception("%s could not be closed", type(part).__name__)
        if self._parts:
            self._parts = []
            await self._fabric.close()
            await asyncio.to_thread(self._shipper.close)

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(clock.DEBOUNCE_SECONDS)
            self._changed.clear()
            for part in self._parts:
                try:
                    await part.reconcile()
                except Exception:
                    # Seen again with the next change; the other parts must not suffer.
                    log.exception("%s could not be brought in line with the account", type(part).__name__)

    async def status(self) -> dict[str, Any]:
        """What ``status --json`` prints."""
        found = await asyncio.to_thread(self._status)
        found["memory_bytes"] = sum(process["memory_bytes"] for process in found["processes"])
        return found

    def _status(self) -> dict[str, Any]:
        services = self._services.status()
        return {
            "home": str(self._home.path),
            "endpoint": self._account.endpoint,
            "pid": os.getpid(),
            "uptime_seconds": time.time() - self._began,
            "databases": self._databases.status(),
            "caches": self._caches.status(),
            "services": services,
            "tasks": [task for service in services for task in service["tasks"]],
            "standalone_tasks": self._standalone.status(),
            "functions": self._functions.status(),
            "load_balancers": self._addresses("elbv2", "describe_load_balancers", "LoadBalancers", "DNSName"),
            "distributions": self._addresses(
                "cloudfront", "list_distributions", "DistributionList.Items", "DomainName"
            ),
            "processes": _processes(self._home),
            "blocked": list(self._account.facts.blocked),
        }

    def _addresses(self, service: str, operation: str, where: str, name: str) -> list[dict[str, Any]]:
        """What a service lists, each with the addresses that answer for it (``hosts``: URL on AWS → URL here)."""
        pages = self._account.client(service).get_paginator(operation).paginate()
        known = dict(self._account.facts.hosts)
        names = [item[name] for item in pages.search(where) if item]
        return [{"name": one, "hosts": {url: here for url, here in known.items() if _is_of(url, one)}} for one in names]


def _is_of(url: str, host: str) -> bool:
    return (urlsplit(url).hostname or "").lower() == host.lower()


def _processes(home: Home) -> Sequence[dict[str, Any]]:
    """The daemon and every process that it started."""
    me = os.getpid()
    return [
        {"name": "daemon", "pid": me, "memory_bytes": processes.resident_alone(me)},
        *processes.described(home.path),
    ]
