"""What a distribution does with a viewer's request: behaviour, function, origin, response.

The order: malformed (400), too large (413), unknown host (403), AWS WAF, behaviour, viewer protocol policy, method
(403), a body with GET (403), viewer-request function, origin, response headers policy, viewer-response function.
Sources, all below
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/: DownloadDistValuesCacheBehavior.html,
RequestAndResponseBehaviorCustomOrigin.html, edge-function-restrictions-all.html and
using-https-viewers-to-cloudfront.html.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from localcloud.dataplane import edge_pages as pages
from localcloud.dataplane.edge_event import (
    Changed,
    Invalid,
    Made,
    changed_request,
    changed_response,
    is_response,
    made_response,
    request_object,
    response_object,
)
from localcloud.dataplane.edge_firewall import Block, Firewall
from localcloud.dataplane.edge_headers import request_id, viewer_headers
from localcloud.dataplane.edge_log import AccessLogs, record
from localcloud.dataplane.edge_model import Behavior, Distribution
from localcloud.dataplane.edge_origin import Origins, Reply, Viewed
from localcloud.dataplane.jsruntime import EdgeFunction, FunctionFailed
from localcloud.dataplane.readings import Readings
from localcloud.dataplane.uri import normalise, read_path, wildcard
from localcloud.net.http_head import Limits, Refused, Target, split_target
from localcloud.net.http_server import Answer, Exchange, Headers, reason_header

# Quotas (cloudfront-limits.html): 32,768 bytes a request without its body, 8,192 a URL; more is 413.
LIMITS = Limits(target=8192, header_line=32_768, head=32_768, status_target=413, status_head=413)
_URL_BYTES = 8192
_LOCAL_HOST = re.compile(rb"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)
_SAFE = ("GET", "HEAD")


@dataclass
class Deployed:
    """A distribution and the functions that it names, loaded; a function that doesn't load is the reason why."""

    distribution: Distribution
    functions: dict[str, EdgeFunction | str] = field(default_factory=dict)

    firewall: Firewall = field(default_factory=Firewall)


