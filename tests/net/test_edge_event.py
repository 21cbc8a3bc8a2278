"""Events and policies of CloudFront: what a function sees, what its answer becomes, what is forwarded. Pure."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane.edge_event import (
    Changed,
    Invalid,
    changed_request,
    changed_response,
    made_response,
    request_object,
    response_object,
)
from localcloud.dataplane.edge_policies import forwarding, response_policy
from localcloud.net.http_server import Headers

HEADERS: Headers = [
    (b"Host", b"d1.cloudfront.net"),
    (b"X-ACCEPT", b"one"),
    (b"x-accept", b"two"),
    (b"Cookie", b"a=1; b=2"),
    (b"Cookie", b"a=3"),
    (b"Connection", b"close"),
    (b"X-Real-IP", b"1.1.1.1"),
    (b"X-Amz-Cf-Id", b"forged"),
    (b"X-Latin", b"\xe9"),
]


def request() -> Any:
    return request_object(b"GET", b"/a%2Fb//c", b"q=1&q=2&flag&e=&%61=x", HEADERS)


def changed(**changes: Any) -> Changed:
    before = request()
    value = {**copy.deepcopy(before), **changes}
    return changed_request(before, value, b"/a%2Fb//c", b"q=1&q=2&flag&e=&%61=x", HEADERS)


def test_the_event_is_as_documented() -> None:
    assert request() == {
        "method": "GET",
        "uri": "/a%2Fb//c",
        "querystring": {
            "q": {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]},
            "flag": {"value": ""},
            "e": {"value": ""},
            "%61": {"value": "x"},
        },
        "headers": {
            "host": {"value": "d1.cloudfront.net"},
            "x-accept": {"value": "one", "multiValue": [{"value": "one"}, {"value": "two"}]},
            "x-latin": {"value": "é"},
        },
        "cookies": {"a": {"value": "1", "multiValue": [{"value": "1"}, {"value": "3"}]}, "b": {"value": "2"}},
    }
    assert request_object(b"GET", b"/", None, [])["querystring"] == {}


def test_what_a_function_leaves_alone_stays_raw() -> None:
    assert changed() == Changed(b"/a%2Fb//c", b"q=1&q=2&flag&e=&%61=x", HEADERS)


def test_what_a_function_changes_is_rebuilt() -> None:
    assert changed(uri="/né").path == b"/n%C3%A9"
    assert (
        changed(querystring={"b": {"value": "2"}, "a": {"multiValue": [{"value": "1"}, {"value": ""}]}}).query
        == b"b=2&a=1&a"
    )
    assert changed(querystring={}).query is None
    assert changed(querystring="x=y").query == b"x=y"
    assert (b"Cookie", b"a=1; c=9") in changed(cookies={"a": {"value": "1"}, "c": {"value": 9}}).headers
    assert not [n for n, _ in changed(cookies={}).headers if n == b"Cookie"]
    before = request()["headers"]
    added = changed(headers={**before, "x-new-header": {"value": "v"}}).headers
    assert added == [*HEADERS, (b"X-New-Header", b"v")]
    dropped = changed(headers={name: before[name] for name in ("host", "x-latin")}).headers
    assert [n for n, _ in dropped if n.lower() == b"x-accept"] == []
    # Hidden headers are not the function's to drop.
    assert (b"X-Real-IP", b"1.1.1.1") in dropped


@pytest.mark.parametrize(
    "changes",
    [
        {"uri": "key"},
        {"uri": "/a b"},
        {"uri": "/a?b"},
        {"uri": "/a\r\nX: y"},
        {"uri": 5},
        {"uri": "/" + "a" * 9000},
        {"method": "POST"},
        {"querystring": "a b"},
        {"querystring": {"a": "b"}},
        {"querystring": {"a\n": {"value": "b"}}},
        {"headers": {"host": {"value": "evil"}}},
        {"headers": {}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "x-amz-cf-id": {"value": "x"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "connection": {"value": "x"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "content-length": {"value": "5"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "transfer-encoding": {"value": "chunked"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "X-Upper": {"value": "x"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "a b": {"value": "x"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "x": {"value": "a\r\nb: c"}}},
        {"headers": {"host": {"value": "d1.cloudfront.net"}, "x": "text"}},
        {"headers": None},
        {"cookies": []},
    ],
)
def test_a_function_cannot_make_a_broken_request(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        changed(**changes)


@pytest.mark.parametrize("value", [None, 5, "text", {}, {"uri": 1}, []])
def test_a_function_must_return_something(value: Any) -> None:
    with pytest.raises(Invalid):
        changed_request(request(), value, b"/", None, [])


def test_made_responses() -> None:
    made = made_response(
        {
            "statusCode": 403,
            "statusDescription": "No",
            "headers": {"content-type": {"value": "a/b"}, "x-two": {"multiValue": [{"value": "1"}, {"value": "2"}]}},
            "cookies": {"c": {"value": "1", "attributes": "Secure; Path=/"}},
            "body": {"encoding": "base64", "data": "aGk="},
        }
    )
    assert (made.status, made.reason, made.body) == (403, b"No", b"hi")
    assert made.headers == [
        (b"Content-Type", b"a/b"),
        (b"X-Two", b"1"),
        (b"X-Two", b"2"),
        (b"Set-Cookie", b"c=1; Secure; Path=/"),
    ]
    assert made_response({"statusCode": 200.0}).body is None
    assert made_response({"statusCode": 200, "body": {"encoding": "text", "data": "é"}}).body == "é".encode()
    for wrong in ({"statusCode": "403"}, {"statusCode": 99}, {"statusCode": True}, {"statusCode": 200, "body": 5}):
        with pytest.raises(Invalid):
            made_response(wrong)
    for body in ({"encoding": "base64", "data": "?"}, {"encoding": "gzip", "data": ""}, {"data": "x"}):
        with pytest.raises(Invalid):
            made_response({"statusCode": 200, "body": body})


def test_viewer_responses() -> None:
    headers: Headers = [(b"Server", b"x"), (b"Set-Cookie", b"c=1; Path=/"), (b"Via", b"1.1 a"), (b"X-Cache", b"Miss")]
    before = response_object(200, b"OK", headers)
    assert before == {
        "statusCode": 200,
        "statusDescription": "OK",
        "headers": {"server": {"value": "x"}, "via": {"value": "1.1 a"}},
        "cookies": {"c": {"value": "1", "attributes": "Path=/"}},
    }
    assert changed_response(before, copy.deepcopy(before), headers).headers == headers
    value = copy.deepcopy(before)
    value["headers"]["strict-transport-security"] = {"value": "max-age=1"}
    value["statusCode"] = 404
    after = changed_response(before, value, headers)
    assert (after.status, after.headers[-1]) == (404, (b"Strict-Transport-Security", b"max-age=1"))
    value["headers"]["via"] = {"value": "forged"}
    with pytest.raises(Invalid):
        changed_response(before, value, headers)
    with pytest.raises(Invalid):
        changed_response(before, {"uri": "/"}, headers)


names = st.sampled_from([b"X-A", b"x-a", b"Accept", b"Cookie", b"Host", b"Via", b"Connection", b"X-Edge-A", b"TE"])
values = st.binary(max_size=12).map(
    lambda raw: bytes(code for code in raw if code >= 0x20 and code != 0x7F).strip(b" ")
)
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#"), max_size=20)


@given(st.lists(st.tuples(names, values), max_size=8), visible, st.none() | visible)
def test_an_identity_function_changes_no_byte(headers: Headers, path: str, query: str | None) -> None:
    raw_path, raw_query = b"/" + path.encode(), query.encode() if query is not None else None
    event = request_object(b"POST", raw_path, raw_query, headers)
    answer = changed_request(event, copy.deepcopy(event), raw_path, raw_query, list(headers))
    assert answer == Changed(raw_path, raw_query, list(headers))


def test_policies_select() -> None:
    none = forwarding({}, {})
    assert not none.header(b"Accept")
    assert none.query(b"a=1") is None
    assert none.cookie_header([b"a=1"]) is None
    everything_but = forwarding(
        {},
        {
            "HeadersConfig": {"HeaderBehavior": "allExcept", "Headers": {"Quantity": 1, "Items": ["Host"]}},
            "CookiesConfig": {"CookieBehavior": "all"},
            "QueryStringsConfig": {"QueryStringBehavior": "all"},
        },
    )
    assert everything_but.header(b"ACCEPT")
    assert not everything_but.header(b"host")
    assert everything_but.query(b"a&&b=%zz") == b"a&&b=%zz"
    assert everything_but.cookie_header([b"a=1;b", b"c"]) == b"a=1;b; c"
    some = forwarding(
        {
            "ParametersInCacheKeyAndForwardedToOrigin": {
                "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": {"Items": ["Origin"]}},
                "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": {"Items": ["b"]}},
                "EnableAcceptEncodingGzip": True,
            }
        },
        {
            "HeadersConfig": {
                "HeaderBehavior": "allViewerAndWhitelistCloudFront",
                "Headers": {"Items": ["CloudFront-Viewer-Address"]},
            },
            "CookiesConfig": {"CookieBehavior": "allExcept", "Cookies": {"Items": ["secret"]}},
        },
    )
    assert some.header(b"anything")
    assert some.computed("cloudfront-viewer-address")
    assert not some.computed("cloudfront-forwarded-proto")
    assert some.query(b"a=1&b=2&b=3") == b"b=2&b=3"
    assert some.cookie_header([b"secret=1; b=2"]) == b"b=2"
    assert some.gzip


def test_response_headers_policies() -> None:
    policy = response_policy(
        {
            "SecurityHeadersConfig": {
                "ContentTypeOptions": {"Override": True},
                "FrameOptions": {"Override": False, "FrameOption": "DENY"},
                "StrictTransportSecurity": {"Override": True, "AccessControlMaxAgeSec": 5, "IncludeSubdomains": True},
            },
            "CustomHeadersConfig": {"Quantity": 1, "Items": [{"Header": "X-C", "Value": "v", "Override": True}]},
            "RemoveHeadersConfig": {"Quantity": 1, "Items": [{"Header": "Server"}]},
            "CorsConfig": {
                "AccessControlAllowOrigins": {"Quantity": 1, "Items": ["https://a.example"]},
                "AccessControlAllowMethods": {"Quantity": 1, "Items": ["ALL"]},
                "AccessControlAllowHeaders": {"Quantity": 1, "Items": ["*"]},
                "AccessControlAllowCredentials": False,
                "OriginOverride": True,
            },
        }
    )
    given_headers: Headers = [(b"server", b"uvicorn"), (b"x-frame-options", b"SAMEORIGIN"), (b"x-c", b"old")]
    plain = dict(policy.apply(given_headers, None))
    assert plain[b"x-frame-options"] == b"SAMEORIGIN"
    assert plain[b"X-C"] == b"v"
    assert plain[b"Strict-Transport-Security"] == b"max-age=5; includeSubDomains"
    assert b"server" not in plain
    assert b"Access-Control-Allow-Origin" not in plain
    assert dict(policy.apply([], b"https://a.example"))[b"Access-Control-Allow-Origin"] == b"https://a.example"
    assert b"Access-Control-Allow-Origin" not in dict(policy.apply([], b"https://b.example"))
