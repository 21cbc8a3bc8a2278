"""Which rule of a listener takes a request. Pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html and rule-action-types.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from urllib.parse import unquote_to_bytes

from localcloud.dataplane.uri import read_path, wildcard


@dataclass(frozen=True)
class Seen:
    """What rules look at. ``host`` without port; ``path`` and ``query`` raw."""

    method: bytes
    host: bytes
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    source: str


@dataclass(frozen=True)
class Condition:
    """One condition: met when any of its values matches. ``name`` is the header's name for http-header."""

    field: str
    values: tuple[str, ...] = ()
    name: str = ""
    pairs: tuple[tuple[str | None, str], ...] = ()  # of query-string: (key or None, value)


@dataclass(frozen=True)
class Rewrite:
    """A URL rewrite transform: what the first match of ``regex`` in path and query is replaced with ($1 is a group)."""

    regex: re.Pattern[str]
    replacement: str

    def apply(self, target: bytes) -> bytes:
        """The target as it goes on; as it came when nothing matches (rule-transforms.html, "Transform basics")."""
        text = target.decode("latin-1")
        found = self.regex.search(text)
        if found is None:
            return target
        put = re.sub(r"\$([0-9])", lambda group: found[int(group[1])] or "", self.replacement)
        return (text[: found.start()] + put + text[found.end() :]).encode("latin-1")


@dataclass(frozen=True)
class Forward:
    """Target groups with their weights, and how the request's URL is rewritten before it is forwarded."""

    groups: tuple[tuple[str, int], ...]
    rewrite: Rewrite | None = None


@dataclass(frozen=True)
class Fixed:
    status: int
    content_type: str
    body: str


@dataclass(frozen=True)
class Redirect:
    """Parts of the new URL; they may hold #{protocol}, #{host}, #{port}, #{path} and #{query}."""

    status: int
    protocol: str
    host: str
    port: str
    path: str
    query: str


@dataclass(frozen=True)
class Unsupported:
    """What the local load balancer doesn't simulate, said to whoever meets it."""

    why: str


Action = Forward | Fixed | Redirect | Unsupported


@dataclass(frozen=True)
class Rule:
    priority: int  # the default rule has the highest number of all
    conditions: tuple[Condition, ...]
    action: Action


def choose(rules: Sequence[Rule], seen: Seen, match: str = "raw") -> Rule | None:
    """The first rule, by priority, whose conditions are all met. ``match``: the reading of the path."""
    path = read_path(seen.path, match)
    for rule in rules:
        if all(_met(condition, seen, path) for condition in rule.conditions):
            return rule
    return None


def _met(condition: Condition, seen: Seen, path: bytes) -> bool:
    match condition.field:
        case "path-pattern":  # case-sensitive; "applied only to visible ASCII characters"
            return _any(condition.values, path) and all(0x20 <= code < 0x7F for code in path)
        case "host-header":
            return _any(condition.values, seen.host, ignore_case=True)
        case "http-header":
            name = condition.name.lower().encode()
            return any(
                _any(condition.values, value, ignore_case=True) for key, value in seen.headers if key.lower() == name
            )
        case "http-request-method":  # case-sensitive and without wildcards
            return seen.method.decode() in condition.values
        case "source-ip":
            return any(IPv4Address(seen.source) in IPv4Network(value, strict=False) for value in _ipv4(condition))
        case "query-string":
            return any(_pair_met(pair, seen.query) for pair in condition.pairs)
        case _:
            raise ValueError(f"there is no condition {condition.field}")


def _any(patterns: Sequence[str], value: bytes, ignore_case: bool = False) -> bool:
    return any(wildcard(pattern, ignore_case).fullmatch(value) for pattern in patterns)


def _ipv4(condition: Condition) -> list[str]:
    return [value for value in condition.values if ":" not in value]


def _pair_met(pair: tuple[str | None, str], query: bytes) -> bool:
    """Not case-sensitive. Both the raw and the decoded spelling of a value count: a rule that lets through is asked
    for the literal, one that refuses should not be dodged by encoding."""
    key, value = pair
    for item in query.split(b"&"):
        name, _, content = item.partition(b"=")
        for k, v in {(name, content), (unquote_to_bytes(name), unquote_to_bytes(content))}:
            if (key is None or wildcard(key, True).fullmatch(k)) and wildcard(value, True).fullmatch(v):
                return True
    return False


def location(redirect: Redirect, protocol: str, host: str, port: int, path: str, query: str) -> str:
    """The Location of a redirect, its keywords filled from the request (rule-action-types.html#redirect-actions)."""
    known = {"protocol": protocol, "host": host, "port": str(port), "path": path.lstrip("/"), "query": query}

    def fill(text: str) -> str:
        for name, value in known.items():
            text = text.replace("#{" + name + "}", value)
        return text

    scheme = fill(redirect.protocol).lower()
    to_port = fill(redirect.port)
    authority = fill(redirect.host)
    if to_port != {"http": "80", "https": "443"}.get(scheme):
        authority += f":{to_port}"
    rest = fill(redirect.query)
    return f"{scheme}://{authority}{fill(redirect.path)}{'?' + rest if rest else ''}"
