"""The load balancers of the account on loopback: a port a listener, kept in step with the API."""

from __future__ import annotations

import asyncio
import logging
import ssl

from localcloud.aws.account import Account
from localcloud.dataplane.alb_health import HealthChecker
from localcloud.dataplane.alb_model import Listener, LoadBalancer, TargetGroup, read
from localcloud.dataplane.alb_proxy import ListenerApp, TargetState
from localcloud.dataplane.alb_rules import Forward
from localcloud.dataplane.readings import Readings
from localcloud.net.fabric import Blocked, Fabric
from localcloud.net.http_server import Client, Door
from localcloud.net.model import Interface
from localcloud.net.wire import Wire
from localcloud.tls import Authority

log = logging.getLogger(__name__)

_DEFAULT_PORTS = {"HTTP": 80, "HTTPS": 443}


class _ServedListener:
    """One listener's door and what it answers with."""

    def __init__(
        self, fabric: Fabric, targets: TargetState, readings: Readings, tls: tuple[str, ssl.SSLContext] | None
    ) -> None:
        self._fabric = fabric
        self.app = ListenerApp(fabric, targets, readings)
        self.certificate = tls[0] if tls else None
        self.door = Door(self.app, self._admit, tls[1] if tls else None)

    async def _admit(self, wire: Wire) -> Client | None:
        """Who a connection is; None when the load balancer's security groups keep it out."""
        try:
            source = await self._fabric.admit(wire, self.app.interfaces, self.app.listener.port)
        except Blocked:
            return None
        ip, port = wire.peer
        return Client(source.ip if source else ip, port, source)

    async def close(self) -> None:
        await self.door.close()
        self.app.close()


class LoadBalancers:
    """Serves every application load balancer that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(
        self, account: Account, fabric: Fabric, authority: Authority, readings: Readings | None = None
    ) -> None:
        self._account = account
        self._fabric = fabric
        self._authority = authority
        self._readings = readings or Readings.from_environment()
        self._targets = TargetState()
        self._served: dict[str, _ServedListener] = {}  # by listener ARN
        self._names: dict[str, tuple[tuple[str, ...], int, str]] = {}  # listener ARN → names, port, protocol
        self._checkers: dict[str, HealthChecker] = {}  # by target group ARN

    async def reconcile(self) -> None:
        """Make what is served equal to what the API holds. Repeatable."""
        balancers, groups = await asyncio.to_thread(read, self._account)
        self._targets.groups = groups
        interfaces = {balancer.arn: await self.interfaces(balancer) for balancer in balancers}
        wanted = {listener.arn: (b, listener) for b in balancers for listener in b.listeners}
        for arn in [arn for arn in self._served if arn not in wanted]:
            await self._end(arn)
        for balancer, listener in wanted.values():
            await self._serve(balancer, listener, interfaces[balancer.arn])
        await self._check(balancers, groups, interfaces)

    async def close(self) -> None:
        """End every listener and health check. Repeatable."""
        for arn in list(self._served):
            await self._end(arn)
        for arn in list(self._checkers):
            await self._checkers.pop(arn).close()

    async def interfaces(self, balancer: LoadBalancer) -> list[Interface]:
        """The load balancer's interfaces, one a subnet."""
        label = f"load balancer {balancer.name}"
        return [
            Interface(
                id=f"eni-{balancer.name}-{subnet}",
                label=label,
                vpc=balancer.vpc,
                subnet=subnet,
                ip=await self._fabric.addresses.get(subnet, balancer.arn),
                groups=balancer.groups,
                public=not balancer.internal,
            )
            for subnet in balancer.subnets
        ]

    async def _serve(self, balancer: LoadBalancer, listener: Listener, interfaces: list[Interface]) -> None:
        served = self._served.get(listener.arn)
        if served is not None and served.certificate != (listener.certificate[0] if listener.certificate else None):
            await self._end(listener.arn)
            served = None
        if served is None:
            tls = await asyncio.to_thread(self._tls, listener)
            served = _ServedListener(self._fabric, self._targets, self._readings, tls)
            served.app.configure(balancer, listener, interfaces)
            await served.door.open()
            self._served[listener.arn] = served
            log.info("load balancer %s:%d is on 127.0.0.1:%d", balancer.name, listener.port, served.door.port)
        served.app.configure(balancer, listener, interfaces)
        name = ((balancer.dns_name, *balancer.aliases), listener.port, listener.protocol)
        if self._names.get(listener.arn, name) != name:  # the listener's port was changed, or an alias came or went
            await self._unname(listener.arn)
        self._names[listener.arn] = name
        for each in name[0]:
            await self._fabric.unbind(each, listener.port)
            for interface in interfaces:
                await self._fabric.bind(each, listener.port, interface, ("127.0.0.1", served.door.port))
            for url in _urls(each, listener.port, listener.protocol):
                self._account.facts.hosts[url] = f"{listener.protocol.lower()}://127.0.0.1:{served.door.port}"

    def _tls(self, listener: Listener) -> tuple[str, ssl.SSLContext] | None:
        """A certificate of the local cloud's authority for the names of ACM's, and its id. Blocks."""
        if listener.certificate is None:
            return None
        id, names = listener.certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._authority.issue(f"certificate-{id}", names))
        return id, context

    async def _end(self, arn: str) -> None:
        await self._unname(arn)
        await self._served.pop(arn).close()

    async def _unname(self, arn: str) -> None:
        name = self._names.pop(arn, None)
        if name is None:
            return
        names, port, protocol = name
        for each in names:
            await self._fabric.unbind(each, port)
            for url in _urls(each, port, protocol):
                self._account.facts.hosts.pop(url, None)

    async def _check(
        self, balancers: list[LoadBalancer], groups: dict[str, TargetGroup], interfaces: dict[str, list[Interface]]
    ) -> None:
        """Check the target groups that a rule forwards to, each from the first load balancer that uses it."""
        used: dict[str, Interface] = {}
        for balancer in balancers:
            for rule in (rule for listener in balancer.listeners for rule in listener.rules):
                if isinstance(rule.action, Forward):
                    for arn, _ in rule.action.groups:
                        used.setdefault(arn, interfaces[balancer.arn][0])
        for arn in [arn for arn in self._checkers if arn not in used or arn not in groups]:
            await self._checkers.pop(arn).close()
            self._targets.health.pop(arn, None)
            self._account.facts.targets.pop(arn, None)
        for arn, source in used.items():
            if arn not in groups:
                continue
            if arn in self._checkers:
                self._checkers[arn].update(groups[arn], source)
            else:
                self._checkers[arn] = HealthChecker(self._fabric, groups[arn], source, self._report)
        self._report()

    def _report(self) -> None:
        """Publish the targets' health: to the listeners, and to the API for DescribeTargetHealth."""
        for arn, checker in self._checkers.items():
            self._targets.health[arn] = self._account.facts.targets[arn] = checker.facts()


def _urls(dns_name: str, port: int, protocol: str) -> list[str]:
    """How programs write a listener's address; the scheme's own port may be left out."""
    base = f"{protocol.lower()}://{dns_name}"
    return [f"{base}:{port}", base] if _DEFAULT_PORTS.get(protocol) == port else [f"{base}:{port}"]
