"""The ElastiCache replication groups of the account, each a real Valkey behind TLS."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from localcloud import processes
from localcloud.aws.account import DatabaseFact
from localcloud.dataplane import clock
from localcloud.dataplane.site import Site
from localcloud.dataplane.tls_door import TlsDoor
from localcloud.net.model import Interface
from localcloud.valkey import Server, ValkeyError

log = logging.getLogger(__name__)
_ENGINES = ("valkey", "redis")  # Valkey is what Redis 7.2 was


@dataclass(frozen=True)
class Wanted:
    """A group as the API describes it."""

    id: str
    engine: str
    address: str
    port: int
    tls: bool
    token: str | None = field(repr=False)
    interface: Interface


class Group:
    """One group. ``want`` says what it should be; its own task brings it there, one step after the other."""

    def __init__(self, site: Site, id: str) -> None:
        self.id = id
        self.status = DatabaseFact("creating")
        self.wanted: Wanted | None = None
        self.server = Server(site.home.data / "valkey" / id, home=site.home.path, log=site.home.log / f"cache-{id}.log")
        self._site = site
        self._door: TlsDoor | None = None
        self._reached: Wanted | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self._loop = asyncio.create_task(self._run(), name=f"cache {id}")
        self._report(self.status)

    @property
    def port(self) -> int | None:
        """Where it answers on loopback, over TLS if it was asked for so."""
        if not self.server.running:
            return None
        return self._door.port if self._door is not None else self.server.port

    def want(self, wanted: Wanted) -> None:
        """Returns at once."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._wake.set()

    async def close(self) -> None:
        """End the server; what it holds is gone."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(self._loop, return_exceptions=True)
        await self._unbind()
        if self._door is not None:
            await self._door.close()
        await asyncio.to_thread(self.server.wipe)
        self._site.account.facts.caches.pop(self.id, None)

    async def _run(self) -> None:
        while not self._closing:
            try:
                async with asyncio.timeout(clock.DATABASE_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass  # look whether the server is still there
            self._wake.clear()
            wanted = self.wanted
            if self._closing or wanted is None or (wanted == self._reached and self._is_as_wanted()):
                continue
            try:
                await self._bring_to(wanted)
            except (ValkeyError, ValueError) as error:
                log.error("cache %s: %s", self.id, error)
                self._report(DatabaseFact("failed", str(error)))
            except Exception as error:
                log.exception("cache %s broke", self.id)
                self._report(DatabaseFact("failed", f"{type(error).__name__}: {error}"))
            self._reached = wanted

    def _is_as_wanted(self) -> bool:
        return self.status.status == "failed" or self.server.running

    async def _bring_to(self, wanted: Wanted) -> None:
        before = self._reached
        if wanted.engine not in _ENGINES:
            raise ValueError(f"the local cloud runs Valkey, not {wanted.engine}")
        if not self.server.running or before is None or before.token != wanted.token:
            if before is not None:
                self._report(DatabaseFact("modifying"))
            await asyncio.to_thread(self.server.start, wanted.token)
        assert self.server.port is not None
        await self._unbind()
        backend = ("127.0.0.1", self.server.port)
        if wanted.tls:
            backend = ("127.0.0.1", await self._through_tls(wanted, self.server.port))
        await self._site.fabric.bind(wanted.address, wanted.port, wanted.interface, backend)
        log.info("cache %s is on 127.0.0.1:%d", self.id, backend[1])
        self._report(DatabaseFact("available"))

    async def _through_tls(self, wanted: Wanted, port: int) -> int:
        if self._door is None:
            pair = await asyncio.to_thread(self._site.authority.issue, f"cache-{self.id}", [wanted.address])
            door = TlsDoor()
            await door.open(*pair)
            self._door = door
        self._door.lead("127.0.0.1", port)
        return self._door.port

    async def _unbind(self) -> None:
        for one in (self._reached, self.wanted):
            if one is not None:
                await self._site.fabric.unbind(one.address, one.port)

    def _report(self, fact: DatabaseFact) -> None:
        self.status = self._site.account.facts.caches[self.id] = fact


class Caches:
    """Runs every replication group that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._groups: dict[str, Group] = {}

    async def reconcile(self) -> None:
        """Make what is run equal to what the API holds. Repeatable; returns before servers are up."""
        described = await asyncio.to_thread(_read, self._site)
        for id in [id for id in self._groups if id not in described]:
            await self._groups.pop(id).close()
            self._site.fabric.addresses.release(_interface_id(id))
        for id, (item, place) in described.items():
            if id not in self._groups:
                self._groups[id] = Group(self._site, id)
            self._groups[id].want(await self._wanted(item, place))

    async def close(self) -> None:
        """End every server. Repeatable."""
        groups, self._groups = list(self._groups.values()), {}
        await asyncio.gather(*(group.close() for group in groups))

    def status(self) -> list[dict[str, Any]]:
        """For ``status``."""
        return [
            {
                "name": id,
                "status": group.status.status,
                "reason": group.status.reason,
                "address": f"{group.wanted.address}:{group.wanted.port}" if group.wanted else None,
                "port": group.port,
                "pid": group.server.pid,
                "memory_bytes": processes.resident(group.server.pid) if group.server.pid else 0,
                "log": f"cache-{id}",
            }
            for id, group in self._groups.items()
        ]

    async def _wanted(self, item: dict[str, Any], place: tuple[str, tuple[str, ...]]) -> Wanted:
        id, (subnet, groups) = item["ReplicationGroupId"], place
        endpoint = item["NodeGroups"][0]["PrimaryEndpoint"]
        interface = Interface(
            id=_interface_id(id),
            label=f"cache {id}",
            vpc=(await self._site.fabric.topology.get()).subnets[subnet].vpc,
            subnet=subnet,
            ip=await self._site.fabric.addresses.get(subnet, _interface_id(id)),
            groups=groups,
        )
        return Wanted(
            id=id,
            engine=item["Engine"],
            address=endpoint["Address"],
            port=endpoint["Port"],
            tls=item["TransitEncryptionEnabled"],
            token=self._site.account.facts.auth_tokens.get(id),
            interface=interface,
        )


def _interface_id(id: str) -> str:
    return f"eni-cache-{id}"


def _read(site: Site) -> dict[str, tuple[dict[str, Any], tuple[str, tuple[str, ...]]]]:
    """Every group, with its first subnet and its security groups, which ElastiCache tells of nodes only. Blocks."""
    found = {}
    places = {what: (sorted(subnets)[0], tuple(sorted(groups))) for what, subnets, groups in _users(site)}
    if not any(what.startswith("cache ") for what in places):
        return {}  # and no client of ElastiCache's is made, which would take megabytes
    for page in site.account.client("elasticache").get_paginator("describe_replication_groups").paginate():
        for item in page["ReplicationGroups"]:
            place = places.get(f"cache {item['ReplicationGroupId']}")
            if place is not None:
                found[item["ReplicationGroupId"]] = (item, place)
    return found


def _users(site: Site) -> list[tuple[str, set[str], set[str]]]:
    return [user for users in site.account.users for user in users()]
