"""The edge's Functions, run in a JavaScript engine."""

from __future__ import annotations

import json

import pytest
import quickjs
from hypothesis import given
from hypothesis import strategies as st

from components.allow_list import ALLOWED_PATHS
from components.edge import MAX_FUNCTION_BYTES, deny_code, guard_code


def call(code: str, uri: str, method: str = "POST") -> dict:
    context = quickjs.Context()
    context.eval(code)
    event = {
        "version": "1.0",
        "request": {"method": method, "uri": uri, "querystring": {}, "headers": {}, "cookies": {}},
    }
    return json.loads(context.eval(f"JSON.stringify(handler({json.dumps(event)}))"))


GUARD = guard_code(list(ALLOWED_PATHS))


@pytest.mark.parametrize("path", sorted(ALLOWED_PATHS))
def test_the_guard_passes_the_allow_list_unchanged(path: str) -> None:
    assert call(GUARD, path)["uri"] == path


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
    assert (call(GUARD, uri).get("statusCode") == 403) == (uri not in ALLOWED_PATHS)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE", "post"])
def test_the_guard_refuses_methods_that_inference_does_not_use(method: str) -> None:
    assert call(GUARD, "/v1/models", method)["statusCode"] == 403


@given(st.text(max_size=60))
def test_deny_denies(uri: str) -> None:
    answer = call(deny_code(), uri)
    assert answer["statusCode"] == 403
    assert "litellm-users.sh" in json.loads(answer["body"])["error"]["message"]


def test_the_code_fits_and_a_longer_list_is_refused_before_anything_is_created() -> None:
    assert len(GUARD.encode()) <= MAX_FUNCTION_BYTES
    with pytest.raises(ValueError, match="shorten the allow-list"):
        guard_code([f"/v1/{'x' * 60}/{number}" for number in range(200)])
