"""What the relay forwards, and that everything else is refused before anything is sent."""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.litellm_admin.test_transport import Door
from tests.relay.loading import Context, call, event, load

NOT_MANAGEMENT = [
    "/v1/chat/completions",
    "/chat/completions",
    "/v1/models",
    "/config/update",
    "/config/yaml",
    "/credentials",
    "/sso/key/generate",
    "/login",
    "/ui",
    "/guardrails/list",
    "/invitation/new",
    "/openapi.json",
    "/routes",
    "/metrics",
    "/userx",
    "/users/list",
    "/keys/list",
    "/key2/generate",
    "/health",
    "/health/services",
    "/organization/list",
    "/model/new",
    "/model/delete",
    "/mcp/tools",
    "/user-management",
    "/_user/list",
]


@pytest.mark.parametrize("path", NOT_MANAGEMENT)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_but_management_is_forwarded(relay: ModuleType, door: Door, method: str, path: str) -> None:
    answer = call(relay, method=method, path=path)
    assert answer["status"] in (400, 403)
    assert answer["body"]["error"]["type"] == "relay"
    assert not door.seen


ODD = [
    "/user/../config/update",
    "/user/./list",
    "//user/list",
    "/user//list",
    "/user/list/",
    "user/list",
    "http://evil/user/list",
    "/user%2flist",
    "/user/%2e%2e/config",
    "/user/list?page=1",
    "/user/list#x",
    "/user/list;x",
    "/user\\list",
    "/user/list%00",
    "/user/li&st",
    "@evil/user",
    "https:/user",
    "/user/list:80",
]


@pytest.mark.parametrize(
    "path",
    [*ODD, "", "/", "/user/list ", "/user/\tlist", "/user/list\r\nX: y", "/user/ü", "/user" * 200, None, 5, ["/user"]],
)
def test_a_path_is_literal_or_refused(relay: ModuleType, door: Door, path: Any) -> None:
    answer = call(relay, method="GET", path=path)
    assert answer["status"] in (400, 403)
    assert not door.seen


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "HEAD", "CONNECT", "get", "", None, "GET / HTTP/1.1"])
def test_methods_are_get_and_post(relay: ModuleType, door: Door, method: Any) -> None:
    assert call(relay, method=method, path="/user/list")["status"] == 403
    assert not door.seen


def test_a_route_takes_only_its_own_methods(relay: ModuleType, door: Door) -> None:
    refused = call(relay, method="POST", path="/model/info", body={})
    assert refused["status"] == 403
    assert "it takes GET" in refused["body"]["error"]["message"]
    assert not door.seen


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "[]",
        '"x"',
        "{",
        {},
        {"path": "/user/list"},
        {"method": "GET", "path": "/user/list", "headers": {"Authorization": "x"}},
    ]
    + [
        {"method": "GET", "path": "/user/list", "query": query}
        for query in ([], "a=b", {"a": None}, {"a": [1]}, {"A b": "c"}, {"a": "x" * 9000})
    ]
    + [
        {"method": "GET", "path": "/user/list", "body": {}},
        {"method": "POST", "path": "/user/new", "body": "x" * 2**20},
    ],
)
def test_a_request_of_another_form_is_refused_with_a_sentence(relay: ModuleType, door: Door, request_: Any) -> None:
    answer = relay.handle(event(request_), Context())
    assert answer["status"] in (400, 403, 413)
    assert answer["body"]["error"]["message"].endswith(".")
    assert not door.seen


GOOD = {"method": "GET", "path": "/user/list"}


@pytest.mark.parametrize(
    "event_",
    [
        None,
        [],
        "x",
        {},
        GOOD,
        {"request": GOOD, "caller": {}},
        event("x" * 2**21),
        event(GOOD, headers={}),
        event(GOOD, key=""),
        event(GOOD, key="sk-1\r\nX: y"),
        event(GOOD, key=["sk-1"]),
        event("[" * 100_000),
    ],
)
def test_an_event_of_another_form_is_refused_with_a_sentence(
    relay: ModuleType, door: Door, sts: Door, event_: Any
) -> None:
    answer = relay.handle(event_, Context())
    assert answer["status"] in (400, 413)
    assert answer["body"]["error"]["message"].endswith(".")
    assert not door.seen
    assert not sts.seen


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60) | st.from_regex(r"(/[a-z.%/?#]{0,9}){1,5}", fullmatch=True))
def test_whatever_path_passes_is_a_management_route_letter_by_letter(path: str) -> None:
    module = _loaded()
    try:
        found = module.checked({"method": "GET", "path": path})
    except module.Rejected:
        return
    assert found.target == path
    assert path.split("/")[1] in {route.split("/")[1] for route in module.ROUTES}


@functools.cache
def _loaded() -> ModuleType:
    """One instance for all examples."""
    os.environ["READS_ONLY"] = "false"
    return load()
