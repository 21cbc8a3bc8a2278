from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_admin.client import Client, Patience
from litellm_admin.ensure import ensure_user
from litellm_admin.ensure_keys import ensure_key
from litellm_admin.errors import AdminError, Taken
from litellm_admin.models import KeySpec, UserSpec, observed_key, observed_user, token_of
from litellm_admin.plan import NOTHING, KeyWish, plan_key, plan_user
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test"
VALUE = "sk-" + "v" * 48


def client(fake: FakeLiteLLM) -> Client:
    return Client(fake, Patience(attempts=3, sleep=lambda _: None))


def user_is_right(fake: FakeLiteLLM, spec: UserSpec) -> bool:
    return plan_user(spec, STACK, observed_user(fake.users[spec.user_id])) is NOTHING


def key_is_right(fake: FakeLiteLLM, spec: KeySpec, owner: str | None) -> bool:
    now = datetime.now(UTC)
    return plan_key(KeyWish(spec, owner, None, STACK, VALUE), observed_key(fake.keys[token_of(VALUE)]), now) is NOTHING


def test_a_user_takes_two_calls_to_make_two_to_change_and_one_to_leave_alone() -> None:
    fake = FakeLiteLLM()
    spec = UserSpec("dev@example.com", budget=50.0)
    assert ensure_user(client(fake), spec, STACK) == spec.user_id
    assert fake.calls == [("GET", "/v2/user/info"), ("POST", "/user/new")]
    fake.calls.clear()
    ensure_user(client(fake), spec, STACK)
    assert fake.calls == [("GET", "/v2/user/info")]
    fake.calls.clear()
    ensure_user(client(fake), UserSpec("dev@example.com", budget=60.0), STACK)
    assert fake.calls == [("GET", "/v2/user/info"), ("POST", "/user/update")]
    assert fake.users[spec.user_id]["max_budget"] == 60.0
    assert not fake.keys


def test_a_foreign_user_with_the_same_e_mail_is_named_and_left_alone() -> None:
    fake = FakeLiteLLM()
    fake.request(
        "POST", "/user/new", body={"user_id": "by-hand", "user_email": "Dev@Example.com", "auto_create_key": False}
    )
    before = dict(fake.users["by-hand"])
    with pytest.raises(Taken, match=r"dev@example\.com is in LiteLLM already, as user by-hand"):
        ensure_user(client(fake), UserSpec("dev@example.com", budget=1.0), STACK)
    assert fake.users == {"by-hand": before}


@pytest.mark.parametrize("renamed", [False, True])
def test_a_foreign_key_with_the_same_alias_is_named_without_its_value_and_left_alone(renamed: bool) -> None:
    fake = FakeLiteLLM()
    fake.request("POST", "/key/generate", body={"key": "sk-by-hand-0123456789", "key_alias": "prod"})
    if renamed:  # ours is there, under another alias, and can't have this one
        ensure_key(client(fake), KeyWish(KeySpec("old"), None, None, STACK, VALUE))
    before = dict(fake.keys)
    with pytest.raises(Taken, match=f"for key {token_of('sk-by-hand-0123456789')[:8]}…"):
        ensure_key(client(fake), KeyWish(KeySpec("prod"), None, None, STACK, VALUE))
    assert fake.keys == before


def test_a_key_that_was_renamed_by_hand_is_the_same_key() -> None:
    fake = FakeLiteLLM()
    token = ensure_key(client(fake), KeyWish(KeySpec("prod", budget=5.0), None, None, STACK, VALUE))
    fake.keys[token].update(key_alias="renamed", max_budget=9.0)
    assert ensure_key(client(fake), KeyWish(KeySpec("prod", budget=5.0), None, None, STACK, VALUE)) == token
    assert key_is_right(fake, KeySpec("prod", budget=5.0), None)
    assert len(fake.keys) == 1


@pytest.mark.parametrize("lost", ["after", 500])
def test_a_create_whose_answers_are_all_lost_is_looked_for(lost: str | int) -> None:
    fake = FakeLiteLLM()

    def fault(method: str, path: str) -> str | int | None:
        acted = bool(fake.users) if path == "/user/new" else bool(fake.keys)
        return lost if path in ("/user/new", "/key/generate") and (lost == "after" or acted) else None

    fake.fault = fault
    spec = UserSpec("dev@example.com", budget=5.0)
    ensure_user(client(fake), spec, STACK)
    ensure_key(client(fake), KeyWish(KeySpec("prod"), spec.user_id, None, STACK, VALUE))
    assert user_is_right(fake, spec)
    assert key_is_right(fake, KeySpec("prod"), spec.user_id)


faults = st.lists(st.sampled_from([None, "before", "after", 500, 502, 503, 429]), max_size=12)


def failing(kinds: list[str | int | None]) -> FakeLiteLLM:
    """One fault for each call, then none."""
    waiting = list(kinds)
    return FakeLiteLLM(fault=lambda _method, _path: waiting.pop(0) if waiting else None)


@settings(deadline=None)
@given(specs.users, specs.users, faults)
def test_whatever_fails_and_wherever_running_again_makes_the_user_right(
    before: UserSpec, spec: UserSpec, kinds: list
) -> None:
    fake = FakeLiteLLM()
    if before.user_id == spec.user_id:
        ensure_user(client(fake), before, STACK)
    fake.fault = failing(kinds).fault
    for _ in range(len(kinds) + 1):
        try:
            ensure_user(client(fake), spec, STACK)
            break
        except AdminError:
            continue
    assert list(fake.users) == [spec.user_id]
    assert user_is_right(fake, spec)
    assert not fake.keys


@settings(deadline=None)
@given(specs.keys, specs.owners, faults)
def test_whatever_fails_and_wherever_running_again_makes_the_key_right(
    spec: KeySpec, owner: str | None, kinds: list
) -> None:
    fake = failing(kinds)
    said = []
    for _ in range(len(kinds) + 1):
        try:
            ensure_key(client(fake), KeyWish(spec, owner, None, STACK, VALUE))
            break
        except AdminError as error:
            said.append(str(error))
    assert VALUE not in "".join(said)
    assert list(fake.keys) == [token_of(VALUE)]
    fake.keys[token_of(VALUE)]["expires"] = spec.expires and spec.expires.isoformat()
    assert key_is_right(fake, spec, owner)
