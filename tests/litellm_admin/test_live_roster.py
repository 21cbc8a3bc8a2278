"""Teams, rotation and rosters against the real LiteLLM: what was asked for is there, and works as it says."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import Phase, given, settings

from litellm_admin.ensure import ensure_team, ensure_user
from litellm_admin.ensure_keys import Former, ensure_key
from litellm_admin.errors import AdminError, Taken
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.plan import NOTHING, KeyWish, plan_key, plan_members, plan_team, plan_user
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Entries, Gone, Ids, KeyEntry, change
from tests.litellm_admin import specs
from tests.litellm_admin.test_live_client import ask, value
from tests.litellm_server import HAIKU, SONNET, Proxy

STACK = "llm-gateway/live"
few = settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM


def roster(stem: str, users: int, keys: int, budget: float = 5.0) -> Entries:
    people = tuple(
        UserSpec(f"{stem}-{n}@Example.com", budget=budget, duration="1mo", models=(HAIKU,)) for n in range(users)
    )
    team = TeamSpec(f"{stem}-team", tuple(user.email for user in people[::2]), budget=budget)
    keyed = [KeySpec(f"{stem}-{n}", people[n % users].email, budget=budget, metadata={"n": n}) for n in range(keys)]
    return Entries(people, (team,), tuple(KeyEntry(spec, f"sk-{spec.alias}-value") for spec in keyed))


def assert_right(proxy: Proxy, wanted: Entries, ids: Ids, managed_by: str) -> None:
    users = {user.user_id: user for user in proxy.client.list_users()}
    keys = {key.token: key for key in proxy.client.list_keys()}
    for spec in wanted.users:
        assert plan_user(spec, managed_by, users[ids.users[spec.email.lower()]]) is NOTHING
    for entry in wanted.keys:
        wish = ids.wish(entry, managed_by)
        assert plan_key(wish, keys[token_of(entry.value)], datetime.now(UTC)) is NOTHING
    for spec in wanted.teams:
        team = proxy.client.get_team(ids.teams[spec.alias])
        assert plan_team(spec, managed_by, team) is NOTHING
        assert plan_members(ids.members(spec), team) == ((), ())


def test_a_roster_comes_changes_and_goes(proxy: Proxy) -> None:
    stem = Proxy.fresh("many")
    name, told = f"{STACK}/{stem}#roster", []
    wanted = roster(stem, 110, 30)
    ids = reconcile(proxy.client, wanted, wanted, Gone(), Ids(), name, told.append)
    assert_right(proxy, wanted, ids, name)
    assert "users: 110 of 110" in told and "keys: 30 of 30" in told
    # a handful of changes, a handful that goes
    after = roster(stem, 108, 25, budget=7.0)
    gone = Gone(
        tuple(ids.users[user.email.lower()] for user in wanted.users[108:]),
        (),
        tuple(token_of(entry.value) for entry in wanted.keys[25:]),
    )
    some = Entries(after.users[:3], after.teams, after.keys[:3])
    ids = change(proxy.client, some, gone, ids, name, told.append)
    assert_right(proxy, some, ids, name)
    assert len(proxy.client.list_users(stem)) == 108
    # all of it at once
    ids = reconcile(proxy.client, after, after, Gone(), ids, name, told.append)
    assert_right(proxy, after, ids, name)
    everything = Gone(tuple(ids.users.values()), tuple(ids.teams.values()), tuple(ids.tokens.values()))
    reconcile(proxy.client, Entries(), Entries(), everything, ids, name, told.append)
    assert proxy.client.list_users(stem) == []
    assert proxy.client.get_team(ids.teams[f"{stem}-team"]) is None
    assert not {key.alias for key in proxy.client.list_keys()} & {entry.spec.alias for entry in wanted.keys}


def test_two_runs_of_one_roster_at_once_leave_one_of_each(proxy: Proxy) -> None:
    stem = Proxy.fresh("race")
    name, wanted = f"{STACK}/{stem}#roster", roster(stem, 12, 12)

    def run(_: int) -> Ids | AdminError:
        try:
            return reconcile(proxy.client, wanted, wanted, Gone(), Ids(), name, lambda _: None)
        except AdminError as error:
            return error

    with ThreadPoolExecutor(3) as pool:
        assert [result for result in pool.map(run, range(3)) if isinstance(result, Ids)], "at least one comes through"
    ids = reconcile(proxy.client, wanted, wanted, Gone(), Ids(), name, lambda _: None)
    assert_right(proxy, wanted, ids, name)
    assert len(proxy.client.list_users(stem)) == 12
    aliases = [key.alias for key in proxy.client.list_keys() if (key.alias or "").startswith(stem)]
    assert len(aliases) == len(set(aliases)) == 12


def test_two_stacks_at_once_share_out_what_both_want_and_nothing_is_double(proxy: Proxy) -> None:
    """Each has values of its own, so that only the alias is common."""
    stem = Proxy.fresh("both")
    names = [f"{STACK}/{stem}-{n}#roster" for n in range(2)]

    def run(name: str) -> AdminError | None:
        wanted = roster(stem, 10, 20)
        keys = tuple(replace(entry, value=f"{entry.value}-of-{name[-8]}") for entry in wanted.keys)
        wanted = replace(wanted, keys=keys)
        try:
            reconcile(proxy.client, wanted, wanted, Gone(), Ids(), name, lambda _: None)
        except AdminError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(run, names))
    errors += [run(name) for name in names]
    assert any(isinstance(error, AdminError) for error in errors[-2:]), "they can't both have it"
    mails = [user.email for user in proxy.client.list_users(stem)]
    aliases = [key.alias for key in proxy.client.list_keys() if (key.alias or "").startswith(stem)]
    assert len(mails) == len(set(mails)) == 10
    assert len(aliases) == len(set(aliases))


@few
@given(specs.teams, specs.teams)
def test_any_team_becomes_any_other(proxy: Proxy, one: TeamSpec, two: TeamSpec) -> None:
    alias = Proxy.fresh("team")
    members = [ensure_user(proxy.client, UserSpec(f"{alias}-{n}@example.com"), STACK) for n in range(2)]
    for spec, ids in ((replace(one, alias=alias), members[:1]), (replace(two, alias=alias), members[1:])):
        team_id = ensure_team(proxy.client, spec, ids, STACK)
        seen = proxy.client.get_team(team_id)
        assert plan_team(spec, STACK, seen) is NOTHING
        assert plan_members(ids, seen) == ((), ())
        assert proxy.client.find_teams(alias) == [seen]


def test_a_teams_models_hold_for_its_keys(proxy: Proxy) -> None:
    team, inside, outside = TeamSpec(Proxy.fresh("team"), models=(HAIKU,)), value(), value()
    team_id = ensure_team(proxy.client, team, [], STACK)
    ensure_key(proxy.client, KeyWish(KeySpec(Proxy.fresh("key")), None, team_id, STACK, inside))
    ensure_key(proxy.client, KeyWish(KeySpec(Proxy.fresh("key")), None, None, STACK, outside))
    assert (ask(proxy, inside, HAIKU)[0], ask(proxy, outside, SONNET)[0]) == (200, 200)
    assert ask(proxy, inside, SONNET)[0] in (401, 403)
    ensure_team(proxy.client, replace(team, models=()), [], STACK, team_id)
    assert ask(proxy, inside, SONNET)[0] == 200


def test_both_values_work_during_the_overlap_and_only_the_new_one_after_it(proxy: Proxy) -> None:
    spec, old, new = KeySpec(Proxy.fresh("key"), budget=5.0), value(), value()
    ensure_key(proxy.client, KeyWish(spec, None, None, STACK, old))
    wish = KeyWish(spec, None, None, STACK, new)
    ensure_key(proxy.client, wish, formers=[Former(token_of(old), datetime.now(UTC) + timedelta(hours=1), old)])
    assert (ask(proxy, old, HAIKU)[0], ask(proxy, new, HAIKU)[0]) == (200, 200)
    # the same with a shorter overlap
    until = datetime.now(UTC) + timedelta(seconds=3)
    ensure_key(proxy.client, wish, formers=[Former(token_of(old), until, old)])
    deadline = time.monotonic() + 60
    while ask(proxy, old, HAIKU)[0] != 401:
        assert time.monotonic() < deadline, "the former value still works"
        time.sleep(0.5)
    assert datetime.now(UTC) >= until
    assert ask(proxy, new, HAIKU)[0] == 200
    # nobody has to come back for that; who does, clears it away
    ensure_key(proxy.client, KeyWish(spec, None, None, STACK, new), stale=[token_of(old)])
    assert proxy.client.get_key(token_of(old)) is None


def test_without_an_overlap_the_former_value_ends_at_once(proxy: Proxy) -> None:
    spec, old, new = KeySpec(Proxy.fresh("key")), value(), value()
    ensure_key(proxy.client, KeyWish(spec, None, None, STACK, old))
    assert ask(proxy, old, HAIKU)[0] == 200
    ensure_key(proxy.client, KeyWish(spec, None, None, STACK, new), stale=[token_of(old)])
    assert (ask(proxy, old, HAIKU)[0], ask(proxy, new, HAIKU)[0]) == (401, 200)


def test_what_others_made_is_adopted_with_all_that_its_holders_have(proxy: Proxy) -> None:
    mail, alias, secret = f"{Proxy.fresh('hand')}@example.com", Proxy.fresh("hand"), value()
    proxy.client.create_user({"user_id": f"by-{alias}", "user_email": mail.upper(), "auto_create_key": False})
    proxy.client.create_key({"key": secret, "key_alias": alias})
    proxy.client.create_team({"team_id": f"team-{alias}", "team_alias": alias})
    wanted = Entries(
        (UserSpec(mail, budget=5.0),), (TeamSpec(alias, (mail,)),), (KeyEntry(KeySpec(alias, mail), value()),)
    )
    with pytest.raises(AdminError, match=f"by-{alias}"):
        reconcile(proxy.client, wanted, wanted, Gone(), Ids(), STACK, lambda _: None)
    with pytest.raises(Taken, match=f"team-{alias}"):
        ensure_team(proxy.client, TeamSpec(alias), [], STACK)
    users = tuple(replace(user, adopt=True) for user in wanted.users)
    teams = tuple(replace(team, adopt=True) for team in wanted.teams)
    keys = tuple(replace(entry, spec=replace(entry.spec, adopt=True)) for entry in wanted.keys)
    adopting = Entries(users, teams, keys)
    ids = reconcile(proxy.client, adopting, adopting, Gone(), Ids(), STACK, lambda _: None)
    assert (ids.users[mail], ids.teams[alias]) == (f"by-{alias}", f"team-{alias}")
    assert ids.tokens[alias] == token_of(secret)
    assert ask(proxy, secret, HAIKU)[0] == 200
    assert len(proxy.client.find_users(mail)) == len(proxy.client.find_teams(alias)) == 1
