"""What one listener of a load balancer does with a request: rules, targets, headers, errors.

Sources: rule-condition-types.html, x-forwarded-headers.html, load-balancer-troubleshooting.html (which error when),
edit-load-balancer-attributes.html (Host), all of https://docs.aws.amazon.com/elasticloadbalancing/latest/application/.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from localcloud.aws.account import TargetFact
from localcloud.dataplane.alb_model import LEAST_OUTSTANDING, Listener, LoadBalancer, TargetGroup
from localcloud.dataplane.alb_rules import Fixed, Forward, Redirect, Seen, Unsupported, choose, location
from localcloud.dataplane.readings import Readings
from localcloud.net.fabric import Blocked, Fabric, Unresolved
from localcloud.net.http_client import (
    Outgoing,
    Pool,
    UpstreamClosed,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
    without_hop_by_hop,
)
from localcloud.net.http_head import Head, Limits, Refused, Target, split_target
from localcloud.net.http_server import Answer, Exchange, Headers, reason_header
from localcloud.net.model import Interface
from localcloud.net.wire import Wire

# "16K per request line, 16K per single header, or 64K for the entire header" → 400; a long URL → 414.
LIMITS = Limits(target=16_384, header_line=16_384, head=65_536, status_target=414, status_head=400)
_MOST_FORWARDED = 30  # addresses in X-Forwarded-For; more is HTTP 463
_REASONS = {
    414: b"Request-URI Too Large",
    405: b"Not Allowed",
    408: b"Request Time-out",
    463: b"",
    502: b"Bad Gateway",
    503: b"Service Temporarily Unavailable",
    504: b"Gateway Time-out",
}
_SET_BY_US = (b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port", b"x-amzn-trace-id")
Address = tuple[str, int]


def reason_of(status: int) -> bytes:
    """The reason phrase that a load balancer gives a status."""
    if status in _REASONS:
        return _REASONS[status]
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def error_page(status: int, why: str | None = None) -> Answer:
    """The load balancer's own error page. ``why`` travels in x-localcloud-reason: local, AWS says nothing."""
    title = b"%d %s" % (status, reason_of(status))
    body = (
        b"<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    headers = [(b"Server", b"awselb/2.0"), (b"Date", _date()), (b"Content-Type", b"text/html")]
    if why:
        headers.append(reason_header(why))
    return Answer(status, reason_of(status), headers, body % (title, title))


@dataclass
class TargetState:
    """What the listeners share about targets: the groups, their health, and how busy each target is."""

    groups: dict[str, TargetGroup] = field(default_factory=dict)
    health: dict[str, dict[Address, TargetFact]] = field(default_factory=dict)
    outstanding: Counter[Address] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)

    def choose(self, group: TargetGroup, present: Callable[[str, int], bool]) -> Address | None:
        """The target that takes the next request. When none is healthy all are asked (fail open), as AWS does.

        One whose program has ended isn't ``present``: ECS is about to take it from the group, which on AWS is a matter
        of seconds, and here of none.
        """
        facts = self.health.get(group.arn, {})
        healthy = [target for target in group.targets if facts.get(target, TargetFact("initial")).state == "healthy"]
        candidates = [target for target in healthy if present(*target)] or healthy or list(group.targets)
        if not candidates:
            return None
        self.turns[group.arn] += 1
        turn = self.turns[group.arn] % len(candidates)
        if group.algorithm == LEAST_OUTSTANDING:
            return min(candidates[turn:] + candidates[:turn], key=lambda target: self.outstanding[target])
        return candidates[turn]


