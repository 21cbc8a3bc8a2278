"""A key's value changes: what works when, whatever fails in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_admin.client import Client, Patience
from litellm_admin.ensure_keys import Former, delete_key, ensure_key, former_alias
from litellm_admin.errors import AdminError, Taken
from litellm_admin.models import MANAGED_BY, KeySpec, observed_key, token_of
from litellm_admin.plan import NOTHING, KeyWish, plan_key
from litellm_admin.roster import Held, key_entry
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test"
OLD, NEW = "sk-" + "o" * 48, "sk-" + "n" * 48
CI = KeySpec("ci", budget=50.0, duration="1mo")


def client(fake: FakeLiteLLM) -> Client:
    return Client(fake, Patience(attempts=3, sleep=lambda _: None))


def wish(value: str, spec: KeySpec = CI) -> KeyWish:
    return KeyWish(spec, None, None, STACK, value)


def soon(**after: float) -> datetime:
    return datetime.now(UTC) + timedelta(**after)


def made(spend: float = 0.0) -> FakeLiteLLM:
    fake = FakeLiteLLM()
    ensure_key(client(fake), wish(OLD))
    fake.keys[token_of(OLD)]["spend"] = spend
    fake.calls.clear()
    return fake


def test_the_former_value_works_until_its_end_and_the_new_one_at_once() -> None:
    fake, until = made(spend=7.5), soon(days=7)
    token = ensure_key(client(fake), wish(NEW), formers=[Former(token_of(OLD), until, OLD)])
    assert token == token_of(NEW)
    new, old = (observed_key(fake.keys[token_of(value)]) for value in (NEW, OLD))
    assert (new.alias, new.expires, new.spend) == ("ci", None, 7.5), "a budget isn't refilled by a rotation"
    assert old.alias == former_alias("ci", token_of(OLD))
    assert old.expires is not None
    assert abs(old.expires - until) < timedelta(seconds=10)
    assert old.budget == 50.0
    # the old one steps aside before the new one comes, so that at no time there is neither
    calls = [path for _, path in fake.calls]
    assert calls.index("/key/update") < calls.index("/key/generate")
    assert "/key/delete" not in calls
    fake.calls.clear()
    ensure_key(client(fake), wish(NEW), formers=[Former(token_of(OLD), until, OLD)])
    assert {method for method, _ in fake.calls} == {"GET"}, "the end isn't put off"


def test_without_an_overlap_the_former_value_ends_once_the_new_one_works() -> None:
    fake = made(spend=7.5)
    ensure_key(client(fake), wish(NEW), stale=[token_of(OLD)])
    assert list(fake.keys) == [token_of(NEW)]
    assert fake.keys[token_of(NEW)]["spend"] == 7.5
    calls = [path for _, path in fake.calls]
    assert calls.index("/key/generate") < calls.index("/key/delete")


def test_a_new_database_gets_the_former_value_too_for_its_time() -> None:
    fake = FakeLiteLLM()
    formers = [Former(token_of(OLD), soon(days=3), OLD), Former("0" * 64, soon(days=1), None)]
    ensure_key(client(fake), wish(NEW), formers=formers)
    assert set(fake.keys) == {token_of(OLD), token_of(NEW)}, "and one whose value nobody knows can't come back"
    assert fake.keys[token_of(OLD)]["expires"]


def test_a_former_value_lasts_no_longer_than_the_key() -> None:
    fake, end = made(), soon(days=1)
    ensure_key(client(fake), wish(NEW, replace(CI, expires=end)), formers=[Former(token_of(OLD), soon(days=7), OLD)])
    old = observed_key(fake.keys[token_of(OLD)])
    assert old.expires is not None
    assert old.expires < soon(days=1, minutes=5)


def test_a_key_is_deleted_with_all_its_values_and_not_when_it_was_handed_over() -> None:
    fake = made()
    ensure_key(client(fake), wish(NEW), formers=[Former(token_of(OLD), soon(days=7), OLD)])
    fake.keys[token_of(NEW)]["metadata"] = {MANAGED_BY: f"{STACK}#roster"}
    tokens = [token_of(OLD), token_of(NEW), "0" * 64]
    assert delete_key(client(fake), tokens, STACK) is True
    assert list(fake.keys) == [token_of(NEW)]
    assert delete_key(client(fake), tokens, STACK) is False


def by_hand(alias: str = "ci", **more: object) -> FakeLiteLLM:
    fake = FakeLiteLLM()
    fake.request("POST", "/key/generate", body={"key": OLD, "key_alias": alias, **more})
    return fake


def test_a_foreign_key_is_adopted_as_it_is_and_gets_a_known_value_by_its_first_rotation() -> None:
    fake, adopt = by_hand(), replace(CI, adopt=True)
    with pytest.raises(Taken, match="`adopt: true`"):
        ensure_key(client(fake), wish(NEW))
    token = ensure_key(client(fake), wish(NEW, adopt))
    assert token == token_of(OLD), "its value goes on working, and nobody here knows it"
    assert list(fake.keys) == [token]
    assert fake.keys[token]["max_budget"] == 50.0
    assert fake.keys[token]["allowed_routes"] == ["llm_api_routes"]
    assert ensure_key(client(fake), wish(NEW, adopt), token) == token
    third = "sk-" + "t" * 48
    formers = [Former(token, soon(days=7), None)]
    assert ensure_key(client(fake), wish(third, adopt), formers=formers) == token_of(third)
    assert set(fake.keys) == {token, token_of(third)}
    assert fake.keys[token]["expires"]


def test_several_foreign_keys_of_one_alias_are_not_adopted() -> None:
    fake = by_hand()
    fake.keys["1" * 64] = {**fake.keys[token_of(OLD)], "token": "1" * 64}
    with pytest.raises(Taken):
        ensure_key(client(fake), wish(NEW, replace(CI, adopt=True)))


def test_two_that_look_before_either_inserts_dont_both_keep_the_alias() -> None:
    """As seen on LiteLLM: it looks for an alias, then inserts, and two at once may both get it."""
    fake = FakeLiteLLM()
    elder = {"key_alias": "ci", "metadata": {MANAGED_BY: "llm-gateway/other"}}

    def somebody_is_faster(_method: str, path: str) -> None:
        if path == "/key/list" and "e" * 64 not in fake.keys:
            fake.keys["e" * 64] = {
                **fake.keys[token_of(NEW)],
                **elder,
                "token": "e" * 64,
                "created_at": "2020-01-01T00:00:00+00:00",
            }

    fake.fault = somebody_is_faster
    with pytest.raises(Taken, match="which llm-gateway/other manages"):
        ensure_key(client(fake), wish(NEW))
    assert list(fake.keys) == ["e" * 64]
    del fake.keys["e" * 64]
    fake.fault = lambda _method, _path: None
    ensure_key(client(fake), wish(NEW))
    fake.keys["e" * 64] = {**fake.keys[token_of(NEW)], **elder, "token": "e" * 64}
    assert ensure_key(client(fake), wish(NEW)) == token_of(NEW), "a younger one doesn't drive ours out"


faults = st.lists(st.sampled_from([None, "before", "after", 500, 502, 429]), max_size=16)


@settings(deadline=None)
@given(faults, st.booleans(), st.booleans())
def test_whatever_fails_and_wherever_running_again_rotates_once(kinds: list, overlap: bool, new_database: bool) -> None:
    fake, until = made(), soon(days=7)
    if new_database:
        fake.keys.clear()
    waiting, said = list(kinds), []
    fake.fault = lambda _method, _path: waiting.pop(0) if waiting else None
    formers = [Former(token_of(OLD), until, OLD)] if overlap else []
    for _ in range(len(kinds) + 1):
        try:
            ensure_key(client(fake), wish(NEW), formers=formers, stale=() if overlap else [token_of(OLD)])
            break
        except AdminError as error:
            said.append(str(error))
    assert set(fake.keys) == {token_of(NEW), *([token_of(OLD)] if overlap else [])}
    assert plan_key(wish(NEW), observed_key(fake.keys[token_of(NEW)]), datetime.now(UTC)) is NOTHING
    if overlap:
        ends = observed_key(fake.keys[token_of(OLD)]).expires
        assert ends is not None
        assert abs(ends - until) < timedelta(minutes=2), "retries don't put it off"
    assert OLD not in "".join(said)
    assert NEW not in "".join(said)


def test_what_a_state_knows_of_a_key_decides_which_tokens_are_meant() -> None:
    now, values = datetime.now(UTC), {"g1": OLD, "g2": NEW}

    def entry(generation: str, held: Held, **formers: datetime) -> object:
        one = key_entry(CI, generation, formers, values.__getitem__, held, now)
        return one.token, [(former.token, former.value) for former in one.formers], one.stale

    old, new, adopted = token_of(OLD), token_of(NEW), "a" * 64
    assert entry("g1", Held()) == (None, [], ())
    assert entry("g1", Held({"g1": old}, old)) == (None, [], ())
    assert entry("g2", Held({"g1": old}, old)) == (None, [], (old,))
    assert entry("g2", Held({"g1": old}, old), g1=soon(days=1)) == (None, [(old, OLD)], ())
    assert entry("g2", Held({"g1": old, "g2": new}, new), g1=soon(days=-1)) == (None, [], (old,)), "it is over"
    assert entry("g1", Held({"g1": adopted}, old)) == (adopted, [], ()), "adopted, and not rotated since"
    assert entry("g2", Held({"g1": adopted}, old), g1=soon(days=1)) == (None, [(adopted, None)], ())
    assert entry("g1", Held({"g1": adopted}, "another root")) == (None, [], (adopted,)), "the root secret is another"
