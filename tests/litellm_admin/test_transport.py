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

from litellm_admin import aws as aws_module
from litellm_admin import transport
from litellm_admin.errors import AdminError, BlockedAtEdge, Denied, NotThere, Unreachable
from litellm_admin.transport import Call, DirectTransport, RelayTransport, Response

KEY = "sk-" + "master" * 4
ROOT = Path(__file__).parent.parent.parent


class Door:
    """A loopback HTTP server that remembers the last request and answers as told."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.requests = 0
        self.connections = 0
        self.keeps = False  # connections alive
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        self.before: list[tuple[int, dict[str, str], bytes]] = []  # answers before that one, in turn
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                door.connections += 1

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
                status, headers, body = door.before.pop(0) if door.before else door.answer
                self.close_connection = not door.keeps or status == 0
                if status == 0:
                    return  # closes without an answer
                self.send_response(status)
                kept = {} if door.keeps else {"Connection": "close"}
                for name, value in {**headers, **kept, "Content-Length": str(len(body))}.items():
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


PUBLIC = b'{"error": {"message": "This path is not open at the gateway\'s public address."}}'


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Cache": "FunctionGeneratedResponse from cloudfront"}, b"{}"),
        ({"Via": "1.1 abc.cloudfront.net (CloudFront)"}, b"{}"),
        ({}, PUBLIC),
    ],
)
def test_the_edges_403_is_told_from_litellms(door: Door, headers: dict[str, str], body: bytes) -> None:
    door.answer = (403, headers, body)
    with pytest.raises(BlockedAtEdge, match="blocked by design"):
        DirectTransport(door.url, KEY).request("GET", "/user/list")
    door.answer = (403, {}, b'{"error": {"message": "only proxy admins"}}')
    assert DirectTransport(door.url, KEY).request("GET", "/user/list").status == 403


def test_the_master_key_never_goes_to_cloudfront() -> None:
    # an address that doesn't resolve: had it been tried, that would be what is told
    with pytest.raises(BlockedAtEdge):
        DirectTransport("https://d111111abcdef8.cloudfront.net", KEY).request("GET", "/user/list")


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
def aws(door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The door stands in for Lambda's API."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_ENDPOINT_URL_LAMBDA": door.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": door.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    aws_module.forget()
    yield door
    aws_module.forget()


def test_a_relayed_call_is_an_event_without_any_key(aws: Door) -> None:
    aws.answer = (200, {}, b'{"status": 201, "body": {"ok": 1}, "retry_after": 2}')
    answer = RelayTransport("gw-relay", "us-west-1").request("GET", "/user/list", {"page": 1})
    assert (answer.status, answer.body, answer.retry_after) == (201, {"ok": 1}, 2.0)
    assert aws.seen["path"] == "/2015-03-31/functions/gw-relay/invocations"
    event = json.loads(aws.seen["body"])
    assert json.loads(event["request"]) == {"method": "GET", "path": "/user/list", "query": {"page": "1"}}
    assert event.keys() == {"request", "caller"}
    assert event["caller"].keys() == {"authorization", "date"}


def test_a_relayed_call_with_a_key_of_ones_own_brings_it(aws: Door) -> None:
    aws.answer = (200, {}, b'{"status": 200, "body": {}, "caller": "arn:aws:iam::1:user/a"}')
    given = RelayTransport("gw-relay", "us-west-1", KEY)
    assert given.caller() == "arn:aws:iam::1:user/a"
    assert json.loads(aws.seen["body"])["key"] == KEY
    assert KEY not in repr(given)


def test_a_relay_that_holds_no_key_is_brought_the_one_of_its_secret(aws: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_keys", {})
    asked: list[dict[str, Any]] = []
    required = {"error": {"type": "relay", "code": "key_required", "message": "bring one", "secret": "arn:secret"}}

    def invoke(_: RelayTransport, payload: bytes) -> dict[str, Any]:
        asked.append(json.loads(payload))
        return {"status": 200, "body": {"ok": 1}} if "key" in asked[-1] else {"status": 401, "body": required}

    monkeypatch.setattr(RelayTransport, "_invoke", invoke)
    aws.answer = (200, {}, json.dumps({"SecretString": KEY}).encode())
    relay = RelayTransport("gw-relay", "us-west-1")
    assert relay.request("GET", "/user/list").body == {"ok": 1}
    assert [event.get("key") for event in asked] == [None, KEY]
    assert json.loads(aws.seen["body"]) == {"SecretId": "arn:secret"}
    relay.request("GET", "/user/list")
    assert aws.requests == 1, "the secret is read once"


def test_many_calls_are_brought_a_key_as_well(aws: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_keys", {"arn:secret": KEY})
    refused = {"error": {"type": "relay", "code": "key_required", "message": "bring one", "secret": "arn:secret"}}
    asked: list[dict[str, Any]] = []

    def invoke(_: RelayTransport, payload: bytes) -> dict[str, Any]:
        asked.append(json.loads(payload))
        one = {"status": 200, "body": {}} if "key" in asked[-1] else {"status": 401, "body": refused}
        return {"status": 200, "answers": [one, one]}

    monkeypatch.setattr(RelayTransport, "_invoke", invoke)
    answers = RelayTransport("gw-relay", "us-west-1").request_each(CALLS)
    assert [answer.status for answer in answers if isinstance(answer, Response)] == [200, 200]
    assert [event.get("key") for event in asked] == [None, KEY]


def refused_by_aws(door: Door, status: int, code: str) -> None:
    door.answer = (status, {"x-amzn-ErrorType": code}, json.dumps({"Type": "User", "Message": "arn:aws:…"}).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (404, "ResourceNotFoundException", NotThere, "There is no relay gw-relay"),
        (403, "AccessDeniedException", Denied, "allow lambda:InvokeFunction on gw-relay"),
        (403, "ExpiredTokenException", AdminError, "log in again"),
        (429, "TooManyRequestsException", Unreachable, "isn't ready"),
        (502, "EC2ThrottledException", Unreachable, "isn't ready"),
        (400, "InvalidParameterValueException", AdminError, "AWS refused to invoke the relay gw-relay"),
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


CALLS = [Call("GET", "/user/list", {"page": 1}), Call("POST", "/user/new", None, {"user_email": "a@b.co"})]


def test_several_calls_are_one_event(aws: Door) -> None:
    answers = [{"status": 200, "body": {"n": 1}}, {"status": 429, "body": "no", "retry_after": 3}]
    aws.answer = (200, {}, json.dumps({"status": 200, "answers": answers}).encode())
    one, two = RelayTransport("gw-relay", "us-west-1").request_each(CALLS)
    assert (one, two) == (Response(200, {"n": 1}), Response(429, "no", 3.0))
    assert aws.requests == 1
    assert json.loads(json.loads(aws.seen["body"])["request"]) == {
        "calls": [
            {"method": "GET", "path": "/user/list", "query": {"page": "1"}},
            {"method": "POST", "path": "/user/new", "body": {"user_email": "a@b.co"}},
        ]
    }
    aws.answer = (200, {}, b'{"status": 200, "body": {}}')
    assert RelayTransport("gw-relay", "us-west-1").request_each(CALLS[:1]) == [Response(200, {})]
    assert "calls" not in json.loads(json.loads(aws.seen["body"])["request"])


def test_several_calls_that_got_no_answer_got_none_each(aws: Door) -> None:
    aws.answer = (0, {}, b"")
    relay = RelayTransport("gw-relay", "us-west-1")
    assert [type(error) for error in relay.request_each(CALLS)] == [Unreachable, Unreachable]
    refused = {"status": 400, "body": {"error": {"message": "`calls` is no call", "type": "relay"}}}
    aws.answer = (200, {}, json.dumps(refused).encode())
    said = [str(error) for error in relay.request_each(CALLS)]
    assert said == ["POST a batch of calls was refused (400): `calls` is no call."] * 2


def test_several_direct_calls_come_one_after_the_other(door: Door) -> None:
    direct = DirectTransport(door.url, KEY)
    assert [type(answer) for answer in direct.request_each(CALLS)] == [Response, Response]
    door.answer = (0, {}, b"")
    assert [type(answer) for answer in direct.request_each(CALLS)] == [Unreachable, Unreachable]


def test_importing_it_imports_nothing_heavy() -> None:
    """A command shall start at once; 50 ms for all of this were seen, half of them dataclasses."""
    code = (
        "import sys, litellm_admin.ensure, litellm_admin.way, litellm_admin.cli.main, litellm_admin.cli.parsing, "
        "litellm_admin.cli.users, litellm_admin.cli.keys; print(*sys.modules)"
    )
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
