"""Paths and wildcards as the load balancer and CloudFront read them. Pure; bytes in, bytes out."""

from __future__ import annotations

import re
from functools import lru_cache

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")


def read_path(path: bytes, reading: str) -> bytes:
    """The path to match with. ``reading``: "raw", "rfc3986" or "decoded" (see ``readings.Readings``)."""
    if reading == "raw":
        return path
    return normalise(path if reading == "rfc3986" else _ENCODED.sub(lambda m: bytes([int(m[1], 16)]), path))


def normalise(path: bytes) -> bytes:
    """RFC 3986 section 6.2.2: hex digits upper case, unreserved characters decoded, dot segments removed.

    CloudFront also drops repeated slashes (DownloadDistValuesCacheBehavior.html, "Path normalization": "multiple
    slashes (//) or periods (..)"). Reserved characters such as %2F stay encoded, as the RFC says.
    """
    path = _ENCODED.sub(_unreserved, path)
    path = re.sub(rb"/{2,}", b"/", path)
    if b"." not in path:
        return path
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return segments[0] + b"/" + b"/".join(kept)


def _unreserved(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16)
    return bytes([code]) if code in _UNRESERVED else b"%" + match[1].upper()


@lru_cache(maxsize=1024)
def wildcard(pattern: str, ignore_case: bool = False) -> re.Pattern[bytes]:
    """A pattern in which * stands for any characters (slashes too) and ? for exactly one; for ``fullmatch``."""
    parts = (b".*" if c == "*" else b"." if c == "?" else re.escape(c.encode()) for c in pattern)
    return re.compile(b"".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
