"""Many at once: `change` and `reconcile` come to the same, whatever fails."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_admin.client import Client, Patience
from litellm_admin.ensure_keys import Former
from litellm_admin.errors import AdminError, Taken
from litellm_admin.models import (
    MANAGED_BY,
    KeySpec,
    TeamSpec,
    UserSpec,
    observed_key,
    observed_team,
    observed_user,
    token_of,
)
from litellm_admin.plan import NOTHING, plan_key, plan_members, plan_team, plan_user
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Entries, Failures, Gone, Ids, KeyEntry, change
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test#roster"


def client(fake: FakeLiteLLM) -> Client:
    return Client(fake, Patience(attempts=2, sleep=lambda _: None))


def value(alias: str, generation: int = 1) -> str:
    return f"sk-{alias}-generation-{generation}-of-its-value"


def roster(users: int = 4, keys: int = 5, budget: float = 5.0) -> Entries:
    people = tuple(UserSpec(f"User{number}@example.com", budget=budget) for number in range(users))
    team = TeamSpec("core", tuple(user.email for user in people[:3]), budget=budget * 10)
    specs = [
        KeySpec(f"key-{n}", people[n % users].email, budget=budget, team="core" if n == 0 else None)
        for n in range(keys)
    ]
    return Entries(people, (team,), tuple(KeyEntry(spec, value(spec.alias)) for spec in specs))


def seed(fake: FakeLiteLLM, wanted: Entries, ids: Ids | None = None, gone: Gone | None = None) -> Ids:
    return reconcile(client(fake), wanted, wanted, gone or Gone(), ids or Ids(), STACK, lambda _: None)


def assert_right(fake: FakeLiteLLM, wanted: Entries, ids: Ids) -> None:
    assert set(fake.users) == {ids.users[spec.email.lower()] for spec in wanted.users}
    assert set(fake.teams) == {ids.teams[spec.alias] for spec in wanted.teams}
    assert set(fake.keys) == {token for entry in wanted.keys for token in entry.tokens - set(entry.stale)}
    for spec in wanted.users:
        assert plan_user(spec, STACK, observed_user(fake.users[ids.users[spec.email.lower()]])) is NOTHING
    for spec in wanted.teams:
        team = observed_team(fake.teams[ids.teams[spec.alias]])
        assert plan_team(spec, STACK, team) is NOTHING
        assert plan_members(ids.members(spec), team) == ((), ())
    for entry in wanted.keys:
        key = observed_key(fake.keys[token_of(entry.value)])
        assert plan_key(ids.wish(entry, STACK), key, datetime.now(UTC)) is NOTHING


def test_an_empty_gateway_takes_a_few_lists_a_call_for_all_users_and_one_a_key() -> None:
    fake, wanted = FakeLiteLLM(), roster(20, 30)
    ids = seed(fake, wanted)
    assert_right(fake, wanted, ids)
    assert fake.calls.count(("POST", "/management/v1/users/bulk")) == 1
    assert fake.calls.count(("POST", "/key/generate")) == 30
    assert len([path for method, path in fake.calls if method == "GET"]) <= 7
    assert ("POST", "/user/new") not in fake.calls
    assert ids.users["user3@example.com"] == wanted.users[3].user_id


def test_a_second_time_there_is_nothing_to_do() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    ids = seed(fake, wanted)
    fake.calls.clear()
    assert seed(fake, wanted, ids) == ids
    assert {method for method, _ in fake.calls} == {"GET"}


def test_one_user_takes_two_calls() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    ids = seed(fake, wanted)
    fake.calls.clear()
    some = Entries(users=(replace(wanted.users[0], budget=6.0),))
    change(client(fake), some, Gone(), ids, STACK, lambda _: None)
    assert fake.calls == [("GET", "/v2/user/info"), ("POST", "/user/update")]


def test_what_is_no_longer_wanted_goes_and_nothing_else() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    ids = seed(fake, wanted)
    theirs = {"user_id": "by-hand", "user_email": "hand@example.com", "auto_create_key": False}
    fake.request("POST", "/user/new", body=theirs)
    fake.request("POST", "/key/generate", body={"key": value("hand"), "key_alias": "hand", "metadata": {}})
    fewer = Entries(wanted.users[:3], wanted.teams, wanted.keys[:3])
    gone = Gone((ids.users["user3@example.com"], "by-hand-long-gone"), (), (token_of(value("key-4")), "0" * 64))
    seed(fake, fewer, ids, gone)
    assert {"by-hand"} == set(fake.users) - set(ids.users.values())
    assert token_of(value("hand")) in fake.keys
    # key-3 was left in the wanted ones of nobody: a run that failed made it
    assert {key["key_alias"] for key in fake.keys.values()} == {"hand", "key-0", "key-1", "key-2"}


def test_what_another_resource_of_the_stack_took_over_stays() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    ids = seed(fake, wanted)
    taken_over = token_of(value("key-0"))
    fake.keys[taken_over]["metadata"] = {MANAGED_BY: "llm-gateway/test"}
    everything = Gone(tuple(ids.users.values()), tuple(ids.teams.values()), tuple(ids.tokens.values()))
    reconcile(client(fake), Entries(), Entries(), everything, ids, STACK, lambda _: None)
    assert list(fake.keys) == [taken_over]
    assert fake.keys[taken_over]["user_id"] is None, "its owner is gone, and didn't take it along"
    assert not fake.users
    assert not fake.teams


def test_everything_that_is_in_the_way_is_told_at_once_and_before_anything_is_changed() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    for n in (1, 2):
        body = {"user_id": f"hand-{n}", "user_email": f"user{n}@example.com", "auto_create_key": False}
        fake.request("POST", "/user/new", body=body)
    fake.request("POST", "/key/generate", body={"key": value("hand"), "key_alias": "key-1"})
    with pytest.raises(Failures) as caught:
        seed(fake, wanted)
    said = str(caught.value)
    assert all(name in said for name in ("3 entries failed", "hand-1", "hand-2", "The alias key-1"))
    assert (len(fake.users), len(fake.keys)) == (2, 1)
    users = tuple(replace(spec, adopt=True) for spec in wanted.users)
    keys = tuple(replace(entry, spec=replace(entry.spec, adopt=True)) for entry in wanted.keys)
    ids = seed(fake, Entries(users, wanted.teams, keys))
    assert ids.users["user1@example.com"] == "hand-1"
    assert ids.tokens["key-1"] == token_of(value("hand"))
    assert len(fake.users) == 4
    assert len(fake.keys) == 5


def test_what_litellm_says_of_a_user_in_a_batch_is_told_with_the_users_name() -> None:
    class Picky(FakeLiteLLM):
        def _users_bulk(self, body: dict[str, Any]) -> Any:
            return {"data": [{"success": False, "error": "no such thing: sk-secret-0123456789"}] * len(body["users"])}

    with pytest.raises(AdminError, match=r"LiteLLM didn't make the user User0@example.com: no such thing: sk-…"):
        seed(Picky(), roster(1, 0))


def test_a_rotation_among_many_keeps_the_former_value() -> None:
    fake, wanted = FakeLiteLLM(), roster()
    ids = seed(fake, wanted)
    until = datetime.now(UTC) + timedelta(days=7)
    turned = tuple(
        KeyEntry(
            entry.spec,
            value(entry.spec.alias, 2),
            formers=(Former(token_of(entry.value), until, entry.value),) if number % 2 else (),
            stale=() if number % 2 else (token_of(entry.value),),
        )
        for number, entry in enumerate(wanted.keys)
    )
    after = Entries(wanted.users, wanted.teams, turned)
    ids = seed(fake, after, ids)
    assert_right(fake, after, ids)
    assert len(fake.keys) == 5 + 2


def test_two_stacks_on_one_gateway_dont_both_keep_an_alias() -> None:
    """Another got the alias between LiteLLM's look and its insert, and is the elder."""
    fake, wanted = FakeLiteLLM(), roster(1, 2)
    intruder = {"token": "e" * 64, "created_at": "2020-01-01T00:00:00+00:00", "metadata": {MANAGED_BY: "other"}}

    def faster(_method: str, path: str) -> None:
        token = token_of(value("key-1"))
        if path == "/key/list" and token in fake.keys and "e" * 64 not in fake.keys:
            fake.keys["e" * 64] = {**fake.keys[token], **intruder}

    fake.fault = faster
    with pytest.raises(Taken, match="The alias key-1"):
        seed(fake, wanted)
    assert [key["token"] for key in fake.keys.values() if key["key_alias"] == "key-1"] == ["e" * 64]


