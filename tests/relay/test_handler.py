"""What becomes of a call that the relay forwards: its key, its answer, a way that is broken, its line in the log."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import socket
import sys
from http.client import HTTPConnection
from types import ModuleType
from typing import Any

import pytest

from tests.litellm_admin.test_transport import Door
from tests.relay.loading import ARN, FOLDER, MASTER, Context, call, event, identity


def test_a_management_call_goes_through_with_the_relays_own_key(relay: ModuleType, door: Door) -> None:
    door.answer = (200, {}, b'{"users": []}')
    assert call(relay, method="GET", path="/user/list", query={"page": 1, "user_email": "a+b@c.de"}) == {
        "status": 200,
        "body": {"users": []},
        "caller": ARN,
    }
    assert door.seen["path"] == "/user/list?page=1&user_email=a%2Bb%40c.de"
    assert door.seen["headers"]["Authorization"] == f"Bearer {MASTER}"
    assert door.seen["headers"]["litellm-changed-by"] == ARN, "LiteLLM records for whom it was done"
    assert door.seen["body"] == b""
    call(relay, method="POST", path="/user/new", body={"user_email": "ü@b.co"})
    assert door.seen["method"] == "POST"
    assert json.loads(door.seen["body"]) == {"user_email": "ü@b.co"}


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_litellms_own_refusals_come_back_as_they_are(relay: ModuleType, door: Door, status: int) -> None:
    door.answer = (status, {}, b'{"error": {"message": "no"}}')
    assert call(relay, method="POST", path="/key/generate", body={}) == {
        "status": status,
        "body": {"error": {"message": "no"}},
        "caller": ARN,
    }


def test_a_load_balancers_page_comes_back_as_text(relay: ModuleType, door: Door) -> None:
    door.answer = (503, {"Retry-After": "3"}, b"<html>503</html>")
    assert call(relay, method="GET", path="/user/list") == {
        "status": 503,
        "body": "<html>503</html>",
        "retry_after": 3,
        "caller": ARN,
    }


def test_the_key_is_read_once_and_again_when_litellm_knows_it_no_more(
    relay: ModuleType, door: Door, secret: Any
) -> None:
    call(relay, method="GET", path="/user/list")
    secret("sk-new-master-key-0123456789")
    call(relay, method="GET", path="/user/list")
    assert door.seen["headers"]["Authorization"] == f"Bearer {MASTER}", "kept while it works"
    door.answer = (401, {}, b"{}")
    assert call(relay, method="GET", path="/user/list")["status"] == 401
    assert door.seen["headers"]["Authorization"] == "Bearer sk-new-master-key-0123456789"


def test_a_key_that_cant_be_read_says_what_is_missing(relay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEY_SECRET_ARN", "arn:aws:secretsmanager:us-west-1:123456789012:secret:gone")
    answer = call(relay, method="GET", path="/user/list")
    assert answer["status"] == 502
    assert "ResourceNotFoundException" in answer["body"]["error"]["message"]
    assert "secretsmanager:GetSecretValue" in answer["body"]["error"]["message"]


@pytest.mark.parametrize(
    ("host", "says"), [("no.such.invalid:80", "doesn't resolve"), ("127.0.0.1:{unused}", "Nothing listens")]
)
def test_a_way_that_is_broken_is_named(
    relay: ModuleType, monkeypatch: pytest.MonkeyPatch, host: str, says: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ADMIN_DOOR_URL", f"http://{host.format(unused=unused.getsockname()[1])}")
        answer = call(relay, method="GET", path="/user/list")
    assert answer["status"] == 502
    assert says in answer["body"]["error"]["message"]
    assert MASTER not in json.dumps(answer)


def test_a_connection_that_is_swallowed_blames_the_security_groups(
    relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = HTTPConnection.connect

    def swallowed(connection: HTTPConnection) -> None:
        if door.url.endswith(f":{connection.port}"):
            raise TimeoutError
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", swallowed)
    answer = call(relay, method="GET", path="/user/list")
    assert answer["status"] == 504
    assert "a security group between relay and load balancer" in answer["body"]["error"]["message"]


def test_an_answer_that_doesnt_come_is_given_up_before_the_functions_time_is(
    relay: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("ADMIN_DOOR_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        answer = relay.handle(event({"method": "GET", "path": "/user/list"}), Context(milliseconds=2300))
    assert answer["status"] == 504
    assert "didn't answer in time" in answer["body"]["error"]["message"]


def test_a_connection_that_breaks_off_is_told(relay: ModuleType, door: Door) -> None:
    door.answer = (0, {}, b"")
    assert call(relay, method="GET", path="/user/list")["status"] == 502


def test_an_answer_too_large_for_lambda_is_told(relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.door, "MAX_ANSWER", 10)
    door.answer = (200, {}, b'"' + b"x" * 100 + b'"')
    answer = call(relay, method="GET", path="/user/list")
    assert answer["status"] == 502
    assert "smaller pages" in answer["body"]["error"]["message"]


def test_every_call_leaves_one_line_without_secrets(
    relay: ModuleType, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    value = "sk-" + "v4lu3" * 8
    door.answer = (200, {}, b'{"key": "%s"}' % value.encode())
    call(relay, method="POST", path="/key/generate", query={"team_id": "t-1"}, body={"key": value, "key_alias": "prod"})
    call(relay, method="GET", path=f"/key/{value}/regenerate", query={value.replace("-", "_"): "x"})
    call(relay, method=value, path=f"/nope/{value}")
    relay.handle(value, Context())
    given = "sk-" + "g1v3n" * 8
    deleting = {"method": "POST", "path": "/user/delete", "body": {"user_ids": ["u-1", "u-2"]}}
    relay.handle(event(deleting, key=given), Context())
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert len(lines) == 5
    assert given not in printed.out
    assert "Signature" not in printed.out
    assert printed.err == ""
    assert value not in printed.out
    assert MASTER not in printed.out
    assert "prod" not in printed.out
    first = lines[0]
    assert first["milliseconds"] >= 0
    assert first["request"] == Context().aws_request_id
    assert (first["method"], first["path"], first["query"], first["status"]) == (
        "POST",
        "/key/generate",
        ["team_id"],
        200,
    )
    assert first["caller"] == ARN
    assert first["objects"] == [f"key={hashlib.sha256(value.encode()).hexdigest()[:8]}"]
    assert lines[1]["path"] == "/key/sk-…/regenerate"
    assert lines[3]["caller"] is None
    assert lines[4]["objects"] == ["user_id=u-1", "user_id=u-2"]


def test_what_is_named_in_the_log_is_short_and_no_key(relay: ModuleType) -> None:
    value = "sk-" + "v4lu3" * 8
    named = relay._objects({"user_id": value + "x" * 500, "keys": [value, "0" * 64] * 50})
    assert len(named) == 20
    assert value not in json.dumps(named)
    assert "key=00000000" in named
    assert relay._objects([1]) == relay._objects(None) == relay._objects({"email": "a@b.co"}) == []


def test_the_reader_forwards_only_what_changes_nothing(
    relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READS_ONLY", "true")
    assert call(relay, method="GET", path="/user/list")["status"] == 200
    assert call(relay, method="POST", path="/v2/key/info", body={"keys": []})["status"] == 200
    seen = door.requests
    posts = [route for route, methods in relay.ROUTES.items() if "POST" in methods and route != "/v2/key"]
    for path in ["/user/new", "/key/delete", "/v2/key", "/v2/key/infos", "/spend/calculate", *posts]:
        refused = call(relay, method="POST", path=path, body={})
        assert refused["status"] == 403
        assert "look and not change" in refused["body"]["error"]["message"]
    assert door.requests == seen


def test_the_callers_own_key_is_used_when_given(relay: ModuleType, door: Door) -> None:
    door.answer = (401, {}, b'{"error": {"message": "no"}}')
    answer = relay.handle(event({"method": "GET", "path": "/user/list"}, key="sk-callers-own"), Context())
    assert answer["status"] == 401
    assert door.seen["headers"]["Authorization"] == "Bearer sk-callers-own"
    assert door.requests == 1, "the relay's own key is not tried in its place"


def test_a_relay_without_a_key_asks_for_one(relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDS_KEY", "false")
    answer = call(relay, method="GET", path="/user/list")
    assert answer["status"] == 401
    assert answer["body"]["error"]["code"] == "key_required"
    assert answer["body"]["error"]["secret"] == os.environ["MASTER_KEY_SECRET_ARN"]
    assert not door.seen
    relay.handle(event({"method": "GET", "path": "/user/list"}, key=MASTER), Context())
    assert door.seen["headers"]["Authorization"] == f"Bearer {MASTER}"


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((403, {}, b"<R><Error><Code>SignatureDoesNotMatch</Code></Error></R>"), 401, "SignatureDoesNotMatch"),
        ((500, {}, b""), 502, "couldn't say who calls"),
        ((0, {}, b""), 502, "can't reach STS"),
        ((200, {}, b"<html>"), 502, "something else"),
        ((200, {}, identity().replace(b"GetCallerIdentityR", b"AssumeRoleR")), 502, "something else"),
        ((200, {}, identity(account="999999999999")), 401, "another AWS account"),
    ],
)
def test_whoever_isnt_proven_isnt_served(
    relay: ModuleType, door: Door, sts: Door, answer: Any, status: int, says: str
) -> None:
    sts.answer = answer
    refused = call(relay, method="GET", path="/user/list")
    assert refused["status"] == status
    assert refused["body"]["error"]["code"] == "caller_unproven"
    assert says in refused["body"]["error"]["message"]
    assert "caller" not in refused
    assert not door.seen


def test_it_needs_nothing_that_lambdas_python_runtime_doesnt_have() -> None:
    names: set[str] = set()
    for file in FOLDER.glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    roots = {name.partition(".")[0] for name in names}
    assert roots - sys.stdlib_module_names == {"boto3", "botocore", "caller", "door"}
