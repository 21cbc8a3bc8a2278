from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from litellm_admin import transport
from litellm_admin.errors import AdminError, Unreachable
from litellm_admin.transport import Call, DirectTransport, RelayTransport, Response

KEY = "sk-" + "master" * 4
ROOT = Path(__file__).parent.parent.parent


class Door:
    """A loopback HTTP server that remembers the last request and answers as told."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.requests = 0
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        door = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                door.requests += 1
                door.seen = {
                    "method": self.command,
                    "path": self.path,
                    "headers": dict(self.headers),
                    "body": self.rfile.read(length),
                }
                status, headers, body = door.answer
                if status == 0:
                    return  # closes without an answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.stop()


def test_a_direct_call_carries_key_query_and_body(door: Door) -> None:
    door.answer = (429, {"Retry-After": "7"}, b'{"ok": true}')
    answer = DirectTransport(f"{door.url}/base/", KEY).request(
        "POST", "/user/new", {"page": 1, "user_email": "a+b@c.de"}, {"x": "ü"}
    )
    assert (answer.status, answer.body, answer.retry_after) == (429, {"ok": True}, 7.0)
    assert door.seen["path"] == "/base/user/new?page=1&user_email=a%2Bb%40c.de"
    assert json.loads(door.seen["body"]) == {"x": "ü"}
    assert door.seen["headers"]["Authorization"] == f"Bearer {KEY}"


def test_an_answer_that_is_no_json_is_text(door: Door) -> None:
    door.answer = (503, {}, b"<html>503</html>")
    assert DirectTransport(door.url, KEY).request("GET", "/user/list").body == "<html>503</html>"


def test_a_call_without_an_answer_says_where_it_was_lost_and_never_the_key(door: Door) -> None:
    door.answer = (0, {}, b"")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for url, says in [
            (door.url, "can't be reached"),
            (nowhere, "ConnectionRefusedError"),
            ("http://no.such.invalid", "inside the VPC only"),
        ]:
            with pytest.raises(Unreachable, match=says) as caught:
                DirectTransport(url, KEY).request("GET", "/user/list")
            assert KEY not in str(caught.value)
    assert KEY not in repr(DirectTransport(door.url, KEY))


def test_a_silent_admin_door_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="adminCidrs"):
        DirectTransport(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY).request("GET", "/user/list")


@pytest.mark.parametrize("url", ["", "localhost:4000", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AdminError, match="is none"):
        DirectTransport(url, KEY).request("GET", "/user/list")


@pytest.fixture
def aws(door: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The door stands in for Lambda's API."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_ENDPOINT_URL_LAMBDA": door.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setattr(transport, "_clients", {})
    return door


def test_a_relayed_call_is_an_event_without_any_key(aws: Door) -> None:
    aws.answer = (200, {}, b'{"status": 201, "body": {"ok": 1}, "retry_after": 2}')
    answer = RelayTransport("gw-relay", "us-west-1").request("GET", "/user/list", {"page": 1})
    assert (answer.status, answer.body, answer.retry_after) == (201, {"ok": 1}, 2.0)
    assert aws.seen["path"] == "/2015-03-31/functions/gw-relay/invocations"
    assert json.loads(aws.seen["body"]) == {"method": "GET", "path": "/user/list", "query": {"page": "1"}}


def refused_by_aws(door: Door, status: int, code: str) -> None:
    door.answer = (status, {"x-amzn-ErrorType": code}, json.dumps({"Type": "User", "Message": "arn:aws:…"}).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (404, "ResourceNotFoundException", AdminError, "There is no relay gw-relay"),
        (403, "AccessDeniedException", AdminError, "allow lambda:InvokeFunction on gw-relay"),
        (403, "ExpiredTokenException", AdminError, "log in again"),
        (429, "TooManyRequestsException", Unreachable, "isn't ready"),
        (502, "EC2ThrottledException", Unreachable, "isn't ready"),
        (400, "InvalidParameterValueException", AdminError, "failed"),
    ],
)
def test_what_lambda_refuses_is_explained(aws: Door, status: int, code: str, kind: type[AdminError], says: str) -> None:
    refused_by_aws(aws, status, code)
    with pytest.raises(AdminError, match=says) as caught:
        RelayTransport("gw-relay", "us-west-1").request("GET", "/user/list")
    assert type(caught.value) is kind


def test_a_relay_that_breaks_is_told_from_one_that_answers(aws: Door) -> None:
    aws.answer = (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorMessage": "Task timed out after 60.00 seconds"}')
    with pytest.raises(Unreachable, match=r"Task timed out.*log group /aws/lambda/gw-relay"):
        RelayTransport("gw-relay", "us-west-1").request("GET", "/user/list")
    aws.answer = (200, {}, b'"hello"')
    with pytest.raises(AdminError, match="is no relay of this project"):
        RelayTransport("gw-relay", "us-west-1").request("GET", "/user/list")


def test_a_lost_answer_of_lambda_isnt_asked_for_again_behind_the_clients_back(aws: Door) -> None:
    aws.answer = (0, {}, b"")
    with pytest.raises(Unreachable, match="The relay gw-relay can't be reached"):
        RelayTransport("gw-relay", "us-west-1").request("POST", "/user/new", body={})
    refused_by_aws(aws, 500, "ServiceException")
    with pytest.raises(Unreachable):
        RelayTransport("gw-relay", "us-west-1").request("POST", "/user/new", body={})
    assert aws.requests == 2


CALLS = [Call("POST", "/key/generate", None, {"key_alias": alias}) for alias in ("a", "b")]


def test_several_calls_are_one_event(aws: Door) -> None:
    aws.answer = (
        200,
        {},
        b'{"status": 200, "answers": [{"status": 200, "body": 1}, {"status": 429, "retry_after": 3}]}',
    )
    one, two = RelayTransport("gw-relay", "us-west-1").request_each(CALLS)
    assert isinstance(one, Response) and isinstance(two, Response)
    assert (one.status, one.body, two.status, two.retry_after) == (200, 1, 429, 3.0)
    events = [{"method": "POST", "path": "/key/generate", "body": {"key_alias": alias}} for alias in ("a", "b")]
    assert json.loads(aws.seen["body"]) == {"calls": events}
    aws.answer = (200, {}, b'{"status": 200, "body": {}}')
    assert RelayTransport("gw-relay", "us-west-1").request_each(CALLS[:1]) == [Response(200, {})]
    assert "calls" not in json.loads(aws.seen["body"])


def test_several_calls_that_got_no_answer_got_none_each(aws: Door) -> None:
    transport = RelayTransport("gw-relay", "us-west-1")
    aws.answer = (0, {}, b"")
    assert [type(error) for error in transport.request_each(CALLS)] == [Unreachable, Unreachable]
    refused = {"status": 400, "body": {"error": {"message": "`calls` is no call", "type": "relay"}}}
    aws.answer = (200, {}, json.dumps(refused).encode())
    said = [str(error) for error in transport.request_each(CALLS)]
    assert said == ["POST a batch of calls was refused (400): `calls` is no call."] * 2


def test_several_direct_calls_come_one_after_the_other(door: Door) -> None:
    transport = DirectTransport(door.url, "sk-master")
    assert [type(answer) for answer in transport.request_each(CALLS)] == [Response, Response]
    door.answer = (0, {}, b"")
    assert [type(answer) for answer in transport.request_each(CALLS)] == [Unreachable, Unreachable]
    assert door.requests == 4


def test_importing_it_imports_nothing_heavy() -> None:
    """A command of the CLI to come shall start at once; 50 ms for all of this were seen, half of them dataclasses."""
    code = "import sys, litellm_admin.ensure, litellm_admin.transport; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {
        "boto3",
        "botocore",
        "pulumi",
        "pydantic",
        "yaml",
        "asyncio",
        "ssl",
        "http.client",
        "email",
        "uuid",
        "random",
        "hashlib",
        "socket",
    }
    assert not heavy & set(loaded)