kinds = st.lists(st.sampled_from([None, None, "before", "after", 500, 502, 503, 429]), max_size=40)
sizes = st.tuples(st.integers(1, 5), st.integers(0, 6), st.sampled_from([5.0, 6.0]))


@settings(deadline=None, max_examples=150)
@given(st.lists(sizes, min_size=1, max_size=3), kinds, st.booleans(), st.integers(0, 99))
def test_whatever_fails_and_wherever_running_again_makes_the_roster_right(
    history: list[tuple[int, int, float]], faults: list, few: bool, shuffle: int
) -> None:
    fake, waiting, said = FakeLiteLLM(), list(faults), []
    fake.fault = lambda _method, _path: waiting.pop(0) if waiting else None
    before, ids = Entries(), Ids()
    for users, keys, budget in history:
        wanted = roster(users, keys, budget)
        gone = _gone(before, wanted, ids)
        random.Random(shuffle).shuffle(waiting)
        for _ in range(len(faults) + 2):
            try:
                if few and len(before):
                    ids = change(client(fake), wanted, gone, ids, STACK, lambda _: None)
                else:
                    ids = reconcile(client(fake), wanted, wanted, gone, ids, STACK, lambda _: None)
                break
            except AdminError as error:
                said.append(str(error))
        ids = _left(ids, wanted)
        before = wanted
    fake.fault = lambda _method, _path: None
    assert_right(fake, before, ids)
    assert not [entry for entry in before.keys if entry.value in "".join(said)]


def _gone(before: Entries, wanted: Entries, ids: Ids) -> Gone:
    mails, aliases = {user.email.lower() for user in wanted.users}, {entry.spec.alias for entry in wanted.keys}
    return Gone(
        tuple(id_ for mail, id_ in ids.users.items() if mail not in mails),
        (),
        tuple(token for alias, token in ids.tokens.items() if alias not in aliases),
    )


def _left(ids: Ids, wanted: Entries) -> Ids:
    return Ids(
        {user.email.lower(): ids.users[user.email.lower()] for user in wanted.users},
        ids.teams,
        {entry.spec.alias: ids.tokens[entry.spec.alias] for entry in wanted.keys},
    )
