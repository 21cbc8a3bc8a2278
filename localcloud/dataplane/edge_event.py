"""A request or response as a CloudFront Function sees it, and back. Pure.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html, and
edge-function-restrictions-all.html for the headers that functions never see or may not change.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from localcloud.net.http_server import Headers

_HIDDEN = frozenset(
    [
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-amzn-auth",
        "x-amzn-cf-billing",
        "x-amzn-cf-id",
        "x-amzn-cf-xff",
        "x-amzn-errortype",
        "x-amzn-fle-profile",
        "x-amzn-header-count",
        "x-amzn-header-order",
        "x-amzn-lambda-integration-tag",
        "x-amzn-requestid",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
    ]
)
_HIDDEN_PREFIXES = ("x-amz-cf-", "x-edge-")
_READ_ONLY = {
    "viewer-request": frozenset(("content-length", "host", "transfer-encoding", "via")),
    "viewer-response": frozenset(("warning", "via")),
}
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_URI_LIMIT = 8192


class Invalid(Exception):
    """What a function returned is no valid request or response; CloudFront answers 502."""


@dataclass(frozen=True)
class Changed:
    """A request as a function left it: path and query raw where it didn't touch them."""

    path: bytes
    query: bytes | None
    headers: Headers


@dataclass(frozen=True)
class Made:
    """A response that a function made. ``body`` None: it gave none."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes | None


def text(raw: bytes) -> str:
    """UTF-8 if it is that, else ISO-8859-1, as "URI, query string, and headers encoding" says."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def request_object(method: bytes, path: bytes, query: bytes | None, headers: Iterable[tuple[bytes, bytes]]) -> Any:
    """``event.request``."""
    pairs = list(headers)
    return {
        "method": method.decode(),
        "uri": text(path),
        "querystring": _collapse(_query_pairs(query)),
        "headers": _visible(pairs, b"cookie"),
        "cookies": _collapse(_cookie_pairs(pairs)),
    }


def response_object(status: int, reason: bytes, headers: Headers) -> Any:
    """``event.response``; cookies come with their attributes."""
    cookies: dict[str, Any] = {}
    for value in (text(v) for n, v in headers if n.lower() == b"set-cookie"):
        pair, _, attributes = value.partition(";")
        name, _, content = pair.partition("=")
        _put(cookies, name.strip(), {"value": content.strip(), "attributes": attributes.strip()})
    return {
        "statusCode": status,
        "statusDescription": text(reason),
        "headers": _visible(headers, b"set-cookie"),
        "cookies": cookies,
    }


def is_response(value: Any) -> bool:
    """Whether a function returned a response rather than a request."""
    return isinstance(value, dict) and "statusCode" in value


def changed_request(before: Any, value: Any, path: bytes, query: bytes | None, headers: Headers) -> Changed:
    """The request that a viewer-request function returned. Raises Invalid."""
    if not isinstance(value, dict) or not isinstance(value.get("uri"), str):
        raise Invalid("the function returned neither a request nor a response")
    if value.get("method") != before["method"]:
        raise Invalid("the function changed the method")
    if value["uri"] != before["uri"]:
        path = _uri(value["uri"])
    if value.get("querystring", {}) != before["querystring"]:
        query = _query(value.get("querystring", {}))
    if len(path) + len(query or b"") >= _URI_LIMIT:
        raise Invalid("the function returned a URI that is too long")
    headers = _changed_headers(before["headers"], value.get("headers", {}), headers, "viewer-request")
    cookies = value.get("cookies", {})
    if cookies != before["cookies"]:
        headers = [(n, v) for n, v in headers if n.lower() != b"cookie"]
        pairs = [f"{name}={item['value']}" for name, entry in _entries(cookies) for item in _items(entry)]
        headers += [(b"Cookie", _checked("; ".join(pairs)))] if pairs else []
    return Changed(path, query, headers)


def made_response(value: Any) -> Made:
    """The response that a viewer-request function made. Raises Invalid."""
    headers = _changed_headers({}, value.get("headers", {}), [], "viewer-request", made=True)
    return Made(*_status(value), headers + _set_cookies(value.get("cookies", {})), _body(value))


def changed_response(before: Any, value: Any, headers: Headers) -> Made:
    """The response that a viewer-response function returned, from the one that it got. Raises Invalid."""
    if not is_response(value):
        raise Invalid("the function returned no response")
    headers = _changed_headers(before["headers"], value.get("headers", {}), headers, "viewer-response")
    cookies = value.get("cookies", {})
    if cookies != before["cookies"]:
        headers = [(n, v) for n, v in headers if n.lower() != b"set-cookie"] + _set_cookies(cookies)
    return Made(*_status(value), headers, _body(value))


