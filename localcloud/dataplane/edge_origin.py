"""From CloudFront to the origin: through the fabric, with the origin's timeouts and attempts.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html, "Origin
response timeout": it runs from the request to the first byte and again between packets; GET and HEAD are tried again,
other methods are not. A VPC origin that is reached by https must show a certificate for the origin's domain name
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-502-bad-gateway.html); TLS to other origins
isn't spoken here: a distribution that asks for it answers 501 (``edge_model``).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from localcloud.dataplane import edge_pages as pages
from localcloud.dataplane.edge_event import Changed
from localcloud.dataplane.edge_headers import Request, origin_headers
from localcloud.dataplane.edge_model import Behavior, Distribution, Origin, VpcOrigin
from localcloud.net.fabric import Blocked, Fabric, Tls, Unresolved
from localcloud.net.http_client import (
    Incoming,
    Outgoing,
    Pool,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
)
from localcloud.net.http_head import Target
from localcloud.net.http_server import Answer, Exchange, Headers
from localcloud.net.model import ORIGIN_FACING_GROUP, ORIGIN_FACING_PREFIX_LIST, Interface, Topology
from localcloud.net.verdict import AWS_PUBLIC
from localcloud.net.wire import Wire
from localcloud.tls import Authority

_REPEATABLE = (b"GET", b"HEAD")
_WEBSOCKET_IDLE_SECONDS = 600.0  # distribution-working-with.websockets.html: closed after 10 minutes without data


@dataclass(frozen=True)
class Viewed:
    """A viewer's request on its way through CloudFront. ``scheme``: what the port that it came by stands for."""

    exchange: Exchange
    behavior: Behavior
    target: Target
    id: str
    scheme: str


