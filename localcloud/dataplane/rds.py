"""The RDS instances of the account, each a real Postgres.

Time is compressed: a changed parameter group is in force after an immediate restart (on RDS, static parameters wait for
a reboot), and an instance is there within seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud import processes
from localcloud.aws.account import DatabaseFact
from localcloud.dataplane import clock
from localcloud.dataplane.site import Site
from localcloud.net.model import Interface
from localcloud.postgres import Cluster, PostgresError, PostgresMissing

log = logging.getLogger(__name__)
_ENGINE = "postgres"


@dataclass(frozen=True)
class Wanted:
    """An instance as the API describes it. ``running`` is false after StopDBInstance."""

    id: str
    engine: str
    user: str
    database: str
    address: str
    port: int
    password: str = field(repr=False)
    interface: Interface
    parameters: tuple[tuple[str, str], ...]
    running: bool


class Instance:
    """One instance. ``want`` says what it should be; its own task brings it there, one step after the other."""

    def __init__(self, site: Site, id: str) -> None:
        self.id = id
        self.status = DatabaseFact("creating")
        self.wanted: Wanted | None = None
        self.cluster = Cluster(
            site.home.data / "postgres" / id, home=site.home.path, log=site.home.log / f"database-{id}.log"
        )
        self._site = site
        self._reached: Wanted | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self._loop = asyncio.create_task(self._run(), name=f"database {id}")
        self._report(self.status)

    def want(self, wanted: Wanted) -> None:
        """Returns at once."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._wake.set()

    async def close(self, wipe: bool) -> None:
        """End the server; with ``wipe`` its data is gone as well."""
        # Not cancelled: a step in its thread must be over before the next one.
        self._closing = True
        self._wake.set()
        await asyncio.gather(self._loop, return_exceptions=True)
        await self._unbind()
        await asyncio.to_thread(self.cluster.wipe if wipe else self.cluster.stop)
        self._site.account.facts.databases.pop(self.id, None)

    async def _run(self) -> None:
        while not self._closing:
            try:
                async with asyncio.timeout(clock.DATABASE_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass  # look whether the server is still there
            self._wake.clear()
            wanted = self.wanted
            if self._closing or wanted is None or (wanted == self._reached and self._is_as(wanted)):
                continue
            try:
                await self._bring_to(wanted)
            except (PostgresError, PostgresMissing, processes.StartError, ValueError) as error:
                log.error("database %s: %s", self.id, error)
                self._report(DatabaseFact("failed", str(error)))
            except Exception as error:
                log.exception("database %s broke", self.id)
                self._report(
                    DatabaseFact("failed", f"the local cloud failed to run it: {type(error).__name__}: {error}")
                )
            # Tried once; again when something is changed.
            self._reached = wanted

    def _is_as(self, wanted: Wanted) -> bool:
        return self.status.status == "failed" or self.cluster.running == wanted.running

    async def _bring_to(self, wanted: Wanted) -> None:
        before = self._reached
        if wanted.engine != _ENGINE:
            raise ValueError(f"the local cloud runs engine {_ENGINE}, not {wanted.engine}")
        parameters = dict(wanted.parameters)
        if not self.cluster.exists:
            await asyncio.to_thread(self._create, wanted, parameters)
        elif before is not None and before.parameters != wanted.parameters:
            self._report(DatabaseFact("modifying"))
            await asyncio.to_thread(self.cluster.configure, parameters)
            await asyncio.to_thread(self.cluster.stop)
        if not wanted.running:
            await self._unbind()
            await asyncio.to_thread(self.cluster.stop)
            self._report(DatabaseFact("stopped"))
            return
        port = await asyncio.to_thread(self.cluster.start)
        if before is not None and before.password != wanted.password:
            await asyncio.to_thread(self.cluster.set_password, wanted.user, wanted.password)
        if before is not None and (before.interface, before.address, before.port) != (
            wanted.interface,
            wanted.address,
            wanted.port,
        ):
            await self._unbind()
        await self._site.fabric.bind(wanted.address, wanted.port, wanted.interface, ("127.0.0.1", port))
        log.info("database %s is on 127.0.0.1:%d", self.id, port)
        self._report(DatabaseFact("available"))

    def _create(self, wanted: Wanted, parameters: Mapping[str, str]) -> None:
        self.cluster.create(wanted.user, wanted.password, wanted.database, parameters, host=wanted.address)

    async def _unbind(self) -> None:
        for one in (self._reached, self.wanted):
            if one is not None:
                await self._site.fabric.unbind(one.address, one.port)

    def _report(self, fact: DatabaseFact) -> None:
        self.status = self._site.account.facts.databases[self.id] = fact


class Databases:
    """Runs every DB instance that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._instances: dict[str, Instance] = {}

    async def reconcile(self) -> None:
        """Make what is run equal to what the API holds. Repeatable; returns before servers are up."""
        described = await asyncio.to_thread(_read, self._site)
        for id in [id for id in self._instances if id not in described]:
            await self._instances.pop(id).close(wipe=True)
            self._site.fabric.addresses.release(_interface_id(id))
        for id, item in described.items():
            password = self._site.account.facts.passwords.get(id)
            if password is None:
                continue  # it is on its way out
            wanted = await self._wanted(item, password)
            if id not in self._instances:
                self._instances[id] = Instance(self._site, id)
            self._instances[id].want(wanted)

    async def close(self) -> None:
        """End every server. Repeatable."""
        instances, self._instances = list(self._instances.values()), {}
        await asyncio.gather(*(instance.close(wipe=False) for instance in instances))

    def status(self) -> list[dict[str, Any]]:
        """For ``status``."""
        return [
            {
                "name": id,
                "status": instance.status.status,
                "reason": instance.status.reason,
                "address": f"{instance.wanted.address}:{instance.wanted.port}" if instance.wanted else None,
                "port": instance.cluster.port,
                "pid": instance.cluster.pid,
                "memory_bytes": processes.resident(instance.cluster.pid) if instance.cluster.pid else 0,
                "log": f"database-{id}",
            }
            for id, instance in self._instances.items()
        ]

    async def _wanted(self, item: dict[str, Any], password: str) -> Wanted:
        endpoint = item["Endpoint"]
        return Wanted(
            id=item["DBInstanceIdentifier"],
            engine=item["Engine"],
            user=item["MasterUsername"],
            database=item.get("DBName") or "",
            address=endpoint["Address"],
            port=endpoint["Port"],
            password=password,
            interface=await self._interface(item),
            parameters=tuple(sorted(item["parameters"].items())),
            running=item["running"],
        )

    async def _interface(self, item: dict[str, Any]) -> Interface:
        id = item["DBInstanceIdentifier"]
        subnet = item["subnet"]
        return Interface(
            id=_interface_id(id),
            label=f"database {id}",
            vpc=(await self._site.fabric.topology.get()).subnets[subnet].vpc,
            subnet=subnet,
            ip=await self._site.fabric.addresses.get(subnet, _interface_id(id)),
            groups=tuple(sorted(group["VpcSecurityGroupId"] for group in item.get("VpcSecurityGroups") or [])),
            public=bool(item.get("PubliclyAccessible")),
        )


def _interface_id(id: str) -> str:
    return f"eni-database-{id}"


def _read(site: Site) -> dict[str, dict[str, Any]]:
    """Every instance, with its parameters, whether it is to run, and its subnet. Blocks."""
    rds = site.account.client("rds")
    found = {}
    for page in rds.get_paginator("describe_db_instances").paginate():
        for item in page["DBInstances"]:
            if not (item.get("Endpoint") or {}).get("Address"):
                continue
            groups = [group["DBParameterGroupName"] for group in item.get("DBParameterGroups") or []]
            extra = {
                "parameters": {name: value for group in groups for name, value in _parameters(rds, group).items()},
                # The API shows what was asked for in these words, whatever we report.
                "running": item["DBInstanceStatus"] not in ("stopping", "stopped"),
                "subnet": _subnet(site, item),
            }
            found[item["DBInstanceIdentifier"]] = item | extra
    return found


def _parameters(rds: Any, group: str) -> dict[str, str]:
    """What somebody has set; AWS's default groups hold nothing of the kind."""
    if group.startswith("default."):
        return {}
    pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group, Source="user")
    return {
        item["ParameterName"]: item["ParameterValue"]
        for page in pages
        for item in page["Parameters"]
        if item.get("ParameterValue") is not None
    }


def _subnet(site: Site, item: dict[str, Any]) -> str:
    """The first of the subnet group; an instance without one lives in the default VPC."""
    subnets = (item.get("DBSubnetGroup") or {}).get("Subnets") or []
    if subnets:
        return str(subnets[0]["SubnetIdentifier"])
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    found = site.account.client("ec2").describe_subnets(Filters=default)["Subnets"]
    return str(found[0]["SubnetId"])
