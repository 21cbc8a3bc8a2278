from __future__ import annotations

import base64
import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import UNKNOWN

from components.litellm import base
from components.litellm.base import spec_props
from components.litellm.key import KeyProvider
from components.litellm.ring import KeyRingProvider
from components.litellm.roster import RosterProvider
from components.litellm.team import TeamProvider
from components.litellm.user import UserProvider
from litellm_admin import calls
from litellm_admin.errors import AdminError, NoDatabase, Taken, Unreachable
from litellm_admin.models import KeySpec, UserSpec, token_of, user_id_of
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM

VALUE = "sk-" + "v4lu3" * 8
WAY = {"relay": "gw-relay", "region": "us-west-1", "managed_by": "gw/test", "__provider": "…"}
USER = {
    **WAY,
    "email": "dev@example.com",
    "role": "internal_user",
    "budget": 50.0,
    "duration": "1mo",
    "models": ["haiku"],
}
KEY = {**WAY, "alias": "prod", "key": VALUE, "generation": "g1", "budget": 500.0, "key_type": "llm_api"}


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch) -> FakeLiteLLM:
    """What the relay leads to; sleeping takes no time."""
    fake = FakeLiteLLM()
    monkeypatch.setattr(base, "RelayTransport", lambda _name, _region: fake)
    monkeypatch.setattr(base, "READY_SECONDS", 0.0)
    monkeypatch.setattr(calls.Patience, "pause", lambda *_: None)
    return fake


def made(provider: Any, props: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    result = provider.create(dict(props))
    return result.id, over_the_wire(result.outs)


def over_the_wire(outs: Any) -> dict[str, Any]:
    """As the engine gives them back: what is none is gone, numbers are floats."""
    plain = json.loads(json.dumps(outs), parse_int=float)
    return {name: value for name, value in plain.items() if value is not None} | {"__provider": "…"}


def test_the_state_carries_the_providers_name_and_not_their_code() -> None:
    for provider in (UserProvider(), TeamProvider(), KeyProvider(), KeyRingProvider(), RosterProvider()):
        pickled = base64.b64decode(serialize_provider(provider))
        assert len(pickled) < 100
        assert b"components.litellm." in pickled
        assert type(pickle.loads(pickled)) is type(provider)  # noqa: S301
        assert provider.serialize_as_secret_always is False
        assert not vars(provider)


def test_a_users_life(litellm: FakeLiteLLM) -> None:
    provider, other = UserProvider(), {**USER, "budget": 60.0}
    del other["models"]
    user_id, outs = made(provider, USER)
    assert user_id == user_id_of("dev@example.com")
    assert outs["user_id"] == user_id
    assert litellm.users[user_id]["metadata"] == {"managed_by": "gw/test"}
    assert provider.diff(user_id, outs, USER).changes is False
    assert provider.diff(user_id, outs, other).changes is True
    assert provider.diff(user_id, outs, other).replaces == []
    after = over_the_wire(provider.update(user_id, outs, other).outs)
    assert litellm.users[user_id]["max_budget"] == 60.0
    assert provider.diff(user_id, after, other).changes is False
    found = provider.read(user_id, after)
    assert over_the_wire(found.outs) == after
    provider.delete(user_id, after)
    assert not litellm.users
    assert provider.read(user_id, after).id == ""
    provider.delete(user_id, after)  # gone already: fine


def test_a_keys_life_in_which_its_value_appears_once(litellm: FakeLiteLLM) -> None:
    provider = KeyProvider()
    id_, outs = made(provider, KEY)
    token = token_of(VALUE)
    assert (id_, outs["token"], outs["value_known"]) == ("prod", token, True)
    assert VALUE not in json.dumps(outs)
    assert provider.diff(token, outs, KEY).changes is False
    other = {**KEY, "owner": "a@b.co", "owner_id": "u-1", "expires": "2030-01-01T00:00:00+00:00", "alias": "production"}
    assert provider.diff(token, outs, other).replaces == []
    after = over_the_wire(provider.update(token, outs, other).outs)
    assert litellm.keys[token]["user_id"] == "u-1"
    assert litellm.keys[token]["key_alias"] == "production"
    assert VALUE not in json.dumps(after)
    assert provider.diff(token, after, other).changes is False
    assert over_the_wire(provider.read(token, after).outs) == after
    provider.delete(token, after)
    assert provider.read(token, after).id == ""
    provider.delete(token, after)


def test_another_person_is_another_user_and_another_spelling_isnt(litellm: FakeLiteLLM) -> None:
    provider = UserProvider()
    user_id, outs = made(provider, USER)
    assert provider.diff(user_id, outs, {**USER, "email": "lead@example.com"}).replaces == ["email"]
    spelling = provider.diff(user_id, outs, {**USER, "email": "Dev@example.com"})
    assert (spelling.changes, spelling.replaces) == (True, [])


def test_what_a_preview_cant_tell_yet_is_judged_by_what_it_can(litellm: FakeLiteLLM) -> None:
    provider = KeyProvider()
    props = {**KEY, "owner": "a@b.co", "owner_id": "u-1", "team": "core", "team_id": "t-1", "overlap": 60}
    id_, outs = made(provider, props)
    # the ring and the owner change, for another key's sake and in other ways
    unknown = dict.fromkeys(("key", "generation", "formers", "former_keys", "owner_id", "team_id"), UNKNOWN)
    assert provider.diff(id_, outs, {**props, **unknown}).changes is False
    assert provider.check({}, {**props, **unknown, "relay": UNKNOWN, "region": UNKNOWN}).failures == []
    for name, value in {"rotate": "2", "owner": "c@b.co", "team": "other"}.items():
        assert provider.diff(id_, outs, {**props, **unknown, name: value}).changes is True, name
    assert provider.diff(id_, outs, {**props, "models": UNKNOWN}).changes is True


def test_a_relay_by_another_name_is_noted_without_a_call(litellm: FakeLiteLLM) -> None:
    provider = UserProvider()
    user_id, outs = made(provider, USER)
    news = {**USER, "relay": "gw2-relay"}
    assert provider.diff(user_id, outs, news).changes is True
    litellm.calls.clear()
    assert provider.update(user_id, outs, news).outs["relay"] == "gw2-relay"
    assert not litellm.calls


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"models": ["a", "b"]}, {"models": ["b", "a"]}),
        ({"models": ["all-proxy-models"]}, {}),
        ({"duration": "1mo"}, {"duration": "monthly"}),
        ({"budget": 5}, {"budget": 5.0}),
        ({"metadata": {}}, {}),
        ({"alias": ""}, {}),
    ],
)
def test_what_means_the_same_is_no_difference(before: dict[str, Any], after: dict[str, Any]) -> None:
    base = {**WAY, "email": "dev@example.com"}
    assert UserProvider().diff("u", base | before, base | after).changes is False
    assert UserProvider().diff("u", base | after, base | before).changes is False


