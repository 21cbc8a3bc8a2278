"""Which rule takes a request, and what paths compare equal: pure."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane.alb_health import code_matches
from localcloud.dataplane.alb_rules import Condition, Fixed, Redirect, Rule, Seen, choose, location
from localcloud.dataplane.readings import Readings
from localcloud.dataplane.uri import normalise, read_path, wildcard

DENY = Rule(1_000_000, (), Fixed(403, "text/plain", ""))
LITERALS = ("/v1/chat/completions", "/v1/models")


def allow(*conditions: Condition) -> list[Rule]:
    return [Rule(1, conditions, Fixed(200, "text/plain", "")), DENY]


def seen(
    path: str = "/", query: str = "", method: str = "GET", host: str = "h", headers: dict[str, str] | None = None
) -> Seen:
    pairs = tuple((name.encode(), value.encode()) for name, value in (headers or {}).items())
    return Seen(method.encode(), host.encode(), path.encode(), query.encode(), pairs, "10.0.0.9")


def taken(rules: list[Rule], request: Seen, match: str = "raw") -> bool:
    rule = choose(rules, request, match)
    return rule is not None and rule.action != DENY.action


def test_rules_are_asked_by_priority() -> None:
    first = Rule(5, (Condition("path-pattern", ("/a*",)),), Fixed(201, "", ""))
    second = Rule(9, (Condition("path-pattern", ("/*",)),), Fixed(202, "", ""))
    assert choose([first, second, DENY], seen("/ab")) is first
    assert choose([first, second, DENY], seen("/b")) is second


def test_paths_are_compared_with_their_case_and_without_the_query() -> None:
    rules = allow(Condition("path-pattern", LITERALS))
    assert taken(rules, seen("/v1/models", "x=/y"))
    for path in (
        "/V1/models",
        "/v1/models/",
        "//v1/models",
        "/v1/./models",
        "/v1%2Fmodels",
        "/%761/models",
        "/v1/models;x",
        "/v1/models%00",
    ):
        assert not taken(rules, seen(path)), path


def test_wildcards() -> None:
    assert wildcard("/img/*").fullmatch(b"/img/a/b")
    assert wildcard("/img/*").fullmatch(b"/img/")
    assert not wildcard("/img/*").fullmatch(b"/img")
    assert wildcard("/?").fullmatch(b"/a")
    assert not wildcard("/?").fullmatch(b"/")
    assert not wildcard("/?").fullmatch(b"/ab")
    assert not wildcard("/a.c").fullmatch(b"/abc")


def test_other_conditions() -> None:
    host = allow(Condition("host-header", ("*.example.com",)))
    assert taken(host, seen(host="A.Example.COM"))
    assert not taken(host, seen(host="example.com"))
    method = allow(Condition("http-request-method", ("POST",)))
    assert taken(method, seen(method="POST"))
    assert not taken(method, seen(method="post"))
    header = allow(Condition("http-header", ("*Chrome*", "x"), name="User-Agent"))
    assert taken(header, seen(headers={"user-agent": "a CHROME b"}))
    assert not taken(header, seen(headers={"agent": "x"}))
    source = allow(Condition("source-ip", ("10.0.0.0/24", "2001:db8::/32")))
    assert taken(source, seen())
    assert not taken(allow(Condition("source-ip", ("10.0.1.0/24",))), seen())
    query = allow(Condition("query-string", pairs=(("version", "v1"), (None, "*example*"))))
    assert taken(query, seen(query="a=b&Version=V1"))
    assert taken(query, seen(query="q=an-example-"))
    assert not taken(query, seen(query="version=v2"))
    both = allow(Condition("path-pattern", ("/a",)), Condition("http-request-method", ("POST",)))
    assert not taken(both, seen("/a"))
    assert taken(both, seen("/a", method="POST"))


def test_control_characters_match_no_pattern() -> None:
    rules = allow(Condition("path-pattern", ("/*",)))
    assert not taken(rules, Seen(b"GET", b"h", b"/a\x01", b"", (), "10.0.0.9"))


def test_redirect_keywords() -> None:
    to_https = Redirect(301, "HTTPS", "#{host}", "443", "/#{path}", "#{query}")
    assert location(to_https, "http", "h.example", 80, "/a/b", "c=d") == "https://h.example/a/b?c=d"
    moved = Redirect(302, "#{protocol}", "new.#{host}", "#{port}", "/new/#{path}", "")
    assert location(moved, "http", "h", 8080, "/a", "q") == "http://new.h:8080/new/a"


def test_health_codes() -> None:
    assert code_matches("200", 200)
    assert code_matches("200,302", 302)
    assert code_matches("200-399", 399)
    assert not code_matches("200", 204)
    assert not code_matches("200-299,304", 303)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/%6bey/generate", "/key/generate"),
        ("/%6Bey%2fgenerate", "/key%2Fgenerate"),
        ("//key///generate", "/key/generate"),
        ("/v1/../key/generate", "/key/generate"),
        ("/v1/%2e%2E/key/x", "/key/x"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/../../key", "/key"),
        ("/key/", "/key/"),
        ("/KEY", "/KEY"),
        ("/a;b=c/%zz", "/a;b=c/%zz"),
        ("/a..b/.c/...", "/a..b/.c/..."),
    ],
)
def test_rfc_3986(path: str, expected: str) -> None:
    assert normalise(path.encode()) == expected.encode()


paths = st.lists(
    st.sampled_from(["key", "v1", "models", ".", "..", "", "%2e", "%2E%2e", "%6b", "%2F", "a", "%25"])
).map(lambda parts: "/" + "/".join(parts))


@given(paths)
def test_normalising_settles_at_once_and_leaves_no_dots(path: str) -> None:
    once = normalise(path.encode())
    segments = once.split(b"/")
    assert once.startswith(b"/")
    assert b"//" not in once
    assert b"." not in segments
    assert b".." not in segments
    assert normalise(once) == once


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map(lambda text: "/" + text))
def test_only_the_literal_is_the_literal(path: str) -> None:
    rules = allow(Condition("path-pattern", LITERALS))
    assert taken(rules, seen(path)) == (path in LITERALS)


@given(st.sampled_from(LITERALS), st.data())
def test_an_encoded_literal_is_taken_only_when_the_reading_decodes(literal: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(literal) - 1))
    path = literal[:at] + "".join(f"%{code:02x}" for code in literal[at].encode()) + literal[at + 1 :]
    rules = allow(Condition("path-pattern", LITERALS))
    assert not taken(rules, seen(path))
    assert taken(rules, seen(path), "decoded")
    assert read_path(path.encode(), "decoded") == literal.encode()
    assert taken(rules, seen(path), "rfc3986") == (quote(literal[at], safe="-._~") == literal[at])


def test_readings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_READINGS", "edge_match=raw, alb_match=decoded")
    assert Readings.from_environment() == Readings(edge_match="raw", alb_match="decoded")
    for wrong in ("edge_match", "edge_match=maybe", "nothing=raw"):
        monkeypatch.setenv("LOCALCLOUD_READINGS", wrong)
        with pytest.raises(ValueError, match="LOCALCLOUD_READINGS"):
            Readings.from_environment()
