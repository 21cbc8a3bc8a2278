"""Is this request head fit to be forwarded? Pure checks on the raw bytes, stricter than a parser must be.

A proxy that reads a head otherwise than the server behind it can be made to smuggle requests. AWS sorts such heads with
HTTP Desync Guardian (https://github.com/aws/http-desync-guardian): a load balancer in the default "defensive" mode
refuses "severe" ones and lets "ambiguous" ones through on connections of their own
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#desync-mitigation-mode);
what CloudFront does is not written down. Here both refuse severe and ambiguous ones alike, in every mode: stricter than
AWS, never laxer, so what is proven against this holds there only with "strictest" set or for compliant requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,18}")
_NOT_A_LETTER = re.compile(rb"[^a-z]")
_FRAMING = {b"contentlength": b"content-length", b"transferencoding": b"transfer-encoding"}
_BODILESS = (b"GET", b"HEAD")


class Refused(Exception):
    """A request that gets no further. ``status`` is the HTTP status that answers it; the text says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True)
class Limits:
    """Largest sizes, in bytes, and the status that answers a larger one."""

    target: int
    header_line: int
    head: int
    status_target: int
    status_head: int


@dataclass(frozen=True)
class Head:
    """A checked request head. ``target`` and headers are the bytes as they came, in their order and case."""

    method: bytes
    target: bytes
    version: bytes  # b"1.0" | b"1.1"
    headers: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes | None:
        """The value of the first header called ``name`` (lower case), if any."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def websocket(self) -> bool:
        """Whether the client asks to go on as a WebSocket (RFC 6455 section 4.1); any other upgrade is ignored."""
        tokens = [token.strip().lower() for token in (self.get(b"connection") or b"").split(b",")]
        asked = (self.get(b"upgrade") or b"").lower() == b"websocket" and b"upgrade" in tokens
        return asked and self.method == b"GET" and self.version == b"1.1" and not self.has_body

    @property
    def has_body(self) -> bool:
        """Whether a body follows (an announced length of 0 is none)."""
        return self.get(b"transfer-encoding") is not None or int(self.get(b"content-length") or b"0") > 0


def incomplete(data: bytes, limits: Limits) -> None:
    """Raise Refused when the beginning of a head can no longer become a good one."""
    first = data.find(b"\r\n")
    line = len(data) if first < 0 else first
    if line > limits.target + 64:
        raise Refused(limits.status_target, "the request line is too long")
    if len(data) > limits.head:
        raise Refused(limits.status_head, "the request head is too long")
    newline = data.find(b"\n")
    if newline == 0 or (newline > 0 and data[newline - 1] != 0x0D):
        raise Refused(400, "a line of the head doesn't end in CR LF")


def parse(data: bytes, limits: Limits) -> Head:
    """Check and split one complete head (with its final empty line). Raises Refused."""
    incomplete(data, limits)
    if len(data) > limits.head:
        raise Refused(limits.status_head, "the request head is too long")
    request_line, *lines = data[: -len(END)].split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(request_line)
    if match is None:
        raise Refused(400, "the request line isn't METHOD SP target SP HTTP/1.x in visible ASCII")
    method, target, minor = match.groups()
    if len(target) > limits.target:
        raise Refused(limits.status_target, "the request target is too long")
    headers = tuple(_header(line, limits) for line in lines)
    head = Head(method, target, b"1." + minor, headers)
    _check_framing(head)
    _check_host(head)
    return head


def _header(line: bytes, limits: Limits) -> tuple[bytes, bytes]:
    if len(line) > limits.header_line:
        raise Refused(limits.status_head, "a header is too long")
    match = _HEADER.fullmatch(line)
    if match is None:
        raise Refused(400, "a header isn't name: value, or continues the line before it")
    name, value = match.groups()
    letters = _NOT_A_LETTER.sub(b"", name.lower())
    if letters in _FRAMING and name.lower() != _FRAMING[letters]:
        raise Refused(400, "a header looks like one that frames the body, but isn't")
    return name, value.rstrip(b" \t")


def _check_framing(head: Head) -> None:
    """RFC 9112 section 6: exactly one way to tell where the body ends."""
    lengths = [value for name, value in head.headers if name.lower() == b"content-length"]
    codings = [value for name, value in head.headers if name.lower() == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings) or len(codings) > 1:
        raise Refused(400, "the request frames its body in more than one way")
    if lengths and not _CONTENT_LENGTH.fullmatch(lengths[0]):
        raise Refused(400, "Content-Length isn't a number")
    if codings and head.version == b"1.0":
        raise Refused(400, "HTTP/1.0 has no Transfer-Encoding")
    if codings and codings[0].lower() != b"chunked":
        raise Refused(501, "the only Transfer-Encoding is chunked")


def _check_host(head: Head) -> None:
    hosts = [value for name, value in head.headers if name.lower() == b"host"]
    if len(hosts) > 1:
        raise Refused(400, "there is more than one Host")
    if not hosts and head.version == b"1.1":
        raise Refused(400, "HTTP/1.1 needs a Host")
    if hosts and not re.fullmatch(rb"[A-Za-z0-9.\-_~:\[\]%]*", hosts[0]):
        raise Refused(400, "Host isn't a host name")


@dataclass(frozen=True)
class Target:
    """A request target split, all raw; ``query`` is None when there is no "?"."""

    path: bytes
    query: bytes | None
    authority: bytes | None = None

    @property
    def raw(self) -> bytes:
        return self.path if self.query is None else self.path + b"?" + self.query


def split_target(target: bytes, absolute: str = "rfc") -> Target:
    """Split a request target into path and query. Raises Refused for what is neither origin nor absolute form.

    ``absolute`` says what becomes of the absolute form. "rfc": its authority takes the place of Host and its path is
    the path (RFC 9112 section 3.2.2; the load balancer's documentation shows that under "Host header preservation");
    "raw": the whole target counts as the path; "refuse": 400.
    """
    match = re.fullmatch(rb"(?i:https?)://([^/?#]+)([^?]*)(\?.*)?", target)
    if match is not None and absolute == "rfc":
        authority, path, query = match.groups()
        if b"@" in authority or path[:1] not in (b"", b"/"):
            raise Refused(400, "the authority of the request target isn't a host")
        return Target(path or b"/", None if query is None else query[1:], authority)
    if not target.startswith(b"/") and not (match is not None and absolute == "raw"):
        raise Refused(400, "the request target doesn't begin with a slash")
    path, mark, rest = target.partition(b"?")
    return Target(path, rest if mark else None)