@pytest.mark.parametrize(
    ("provider", "props", "named"),
    [
        (UserProvider(), {**USER, "email": "dev"}, "email"),
        (UserProvider(), {**USER, "budget": -1.0}, "budget"),
        (UserProvider(), {**USER, "budget": "5"}, "budget"),
        (UserProvider(), {**USER, "duration": "2w"}, "duration"),
        (UserProvider(), {**USER, "relay": ""}, "relay"),
        (KeyProvider(), {**KEY, "alias": ""}, "alias"),
        (KeyProvider(), {**KEY, "key": "secret-but-short"}, "key"),
        (KeyProvider(), {**KEY, "key": None}, "key"),
        (KeyProvider(), {**KEY, "generation": ""}, "generation"),
        (KeyProvider(), {**KEY, "key_type": "boss"}, "key_type"),
        (TeamProvider(), {**WAY, "alias": ""}, "alias"),
        (RosterProvider(), {**WAY, "root": "", "ring": {"a": 1}}, "root"),
    ],
)
def test_check_names_the_property_and_never_a_value_that_is_secret(
    provider: Any, props: dict[str, Any], named: str
) -> None:
    failures = provider.check({}, props).failures
    assert [failure.property for failure in failures] == [named]
    assert failures[0].reason.endswith(".")
    assert "secret-but-short" not in failures[0].reason


