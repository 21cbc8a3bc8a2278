"""What is told when a gateway is up, against a small HTTP server in its place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ops.summary import render

KEY = "sk-0123456789abcdefWXYZ"


class Gateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {KEY}" and self.path == "/v1/models"
        body = json.dumps({"data": [{"id": "claude-haiku-4-5"}]} if known else {"error": KEY}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def gateway() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_address_masked_keys_and_commands(gateway: str) -> None:
    text = render(
        {"gatewayUrl": f"{gateway}/", "adminUrl": "http://a:8080", "keys": {"dev": KEY}}, "local", show_keys=False
    )
    assert f"gateway  {gateway}\n" in text
    assert "admin    http://a:8080" in text
    assert "dev  sk-…WXYZ" in text
    assert KEY not in text
    assert "KEY=$(make -s key ALIAS=dev)\n" in text
    assert f"curl {gateway}/v1/chat/completions" in text
    assert '"model": "claude-haiku-4-5"' in text, "a model that this key may use, as the gateway says"
    assert text.count("    curl ") == 3
    assert "ALIAS=dev STACK=poc" in render({"gatewayUrl": gateway, "keys": {"dev": KEY}}, "poc", show_keys=False)


def test_keys_in_clear_when_asked_for(gateway: str) -> None:
    text = render({"gatewayUrl": gateway, "keys": {"dev": KEY}}, "local", show_keys=True)
    assert f"dev  {KEY}" in text
    assert f"KEY={KEY}" in text


def test_an_address_that_does_not_answer_is_said(gateway: str) -> None:
    refused = render({"gatewayUrl": gateway, "keys": {"dev": "sk-not-known-here-at-all"}}, "local", show_keys=False)
    assert "WARNING" in refused
    assert "HTTP 401" in refused
    closed = render({"gatewayUrl": "http://127.0.0.1:1", "keys": {"dev": KEY}}, "local", show_keys=False)
    assert "WARNING: http://127.0.0.1:1/v1/models did not answer" in closed


def test_without_a_database_there_are_no_keys_to_try(gateway: str) -> None:
    assert "No keys were seeded" in render({"gatewayUrl": gateway, "keys": {}}, "local", show_keys=False)


def test_a_stack_that_is_not_up() -> None:
    assert render({}, "local", show_keys=False) == "The stack has no gatewayUrl yet: it is not up."