class ListenerApp:
    """The requests of one listener. ``configure`` replaces its configuration between requests."""

    limits = LIMITS

    def __init__(self, fabric: Fabric, targets: TargetState, readings: Readings) -> None:
        self._fabric = fabric
        self._targets = targets
        self._readings = readings
        self._pool = Pool(keep_seconds=20)
        self.idle_seconds = 60.0

    def configure(self, balancer: LoadBalancer, listener: Listener, interfaces: list[Interface]) -> None:
        self.balancer, self.listener, self.interfaces = balancer, listener, interfaces
        self.idle_seconds = balancer.idle_seconds
        # Sent once a client is refused by a rule that AWS has and the local load balancer hasn't.
        self._scheme = listener.protocol.lower()

    def close(self) -> None:
        self._pool.close()

    def refusal(self, status: int, why: str) -> Answer:
        return error_page(status, why)

    async def handle(self, exchange: Exchange) -> None:
        head = exchange.head
        if head.method == b"TRACE":
            raise Refused(405, "load balancers don't support TRACE")
        target = split_target(head.target, self._readings.alb_absolute)
        host = _host(target.authority or head.get(b"host") or b"")
        seen = Seen(head.method, host, target.path, target.query or b"", head.headers, exchange.client.ip)
        rule = choose(self.listener.rules, seen, self._readings.alb_match)
        match rule.action if rule is not None else Unsupported("the listener has no default rule"):
            case Fixed() as fixed:
                await exchange.answer(_fixed(fixed))
            case Redirect() as redirect:
                await exchange.answer(self._redirect(redirect, host, target))
            case Unsupported(why):
                await exchange.answer(error_page(501, why))
            case Forward() as forward:
                await self._forward(exchange, target, forward)

    def _redirect(self, redirect: Redirect, host: bytes, target: Target) -> Answer:
        path, query = target.path.decode("latin-1"), (target.query or b"").decode("latin-1")
        to = location(redirect, self._scheme, host.decode("latin-1"), self.listener.port, path, query)
        page = error_page(redirect.status)
        return Answer(page.status, page.reason, [*page.headers, (b"Location", to.encode("latin-1"))], page.body)

    async def _forward(self, exchange: Exchange, target: Target, forward: Forward) -> None:
        weights = [weight for _, weight in forward.groups]
        arn = random.choices([arn for arn, _ in forward.groups], weights)[0] if any(weights) else forward.groups[0][0]
        group = self._targets.groups.get(arn)
        if group is None or group.unsupported:
            await exchange.answer(error_page(501 if group else 503, group.unsupported if group else "no target group"))
            return
        address = self._targets.choose(group, self._fabric.bound)
        if address is None:
            await exchange.answer(error_page(503, f"target group {group.name} has no registered targets"))
            return
        headers = self._headers(exchange, target)
        path = target.raw if forward.rewrite is None else forward.rewrite.apply(target.raw)
        self._targets.outstanding[address] += 1
        try:
            await self._exchange(exchange, path, address, headers)
        except (Blocked, Unresolved) as error:  # AWS waits ten seconds for a connection; time is compressed
            await exchange.answer(error_page(504, str(error)))
        except ConnectionRefusedError as error:
            await exchange.answer(error_page(502, str(error)))
        except UpstreamError as error:
            await self._failed(exchange, error, address)
        finally:
            self._targets.outstanding[address] -= 1

    async def _failed(self, exchange: Exchange, error: UpstreamError, address: Address) -> None:
        if exchange.started:
            exchange.abort()
            return
        status = 504 if isinstance(error, UpstreamTimeout) else 502
        assert isinstance(error, UpstreamTimeout | UpstreamClosed | UpstreamMalformed)
        await exchange.answer(error_page(status, f"target {address[0]}:{address[1]}: {error}"))

    async def _exchange(self, exchange: Exchange, path: bytes, address: Address, headers: Headers) -> None:
        head = exchange.head
        length = head.get(b"content-length")
        outgoing = Outgoing(
            method=head.method,
            target=path,
            headers=headers,
            body=exchange.body() if head.has_body else None,
            length=int(length) if length is not None else None,
            wait_seconds=self.balancer.idle_seconds,
            websocket=head.websocket,
        )
        # A load balancer has an interface in each subnet; the first stands for all, their rules are the same.
        source = self.interfaces[0]

        async def connect() -> Wire:
            return await self._fabric.connect(source, *address)

        async with self._pool.request((source.id, address), connect, outgoing) as response:
            if response.status == 101:
                await exchange.switch(response.headers, *response.tunnel(), self.balancer.idle_seconds)
                return
            own = without_hop_by_hop(response.headers)
            if not any(name.lower() == b"date" for name, _ in own):
                own.append((b"Date", _date()))
            await exchange.begin(response.status, response.reason, own)
            async for chunk in response.body():
                await exchange.send(chunk)
            await exchange.finish()

    def _headers(self, exchange: Exchange, target: Target) -> Headers:
        """The request's headers as a target sees them: raw and in order, with the load balancer's own ones."""
        head, client = exchange.head, exchange.client
        kept = [
            (n, v) for n, v in without_hop_by_hop(head.headers) if n.lower() not in (*_SET_BY_US, b"content-length")
        ]
        if self.balancer.flag("routing.http.drop_invalid_header_fields.enabled"):
            kept = [(n, v) for n, v in kept if all(c in _VALID_NAME for c in n)]
        forwarded = self._forwarded_for(head, client.ip, client.port)
        own = [(b"Host", self._outgoing_host(head, target))]
        own += [(b"X-Forwarded-For", forwarded)] if forwarded else []
        own += [
            (b"X-Forwarded-Proto", self._scheme.encode()),
            (b"X-Forwarded-Port", str(self.listener.port).encode()),
            (b"X-Amzn-Trace-Id", _trace_id(head.get(b"x-amzn-trace-id"))),
        ]
        return own + kept

    def _outgoing_host(self, head: Head, target: Target) -> bytes:
        """ "Host header preservation": off, the port is dropped on 80 and 443 and added on any other port."""
        given = head.get(b"host")
        if self.balancer.flag("routing.http.preserve_host_header.enabled") and given is not None:
            return given
        host = target.authority or given or self.interfaces[0].ip.encode()
        if self.listener.port in (80, 443):
            return _host(host)
        return host if _host(host) != host else host + b":%d" % self.listener.port

    def _forwarded_for(self, head: Head, ip: str, port: int) -> bytes | None:
        """X-Forwarded-For in the mode of the attribute (append, preserve, remove). Raises Refused (463)."""
        given = b", ".join(value for name, value in head.headers if name.lower() == b"x-forwarded-for")
        if given.count(b",") >= _MOST_FORWARDED:
            raise Refused(463, f"X-Forwarded-For names more than {_MOST_FORWARDED} addresses")
        match self.balancer.attributes.get("routing.http.xff_header_processing.mode", "append"):
            case "remove":
                return None
            case "preserve":
                return given or None
            case _:
                pass
        own = ip + (f":{port}" if self.balancer.flag("routing.http.xff_client_port.enabled") else "")
        return (given + b", " if given else b"") + own.encode()


_VALID_NAME = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")


def _host(authority: bytes) -> bytes:
    """A host without its port."""
    host, colon, port = authority.rpartition(b":")
    return host if colon and port.isdigit() else authority


def _fixed(fixed: Fixed) -> Answer:
    headers: Headers = [(b"Server", b"awselb/2.0"), (b"Date", _date())]
    headers.append((b"Content-Type", f"{fixed.content_type}; charset=utf-8".encode()))
    return Answer(fixed.status, reason_of(fixed.status), headers, fixed.body.encode())


def _date() -> bytes:
    return formatdate(usegmt=True).encode()


def _trace_id(given: bytes | None) -> bytes:
    """load-balancer-request-tracing.html: a Root is made when there is none, else a Self is added before it."""
    own = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}".encode()
    if given is None:
        return b"Root=" + own
    if b"Root=" not in given:
        return given.rstrip(b";") + b";Root=" + own
    fields = [part for part in given.split(b";") if not part.strip().startswith(b"Self=")]
    return b";".join([b"Self=" + own, *fields])
