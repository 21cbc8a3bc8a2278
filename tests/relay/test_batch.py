"""Several calls in one invocation: each is checked, forwarded and logged as if it had come alone."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from tests.litellm_admin.test_transport import Door
from tests.relay.loading import ARN, MASTER, Context, event

LIST = {"method": "GET", "path": "/user/list"}
NEW = {"method": "POST", "path": "/user/new", "body": {"user_email": "a@b.co"}}


def batch(relay: ModuleType, calls: Any, context: Context | None = None) -> Any:
    return relay.handle(event({"calls": calls}), context or Context())


def test_answers_come_in_the_order_of_the_calls(relay: ModuleType, door: Door, sts: Door) -> None:
    door.answer = (200, {"Retry-After": "3"}, b'{"ok": true}')
    refused = {"method": "GET", "path": "/config/list"}
    answer = batch(relay, [LIST, refused, NEW] * 5)
    assert (answer["status"], answer["caller"]) == (200, ARN)
    assert [one["status"] for one in answer["answers"]] == [200, 403, 200] * 5
    assert answer["answers"][0] == {"status": 200, "body": {"ok": True}, "retry_after": 3}
    assert "doesn't forward GET /config/list" in answer["answers"][1]["body"]["error"]["message"]
    assert (door.requests, sts.requests) == (10, 1), "who calls is asked once"
    assert door.seen["headers"]["Authorization"] == f"Bearer {MASTER}"


@pytest.mark.parametrize(
    "call",
    [
        {"method": "GET", "path": "/config/list"},
        {"method": "POST", "path": "/v1/chat/completions"},
        {"method": "GET", "path": "/user/../config"},
        {"method": "GET", "path": "/user/list", "headers": {}},
        {"calls": [LIST]},
        [LIST],
        "GET /user/list",
        None,
    ],
)
def test_a_batch_allows_nothing_that_a_call_doesnt(relay: ModuleType, door: Door, call: Any) -> None:
    answers = batch(relay, [call])["answers"]
    assert answers[0]["status"] in (400, 403)
    assert door.requests == 0


def test_the_reader_takes_no_change_in_a_batch_either(
    relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READS_ONLY", "true")
    assert [one["status"] for one in batch(relay, [LIST, NEW])["answers"]] == [200, 403]
    assert door.requests == 1


@pytest.mark.parametrize("calls", [[], None, {}, "x", [LIST] * 101])
def test_a_batch_of_another_form_is_refused_as_a_whole(relay: ModuleType, door: Door, calls: Any) -> None:
    answer = batch(relay, calls)
    assert answer["status"] == 400
    assert "a list of 1 to 100 calls" in answer["body"]["error"]["message"]
    assert door.requests == 0


def test_a_call_has_no_calls_beside_it(relay: ModuleType, door: Door) -> None:
    assert relay.handle(event({**LIST, "calls": [LIST]}), Context())["status"] == 400
    assert door.requests == 0


def test_calls_that_there_is_no_time_for_arent_sent_and_say_so(relay: ModuleType, door: Door) -> None:
    answers = batch(relay, [LIST, NEW], Context(milliseconds=11_000))["answers"]
    assert [one["status"] for one in answers] == [503, 503]
    assert "ran out of time before it could send this call" in answers[0]["body"]["error"]["message"]
    assert door.requests == 0


def test_answers_too_large_for_lambda_together_are_told(
    relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay.door, "MAX_ANSWER", 1000)
    door.answer = (200, {}, json.dumps("x" * 400).encode())
    assert batch(relay, [LIST] * 2)["status"] == 200
    assert batch(relay, [LIST] * 3)["status"] == 502


def test_connections_are_kept_for_the_next_call_of_a_batch_and_no_longer(relay: ModuleType, door: Door) -> None:
    door.keeps = True
    assert {one["status"] for one in batch(relay, [LIST, NEW] * 10)["answers"]} == {200}
    assert (door.requests, door.connections) == (20, relay.AT_ONCE)
    batch(relay, [LIST])
    assert door.connections == relay.AT_ONCE + 1


def test_a_connection_that_breaks_off_costs_its_own_call_and_is_made_anew(
    relay: ModuleType, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "AT_ONCE", 1)
    door.keeps = True
    door.before = [(200, {}, b"{}"), (0, {}, b""), (200, {"Connection": "close"}, b"{}")]
    statuses = [one["status"] for one in batch(relay, [LIST] * 4)["answers"]]
    assert statuses == [200, 502, 200, 200]
    assert door.connections == 3


def test_every_call_of_a_batch_leaves_a_line_of_its_own(
    relay: ModuleType, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    batch(relay, [LIST, NEW, {"method": "GET", "path": "/config/list"}] * 6)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((line["path"], line["status"]) for line in lines) == [
        *[("/config/list", 403)] * 6,
        *[("/user/list", 200)] * 6,
        *[("/user/new", 200)] * 6,
    ]
    assert {line["request"] for line in lines} == {Context().aws_request_id}
    assert {line["caller"] for line in lines} == {ARN}