def _visible(headers: Iterable[tuple[bytes, bytes]], but: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if name not in _HIDDEN and not name.startswith(_HIDDEN_PREFIXES) and raw_name.lower() != but:
            _put(found, name, {"value": text(value)})
    return found


def _query_pairs(query: bytes | None) -> list[tuple[str, str]]:
    pairs = (text(pair).partition("=") for pair in (query or b"").split(b"&") if pair)
    return [(name, value) for name, _, value in pairs]


def _cookie_pairs(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    values = [text(value) for name, value in headers if name.lower() == b"cookie"]
    pairs = (pair.strip().partition("=") for value in values for pair in value.split(";") if pair.strip())
    return [(name, value) for name, _, value in pairs]


def _collapse(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, name, {"value": value})
    return found


def _put(found: dict[str, Any], name: str, entry: dict[str, str]) -> None:
    """Add an entry; duplicates share a field, with the first one's value and a ``multiValue`` of all."""
    if name not in found:
        found[name] = entry
    else:
        found[name].setdefault("multiValue", [dict(found[name])]).append(entry)


def _entries(fields: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(fields, dict):
        raise Invalid("headers, cookies and the query string are objects")
    return list(fields.items())


def _items(entry: Any) -> list[dict[str, Any]]:
    """The values of a field: its ``multiValue`` if there is one, else its ``value``."""
    items = entry.get("multiValue", [entry]) if isinstance(entry, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) and "value" in item for item in items):
        raise Invalid("a header, cookie or query parameter is an object with a value")
    return [{**item, "value": str(item["value"])} for item in items]


def _changed_headers(before: Any, after: Any, raw: Headers, event: str, made: bool = False) -> Headers:
    """Raw headers where a function left them alone; what it changed or added is spelt with capitals."""
    wanted = dict(_entries(after))
    for name in {*before, *wanted}:
        same = before.get(name) == wanted.get(name)
        if not same and (name in _HIDDEN or name.startswith(_HIDDEN_PREFIXES)):
            raise Invalid(f"functions may not add the header {name}")
        if not same and not made and name in _READ_ONLY[event]:
            raise Invalid(f"functions may not change the header {name}")
        if not _NAME.fullmatch(name) or name != name.lower():
            raise Invalid(f"header names are lower case tokens, not {name!r}")
    untouched = {name for name in wanted if before.get(name) == wanted[name]}
    known = {name.lower() for name in before}
    kept = [(n, v) for n, v in raw if (low := n.decode("latin-1").lower()) not in known or low in untouched]
    for name, entry in wanted.items():
        if name not in untouched:
            capitals = "-".join(word.capitalize() for word in name.split("-")).encode()
            kept += [(capitals, _checked(item["value"])) for item in _items(entry)]
    return kept


def _checked(value: str) -> bytes:
    if not _VALUE.fullmatch(value):
        raise Invalid("a header's value holds control characters")
    return value.strip().encode()


def _uri(uri: str) -> bytes:
    if not uri.startswith("/") or re.search(r"[\x00-\x20\x7f#?]", uri):
        raise Invalid("uri begins with a slash and has no spaces, control characters, ? or #")
    return quote(uri, safe="".join(chr(code) for code in range(0x21, 0x7F))).encode()


def _query(fields: Any) -> bytes | None:
    """Rebuilt from the object, or the string, that a function set."""
    if isinstance(fields, str):
        rebuilt = fields
    else:
        items = [(name, item["value"]) for name, entry in _entries(fields) for item in _items(entry)]
        rebuilt = "&".join(f"{name}={value}" if value else name for name, value in items)
    if re.search(r"[\x00-\x20\x7f#]", rebuilt):
        raise Invalid("the query string has no spaces, control characters or #")
    return quote(rebuilt, safe="".join(chr(code) for code in range(0x21, 0x7F))).encode() or None


def _status(value: Any) -> tuple[int, bytes]:
    status = value["statusCode"]
    if isinstance(status, float) and status.is_integer():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise Invalid("statusCode is a number from 200 to 599")
    return status, _checked(str(value.get("statusDescription") or ""))


def _set_cookies(cookies: Any) -> Headers:
    found: Headers = []
    for name, entry in _entries(cookies):
        for item in _items(entry):
            attributes = f"; {item['attributes']}" if item.get("attributes") else ""
            found.append((b"Set-Cookie", _checked(f"{name}={item['value']}{attributes}")))
    return found


def _body(value: Any) -> bytes | None:
    body = value.get("body")
    if body is None or isinstance(body, str):
        return None if body is None else body.encode()
    if not isinstance(body, dict) or not isinstance(body.get("data"), str):
        raise Invalid("body is a string, or an object with data and encoding")
    if body.get("encoding") == "text":
        return body["data"].encode()
    if body.get("encoding") != "base64":
        raise Invalid("the body's encoding is text or base64")
    try:
        return b64decode(body["data"], validate=True)
    except Base64Error as error:
        raise Invalid("the body isn't base64") from error