class DistributionApp:
    """The requests of one distribution on one of its two ports. ``scheme``: what the port stands for."""

    limits = LIMITS
    idle_seconds = 60.0

    def __init__(self, deployed: Deployed, origins: Origins, logs: AccessLogs, readings: Readings, scheme: str) -> None:
        self.deployed = deployed
        self._origins = origins
        self._logs = logs
        self._readings = readings
        self._scheme = scheme
        self.https_port = 0  # where to a redirect leads a viewer that came by a loopback address

    def refusal(self, status: int, why: str) -> Answer:
        return self._page(status, pages.BAD_REQUEST, request_id(), why)

    async def handle(self, exchange: Exchange) -> None:
        id, began, logs = request_id(), time.monotonic(), self.deployed.distribution.logs
        target: Target | None = None
        try:
            target = self._target(exchange)
            await self._handle(exchange, target, id)
        except Refused as refused:
            exchange.status = exchange.status or refused.status
            raise
        finally:
            for log in logs:
                self._logs.put(log, record(exchange, target, id, self._scheme, began))

    async def _handle(self, exchange: Exchange, target: Target, id: str) -> None:
        distribution = self.deployed.distribution
        if distribution.problem:
            await exchange.answer(self._page(501, "Not simulated.", id, distribution.problem))
            return
        if (block := await self.deployed.firewall.check(exchange)) is not None:
            await exchange.answer(self._blocked(block, id))
            return
        behavior = self._behavior(target.path)
        refused = self._redirect(exchange, behavior, target, id) or self._method_refused(exchange, behavior, id)
        if refused is not None:
            await exchange.answer(refused)
            return
        viewed = Viewed(exchange, behavior, target, id, self._scheme)
        try:
            await self._serve(viewed)
        except FunctionFailed as failed:
            page = self._page(503, pages.FUNCTION_FAILED, id, str(failed), cache="FunctionExecutionError")
            await exchange.answer(page)
        except Invalid as invalid:
            page = self._page(502, pages.FUNCTION_INVALID, id, str(invalid), cache="FunctionValidationError")
            await exchange.answer(page)

    # Before the function

    def _blocked(self, block: Block, id: str) -> Answer:
        """WAF comes before everything else: "AWS WAF rules are evaluated before" functions and caches."""
        if block.status is None:
            return self._page(403, pages.BLOCKED, id, block.why)
        headers = pages.own_headers(self.deployed.distribution.domain, id, "Error from cloudfront")
        headers += [(b"Content-Type", block.content_type.encode()), reason_header(block.why)]
        headers += [(name.encode(), value.encode()) for name, value in block.headers]
        reason = pages.TITLES.get(block.status, "").encode()
        return Answer(block.status, reason, headers, block.body.encode())

    def _target(self, exchange: Exchange) -> Target:
        """The request's target, when its host is one of ours. Raises Refused."""
        head = exchange.head
        raw = head.target
        if b"#" in raw:
            if self._readings.edge_fragment == "refuse":
                raise Refused(400, "the request target holds a fragment")
            raw = raw.partition(b"#")[0] if self._readings.edge_fragment == "cut" else raw
        target = split_target(raw, self._readings.edge_absolute)
        host = target.authority or head.get(b"host") or b""
        if len(self._scheme) + 3 + len(host) + len(target.raw) > _URL_BYTES:
            raise Refused(413, f"the URL is longer than {_URL_BYTES} bytes")
        if not self._is_ours(host):
            raise Refused(403, f"no distribution answers for the host {host.decode('latin-1')!r}")
        return target

    def _is_ours(self, host: bytes) -> bool:
        """A loopback address stands for the distribution's own domain."""
        if _LOCAL_HOST.fullmatch(host):
            return True
        name = re.sub(r":\d+$", "", host.decode("latin-1").lower())
        distribution = self.deployed.distribution
        if name == distribution.domain.lower():
            return True
        return any(wildcard(alias.lower()).fullmatch(name.encode()) for alias in distribution.aliases)

    def _behavior(self, path: bytes) -> Behavior:
        """The first behaviour whose pattern matches, in order; case-sensitive; the leading slash is optional."""
        path = read_path(path, self._readings.edge_match)
        for behavior in self.deployed.distribution.behaviors:
            if behavior.pattern is None or wildcard("/" + behavior.pattern.lstrip("/")).fullmatch(path):
                return behavior
        raise LookupError("a distribution always has a default behaviour")

    def _redirect(self, exchange: Exchange, behavior: Behavior, target: Target, id: str) -> Answer | None:
        """Viewer protocol policy on the port that stands for http."""
        if self._scheme == "https" or behavior.protocol_policy == "allow-all":
            return None
        if behavior.protocol_policy == "https-only":
            return self._page(403, pages.BAD_REQUEST, id, "the behaviour's viewer protocol policy is https-only")
        host = target.authority or exchange.head.get(b"host") or b""
        base = b"https://" + host
        if _LOCAL_HOST.fullmatch(host):  # https is another port here, without TLS
            base = b"http://" + re.sub(rb":\d+$", b"", host) + b":%d" % self.https_port
        # "301 … for GET and HEAD"; other methods get 307, so that they are sent again with their body.
        page = self._page(301 if exchange.head.method.decode() in _SAFE else 307, "", id, cache="Redirect")
        return Answer(page.status, page.reason, [*page.headers, (b"Location", base + target.raw)])

    def _method_refused(self, exchange: Exchange, behavior: Behavior, id: str) -> Answer | None:
        method = exchange.head.method.decode("latin-1")
        if method not in behavior.methods:
            return self._page(403, pages.METHOD, id, f"the behaviour doesn't allow {method}")
        if method in _SAFE and exchange.head.has_body:
            return self._page(403, pages.BAD_REQUEST, id, f"CloudFront refuses {method} with a body")
        return None

    # Function, origin, function

    async def _serve(self, viewed: Viewed) -> None:
        head, path, query = viewed.exchange.head, viewed.target.path, viewed.target.query
        seen = normalise(path) if self._readings.edge_function_uri == "rfc3986" else path
        request = Changed(path, query, list(head.headers))
        event = request_object(head.method, seen, query, head.headers)
        arn = viewed.behavior.function("viewer-request")
        if arn is not None:
            value = await self._run(arn, "viewer-request", viewed, {"request": event})
            if is_response(value):
                await self._answer_made(viewed, made_response(value))
                return
            request = changed_request(event, value, path, query, list(head.headers))
            event = {
                **event,
                **{key: value[key] for key in ("uri", "querystring", "headers", "cookies") if key in value},
            }
        root = self.deployed.distribution.root_object
        if root and request.path == b"/":
            request = Changed(b"/" + root.encode(), request.query, request.headers)
        try:
            async with await self._origins.fetch(self.deployed.distribution, request, viewed) as reply:
                await self._respond(viewed, reply, event)
        except TimeoutError:  # the origin's response completion timeout, in the middle of the response
            viewed.exchange.abort()

    async def _respond(self, viewed: Viewed, reply: Reply, event: Any) -> None:
        if reply.page is not None:
            await viewed.exchange.answer(reply.page)
            return
        domain = self.deployed.distribution.domain
        error = reply.status >= 400
        cache = b"Error from cloudfront" if error else b"Miss from cloudfront"
        headers = viewer_headers(reply.headers, domain, viewed.id, cache)
        if viewed.behavior.response_policy is not None:
            headers = viewed.behavior.response_policy.apply(headers, viewed.exchange.head.get(b"origin"))
        arn = viewed.behavior.function("viewer-response")
        if (
            arn is not None and not error and reply.status != 101
        ):  # "CloudFront does not invoke edge functions for … 400 or higher"
            response = response_object(reply.status, reply.reason, headers)
            value = await self._run(arn, "viewer-response", viewed, {"request": event, "response": response})
            made = changed_response(response, value, headers)
            if made.body is not None:
                await self._answer_made(viewed, made, own=False)
                return
            await reply.stream(viewed.exchange, made.status, made.reason, made.headers)
            return
        await reply.stream(viewed.exchange, reply.status, reply.reason, headers)

    async def _answer_made(self, viewed: Viewed, made: Made, own: bool = True) -> None:
        domain = self.deployed.distribution.domain
        headers: Headers = (
            pages.own_headers(domain, viewed.id, "FunctionGeneratedResponse from cloudfront") if own else []
        )
        given = {name.lower() for name, _ in made.headers}
        headers = [(n, v) for n, v in headers if n.lower() not in given]
        headers += [(n, v) for n, v in made.headers if n.lower() not in (b"content-length", b"transfer-encoding")]
        reason = made.reason or pages.TITLES.get(made.status, "").encode()
        await viewed.exchange.answer(Answer(made.status, reason, headers, made.body or b""))

    async def _run(self, arn: str, event_type: str, viewed: Viewed, parts: dict[str, Any]) -> Any:
        function = self.deployed.functions.get(arn, f"there is no function {arn}")
        if isinstance(function, str):
            raise FunctionFailed(function)
        distribution = self.deployed.distribution
        event = {
            "version": "1.0",
            "context": {
                "distributionDomainName": distribution.domain,
                "distributionId": distribution.id,
                "eventType": event_type,
                "requestId": viewed.id,
            },
            "viewer": {"ip": viewed.exchange.client.ip},
            **parts,
        }
        return (await function.run(event, int(time.time() * 1000))).value

    def _page(self, status: int, text: str, id: str, why: str | None = None, cache: str = "Error") -> Answer:
        return pages.error_page(status, text, self.deployed.distribution.domain, id, why, cache)
