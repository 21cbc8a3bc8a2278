from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.models import (
    ALL_MODELS,
    MANAGED_BY,
    KeySpec,
    ObservedKey,
    ObservedUser,
    UserSpec,
    observed_key,
    observed_user,
    token_of,
    user_id_of,
)
from litellm_admin.plan import (
    NOTHING,
    Action,
    KeyWish,
    lifetime,
    plan_key,
    plan_user,
    same_amount,
    same_expiry,
    same_models,
)
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test"
VALUE = "sk-" + "v" * 48


def stored_user(spec: UserSpec) -> ObservedUser:
    """The user as LiteLLM has it once `spec` was created."""
    return observed_user(FakeLiteLLM().request("POST", "/user/new", body=dict(plan_user(spec, STACK, None).body)).body)


def stored_key(spec: KeySpec, owner_id: str | None = None) -> ObservedKey:
    action = plan_key(KeyWish(spec, owner_id, None, STACK, VALUE), None, specs.NOW)
    body = {**action.body, "metadata": dict(action.body["metadata"])}
    row = {**FakeLiteLLM().request("POST", "/key/generate", body=body).body}
    return replace(observed_key(row), expires=spec.expires)


def test_the_same_person_has_the_same_id_in_every_spelling() -> None:
    assert user_id_of("Dev@Example.com ") == user_id_of("dev@example.com") == UserSpec("DEV@example.com").user_id
    assert user_id_of("dev@example.com") != user_id_of("dev2@example.com")
    # a change of this constant would make every user of every stack anew
    assert user_id_of("dev@example.com") == "99d4dc43-4e32-557f-a36a-85e0961fae28"


def test_a_new_user_comes_without_a_key_that_nobody_asked_for_and_without_nulls() -> None:
    body = plan_user(UserSpec("dev@example.com", budget=50.0), STACK, None).body
    assert body["auto_create_key"] is False
    assert body["max_budget"] == 50.0
    assert body["metadata"] == {MANAGED_BY: STACK}
    assert None not in body.values()


def test_a_new_key_calls_models_and_nothing_else() -> None:
    body = plan_key(KeyWish(KeySpec("prod"), None, None, STACK, VALUE), None, specs.NOW).body
    assert body["key_type"] == "llm_api"
    assert body["key"] == VALUE
    assert "user_id" not in body
    assert "duration" not in body


@given(specs.users)
def test_what_was_just_created_needs_nothing(spec: UserSpec) -> None:
    assert plan_user(spec, STACK, stored_user(spec)) is NOTHING


@given(specs.keys, specs.owners)
def test_a_key_that_was_just_created_needs_nothing(spec: KeySpec, owner: str | None) -> None:
    assert plan_key(KeyWish(spec, owner, None, STACK, VALUE), stored_key(spec, owner), specs.NOW) is NOTHING


@given(specs.users, specs.observed_users)
def test_one_update_makes_any_user_right(spec: UserSpec, observed: ObservedUser) -> None:
    fake = FakeLiteLLM()
    fake.users["user-1"] = _user_row(observed)
    action = plan_user(spec, STACK, observed)
    if action.kind == "update":
        assert action.changes
        assert fake.request("POST", "/user/update", body=dict(action.body)).status == 200
    assert plan_user(spec, STACK, observed_user(fake.users["user-1"])) is NOTHING


@given(specs.keys, specs.owners, specs.observed_keys)
def test_one_update_makes_any_key_right(spec: KeySpec, owner: str | None, observed: ObservedKey) -> None:
    fake = FakeLiteLLM()
    fake.keys[observed.token] = _key_row(observed)
    action = plan_key(KeyWish(spec, owner, None, STACK, VALUE), observed, specs.NOW)
    if action.kind == "update":
        assert fake.request("POST", "/key/update", body=dict(action.body)).status == 200
    after = observed_key(fake.keys[observed.token])
    if any(change.field == "expires" for change in action.changes) and spec.expires:
        assert action.body["duration"] == lifetime(spec.expires, specs.NOW)
        after = replace(after, expires=max(spec.expires, specs.NOW + timedelta(seconds=1)))
    # a moment later, for a key that shall have expired long ago expires within a second
    assert plan_key(KeyWish(spec, owner, None, STACK, VALUE), after, specs.NOW + timedelta(seconds=2)) is NOTHING
    assert after.blocked == observed.blocked


@given(specs.users, specs.users)
def test_an_update_sends_only_what_differs(one: UserSpec, other: UserSpec) -> None:
    other = replace(other, email=one.email)
    action = plan_user(other, STACK, stored_user(one))
    sent = set(action.body) - {"user_id"}
    names = {
        "email": "user_email",
        "alias": "user_alias",
        "role": "user_role",
        "budget": "max_budget",
        "duration": "budget_duration",
    }
    assert sent == {names.get(change.field, change.field) for change in action.changes}


