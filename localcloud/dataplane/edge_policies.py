"""Cache, origin request and response headers policies: what of a request reaches the origin, what a response gains.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-origin-requests.html: values that either
policy selects are forwarded, others are not, apart from what CloudFront always sends. Nothing is ever cached here, as
with the managed policy CachingDisabled; a distribution with another cache policy answers 501 (``edge_model``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from localcloud.net.http_server import Headers

_ALL = ("all", "allViewer", "allViewerAndWhitelistCloudFront")


@dataclass(frozen=True)
class Selector:
    """One policy's choice among names.

    Modes are AWS's: none, whitelist, all, allViewer, allViewerAndWhitelistCloudFront, allExcept.
    """

    mode: str
    names: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        if self.mode in _ALL:
            return True
        return (name in self.names) == (self.mode == "whitelist") and self.mode != "none"


@dataclass(frozen=True)
class Forwarding:
    """What both policies together forward; header names in lower case."""

    headers: tuple[Selector, ...] = ()
    cookies: tuple[Selector, ...] = ()
    queries: tuple[Selector, ...] = ()
    gzip: bool = False
    brotli: bool = False

    def header(self, name: bytes) -> bool:
        return any(selector.takes(name.lower().decode("latin-1")) for selector in self.headers)

    def computed(self, name: str) -> bool:
        """Whether CloudFront is asked to add its own header ``name`` (cloudfront-…)."""
        return any(name in s.names and s.mode != "allExcept" for s in self.headers)

    def cookie_header(self, values: Iterable[bytes]) -> bytes | None:
        """The Cookie header with the cookies that are forwarded, in their order and spelling."""
        if any(selector.mode == "all" for selector in self.cookies):
            return b"; ".join(values) or None
        kept = []
        for pair in (pair.strip() for value in values for pair in value.split(b";")):
            name = pair.partition(b"=")[0].decode("latin-1")
            if pair and any(selector.takes(name) for selector in self.cookies):
                kept.append(pair)
        return b"; ".join(kept) or None

    def query(self, query: bytes | None) -> bytes | None:
        """The query string that is forwarded: raw when all of it is."""
        if query is None or any(selector.mode == "all" for selector in self.queries):
            return query
        kept = []
        for pair in query.split(b"&"):
            name = pair.partition(b"=")[0].decode("latin-1")
            if pair and any(selector.takes(name) for selector in self.queries):
                kept.append(pair)
        return b"&".join(kept) or None


@dataclass(frozen=True)
class ResponsePolicy:
    """Headers to set (name, value, whether to replace the origin's), to remove, and the CORS answer if configured."""

    set: tuple[tuple[str, str, bool], ...] = ()
    remove: frozenset[str] = frozenset()
    cors: dict[str, Any] | None = None

    def apply(self, headers: Headers, origin: bytes | None) -> Headers:
        """The response's headers after the policy; ``origin`` is the request's Origin."""
        kept = [(n, v) for n, v in headers if n.lower().decode("latin-1") not in self.remove]
        for name, value, override in (*self.set, *self._cors(origin)):
            present = any(n.lower() == name.lower().encode() for n, _ in kept)
            if present and override:
                kept = [(n, v) for n, v in kept if n.lower() != name.lower().encode()]
            if override or not present:
                kept.append((name.encode(), value.encode()))
        return kept

    def _cors(self, origin: bytes | None) -> list[tuple[str, str, bool]]:
        """understanding-response-headers-policies.html, "CORS headers": only for requests with an allowed Origin."""
        if self.cors is None or origin is None:
            return []
        allowed, asked = self.cors["AccessControlAllowOrigins"]["Items"], origin.decode("latin-1")
        if "*" not in allowed and asked not in allowed:
            return []
        override = bool(self.cors["OriginOverride"])
        credentials = bool(self.cors["AccessControlAllowCredentials"])
        found = [("Access-Control-Allow-Origin", "*" if "*" in allowed and not credentials else asked, override)]
        if credentials:
            found.append(("Access-Control-Allow-Credentials", "true", override))
        for header in ("Allow-Methods", "Allow-Headers", "Expose-Headers"):
            items = self.cors.get(f"AccessControl{header.replace('-', '')}", {}).get("Items")
            if items:
                items = list(_METHODS) if items == ["ALL"] else items
                found.append((f"Access-Control-{header}", ", ".join(items), override))
        if self.cors.get("AccessControlMaxAgeSec"):
            found.append(("Access-Control-Max-Age", str(self.cors["AccessControlMaxAgeSec"]), override))
        return found


_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def forwarding(cache: dict[str, Any], request: dict[str, Any]) -> Forwarding:
    """From a cache policy's and an origin request policy's configuration (either may be empty)."""
    key = cache.get("ParametersInCacheKeyAndForwardedToOrigin", {})
    sources = (key, request)
    return Forwarding(
        headers=tuple(_selector(s.get("HeadersConfig"), "HeaderBehavior", "Headers", lower=True) for s in sources),
        cookies=tuple(_selector(s.get("CookiesConfig"), "CookieBehavior", "Cookies") for s in sources),
        queries=tuple(_selector(s.get("QueryStringsConfig"), "QueryStringBehavior", "QueryStrings") for s in sources),
        gzip=bool(key.get("EnableAcceptEncodingGzip")),
        brotli=bool(key.get("EnableAcceptEncodingBrotli")),
    )


def _selector(config: dict[str, Any] | None, mode: str, names: str, lower: bool = False) -> Selector:
    if not config:
        return Selector("none")
    items = config.get(names, {}).get("Items", [])
    return Selector(config.get(mode, "none"), frozenset(item.lower() if lower else item for item in items))


def response_policy(config: dict[str, Any]) -> ResponsePolicy:
    """From a response headers policy's configuration."""
    found: list[tuple[str, str, bool]] = []
    security = config.get("SecurityHeadersConfig", {})
    if entry := security.get("XSSProtection"):
        value = "0" if not entry["Protection"] else "1"
        value += "; mode=block" if entry.get("ModeBlock") else ""
        value += f"; report={entry['ReportUri']}" if entry.get("ReportUri") else ""
        found.append(("X-XSS-Protection", value, entry["Override"]))
    if entry := security.get("FrameOptions"):
        found.append(("X-Frame-Options", entry["FrameOption"], entry["Override"]))
    if entry := security.get("ReferrerPolicy"):
        found.append(("Referrer-Policy", entry["ReferrerPolicy"], entry["Override"]))
    if entry := security.get("ContentSecurityPolicy"):
        found.append(("Content-Security-Policy", entry["ContentSecurityPolicy"], entry["Override"]))
    if entry := security.get("ContentTypeOptions"):
        found.append(("X-Content-Type-Options", "nosniff", entry["Override"]))
    if entry := security.get("StrictTransportSecurity"):
        value = f"max-age={entry['AccessControlMaxAgeSec']}"
        value += "; includeSubDomains" if entry.get("IncludeSubdomains") else ""
        value += "; preload" if entry.get("Preload") else ""
        found.append(("Strict-Transport-Security", value, entry["Override"]))
    for item in config.get("CustomHeadersConfig", {}).get("Items", []):
        found.append((item["Header"], item.get("Value", ""), item["Override"]))
    remove = config.get("RemoveHeadersConfig", {}).get("Items", [])
    return ResponsePolicy(tuple(found), frozenset(item["Header"].lower() for item in remove), config.get("CorsConfig"))
