"""Teams and their members, and who is in the way of a team or a user."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_admin.client import Client, Patience
from litellm_admin.ensure import delete_team, delete_user, ensure_team, ensure_user
from litellm_admin.ensure_keys import ensure_key
from litellm_admin.errors import AdminError, Taken
from litellm_admin.models import MANAGED_BY, KeySpec, TeamSpec, UserSpec, observed_team, token_of
from litellm_admin.plan import NOTHING, KeyWish, is_anothers, is_ours, plan_members, plan_team
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test"
VALUE = "sk-" + "v" * 48
CORE = TeamSpec("core", budget=100.0, duration="1mo", models=("nova",))
IDS = ("u-1", "u-2", "u-3")


def client(fake: FakeLiteLLM) -> Client:
    return Client(fake, Patience(attempts=3, sleep=lambda _: None))


def peopled() -> FakeLiteLLM:
    fake = FakeLiteLLM()
    for id_ in IDS:
        fake.request("POST", "/user/new", body={"user_id": id_, "user_email": f"{id_}@x.co", "auto_create_key": False})
    return fake


def members(fake: FakeLiteLLM, team_id: str) -> set[str]:
    return set(observed_team(fake.teams[team_id]).members)


def key(fake: FakeLiteLLM, owner: str | None, team: str | None, managed_by: str = STACK, alias: str = "ci") -> str:
    value = VALUE + alias
    ensure_key(client(fake), KeyWish(KeySpec(alias), owner, team, managed_by, value))
    return token_of(value)


def test_a_teams_life() -> None:
    fake = peopled()
    team_id = ensure_team(client(fake), CORE, ["u-1", "u-2"], STACK)
    assert team_id == CORE.team_id
    assert members(fake, team_id) == {"u-1", "u-2"}
    fake.calls.clear()
    ensure_team(client(fake), CORE, ["u-2", "u-1"], STACK, team_id)
    assert fake.calls == [("GET", "/v2/team/list")]
    fake.calls.clear()
    ensure_team(client(fake), replace(CORE, budget=None, models=(), metadata={"a": 1}), ["u-1", "u-2"], STACK, team_id)
    assert fake.calls == [("GET", "/v2/team/list"), ("POST", "/team/update")]
    assert fake.teams[team_id]["max_budget"] is None
    assert fake.teams[team_id]["models"] == []
    ensure_team(client(fake), CORE, ["u-3"], STACK, team_id)
    assert members(fake, team_id) == {"u-3"}
    assert set(fake.users) == set(IDS)
    assert delete_team(client(fake), team_id, STACK) is True
    assert delete_team(client(fake), team_id, STACK) is False
    assert not fake.teams


def test_no_key_of_the_stack_goes_with_a_member_a_team_or_an_owner_that_goes() -> None:
    fake = peopled()
    team_id = ensure_team(client(fake), CORE, IDS, STACK)
    ours, theirs = key(fake, "u-1", team_id), key(fake, "u-1", team_id, "someone", "by-hand")
    ensure_team(client(fake), CORE, ["u-2"], STACK, team_id)
    assert (ours in fake.keys, theirs in fake.keys) == (True, False), "LiteLLM takes a former member's keys along"
    assert fake.keys[ours]["team_id"] is None
    fake.keys[ours]["team_id"] = team_id
    delete_team(client(fake), team_id, STACK)
    assert ours in fake.keys
    delete_user(client(fake), "u-1", STACK)
    assert "u-1" not in fake.users
    assert fake.keys[ours]["user_id"] is None


@settings(deadline=None)
@given(
    specs.teams,
    st.sets(st.sampled_from(IDS)),
    st.sets(st.sampled_from(IDS)),
    st.lists(st.sampled_from([None, "before", "after", 500, 503]), max_size=14),
)
def test_whatever_fails_and_wherever_running_again_makes_the_team_right(
    spec: TeamSpec, before: set[str], wanted: set[str], kinds: list
) -> None:
    fake = peopled()
    if before:
        ensure_team(client(fake), replace(spec, budget=1.0), before, STACK)
    waiting = list(kinds)
    fake.fault = lambda _method, _path: waiting.pop(0) if waiting else None
    for _ in range(len(kinds) + 1):
        try:
            ensure_team(client(fake), spec, wanted, STACK, spec.team_id if before else None)
            break
        except AdminError:
            continue
    assert list(fake.teams) == [spec.team_id]
    seen = observed_team(fake.teams[spec.team_id])
    assert plan_team(spec, STACK, seen) is NOTHING
    assert plan_members(wanted, seen) == ((), ())
    assert set(fake.users) == set(IDS), "nobody was made by the way"


@pytest.mark.parametrize("managed_by", [None, "llm-gateway/other"])
def test_a_foreign_team_is_named_and_left_alone_unless_it_is_to_be_adopted(managed_by: str | None) -> None:
    fake = peopled()
    metadata = {MANAGED_BY: managed_by} if managed_by else {}
    fake.request("POST", "/team/new", body={"team_id": "by-hand", "team_alias": "core", "metadata": metadata})
    before = dict(fake.teams["by-hand"])
    with pytest.raises(Taken, match=r"The team core is in LiteLLM already, as by-hand.*`adopt: true`") as caught:
        ensure_team(client(fake), CORE, [], STACK)
    assert (managed_by or "which this stack didn't make") in str(caught.value)
    assert fake.teams == {"by-hand": before}
    assert ensure_team(client(fake), replace(CORE, adopt=True), ["u-1"], STACK) == "by-hand"
    assert ensure_team(client(fake), CORE, ["u-1"], STACK, "by-hand") == "by-hand"
    assert list(fake.teams) == ["by-hand"]
    assert fake.teams["by-hand"]["max_budget"] == 100.0
    assert is_ours(observed_team(fake.teams["by-hand"]), STACK)


def test_several_teams_of_one_alias_are_all_named() -> None:
    fake = peopled()
    for id_ in ("t-1", "t-2"):
        fake.request("POST", "/team/new", body={"team_id": id_, "team_alias": "core"})
    with pytest.raises(Taken, match=r"2 teams in LiteLLM have the alias core \(t-1, t-2\)"):
        ensure_team(client(fake), replace(CORE, adopt=True), [], STACK)


@pytest.mark.parametrize("managed_by", [None, "llm-gateway/other"])
def test_a_foreign_user_is_left_alone_unless_it_is_to_be_adopted(managed_by: str | None) -> None:
    fake = FakeLiteLLM()
    body = {"user_id": "by-hand", "user_email": "Dev@example.com", "auto_create_key": False}
    fake.request("POST", "/user/new", body={**body, "metadata": {MANAGED_BY: managed_by} if managed_by else {}})
    spec = UserSpec("dev@example.com", budget=5.0)
    with pytest.raises(Taken, match=r"as user by-hand, which .*`adopt: true`"):
        ensure_user(client(fake), spec, STACK)
    assert fake.users["by-hand"]["max_budget"] is None
    assert ensure_user(client(fake), replace(spec, adopt=True), STACK) == "by-hand"
    assert ensure_user(client(fake), replace(spec, adopt=True), STACK) == "by-hand"
    assert list(fake.users) == ["by-hand"]
    assert fake.users["by-hand"]["max_budget"] == 5.0
    assert fake.users["by-hand"]["metadata"] == {MANAGED_BY: STACK}


def test_a_foreign_user_even_with_our_own_id_is_left_alone() -> None:
    """Another stack on the same gateway gives the same id to the same e-mail."""
    fake = FakeLiteLLM()
    spec = UserSpec("dev@example.com", budget=5.0)
    ensure_user(client(fake), spec, "llm-gateway/other")
    with pytest.raises(Taken, match="which llm-gateway/other manages"):
        ensure_user(client(fake), replace(spec, budget=6.0), STACK)
    assert fake.users[spec.user_id]["max_budget"] == 5.0
    assert delete_user(client(fake), spec.user_id, STACK) is False
    assert spec.user_id in fake.users


def test_what_was_handed_over_is_not_deleted_and_what_nobody_claims_is() -> None:
    fake = peopled()
    ensure_user(client(fake), UserSpec("a@b.co"), f"{STACK}#roster")
    user_id = UserSpec("a@b.co").user_id
    assert delete_user(client(fake), user_id, STACK) is False
    assert delete_user(client(fake), user_id, f"{STACK}#roster") is True
    assert delete_user(client(fake), "u-1", STACK) is True
    team = observed_team({"team_id": "t", "metadata": {MANAGED_BY: f"{STACK}#roster"}})
    assert is_ours(team, STACK) and is_anothers(team, STACK)


def test_users_of_one_e_mail_are_all_named_and_a_known_users_e_mail_that_went_elsewhere_is_told() -> None:
    fake = FakeLiteLLM()
    for id_ in ("u-1", "u-2"):
        fake.users[id_] = {"user_id": id_, "user_email": "dev@example.com", "metadata": {}}
    spec = UserSpec("dev@example.com", adopt=True)
    with pytest.raises(Taken, match=r"has 2 users in LiteLLM \(u-1, u-2\)"):
        ensure_user(client(fake), spec, STACK)
    del fake.users["u-2"]
    with pytest.raises(Taken, match=r"belongs to another user in LiteLLM now, u-1.*pulumi refresh"):
        ensure_user(client(fake), spec, STACK, "u-3")