def test_drift_shows_as_what_litellm_has_and_the_next_update_mends_it(litellm: FakeLiteLLM) -> None:
    provider = UserProvider()
    user_id, outs = made(provider, {**USER, "metadata": {"team": "core"}})
    litellm.users[user_id].update(
        max_budget=1.0, models=[], user_role=None, metadata={"team": "x"}, budget_duration=None
    )
    found = provider.read(user_id, outs)
    drifted = over_the_wire(found.outs)
    assert found.inputs is not None
    assert drifted["budget"] == 1.0
    assert drifted["metadata"] == {"team": "x"}
    assert drifted["managed_by"] == ""
    assert not {"models", "role", "duration"} & set(drifted)
    news = {**USER, "metadata": {"team": "core"}}
    assert provider.diff(user_id, drifted, news).changes is True
    provider.update(user_id, drifted, news)
    assert over_the_wire(provider.read(user_id, outs).outs) == outs


@pytest.mark.parametrize(
    "by_hand",
    [{"max_budget": 1.0}, {"models": []}, {"user_role": None}, {"user_alias": "x"}, {"tpm_limit": 1}, {"metadata": {}}],
)
def test_each_drift_by_itself_is_seen(litellm: FakeLiteLLM, by_hand: dict[str, Any]) -> None:
    user_id, outs = made(UserProvider(), USER)
    litellm.users[user_id].update(by_hand)
    drifted = over_the_wire(UserProvider().read(user_id, outs).outs)
    assert UserProvider().diff(user_id, drifted, USER).changes is True
    UserProvider().update(user_id, drifted, USER)
    assert over_the_wire(UserProvider().read(user_id, outs).outs) == outs


def test_a_key_whose_routes_were_widened_by_hand_shows_it(litellm: FakeLiteLLM) -> None:
    provider = KeyProvider()
    token, outs = token_of(VALUE), made(provider, KEY)[1]
    litellm.keys[token].update(allowed_routes=["management_routes"], blocked=True)
    drifted = over_the_wire(provider.read(token, outs).outs)
    assert drifted["routes"] == ["management_routes"]
    assert provider.diff(token, drifted, KEY).changes is True
    after = over_the_wire(provider.update(token, drifted, KEY).outs)
    assert litellm.keys[token]["allowed_routes"] == ["llm_api_routes"]
    assert litellm.keys[token]["blocked"] is True, "blocking is done by hand and left alone"
    assert provider.diff(token, after, KEY).changes is False


def test_a_key_whose_routes_were_emptied_by_hand_shows_it_too(litellm: FakeLiteLLM) -> None:
    provider = KeyProvider()
    token, outs = token_of(VALUE), made(provider, KEY)[1]
    litellm.keys[token]["allowed_routes"] = []
    drifted = over_the_wire(provider.read(token, outs).outs)
    assert provider.diff(token, drifted, KEY).changes is True


def test_an_update_of_what_was_deleted_by_hand_makes_it_anew(litellm: FakeLiteLLM) -> None:
    user_id, outs = made(UserProvider(), USER)
    token, key_outs = token_of(VALUE), made(KeyProvider(), KEY)[1]
    litellm.users.clear()
    litellm.keys.clear()
    UserProvider().update(user_id, outs, {**USER, "budget": 60.0})
    KeyProvider().update(token, key_outs, {**KEY, "budget": 60.0})
    assert litellm.users[user_id]["user_email"] == "dev@example.com"
    assert litellm.users[user_id]["max_budget"] == 60.0
    assert litellm.keys[token]["key_alias"] == "prod"


def test_what_others_made_stays_theirs(litellm: FakeLiteLLM) -> None:
    litellm.request(
        "POST", "/user/new", body={"user_id": "by-hand", "user_email": "DEV@example.com", "auto_create_key": False}
    )
    litellm.request("POST", "/key/generate", body={"key": "sk-by-hand-0123456789", "key_alias": "prod"})
    with pytest.raises(Taken, match="as user by-hand"):
        UserProvider().create(dict(USER))
    with pytest.raises(Taken, match="The alias prod") as caught:
        KeyProvider().create(dict(KEY))
    assert VALUE not in str(caught.value)
    UserProvider().delete(user_id_of("dev@example.com"), dict(USER))
    KeyProvider().delete("prod", {**KEY, "tokens": {"g1": token_of(VALUE)}})
    assert set(litellm.users) == {"by-hand"}
    assert len(litellm.keys) == 1


