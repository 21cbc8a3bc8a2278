"""The distributions of the account on loopback: two ports each, kept in step with the API."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from localcloud.aws.account import Account
from localcloud.dataplane.edge_firewall import Firewall
from localcloud.dataplane.edge_log import AccessLogs
from localcloud.dataplane.edge_model import Distribution, read
from localcloud.dataplane.edge_origin import Origins
from localcloud.dataplane.edge_proxy import Deployed, DistributionApp
from localcloud.dataplane.jsruntime import EdgeFunction, FunctionFailed
from localcloud.dataplane.logs import NoLogGroup
from localcloud.dataplane.readings import Readings
from localcloud.net.fabric import Fabric
from localcloud.net.http_server import Client, Door
from localcloud.net.wire import Wire
from localcloud.tls import Authority

log = logging.getLogger(__name__)


@dataclass
class _Served:
    """One distribution's two doors."""

    https: Door
    http: Door
    apps: tuple[DistributionApp, DistributionApp]
    urls: list[str]


class Distributions:
    """Serves every enabled distribution that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(
        self, account: Account, fabric: Fabric, authority: Authority, readings: Readings | None = None
    ) -> None:
        self._account = account
        self._readings = readings or Readings.from_environment()
        self._origins = Origins(fabric, authority)
        self._logs = AccessLogs(account)
        self._served: dict[str, _Served] = {}
        self._functions: dict[str, tuple[str, EdgeFunction | str]] = {}  # ARN → its code, and the function or why not
        account.facts.deployed = {}  # from now on a distribution is deployed when it is served as configured

    async def reconcile(self) -> None:
        """Make what is served equal to what the API holds. Repeatable."""
        distributions, codes = await asyncio.to_thread(read, self._account)
        await self._load(codes)
        functions = {arn: function for arn, (_, function) in self._functions.items()}
        enabled = {distribution.id: distribution for distribution in distributions if distribution.enabled}
        for id in [id for id in self._served if id not in enabled]:
            await self._end(id)
        for distribution in enabled.values():
            await self._open_logs(distribution)
            await self._serve(distribution, functions)
        self._account.facts.deployed = {distribution.id: distribution.version for distribution in distributions}

    async def close(self) -> None:
        """End every distribution and function. Repeatable."""
        for id in list(self._served):
            await self._end(id)
        await self._load({})
        self._origins.close()
        await asyncio.to_thread(self._logs.close)
        self._account.facts.deployed = None

    async def _load(self, codes: dict[str, str | None]) -> None:
        """Keep functions whose LIVE code is the same; load the new, free the old."""
        for arn in list(self._functions):
            if codes.get(arn) != self._functions[arn][0]:
                _free(self._functions.pop(arn)[1])
        for arn, code in codes.items():
            if arn not in self._functions:
                self._functions[arn] = (code or "", await asyncio.to_thread(_load, arn, code))

    async def _open_logs(self, distribution: Distribution) -> None:
        for wanted in distribution.logs:
            try:
                await asyncio.to_thread(self._logs.open, wanted)
            except NoLogGroup as error:  # on AWS the delivery stands, and nothing arrives
                log.warning("distribution %s is not logged: %s", distribution.id, error)

    async def _serve(self, distribution: Distribution, functions: dict[str, EdgeFunction | str]) -> None:
        served = self._served.get(distribution.id)
        firewall = served.apps[0].deployed.firewall if served else Firewall()
        if firewall.rules != distribution.firewall:
            firewall = Firewall(distribution.firewall)
        deployed = Deployed(distribution, functions, firewall)
        if served is None:
            served = await self._open(deployed)
            self._served[distribution.id] = served
            log.info(
                "distribution %s (%s) is on 127.0.0.1:%d (https) and :%d (http)",
                distribution.id,
                distribution.domain,
                served.https.port,
                served.http.port,
            )
            if distribution.problem:
                log.warning("distribution %s answers 501: %s", distribution.id, distribution.problem)
        for app in served.apps:
            app.deployed = deployed
        self._publish(served, distribution)

    async def _open(self, deployed: Deployed) -> _Served:
        apps = tuple(
            DistributionApp(deployed, self._origins, self._logs, self._readings, scheme) for scheme in ("https", "http")
        )
        doors = [await Door(app, _admit).open() for app in apps]
        apps[1].https_port = doors[0].port
        return _Served(doors[0], doors[1], (apps[0], apps[1]), [])

    def _publish(self, served: _Served, distribution: Distribution) -> None:
        hosts = self._account.facts.hosts
        for url in served.urls:
            hosts.pop(url, None)
        served.urls.clear()
        for name in (distribution.domain, *distribution.aliases):
            for scheme, door in (("https", served.https), ("http", served.http)):
                hosts[f"{scheme}://{name}"] = f"http://127.0.0.1:{door.port}"
                served.urls.append(f"{scheme}://{name}")

    async def _end(self, id: str) -> None:
        served = self._served.pop(id)
        for url in served.urls:
            self._account.facts.hosts.pop(url, None)
        await served.https.close()
        await served.http.close()


async def _admit(wire: Wire) -> Client:
    """CloudFront takes everybody."""
    ip, port = wire.peer
    return Client(ip, port)


def _load(arn: str, code: str | None) -> EdgeFunction | str:
    name = arn.rpartition("/")[2]
    if code is None:
        return f"function {name} has no LIVE code: publish it"
    try:
        return EdgeFunction(name, code)
    except FunctionFailed as error:
        log.warning("%s", error)
        return str(error)


def _free(function: EdgeFunction | str) -> None:
    if isinstance(function, EdgeFunction):
        function.close()