class Reply:
    """The origin's response, or CloudFront's own ``page`` when there is none. To be used in ``async with``."""

    def __init__(self, stack: AsyncExitStack, response: Incoming | None = None, page: Answer | None = None) -> None:
        self._stack = stack
        self._response = response
        self.page = page
        self.status = response.status if response else 0
        self.reason = response.reason if response else b""
        self.headers: Headers = response.headers if response else []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.__aexit__(*failure)  # type: ignore[arg-type]

    async def stream(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """Pass the body on as it comes. When the origin stops in the middle, so does the response: it is cut."""
        assert self._response is not None
        if status == 101:
            upgraded = [*headers, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
            await exchange.switch(upgraded, *self._response.tunnel(), _WEBSOCKET_IDLE_SECONDS)
            return
        await exchange.begin(status, reason, headers)
        try:
            async for chunk in self._response.body():
                await exchange.send(chunk)
        except (UpstreamError, TimeoutError):
            exchange.abort()
            return
        await exchange.finish()


class Origins:
    """Connections to the origins of all distributions."""

    def __init__(self, fabric: Fabric, authority: Authority) -> None:
        self._fabric = fabric
        self._authority = authority
        self._context: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, str, float], Pool] = {}

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    async def fetch(self, distribution: Distribution, request: Changed, viewed: Viewed) -> Reply:
        """Ask the behaviour's origin. Never raises for what the origin does: the reply's page says it."""
        origin = distribution.origin(viewed.behavior.origin)
        outgoing = self._outgoing(distribution, origin, request, viewed)
        attempts = origin.attempts if outgoing.method in _REPEATABLE else 1
        domain, id = distribution.domain, viewed.id
        while True:
            attempts -= 1
            try:
                return await self._ask(origin, outgoing, viewed.scheme)
            except UpstreamTimeout as error:
                if attempts > 0:
                    continue
                why = f"origin {origin.domain}: {error}"
                page = pages.error_page(504, pages.ORIGIN_CONNECT, domain, id, why)
            except Blocked as blocked:  # on AWS the connection attempts time out
                page = pages.error_page(504, pages.ORIGIN_CONNECT, domain, id, str(blocked))
            except TimeoutError:
                page = pages.error_page(504, pages.ORIGIN_CONNECT, domain, id, f"origin {origin.domain}: out of time")
            except ssl.SSLError as error:
                why = (
                    f"origin {origin.domain}: no TLS with it ({getattr(error, 'verify_message', None) or error.reason})"
                )
                page = pages.error_page(502, pages.ORIGIN_CONNECT, domain, id, why)
            except ConnectionRefusedError as error:  # http-502-bad-gateway.html: not responding on the specified port
                page = pages.error_page(502, pages.ORIGIN_MALFORMED, domain, id, str(error))
            except Unresolved as error:
                page = pages.error_page(502, pages.ORIGIN_RESOLVE, domain, id, str(error))
            except UpstreamMalformed as error:
                page = pages.error_page(502, pages.ORIGIN_MALFORMED, domain, id, f"origin {origin.domain}: {error}")
            except UpstreamError as error:
                page = pages.error_page(502, pages.ORIGIN_CONNECT, domain, id, f"origin {origin.domain}: {error}")
            return Reply(AsyncExitStack(), page=page)

    def _outgoing(self, distribution: Distribution, origin: Origin, request: Changed, viewed: Viewed) -> Outgoing:
        head, client = viewed.exchange.head, viewed.exchange.client
        forwarding = viewed.behavior.forwarding
        leaving = Request(
            method=head.method,
            path=origin.path.encode() + request.path,
            query=forwarding.query(request.query),
            headers=request.headers,
            viewer_ip=client.ip,
            viewer_port=client.port,
            scheme=viewed.scheme,
            id=viewed.id,
        )
        length = head.get(b"content-length")
        return Outgoing(
            method=head.method,
            target=leaving.path if leaving.query is None else leaving.path + b"?" + leaving.query,
            headers=origin_headers(leaving, forwarding, origin, distribution.domain),
            body=viewed.exchange.body() if head.has_body else None,
            length=int(length) if length is not None else None,
            wait_seconds=origin.read_seconds,
            websocket=head.websocket,
        )

    async def _ask(self, origin: Origin, outgoing: Outgoing, scheme: str) -> Reply:
        stack = AsyncExitStack()
        try:
            # The limit of the whole response, when one is set, holds until the reply is left.
            await stack.enter_async_context(asyncio.timeout(origin.completion_seconds))
            source, host, port, secure = await self._hop(origin, scheme)
            tls = await self._tls(origin.domain) if secure and origin.vpc_origin is not None else None

            async def connect() -> Wire:
                async with asyncio.timeout(origin.connect_seconds):
                    return await self._fabric.connect(source, host, port, tls=tls)

            pool = self._pools.setdefault((host, source.id, origin.keep_seconds), Pool(origin.keep_seconds))
            request = pool.request((source.id, host, port, tls is not None and origin.domain), connect, outgoing)
            return Reply(stack, await stack.enter_async_context(request))
        except BaseException as error:
            await stack.__aexit__(type(error), error, error.__traceback__)
            raise

    async def _tls(self, name: str) -> Tls:
        """What CloudFront trusts: the authority that stands in for the public ones."""
        if self._context is None:
            root = await asyncio.to_thread(self._authority.root)
            self._context = ssl.create_default_context(cafile=str(root))
        return Tls(self._context, name)

    async def _hop(self, origin: Origin, scheme: str) -> tuple[Interface, str, int, bool]:
        """From which interface to which name and port, and whether by https. Raises Blocked when a VPC origin can't be
        used."""
        protocol = origin.protocol_policy.removesuffix("-only")
        secure = (scheme if protocol == "match-viewer" else protocol) == "https"
        port = origin.https_port if secure else origin.http_port
        topology = await self._fabric.topology.get()
        if origin.vpc_origin is None:
            return _public_source(topology), origin.domain, port, secure
        vpc_origin = origin.vpc_origin
        if vpc_origin.problem:
            raise self._fabric.block(f"CloudFront → {origin.domain}:{port}: {vpc_origin.problem}")
        if not any(vpc_origin.vpc in vpcs for vpcs in topology.gateways.values()):
            # private-content-vpc-origins.html, "Prerequisites": the VPC needs an internet gateway.
            raise self._fabric.block(f"CloudFront → {origin.domain}:{port}: {vpc_origin.vpc} has no internet gateway")
        return await self._private_source(topology, vpc_origin), vpc_origin.host, port, secure

    async def _private_source(self, topology: Topology, origin: VpcOrigin) -> Interface:
        """CloudFront's interface in the VPC, in the group that it manages there."""
        groups = [g.id for g in topology.groups.values() if g.name == ORIGIN_FACING_GROUP and g.vpc == origin.vpc]
        subnet = origin.subnets[0]
        return Interface(
            id=f"eni-{origin.id}",
            label=f"CloudFront (VPC origin {origin.name})",
            vpc=origin.vpc,
            subnet=subnet,
            ip=await self._fabric.addresses.get(subnet, origin.id),
            groups=tuple(groups),
        )


def _public_source(topology: Topology) -> Interface:
    """One of CloudFront's origin-facing servers: an address of its managed prefix list."""
    lists = (found for found in topology.prefix_lists.values() if found.name == ORIGIN_FACING_PREFIX_LIST)
    networks = next((found.networks for found in lists if found.networks), ())
    ip = str(networks[0][10]) if networks else AWS_PUBLIC
    return Interface("cloudfront", "CloudFront", None, None, ip)
