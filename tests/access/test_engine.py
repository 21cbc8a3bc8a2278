"""Users and keys through the real engine, with LiteLLM in memory behind the relay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.access_file import AccessSpec
from litellm_admin.errors import Unreachable
from litellm_admin.models import KeySpec, UserSpec, token_of, user_id_of
from tests.access.engine import EngineError, Relay, Stack
from tests.litellm_admin.fake import FakeLiteLLM

pytestmark = pytest.mark.timeout(600)  # some ten runs of the engine, each of a few seconds on an idle machine

DEV = UserSpec("Dev@example.com", models=("haiku",), budget=50.0, duration="1mo", metadata={"sizes": [1, 2.5]})
LEAD = UserSpec("lead@example.com", budget=200.0, duration="1mo")
OWNED = KeySpec("dev-environment", owner="dev@example.com", models=("haiku",), budget=20.0, duration="1mo")
FREE = KeySpec("production", budget=500.0)
SPEC = AccessSpec((DEV, LEAD), (OWNED, FREE))


def answers(fake: FakeLiteLLM, event: dict[str, Any]) -> dict[str, Any]:
    """As the relay's handler, which has its own tests: several calls come at once."""
    request = json.loads(event["request"])
    if "calls" in request:
        return {"status": 200, "answers": [_answer(fake, call) for call in request["calls"]]}
    return _answer(fake, request)


def _answer(fake: FakeLiteLLM, call: dict[str, Any]) -> dict[str, Any]:
    """An unreachable LiteLLM is a status too."""
    try:
        answer = fake.request(call["method"], call["path"], call.get("query"), call.get("body"))
    except Unreachable as error:
        return {"status": 502, "body": {"error": {"message": str(error), "type": "relay"}}}
    return {"status": answer.status, "body": answer.body}


class Pages(FakeLiteLLM):
    """Over the wire a query is text."""

    def request(self, method: str, path: str, query: Any = None, body: Any = None) -> Any:
        return super().request(
            method, path, {k: int(v) if v.isdigit() and len(v) < 9 else v for k, v in (query or {}).items()}, body
        )


@pytest.fixture
def litellm() -> FakeLiteLLM:
    return Pages()


@pytest.fixture
def relay(litellm: FakeLiteLLM) -> Iterator[Relay]:
    relay = Relay(lambda event: answers(litellm, event))
    yield relay
    relay.stop()


@pytest.fixture
def stack(tmp_path: Path, relay: Relay) -> Stack:
    return Stack(tmp_path, relay)


def test_the_life_of_users_and_keys(stack: Stack, relay: Relay, litellm: FakeLiteLLM) -> None:
    assert stack.preview(SPEC).changes["create"] == 9
    assert not relay.calls
    made = stack.up()
    assert made.outputs["users"] == {
        "Dev@example.com": user_id_of("dev@example.com"),
        "lead@example.com": user_id_of("lead@example.com"),
    }
    keys = made.outputs["keys"]
    assert {token_of(value) for value in keys.values()} == set(litellm.keys)
    assert all(value.startswith("sk-") and value[3:].isalnum() and len(value) == 55 for value in keys.values())
    assert litellm.keys[token_of(keys["dev-environment"])]["user_id"] == user_id_of("dev@example.com")

    # nothing has drifted, so there is nothing to do, and nothing is asked
    assert stack.refresh().changes == {"same": 9}
    assert stack.up().changes == {"same": 9}
    assert not relay.calls

    # one user changes: the preview names it and nobody else, and it takes two calls
    fewer = AccessSpec((replace(DEV, budget=60.0, models=()), LEAD), SPEC.keys)
    seen = stack.preview(fewer)
    assert seen.changes == {"same": 8, "update": 1}
    assert "access-user-dev@example.com update [diff: -models~budget]" in seen.said
    assert stack.up().changes == {"same": 8, "update": 1}
    assert relay.calls == [("GET", "/v2/user/info"), ("POST", "/user/update")]

    # what is taken out of the file is deleted, and only that
    assert stack.up(AccessSpec((LEAD,), (FREE,))).changes == {"same": 6, "update": 1, "delete": 2}
    assert set(litellm.users) == {user_id_of("lead@example.com")}
    assert set(litellm.keys) == {token_of(keys["production"])}

    # the database goes, and takes them along without a call
    assert stack.destroy().changes == {"delete": 7}
    assert not relay.calls


def test_hand_made_changes_are_shown_and_mended(stack: Stack, litellm: FakeLiteLLM) -> None:
    keys = stack.up(SPEC).outputs["keys"]
    token, gone = token_of(keys["production"]), token_of(keys["dev-environment"])
    litellm.users[user_id_of("dev@example.com")]["max_budget"] = 1.0
    litellm.keys[token]["max_budget"] = 3.0
    litellm.deleted[gone] = litellm.keys.pop(gone)
    refreshed = stack.refresh()
    assert refreshed.changes == {"same": 6, "update": 2, "delete": 1}
    seen = stack.preview()
    assert seen.changes == {"same": 6, "update": 2, "create": 1}
    assert "access-key-production update [diff: +key~budget]" in seen.said
    assert "access-user-dev@example.com update [diff: ~budget]" in seen.said
    assert stack.up().outputs["keys"] == keys, "a key that comes back has the value that people know"
    assert litellm.keys[token]["max_budget"] == 500.0
    assert gone in litellm.keys
    assert stack.refresh().changes == {"same": 9}


def test_a_new_database_gets_the_same_users_and_keys(stack: Stack, litellm: FakeLiteLLM) -> None:
    before = stack.up(SPEC).outputs
    litellm.users.clear()
    litellm.keys.clear()
    stack.generation = "2"
    assert stack.up().outputs == before
    assert len(litellm.users) == 2
    assert set(litellm.keys) == {token_of(value) for value in before["keys"].values()}


def test_lost_answers_leave_no_doubles(stack: Stack, litellm: FakeLiteLLM) -> None:
    # LiteLLM acts, and every time the answer is lost
    litellm.fault = lambda _method, path: "after" if path in ("/user/new", "/key/generate") else None
    stack.up(SPEC)
    assert litellm.calls.count(("POST", "/user/new")) > 2
    assert (len(litellm.users), len(litellm.keys)) == (2, 2)
    litellm.fault = lambda _method, _path: None
    assert stack.refresh().changes == {"same": 9}


def test_an_error_is_a_sentence_and_tells_no_secret(stack: Stack, litellm: FakeLiteLLM) -> None:
    litellm.request("POST", "/key/generate", body={"key": "sk-by-hand-0123456789", "key_alias": "production"})
    with pytest.raises(EngineError) as caught:
        stack.up(SPEC)
    said = str(caught.value)
    assert "The alias production is in LiteLLM already" in said
    assert "choose another alias in the access file" in said
    assert "Traceback" not in said
    litellm.keys.clear()
    made = stack.up()
    printed = said + made.said + stack.state
    assert made.outputs["keys"].keys() == {"dev-environment", "production"}
    assert not [alias for alias, value in made.outputs["keys"].items() if value in printed or value[3:] in printed]


def test_a_gateway_that_doesnt_answer_loses_nobody(stack: Stack, litellm: FakeLiteLLM) -> None:
    stack.up(SPEC)
    litellm.fault = lambda _method, _path: 503
    with pytest.raises(EngineError, match=r"The gateway isn't ready"):
        stack.up(AccessSpec((DEV, LEAD), (FREE,)))
    litellm.fault = lambda _method, _path: None
    assert len(litellm.keys) == 2
    stack.up()
    assert len(litellm.keys) == 1
