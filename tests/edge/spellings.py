"""The ways in which a route can be asked for without being spelt as itself: raw request heads. Pure.

A spelling takes an HTTP method and a path and gives the bytes of a request. Some only change the path, some the target,
some leave a harmless path in front and say what they mean elsewhere. Each answers with exactly one response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

OPEN_GET, OPEN_POST = "/v1/models", "/v1/chat/completions"
HOST = b"Host: localhost"
_WEBSOCKET = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@dataclass(frozen=True)
class Spelling:
    """`write` gives request line and headers (bytes, without the end); what it lacks is added by `request`."""

    name: str
    write: Callable[[str, str], tuple[bytes, bytes, list[bytes]]]

    def request(self, method: str, path: str, headers: list[bytes]) -> bytes:
        """The whole request. `headers` are those that identify the caller."""
        websocket = method == "WEBSOCKET"
        verb, target, own = self.write("GET" if websocket else method, path)
        lines = [verb + b" " + target + b" HTTP/1.1"]
        if not any(line.lower().startswith(b"host:") for line in own):
            lines.append(HOST)
        lines += [*own, *headers, *(_WEBSOCKET if websocket else ())]
        body = b""
        if verb not in (b"GET", b"HEAD"):
            body = b"{}"
            lines += [b"Content-Type: application/json", b"Content-Length: 2"]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _hex(code: int, upper: bool = True) -> str:
    return f"%{code:02X}" if upper else f"%{code:02x}"


def _encode(path: str, which: Callable[[int, str], bool], upper: bool = True) -> str:
    """Every character behind the first slash for which `which` says so, percent-encoded."""
    return "/" + "".join(_hex(ord(c), upper) if which(i, c) else c for i, c in enumerate(path[1:]))


def _again(text: str) -> str:
    return text.replace("%", "%25")


def _all(i: int, c: str) -> bool:
    return True


def _letters(i: int, c: str) -> bool:
    return c.isalnum()


def _first(i: int, c: str) -> bool:
    return i == 0


def _slashes(i: int, c: str) -> bool:
    return c == "/"


def _wide(path: str, at: int = 1) -> str:
    """The character at `at` in its full-width form, which some normalisations fold back."""
    return path[:at] + chr(ord(path[at]) + 0xFEE0) + path[at + 1 :] if len(path) > at else path + "ａ"


def _utf8(text: str) -> str:
    return quote(text, safe="/%._-~:")


def _up(path: str, up: str = "..", slash: str = "/") -> str:
    """From the path up to the root, however deep it is."""
    return path.rstrip("/") + (slash + up) * path.rstrip("/").count("/")


def _overlong(code: int) -> str:
    return f"%{0xC0 | code >> 6:02X}%{0x80 | code & 0x3F:02X}"


PATHS: dict[str, Callable[[str], str]] = {
    "plain": lambda p: p,
    "first letter": lambda p: _encode(p, _first),
    "first letter, lower hex": lambda p: _encode(p, _first, upper=False),
    "every letter": lambda p: _encode(p, _letters),
    "every letter, lower hex": lambda p: _encode(p, _letters, upper=False),
    "every second letter": lambda p: _encode(p, lambda i, c: i % 2 == 1),
    "last letter": lambda p: _encode(p, lambda i, c: i == len(p) - 2),
    "everything": lambda p: _encode(p, _all),
    "everything, lower hex": lambda p: _encode(p, _all, upper=False),
    "slashes": lambda p: _encode(p, _slashes),
    "slashes, lower hex": lambda p: _encode(p, _slashes, upper=False),
    "first slash too": lambda p: "/" + _hex(0x2F) + p[1:],
    "double, first letter": lambda p: _again(_encode(p, _first)),
    "double, everything": lambda p: _again(_encode(p, _all)),
    "double, slashes": lambda p: _again(_encode(p, _slashes)),
    "triple, first letter": lambda p: _again(_again(_encode(p, _first))),
    "triple, everything": lambda p: _again(_again(_encode(p, _all))),
    "triple, slashes": lambda p: _again(_again(_encode(p, _slashes, upper=False))),
    "overlong letter": lambda p: "/" + _overlong(ord(p[1]) if len(p) > 1 else 0x2F) + p[2:],
    "overlong slashes": lambda p: "/" + p[1:].replace("/", "%C0%AF"),
    "overlong slashes, three bytes": lambda p: "/" + p[1:].replace("/", "%E0%80%AF"),
    "full-width letter": lambda p: _utf8(_wide(p)),
    "full-width slash": lambda p: "/" + p[1:].replace("/", "%EF%BC%8F"),
    "division slash": lambda p: "/" + p[1:].replace("/", "%E2%88%95"),
    "long s and dotless i": lambda p: _utf8(p.replace("s", "ſ").replace("i", "ı")),
    "combining mark": lambda p: _utf8(p[:2] + "\u0301" + p[2:]),
    "zero-width space": lambda p: _utf8(p[:2] + "\u200b" + p[2:]),
    "%u escape": lambda p: "/" + (f"%u{ord(p[1]):04x}" if len(p) > 1 else "%u002f") + p[2:],
    "backslashes, encoded": lambda p: "/" + p[1:].replace("/", "%5C") + ("%5C" if p.count("/") == 1 else ""),
    "backslashes": lambda p: "/" + p[1:].replace("/", "\\") + ("\\" if p.count("/") == 1 else ""),
    "backslash in front": lambda p: "/\\" + p[1:],
    "NUL behind": lambda p: p + "%00",
    "NUL and an open path behind": lambda p: p + "%00" + OPEN_GET,
    "open path, NUL": lambda p: OPEN_GET + "%00" + p,
    "space behind": lambda p: p + "%20",
    "line feed behind": lambda p: p + "%0a",
    "a header behind": lambda p: p + "%20HTTP/1.1%0d%0aX-Injected:%201",
    "lone percent": lambda p: p + "%",
    "not hex": lambda p: p + "%zz",
    "dot in front": lambda p: "/." + p,
    "encoded dot in front": lambda p: "/%2e" + p,
    "up and down": lambda p: "/x/.." + p,
    "up and down, encoded": lambda p: "/x/%2e%2E" + p,
    "up and down, half encoded": lambda p: "/x/.%2e" + p,
    "up and down, slash encoded": lambda p: "/x/..%2f" + p[1:],
    "up and down, all encoded": lambda p: "/x%2F%2E%2E" + p,
    "up and down, doubly encoded": lambda p: "/x/%252e%252e" + p,
    "dots with a parameter": lambda p: "/x/..;" + p,
    "from an open path": lambda p: OPEN_GET + "/../.." + p,
    "from an open path, encoded": lambda p: OPEN_GET + "/%2e%2e/%2e%2e" + p,
    "from an open path, slashes encoded": lambda p: OPEN_GET + "%2f..%2f.." + p,
    "from the other open path": lambda p: OPEN_POST + "/../../.." + p,
    # what a door takes for an open path after normalising it, and LiteLLM for the route
    "to an open path": lambda p: _up(p) + OPEN_GET,
    "to an open path, encoded": lambda p: _up(p, "%2e%2E") + OPEN_GET,
    "to an open path, slashes encoded": lambda p: _up(p, "..", "%2f") + OPEN_GET,
    "to an open path, below": lambda p: _up(p.rstrip("/") + "/x") + OPEN_GET,
    "to an open path, below, encoded": lambda p: _up(p.rstrip("/") + "/x", ".%2e") + OPEN_GET,
    "to the other open path": lambda p: _up(p) + OPEN_POST,
    "to the other open path, below": lambda p: _up(p.rstrip("/") + "/x") + OPEN_POST,
    "two slashes in front": lambda p: "/" + p,
    "three slashes in front": lambda p: "//" + p,
    "slashes doubled": lambda p: p.replace("/", "//"),
    "inner slashes doubled": lambda p: "/" + p[1:].replace("/", "//") + ("//" if p.count("/") == 1 else ""),
    "slash behind": lambda p: p + "/",
    "two slashes behind": lambda p: p + "//",
    "dot behind": lambda p: p.rstrip("/") + "/.",
    "up behind": lambda p: p.rstrip("/") + "/x/..",
    "parameter behind": lambda p: p + ";a=b",
    "parameter in front": lambda p: "/;a=b" + p,
    "parameter within": lambda p: "/" + p[1:].replace("/", ";a=b/", 1) + (";" if p.count("/") == 1 else ""),
    "upper case": lambda p: p.upper(),
    "first letter upper": lambda p: p[:1] + p[1:2].upper() + p[2:],
    "mixed case": lambda p: "".join(c.upper() if i % 2 else c for i, c in enumerate(p)),
    "query": lambda p: p + "?" + OPEN_GET,
    "query of dots": lambda p: p + "?/../.." + OPEN_GET,
    "encoded query": lambda p: p + "%3F" + OPEN_GET,
    "fragment": lambda p: p + "#" + OPEN_GET,
    "behind an open path's fragment": lambda p: OPEN_GET + "#/../.." + p,
    "behind an open path's encoded query": lambda p: OPEN_GET + "%3f/../.." + p,
    "behind an open path's parameter": lambda p: OPEN_GET + ";/../.." + p,
    "a URL as path": lambda p: "/http://localhost" + p,
    "an encoded URL as path": lambda p: "/http:%2F%2Flocalhost" + p,
}


def _path(change: Callable[[str], str]) -> Callable[[str, str], tuple[bytes, bytes, list[bytes]]]:
    return lambda method, path: (method.encode(), change(path).encode("latin-1"), [])


def _target(change: Callable[[bytes], bytes]) -> Callable[[str, str], tuple[bytes, bytes, list[bytes]]]:
    return lambda method, path: (method.encode(), change(path.encode()), [])


def _with(*headers: str) -> Callable[[str, str], tuple[bytes, bytes, list[bytes]]]:
    """The route itself, with headers that speak of an open path."""
    return lambda method, path: (method.encode(), path.encode(), [h.format(open=OPEN_GET).encode() for h in headers])


def _method(change: Callable[[str], str]) -> Callable[[str, str], tuple[bytes, bytes, list[bytes]]]:
    return lambda method, path: (change(method).encode(), path.encode(), [])


REWRITES = (
    "X-Original-URL: {path}",
    "X-Rewrite-URL: {path}",
    "X-Forwarded-Prefix: {path}",
    "X-Forwarded-Path: {path}",
    "X-Forwarded-Uri: {path}",
    "X-Forwarded-Host: localhost{path}",
    "X-Original-Host: localhost{path}",
    "X-HTTP-Method-Override: {method}",
    "X-HTTP-Method: {method}",
    "X-Method-Override: {method}",
    "Forwarded: for=127.0.0.1;host=localhost;proto=https",
    "Referer: http://localhost{path}",
)


def _hidden(method: str, path: str) -> tuple[bytes, bytes, list[bytes]]:
    """An open path, and everything that some framework would rather believe."""
    front = OPEN_GET if method == "GET" else OPEN_POST
    headers = [line.format(method=method, path=path).encode() for line in REWRITES]
    return b"GET" if method == "GET" else b"POST", front.encode(), headers


SPELLINGS: tuple[Spelling, ...] = (
    *(Spelling(name, _path(change)) for name, change in PATHS.items()),
    Spelling("raw full-width letter", _target(lambda p: p[:1] + _wide(p.decode())[1].encode() + p[2:])),
    Spelling("raw high byte", _target(lambda p: p[:1] + bytes([0xC0 | (p[1] if len(p) > 1 else 0) & 0x3F]) + p[2:])),
    Spelling("absolute", _target(lambda p: b"http://localhost" + p)),
    Spelling("absolute, capitals and port", _target(lambda p: b"HTTP://LOCALHOST:80" + p)),
    Spelling("absolute, https", _target(lambda p: b"https://localhost" + p)),
    Spelling("absolute, userinfo", _target(lambda p: b"http://v1@localhost" + p)),
    Spelling("absolute, an open path as host", _target(lambda p: b"http://localhost%2Fv1%2Fmodels" + p)),
    Spelling("absolute, dots", _target(lambda p: b"http://localhost" + OPEN_GET.encode() + b"/../.." + p)),
    Spelling("absolute, other scheme", _target(lambda p: b"ftp://localhost" + p)),
    Spelling("no slash", _target(lambda p: p[1:] or b"*")),
    Spelling("network path", _target(lambda p: b"//localhost" + p)),
    Spelling("forwarded", _with("X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8080")),
    Spelling("forwarded as an open path", _with("X-Original-URL: {open}", "X-Rewrite-URL: {open}")),
    Spelling(
        "forwarded host", _with("X-Forwarded-Host: localhost:8080", "X-Real-IP: 127.0.0.1", "True-Client-IP: ::1")
    ),
    Spelling("methods overridden", _with("X-HTTP-Method-Override: GET", "X-Method-Override: GET")),
    Spelling("second Host", _with("Host: localhost", "Host: admin")),
    Spelling("Host with a path", _with("Host: localhost/v1/models")),
    Spelling("Host of the admin door", _with("Host: localhost:8080")),
    Spelling("folded header", _with("X-A: b", " X-B: c")),
    Spelling("space before the colon", _with("X-A : b")),
    Spelling("hidden behind an open path", _hidden),
    Spelling("method in lower case", _method(str.lower)),
    Spelling("method with a cross", _method(lambda m: f"{m}X")),
    Spelling("TRACE", _method(lambda m: "TRACE")),
    Spelling("CONNECT", _method(lambda m: "CONNECT")),
    Spelling("PROPFIND", _method(lambda m: "PROPFIND")),
    Spelling("HEAD", _method(lambda m: "HEAD")),
    Spelling("OPTIONS", _method(lambda m: "OPTIONS")),
    Spelling("PUT", _method(lambda m: "PUT")),
)
