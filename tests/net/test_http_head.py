"""Request heads as raw bytes: what is taken, what is refused, and that nothing passes in two readings."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localcloud.net.http_head import Limits, Refused, Target, parse, split_target

LIMITS = Limits(target=8192, header_line=16_384, head=32_768, status_target=414, status_head=431)


def status(data: bytes) -> int:
    """0 when the head is taken, else the status of its refusal."""
    try:
        parse(data, LIMITS)
    except Refused as refused:
        return refused.status
    return 0


def post(*headers: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"POST /a HTTP/" + version, b"Host: h", *headers, b"", b""])


def test_a_head_keeps_its_bytes() -> None:
    head = parse(b"GET /%6bEy//../x?a=%2F&&#f HTTP/1.1\r\nhOST: h:80\r\nX-a:  b\tc \r\nX-A:\xff\r\n\r\n", LIMITS)
    assert head.target == b"/%6bEy//../x?a=%2F&&#f"
    assert head.headers == ((b"hOST", b"h:80"), (b"X-a", b"b\tc"), (b"X-A", b"\xff"))
    assert head.get(b"x-a") == b"b\tc"


@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: 1", b"Content-Length: 2"),
        (b"Content-Length: 1", b"Content-Length: 1"),
        (b"Content-Length: 1, 1",),
        (b"Content-Length: +1",),
        (b"Content-Length: 0x1",),
        (b"Content-Length: 1 1",),
        (b"Content-Length: ",),
        (b"Content-Length: 18446744073709551616",),
        (b"Content-Length: \xb2",),
        (b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        (b"Transfer-Encoding : chunked",),
        (b" Transfer-Encoding: chunked",),
        (b"Transfer_Encoding: chunked",),
        (b"Transfer--Encoding: chunked",),
        (b"Transfer-Encod\xc4\xb1ng: chunked",),
        (b"Content_Length: 1",),
        (b"ContentLength: 1",),
        (b"X: a", b" folded"),
        (b"X: a", b"\tfolded"),
        (b"X: a\rb",),
        (b"X: a\nb",),
        (b"X: a\x00b",),
        (b"X: a\x0bb",),
        (b": empty",),
        (b"no colon",),
        (b"Host: other",),
    ],
)
def test_two_ways_to_read_a_head_are_one_too_many(headers: tuple[bytes, ...]) -> None:
    assert status(post(*headers)) == 400


def test_transfer_codings() -> None:
    assert status(post(b"Transfer-Encoding: chunked")) == 0
    assert status(post(b"Transfer-Encoding: CHUNKED")) == 0
    for coding in (
        b"gzip",
        b"gzip, chunked",
        b"chunked, chunked",
        b"xchunked",
        b'"chunked"',
        b"identity",
        b"chunked\x0b",
    ):
        assert status(post(b"Transfer-Encoding: " + coding)) in (400, 501), coding
    assert status(post(b"Transfer-Encoding: chunked", version=b"1.0")) == 400


@pytest.mark.parametrize(
    "line",
    [
        b"GET /a",
        b"GET /a HTTP/0.9",
        b"GET /a HTTP/2.0",
        b"GET /a HTTP/1.1 ",
        b"GET  /a HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /a\tHTTP/1.1",
        b"GET\t/a HTTP/1.1",
        b" GET /a HTTP/1.1",
        b"G(T /a HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /a\x00 HTTP/1.1",
        b"GET /a\x7f HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"GET /a HTTP/1.1 HTTP/1.1",
    ],
)
def test_request_lines_that_are_none(line: bytes) -> None:
    assert status(line + b"\r\nHost: h\r\n\r\n") == 400


def test_hosts() -> None:
    assert status(b"GET / HTTP/1.1\r\n\r\n") == 400
    assert status(b"GET / HTTP/1.0\r\n\r\n") == 0
    assert status(b"GET / HTTP/1.1\r\nHost: \r\n\r\n") == 0
    for host in (b"a b", b"a/b", b"a@b", b"a#b", b"a,b", b"a\\b"):
        assert status(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") == 400


def test_sizes() -> None:
    assert status(b"GET /" + b"a" * 8191 + b" HTTP/1.1\r\nHost: h\r\n\r\n") == 0
    assert status(b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: h\r\n\r\n") == 414
    assert status(post(b"X: " + b"a" * 16_381)) == 0
    assert status(post(b"X: " + b"a" * 16_382)) == 431
    assert status(post(*[b"X: " + b"a" * 1000] * 40)) == 431


def test_targets() -> None:
    assert split_target(b"/a?b?c") == Target(b"/a", b"b?c")
    assert split_target(b"/a?") == Target(b"/a", b"")
    assert split_target(b"//a/..") == Target(b"//a/..", None)
    assert split_target(b"HTTP://Host:1/a?b").raw == b"/a?b"
    assert split_target(b"https://host").path == b"/"
    assert split_target(b"http://host?q") == Target(b"/", b"q", b"host")
    assert split_target(b"http://host/a", "raw").path == b"http://host/a"
    for target in (b"*", b"host:443", b"a/b", b"ftp://h/a", b"http:/h/a", b"http://u@h/a", b"http://h#/a", b"\\a"):
        with pytest.raises(Refused):
            split_target(target)
    with pytest.raises(Refused):
        split_target(b"http://host/a", "refuse")


@given(st.binary(max_size=60), st.binary(max_size=60))
@example(b"Content-Length: 3\nTransfer-Encoding: chunked", b"")
@example(b"X: y\r\n\r\nGET /smuggled HTTP/1.1", b"")
def test_what_is_taken_can_be_read_one_way_only(first: bytes, second: bytes) -> None:
    data = b"POST /a HTTP/1.1\r\nHost: h\r\n" + first + b"\r\n" + second + b"\r\n\r\n"
    end = data.index(b"\r\n\r\n") + 4
    try:
        head = parse(data[:end], LIMITS)
    except Refused:
        return
    rebuilt = b"POST /a HTTP/1.1\r\n" + b"".join(b"%s: %s\r\n" % pair for pair in head.headers) + b"\r\n"
    assert parse(rebuilt, LIMITS) == head
    assert b"\n" not in rebuilt.replace(b"\r\n", b"")
    assert b"\0" not in rebuilt
    framing = [n for n, _ in head.headers if n.lower() in (b"content-length", b"transfer-encoding")]
    assert len(framing) <= 1
