"""Headers that CloudFront removes, adds and changes on the way to the origin and back.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html, tables
"HTTP request headers and CloudFront behavior" and "HTTP response headers that CloudFront removes or replaces".
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from localcloud.dataplane.edge_model import Origin
from localcloud.dataplane.edge_policies import Forwarding
from localcloud.net.http_client import without_hop_by_hop
from localcloud.net.http_server import Headers

# Never forwarded, whatever a policy selects.
_REMOVED = frozenset(
    (
        b"expect",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"content-length",  # framing: the proxy writes its own
        b"x-localcloud-reason",
    )
)
_REMOVED_PREFIXES = (b"x-edge-", b"x-amz-cf-")
_OWN = frozenset((b"host", b"user-agent", b"cookie", b"via", b"x-forwarded-for", b"accept-encoding"))
_AGENT = b"Amazon CloudFront"
POP = b"SFO53-P7"  # a location near us-west-1


@dataclass(frozen=True)
class Request:
    """A viewer's request at the moment when it leaves for the origin."""

    method: bytes
    path: bytes
    query: bytes | None
    headers: Headers
    viewer_ip: str
    viewer_port: int
    scheme: str
    id: str


def request_id() -> str:
    """An id as in X-Amz-Cf-Id: 54 characters of base64 and "=="."""
    return urlsafe_b64encode(secrets.token_bytes(40)).decode()


def via(domain: str, version: bytes = b"1.1") -> bytes:
    """CloudFront's Via: version, a host that stands for the edge server, and the name in brackets."""
    return version + b" " + domain.partition(".")[0].encode() + b".cloudfront.net (CloudFront)"


def origin_headers(request: Request, forwarding: Forwarding, origin: Origin, domain: str) -> Headers:
    """The headers of the request to the origin, without framing."""
    viewer = without_hop_by_hop(request.headers)
    first = {name.lower(): value for name, value in reversed(viewer)}
    own: Headers = [
        (b"Host", first.get(b"host", b"") if forwarding.header(b"host") else origin.domain.encode()),
        (b"User-Agent", first.get(b"user-agent", _AGENT) if forwarding.header(b"user-agent") else _AGENT),
        (b"X-Amz-Cf-Id", request.id.encode()),
        (b"Via", _append(viewer, b"via", via(domain))),
        (b"X-Forwarded-For", _append(viewer, b"x-forwarded-for", request.viewer_ip.encode(), b",")),
    ]
    cookies = forwarding.cookie_header(value for name, value in viewer if name.lower() == b"cookie")
    own += [(b"Cookie", cookies)] if cookies else []
    encoding = _accept_encoding(first.get(b"accept-encoding"), forwarding)
    own += [(b"Accept-Encoding", encoding)] if encoding else []
    own += _computed(request, forwarding)
    custom = [(name.encode(), value.encode()) for name, value in origin.headers]
    replaced = {name.lower() for name, _ in (*custom, *own)} | _OWN
    kept = [(n, v) for n, v in viewer if _forwardable(n.lower()) and n.lower() not in replaced and forwarding.header(n)]
    named = {name.lower() for name, _ in custom}
    return [(n, v) for n, v in own if n.lower() not in named] + custom + kept


def viewer_headers(headers: Headers, domain: str, id: str, cache: bytes) -> Headers:
    """The headers of the response to the viewer, from the origin's."""
    removed = (b"via", b"x-cache", b"x-amz-cf-id", b"x-amz-cf-pop")
    own = without_hop_by_hop(headers)
    kept = [(n, v) for n, v in own if n.lower() not in removed]
    return [
        *kept,
        (b"X-Cache", cache),
        (b"Via", _append(own, b"via", via(domain))),
        (b"X-Amz-Cf-Pop", POP),
        (b"X-Amz-Cf-Id", id.encode()),
    ]


def _forwardable(name: bytes) -> bool:
    return name not in _REMOVED and not name.startswith(_REMOVED_PREFIXES)


def _append(headers: Headers, name: bytes, value: bytes, separator: bytes = b", ") -> bytes:
    return separator.join([*(v for n, v in headers if n.lower() == name), value])


def _accept_encoding(given: bytes | None, forwarding: Forwarding) -> bytes | None:
    """Normalised when the cache policy compresses (controlling-the-cache-key.html, "Compression support")."""
    if not forwarding.gzip and not forwarding.brotli:
        return given if given is not None and forwarding.header(b"accept-encoding") else None
    codings = {part.split(b";")[0].strip().lower() for part in (given or b"").split(b",")}
    kept = [c for c, on in ((b"br", forwarding.brotli), (b"gzip", forwarding.gzip)) if on and c in codings]
    return b",".join(kept) or None


def _computed(request: Request, forwarding: Forwarding) -> Headers:
    """adding-cloudfront-headers.html: those that can be known here. They replace the viewer's own of that name."""
    known = {
        "cloudfront-forwarded-proto": request.scheme,
        "cloudfront-viewer-address": f"{request.viewer_ip}:{request.viewer_port}",
        "cloudfront-viewer-http-version": "1.1",
    }
    return [(name.title().encode(), value.encode()) for name, value in known.items() if forwarding.computed(name)]