def test_a_gateway_that_is_gone_is_an_error_and_no_reason_to_forget_anybody(litellm: FakeLiteLLM) -> None:
    user_id, outs = made(UserProvider(), USER)
    litellm.fault = lambda _method, _path: "before"
    for call in (lambda: UserProvider().delete(user_id, outs), lambda: UserProvider().read(user_id, outs)):
        with pytest.raises(Unreachable):
            call()


def test_who_meets_a_litellm_that_isnt_ready_waits_and_who_doesnt_asks_nothing_more(litellm: FakeLiteLLM) -> None:
    made(UserProvider(), USER)
    assert ("GET", "/health/readiness") not in litellm.calls
    waiting = [503] * 12
    litellm.fault = lambda _method, path: waiting.pop() if waiting and path == "/key/info" else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "READY_SECONDS", 60.0)
        with pytest.raises(Unreachable):  # ten tries, before and after it said that it is ready
            made(KeyProvider(), KEY)
        assert litellm.calls.count(("GET", "/health/readiness")) == 1
        made(KeyProvider(), KEY)
    assert len(litellm.keys) == 1


def test_a_litellm_without_a_database_is_told_as_such(litellm: FakeLiteLLM) -> None:
    litellm._answer = lambda *_: calls.Response(500, {"error": {"message": "No db connected"}})  # type: ignore[method-assign]
    with pytest.raises(NoDatabase, match="set `database: rds`"):
        UserProvider().create(dict(USER))


def test_reading_and_deleting_dont_wait_for_a_gateway_to_come_up(litellm: FakeLiteLLM) -> None:
    user_id, outs = made(UserProvider(), USER)
    litellm.calls.clear()
    UserProvider().read(user_id, outs)
    UserProvider().delete(user_id, outs)
    assert ("GET", "/health/readiness") not in litellm.calls


many = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
faults = st.lists(st.sampled_from([None, "before", "after", 500, 503]), max_size=8)


@many
@given(specs.users, specs.users, faults)
def test_any_user_is_made_changed_and_refreshed_without_false_drift(
    litellm: FakeLiteLLM, one: UserSpec, two: UserSpec, kinds: list[Any]
) -> None:
    litellm.users.clear()
    provider, one = UserProvider(), replace(one, email=two.email)
    before, after = props_of(one), props_of(two)
    user_id, outs = made(provider, before)
    waiting = list(kinds)
    litellm.fault = lambda _method, _path: waiting.pop(0) if waiting else None
    if provider.diff(user_id, outs, after).changes:
        outs = over_the_wire(again(lambda: provider.update(user_id, outs, after)).outs)
    litellm.fault = lambda _method, _path: None
    assert provider.diff(user_id, outs, after).changes is False
    assert over_the_wire(provider.read(user_id, outs).outs) == outs
    assert list(litellm.users) == [user_id]


@many
@given(specs.keys, faults)
def test_any_key_is_made_in_spite_of_faults_and_refreshed_without_false_drift(
    litellm: FakeLiteLLM, spec: KeySpec, kinds: list[Any]
) -> None:
    litellm.keys.clear()
    # the fake reckons from the real clock, so the key expires in time to come
    spec = replace(spec, expires=spec.expires and datetime.now(UTC) + timedelta(days=9))
    waiting = list(kinds)
    litellm.fault = lambda _method, _path: waiting.pop(0) if waiting else None
    provider, props = KeyProvider(), {**props_of(spec), "key": VALUE}
    result = again(lambda: provider.create(dict(props)))
    litellm.fault = lambda _method, _path: None
    outs = over_the_wire(result.outs)
    assert provider.diff(result.id, outs, props).changes is False
    assert over_the_wire(provider.read(result.id, outs).outs) == outs
    assert list(litellm.keys) == [token_of(VALUE)]


def again(call: Any) -> Any:
    """What the engine's user does after an error."""
    for _ in range(10):
        try:
            return call()
        except AdminError:
            continue
    raise AssertionError("never came through")


def props_of(spec: UserSpec | KeySpec) -> dict[str, Any]:
    return {**WAY, **spec_props(spec), **({"generation": "g1"} if isinstance(spec, KeySpec) else {})}
