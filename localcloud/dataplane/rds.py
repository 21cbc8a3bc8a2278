"""The RDS instances and Aurora clusters of the account, each a real Postgres.

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
from localcloud.aws.iam import database_tokens
from localcloud.dataplane import clock
from localcloud.dataplane.rds_door import TokenDoor
from localcloud.dataplane.site import Site
from localcloud.net.model import Interface
from localcloud.postgres import Cluster, PostgresError, PostgresMissing

log = logging.getLogger(__name__)
_ENGINES = ("postgres", "aurora-postgresql")
INSTANCE, CLUSTER = "instance", "cluster"
Key = tuple[str, str]  # INSTANCE or CLUSTER, identifier


@dataclass(frozen=True)
class Wanted:
    """An instance or cluster as the API describes it. ``running`` is false after it was stopped. With ``iam``, tokens
    of IAM's are taken from users of ``resource_id``."""

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
    iam: bool = False
    resource_id: str = ""

    @property
    def place(self) -> tuple[Interface, str, int, bool]:
        """Where and how it is reached."""
        return self.interface, self.address, self.port, self.iam


class Instance:
    """One instance, or one cluster, for all of whose instances one server stands. ``want`` says what it should be; its
    own task brings it there, one step after the other."""

    def __init__(self, site: Site, key: Key) -> None:
        self.kind, self.id = key
        self.status = DatabaseFact("creating")
        self.wanted: Wanted | None = None
        self.cluster = Cluster(
            site.home.data / "postgres" / self.name,
            home=site.home.path,
            log=site.home.log / f"database-{self.name}.log",
        )
        self._site = site
        self._reached: Wanted | None = None
        self._door: TokenDoor | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self._loop = asyncio.create_task(self._run(), name=f"database {self.name}")
        self._report(self.status)

    @property
    def name(self) -> str:
        """An instance and a cluster may have one identifier."""
        return self.id if self.kind == INSTANCE else f"{self.kind}-{self.id}"

    @property
    def port(self) -> int | None:
        """Where it is on loopback: Postgres itself, or the door before it."""
        return self._door.port if self._door is not None and self.cluster.running else self.cluster.port

    @property
    def _facts(self) -> dict[str, DatabaseFact]:
        facts = self._site.account.facts
        return facts.databases if self.kind == INSTANCE else facts.clusters

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
        await self._close_door()
        await asyncio.to_thread(self.cluster.wipe if wipe else self.cluster.stop)
        self._facts.pop(self.id, None)

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
        if wanted.engine not in _ENGINES:
            raise ValueError(f"the local cloud runs {' and '.join(_ENGINES)}, not {wanted.engine}")
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
        if before is not None and before.place != wanted.place:
            await self._unbind()
        await self._close_door()
        door = await self._open_door(wanted) if wanted.iam else port
        await self._site.fabric.bind(wanted.address, wanted.port, wanted.interface, ("127.0.0.1", door))
        log.info("database %s is on 127.0.0.1:%d", self.id, port)
        self._report(DatabaseFact("available"))

    def _create(self, wanted: Wanted, parameters: Mapping[str, str]) -> None:
        self.cluster.create(wanted.user, wanted.password, wanted.database, parameters, host=wanted.address)

    async def _open_door(self, wanted: Wanted) -> int:
        account = self._site.account

        def check(token: str, user: str) -> None:
            with account.lock:
                database_tokens.check(account, token, user, wanted.resource_id)

        self._door = TokenDoor(self.cluster, check)
        return await self._door.open()

    async def _close_door(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            await door.close()

    async def _unbind(self) -> None:
        for one in (self._reached, self.wanted):
            if one is not None:
                await self._site.fabric.unbind(one.address, one.port)

    def _report(self, fact: DatabaseFact) -> None:
        self.status = self._facts[self.id] = fact


class Databases:
    """Runs every DB instance that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._instances: dict[Key, Instance] = {}
        site.account.facts.execute = self.execute

    def execute(self, cluster: str, user: str, password: str, database: str, sql: str) -> list[tuple[object, ...]]:
        """Runs a statement on a cluster, for the Data API. Blocks. Raises PostgresError."""
        instance = self._instances.get((CLUSTER, cluster))
        if instance is None:
            raise PostgresError(f"the cluster {cluster} has no instance that runs")
        return instance.cluster.execute(user, password, database, sql)

    async def reconcile(self) -> None:
        """Make what is run equal to what the API holds. Repeatable; returns before servers are up."""
        described = await asyncio.to_thread(_read, self._site)
        for key in [key for key in self._instances if key not in described]:
            await self._instances.pop(key).close(wipe=True)
            self._site.fabric.addresses.release(_interface_id(key))
        facts = self._site.account.facts
        for key, item in described.items():
            passwords = facts.passwords if key[0] == INSTANCE else facts.cluster_passwords
            password = passwords.get(key[1])
            if password is None:
                continue  # it is on its way out
            wanted = await self._wanted(key, item, password)
            if key not in self._instances:
                self._instances[key] = Instance(self._site, key)
            self._instances[key].want(wanted)

    async def close(self) -> None:
        """End every server. Repeatable."""
        self._site.account.facts.execute = None
        instances, self._instances = list(self._instances.values()), {}
        await asyncio.gather(*(instance.close(wipe=False) for instance in instances))

    def status(self) -> list[dict[str, Any]]:
        """For ``status``."""
        return [
            {
                "name": instance.name,
                "status": instance.status.status,
                "reason": instance.status.reason,
                "address": f"{instance.wanted.address}:{instance.wanted.port}" if instance.wanted else None,
                "port": instance.port,
                "pid": instance.cluster.pid,
                "memory_bytes": processes.resident(instance.cluster.pid) if instance.cluster.pid else 0,
                "log": f"database-{instance.name}",
            }
            for instance in self._instances.values()
        ]

    async def _wanted(self, key: Key, item: dict[str, Any], password: str) -> Wanted:
        return Wanted(
            id=key[1],
            engine=item["Engine"],
            user=item["MasterUsername"],
            database=item.get("DBName") or item.get("DatabaseName") or "",
            address=item["address"],
            port=item["port"],
            password=password,
            interface=await self._interface(key, item),
            parameters=tuple(sorted(item["parameters"].items())),
            running=item["running"],
            iam=bool(item.get("IAMDatabaseAuthenticationEnabled")),
            resource_id=item.get("DbClusterResourceId") or item.get("DbiResourceId") or "",
        )

    async def _interface(self, key: Key, item: dict[str, Any]) -> Interface:
        subnet = item["subnet"]
        return Interface(
            id=_interface_id(key),
            label=f"database {key[1]}",
            vpc=(await self._site.fabric.topology.get()).subnets[subnet].vpc,
            subnet=subnet,
            ip=await self._site.fabric.addresses.get(subnet, _interface_id(key)),
            groups=tuple(sorted(group["VpcSecurityGroupId"] for group in item.get("VpcSecurityGroups") or [])),
            public=bool(item.get("PubliclyAccessible")),
        )


def _interface_id(key: Key) -> str:
    return f"eni-database-{key[1]}" if key[0] == INSTANCE else f"eni-database-{key[0]}-{key[1]}"


def _read(site: Site) -> dict[Key, dict[str, Any]]:
    """Every instance and cluster, with its parameters, whether it is to run, its address and its subnet. Blocks."""
    rds = site.account.client("rds")
    found: dict[Key, dict[str, Any]] = {}
    clustered: set[str] = set()
    for page in rds.get_paginator("describe_db_instances").paginate():
        for item in page["DBInstances"]:
            if item.get("DBClusterIdentifier"):
                clustered.add(item["DBClusterIdentifier"])
                continue
            endpoint = item.get("Endpoint") or {}
            if not endpoint.get("Address"):
                continue
            groups = [group["DBParameterGroupName"] for group in item.get("DBParameterGroups") or []]
            extra = {
                "parameters": {name: value for group in groups for name, value in _parameters(rds, group).items()},
                # The API shows what was asked for in these words, whatever we report.
                "running": item["DBInstanceStatus"] not in ("stopping", "stopped"),
                "subnet": _subnet(site, item),
                "address": endpoint["Address"],
                "port": endpoint["Port"],
            }
            found[INSTANCE, item["DBInstanceIdentifier"]] = item | extra
    return found | (_read_clusters(rds, clustered) if clustered else {})


def _read_clusters(rds: Any, clustered: set[str]) -> dict[Key, dict[str, Any]]:
    """The clusters that have an instance: before that, nothing answers at their endpoint."""
    found: dict[Key, dict[str, Any]] = {}
    for page in rds.get_paginator("describe_db_clusters").paginate():
        for item in page["DBClusters"]:
            id = item["DBClusterIdentifier"]
            if id not in clustered:
                continue
            [group] = rds.describe_db_subnet_groups(DBSubnetGroupName=item["DBSubnetGroup"])["DBSubnetGroups"]
            extra = {
                "parameters": _cluster_parameters(rds, item["DBClusterParameterGroup"]),
                "running": item["Status"] not in ("stopping", "stopped"),
                "subnet": str(group["Subnets"][0]["SubnetIdentifier"]),
                "address": item["Endpoint"],
                "port": item["Port"],
            }
            found[CLUSTER, id] = item | extra
    return found


def _cluster_parameters(rds: Any, group: str) -> dict[str, str]:
    if group.startswith("default."):
        return {}
    found = rds.describe_db_cluster_parameters(DBClusterParameterGroupName=group)["Parameters"]
    return {one["ParameterName"]: one["ParameterValue"] for one in found if one.get("ParameterValue") is not None}


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
