"""The AWS API as one interface in a VPC sees it: each request judged by the service that it is signed for.

On AWS a name such as ``secretsmanager.us-west-1.amazonaws.com`` leads to an interface endpoint, a gateway endpoint or
the internet, by the routes and security groups of the caller. Here every service has one address, so the SigV4
credential scope (``…/20261103/us-west-1/secretsmanager/aws4_request``) says which service is meant. A refused request
is reset, as AWS would let it time out.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from localcloud.aws.addresses import AS_STORED
from localcloud.net.http_client import Outgoing, Pool, UpstreamError, without_hop_by_hop
from localcloud.net.http_head import Head, Limits, split_target
from localcloud.net.http_server import Answer, Client, Door, Exchange, reason_header
from localcloud.net.model import Interface
from localcloud.net.verdict import judge_aws
from localcloud.net.wire import Wire

if TYPE_CHECKING:
    from localcloud.net.fabric import Fabric

log = logging.getLogger(__name__)

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]+/([A-Za-z0-9\-]+)/aws4_request")
_PRESIGNED = re.compile(r"[?&]X-Amz-Credential=[^/&]+/\d{8}/[^/&]+/([A-Za-z0-9\-]+)/aws4_request")
_LIMITS = Limits(target=65_536, header_line=65_536, head=131_072, status_target=414, status_head=431)


def signed_service(head: Head) -> str | None:
    """The service that a request is signed for, by its Authorization header or presigned URL; None: unsigned."""
    found = _SCOPE.search((head.get(b"authorization") or b"").decode("latin-1"))
    found = found or _PRESIGNED.search(unquote(head.target.decode("latin-1")))
    return found[1] if found else None


class AwsDoor:
    """A loopback port through which ``source`` reaches ``account.endpoint``, for what its network lets through."""

    limits = _LIMITS
    idle_seconds = 120.0

    def __init__(self, fabric: Fabric, source: Interface) -> None:
        self._fabric = fabric
        self._source = source
        self._pool = Pool(keep_seconds=10)
        self._door = Door(self, self._admit)

    @property
    def port(self) -> int:
        return self._door.port

    async def open(self) -> AwsDoor:
        """Bind a free loopback port."""
        await self._door.open()
        return self

    async def close(self) -> None:
        """Close the port. Repeatable."""
        await self._door.close()
        self._pool.close()

    def refusal(self, status: int, why: str) -> Answer:
        return Answer(status, b"", [(b"Content-Type", b"text/plain"), reason_header(why)], why.encode())

    async def handle(self, exchange: Exchange) -> None:
        head = exchange.head
        # Unsigned calls (AssumeRoleWithWebIdentity and the like) are for a service that has no endpoint in the VPC.
        service = signed_service(head) or "an unsigned call"
        host = (head.get(b"host") or b"").decode("latin-1").partition(":")[0]
        verdict = judge_aws(await self._fabric.topology.get(), self._source, service, host)
        if not verdict:
            self._fabric.block(verdict.reason)
            exchange.abort()
            return
        length = head.get(b"content-length")
        outgoing = Outgoing(
            method=head.method,
            target=split_target(head.target).raw,
            # Host is signed: it must reach the API as it came.
            headers=[
                *((n, v) for n, v in without_hop_by_hop(head.headers) if n.lower() != b"content-length"),
                (AS_STORED.encode(), b"vpc"),
            ],
            body=exchange.body() if head.has_body else None,
            length=int(length) if length is not None else None,
            wait_seconds=300,
        )
        try:
            async with self._pool.request("api", self._connect, outgoing) as response:
                await exchange.begin(response.status, response.reason, without_hop_by_hop(response.headers))
                async for chunk in response.body():
                    await exchange.send(chunk)
                await exchange.finish()
        except (UpstreamError, OSError) as error:
            log.warning("the simulated AWS API gave no answer to %s: %s", self._source.label, error)
            exchange.abort()

    async def _connect(self) -> Wire:
        endpoint = urlsplit(self._fabric.account.endpoint)
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(Wire, endpoint.hostname or "127.0.0.1", endpoint.port or 80)
        return wire

    async def _admit(self, wire: Wire) -> Client:
        ip, port = wire.peer
        return Client(ip, port)
