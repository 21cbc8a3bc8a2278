"""The classed routes, and what a path would open. Against the running LiteLLM they are held in tests/edge."""

from __future__ import annotations

import re

import pytest

from components import litellm_routes
from components.allow_list import ALLOWED_PATHS, DENIED_PATTERNS, PREFLIGHT, OpenPath, checked, expanded, rules
from components.litellm_routes import INFERENCE, MANAGEMENT, UPSTREAM, opened_by, routes
from components.settings import Settings
from tests.components.declared import ROOT


def test_the_file_is_of_the_version_that_is_locked_and_deployed() -> None:
    locked = re.search(r"^litellm==(\S+)", (ROOT / "requirements" / "litellm.txt").read_text(), re.MULTILINE)
    assert locked and locked[1] == litellm_routes.version()
    assert Settings.model_fields["image"].default.endswith(f":v{litellm_routes.version()}")


def test_every_line_has_one_of_three_classes() -> None:
    assert {route.kind for route in routes()} == {INFERENCE, UPSTREAM, MANAGEMENT}
    assert len(routes()) > 900 and all(route.path.startswith("/") for route in routes())


@pytest.mark.parametrize("path", ALLOWED_PATHS)
def test_the_shipped_list_opens_inference_and_nothing_else(path: str) -> None:
    assert checked(path) == path
    [one] = expanded([path])
    opened = opened_by(path)
    called = set(one.methods) - {PREFLIGHT}
    assert called & {"GET", "POST"}
    for method in called:
        route = opened.get(method) or opened["WEBSOCKET"]  # which begins as a GET
        assert route.kind == INFERENCE


def test_the_shipped_list_has_both_spellings_where_litellm_serves_both() -> None:
    literal = {route.path for route in routes() if route.kind == INFERENCE}
    for path in ALLOWED_PATHS:
        other = path.removeprefix("/v1") if path.startswith("/v1/") else f"/v1{path}"
        assert other in ALLOWED_PATHS or other not in literal, f"{other} is served and not open"


def test_the_four_closed_prefixes_are_management() -> None:
    for pattern in DENIED_PATTERNS:
        below = [route for route in routes() if route.path.startswith(pattern.rstrip("*"))]
        assert below and {route.kind for route in below} == {MANAGEMENT}


@pytest.mark.parametrize(
    ("path", "method", "route"),
    [
        ("/v1/chat/completions", "POST", "POST /v1/chat/completions"),
        ("/openai/deployments/a/b/chat/completions", "POST", "POST /openai/deployments/{model:path}/chat/completions"),
        # a route further down takes the methods that one above leaves
        ("/openai/v1/responses", "GET", "DELETE/GET/PATCH/POST/PUT /openai/{endpoint:path}"),
        ("/openai/v1/responses", "POST", "POST /openai/v1/responses"),
        ("/credentials/a/../../v1/models", "DELETE", "DELETE /credentials/{credential_name:path}"),
        ("/ui/../v1/models", "MOUNT", "MOUNT /ui"),
        ("/any/mcp", "GET", "DELETE/GET/HEAD/OPTIONS/PATCH/POST/PUT /{mcp_server_name}/mcp"),
        ("/responses", "WEBSOCKET", "WEBSOCKET /responses"),
    ],
)
def test_a_path_leads_where_litellm_would_take_it(path: str, method: str, route: str) -> None:
    assert str(opened_by(path)[method]) == route


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/chat/completions", "POST"),
        ("/v1/models", "GET"),
        ("/v1/responses", "GET POST"),  # GET begins a WebSocket
        ("/v1/responses/compact", "POST"),  # GET would be a stored response
        ("/openai/v1/responses", "POST"),  # the rest would be OpenAI's API as it is
        ("/v1/batches", "GET POST"),
        ("/mcp", "GET POST PUT PATCH DELETE HEAD"),
    ],
)
def test_a_path_is_opened_for_the_methods_that_lead_where_it_is_meant_to(path: str, methods: str) -> None:
    [one] = expanded([path])
    assert one.methods == (*methods.split(), PREFLIGHT)
    parts = rules([one])
    assert all(len(part.methods) <= 3 for part in parts)
    assert one == OpenPath(path, tuple(method for part in parts for method in part.methods))


@pytest.mark.parametrize("path", ["/nothing", "/V1/models", "/v1/models/", "//v1/models", "/v1%2Fmodels"])
def test_a_path_that_litellm_does_not_know_opens_nothing(path: str) -> None:
    assert opened_by(path) == {}