@pytest.mark.parametrize(
    ("field", "before", "after", "sent"),
    [
        ("models", ("nova",), (), {"models": [ALL_MODELS]}),
        ("alias", "Ann", None, {"user_alias": ""}),
        ("budget", 5.0, None, {"max_budget": None}),
        ("duration", "1mo", None, {"budget_duration": None}),
        ("tpm_limit", 5, None, {"tpm_limit": None}),
        ("metadata", {"team": "a"}, {}, {"metadata": {MANAGED_BY: STACK}}),
    ],
)
def test_unsetting_a_users_field_says_it_in_the_way_that_litellm_heeds(
    field: str, before: Any, after: Any, sent: dict[str, Any]
) -> None:
    observed = stored_user(UserSpec("dev@example.com", **{field: before}))
    action = plan_user(UserSpec("dev@example.com", **{field: after}), STACK, observed)
    assert action == Action("update", {"user_id": observed.user_id, **sent}, action.changes)


@pytest.mark.parametrize(
    ("field", "before", "after", "sent"),
    [
        ("models", ("nova",), (), {"models": []}),
        ("budget", 5.0, None, {"max_budget": None}),
        ("expires", specs.NOW + timedelta(days=1), None, {"duration": "-1"}),
        ("expires", None, specs.NOW + timedelta(minutes=10), {"duration": "600s"}),
    ],
)
def test_unsetting_a_keys_field_says_it_in_the_way_that_litellm_heeds(
    field: str, before: Any, after: Any, sent: dict[str, Any]
) -> None:
    observed = stored_key(KeySpec("prod", **{field: before}))
    action = plan_key(KeyWish(KeySpec("prod", **{field: after}), None, None, STACK, VALUE), observed, specs.NOW)
    assert action.body == {"key": token_of(VALUE), **sent}


def test_a_key_whose_routes_were_widened_by_hand_is_narrowed_again() -> None:
    observed = replace(stored_key(KeySpec("prod")), routes=())
    assert plan_key(KeyWish(KeySpec("prod"), None, None, STACK, VALUE), observed, specs.NOW).body["allowed_routes"] == [
        "llm_api_routes"
    ]


def test_litellms_own_metadata_is_no_drift_and_survives_an_update() -> None:
    spec = UserSpec("dev@example.com", metadata={"team": "a"})
    observed = replace(stored_user(spec), metadata={"team": "a", MANAGED_BY: STACK, "model_rpm_limit": {"nova": 3}})
    assert plan_user(spec, STACK, observed) is NOTHING
    changed = plan_user(replace(spec, metadata={"team": "b"}), STACK, observed).body["metadata"]
    assert changed == {"team": "b", MANAGED_BY: STACK, "model_rpm_limit": {"nova": 3}}
    by_hand = replace(observed, metadata={**observed.metadata, "note": "by hand"})
    assert plan_user(spec, STACK, by_hand).body["metadata"].keys() == {"team", MANAGED_BY, "model_rpm_limit"}


@given(specs.model_lists, st.randoms())
def test_the_order_of_models_is_no_difference(models: tuple[str, ...], random: Any) -> None:
    assert same_models(models, tuple(random.sample(models, len(models))))
    assert same_models(models, ()) == (not models) == same_models(models, ("*",))


def test_the_last_digit_of_an_amount_gets_lost_in_the_database_and_is_no_difference() -> None:
    assert same_amount(475380656.22142214, 475380656.2214221)
    assert not same_amount(50.0, 50.01)
    assert not same_amount(0.0, 0.01)
    assert not same_amount(None, 0.0)
    assert same_amount(None, None)


def test_expiry_is_compared_with_what_a_call_takes_in_mind() -> None:
    soon, now = specs.NOW + timedelta(days=1), specs.NOW
    assert same_expiry(soon, soon + timedelta(seconds=90), now)
    assert not same_expiry(soon, soon + timedelta(hours=1), now)
    assert same_expiry(now - timedelta(days=9), now - timedelta(days=1), now), "what is over is over"
    assert not same_expiry(None, soon, now)
    assert same_expiry(None, None, now)
    assert lifetime(now - timedelta(days=1), now) == "1s"


def _user_row(user: ObservedUser) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "user_email": user.email,
        "user_alias": user.alias,
        "user_role": user.role,
        **_common_row(user),
    }


def _key_row(key: ObservedKey) -> dict[str, Any]:
    return {
        "token": key.token,
        "key_alias": key.alias,
        "user_id": key.owner_id,
        "team_id": key.team_id,
        "expires": key.expires and key.expires.isoformat(),
        "allowed_routes": list(key.routes),
        "blocked": key.blocked,
        **_common_row(key),
    }


def _common_row(one: ObservedUser | ObservedKey) -> dict[str, Any]:
    return {
        "models": list(one.models),
        "max_budget": one.budget,
        "budget_duration": one.duration,
        "tpm_limit": one.tpm_limit,
        "rpm_limit": one.rpm_limit,
        "metadata": dict(one.metadata),
        "spend": one.spend,
    }
