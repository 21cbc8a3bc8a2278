"""The edge's Functions, run in a JavaScript engine."""

from __future__ import annotations

import json
import posixpath
from typing import Any
from urllib.parse import unquote

import pytest
import quickjs
from hypothesis import given
from hypothesis import strategies as st

from components.allow_list import OpenPath, expanded
from components.edge_code import MAX_FUNCTION_BYTES, deny_code, guard_code


def call(code: str, uri: str, method: str = "POST", headers: dict[str, Any] | None = None) -> dict:
    context = quickjs.Context()
    context.eval(code)
    event = {
        "version": "1.0",
        "request": {"method": method, "uri": uri, "querystring": {}, "headers": headers or {}, "cookies": {}},
    }
    return json.loads(context.eval(f"JSON.stringify(handler({json.dumps(event)}))"))


OPEN = expanded()
LISTED = {(method, one.path) for one in OPEN for method in one.methods}
GUARD = guard_code(OPEN)


@pytest.mark.parametrize(("method", "path"), sorted(LISTED))
def test_the_guard_passes_the_allow_list_unchanged(method: str, path: str) -> None:
    assert call(GUARD, path, method)["uri"] == path


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "QUERY"]


@pytest.mark.parametrize("method", METHODS)
def test_the_guard_passes_a_path_with_its_own_methods_only(method: str) -> None:
    for one in OPEN:
        assert (call(GUARD, one.path, method).get("statusCode") == 403) == ((method, one.path) not in LISTED)


@pytest.mark.parametrize(
    "uri",
    [
        "/",
        "",
        "/key/generate",
        "/key%2Fgenerate",
        "/%6bey/generate",
        "/v1/../key/generate",
        "//v1/models",
        "/v1/models/",
        "/V1/models",
        "/v1/chat/completions%00",
        "/v1/chat%2Fcompletions",
        "/v1/models;x",
        "/team/list",
        "/health",
        "/openapi.json",
        "/ui",
        "__proto__",
        "constructor",
    ],
)
def test_the_guard_refuses_everything_else(uri: str) -> None:
    answer = call(GUARD, uri)
    assert answer["statusCode"] == 403
    assert json.loads(answer["body"])["error"]["code"] == "403"


@given(st.text(max_size=60))
def test_the_guard_refuses_any_text_that_is_not_on_the_list(uri: str) -> None:
    assert (call(GUARD, uri).get("statusCode") == 403) == (("POST", uri) not in LISTED)


# The guard with its list loosened to "everything": what is left is the second lock.
LOOSENED = GUARD.replace("listed(request.method, request.uri)", "true")


@pytest.mark.parametrize(
    "uri",
    [
        "/key%2Fgenerate",
        "/%6bey/generate",
        "/%256bey/generate",
        "/%25256bey/generate",
        "/v1/../key/generate",
        "/v1/.%2e/key/generate",
        "/./key/generate",
        "/.well-known/x",
        "//key/generate",
        "/key//generate",
        "/key/generate/",
        "/key/generate;a=b",
        "/key\\generate",
        "/key/generate%00",
        "/key/generate%",
        "/key/generate%zz",
        "/key/generate%2",
        "/k%C0%AFy",
        "/%E2%81%84key",
        "/kéy/generate",
        "/ｋey/generate",
        "/key/generate ",
        "/key/generate#",
        "/key/gen\nerate",
        "key/generate",
        "http://x/key/generate",
        "",
        "/",
        "/" + "a" * 1024,
    ],
)
def test_a_guard_whose_list_was_loosened_still_refuses_every_spelling_but_the_plain_one(uri: str) -> None:
    assert LOOSENED != GUARD and call(LOOSENED, "/key/generate").get("uri") == "/key/generate"
    assert call(LOOSENED, uri)["statusCode"] == 403


@given(st.text(alphabet="/%.;\\abeky2356EFc0", max_size=40) | st.text(max_size=40))
def test_what_passes_a_loosened_guard_means_the_same_however_often_it_is_decoded(uri: str) -> None:
    if call(LOOSENED, uri).get("statusCode") == 403:
        return
    assert unquote(uri) == uri and posixpath.normpath(uri) == uri and uri.isascii()


def test_headers_that_rewrite_a_request_go_no_further() -> None:
    names = ("x-original-url", "x-rewrite-url", "x-http-method-override", "x-forwarded-prefix")
    headers = {name: {"value": "/key/generate"} for name in names}
    passed = call(GUARD, "/v1/models", "GET", {**headers, "authorization": {"value": "Bearer sk-1"}})
    assert passed["headers"] == {"authorization": {"value": "Bearer sk-1"}}


@given(st.text(max_size=60))
def test_deny_denies(uri: str) -> None:
    answer = call(deny_code(), uri)
    assert answer["statusCode"] == 403
    assert "litellm-users.sh" in json.loads(answer["body"])["error"]["message"]


def test_the_code_fits_and_a_longer_list_is_refused_before_anything_is_created() -> None:
    assert len(GUARD.encode()) <= MAX_FUNCTION_BYTES
    with pytest.raises(ValueError, match="shorten the allow-list"):
        guard_code([OpenPath(f"/v1/{'x' * 60}/{number}", ("POST",)) for number in range(200)])
