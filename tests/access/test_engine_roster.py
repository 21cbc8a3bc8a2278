"""Teams, rotation and rosters through the real engine, with LiteLLM in memory behind the relay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.access_file import AccessSpec
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, observed_team, token_of, user_id_of
from tests.access.engine import EngineError, Relay, Stack
from tests.access.test_engine import litellm, relay, stack
from tests.litellm_admin.fake import FakeLiteLLM

__all__ = ["litellm", "relay", "stack"]
pytestmark = pytest.mark.timeout(600)  # some ten runs of the engine, each of a few seconds on an idle machine

WEEK = 7 * 86_400
DEV, LEAD = UserSpec("dev@example.com", budget=50.0), UserSpec("lead@example.com", budget=200.0)
CORE = TeamSpec("core", ("dev@example.com", "lead@example.com"), budget=300.0)
CI = KeySpec("ci", "dev@example.com", team="core", overlap=WEEK)
PROD = KeySpec("production", budget=500.0)


def test_a_team_and_a_rotation(stack: Stack, relay: Relay, litellm: FakeLiteLLM) -> None:
    spec = AccessSpec((DEV, LEAD), (CI, PROD), (CORE,))
    before = stack.up(spec).outputs["keys"]
    team = observed_team(litellm.teams[CORE.team_id])
    assert set(team.members) == {user_id_of("dev@example.com"), user_id_of("lead@example.com")}
    assert litellm.keys[token_of(before["ci"])]["team_id"] == CORE.team_id
    assert stack.refresh().changes == {"same": 10}

    # the preview says whose value changes, and nobody else's
    turning = replace(spec, keys=(replace(CI, rotate="2026-11"), PROD))
    seen = stack.preview(turning)
    assert seen.changes == {"same": 8, "update": 2}
    assert "access-key-ci update [diff: +rotate" in seen.said
    assert "production" not in seen.said
    after = stack.up().outputs["keys"]
    assert after["production"] == before["production"]
    assert after["ci"] != before["ci"]
    assert set(litellm.keys) == {token_of(value) for value in (before["ci"], after["ci"], after["production"])}
    assert litellm.keys[token_of(before["ci"])]["expires"]
    assert stack.up().changes == {"same": 10}

    # somebody leaves the team, and loses no key
    alone = replace(
        turning,
        teams=(replace(CORE, members=("lead@example.com",)),),
        keys=(replace(CI, rotate="2026-11", team=None), PROD),
    )
    assert stack.up(alone).outputs["keys"] == after
    assert observed_team(litellm.teams[CORE.team_id]).members == (user_id_of("lead@example.com"),)
    assert litellm.keys[token_of(after["ci"])]["team_id"] is None

    # what leaked is stopped at once
    stopped = stack.up(replace(alone, keys=(replace(CI, rotate="leaked", overlap=0, team=None), PROD))).outputs["keys"]
    assert set(litellm.keys) == {token_of(value) for value in stopped.values()}
    printed = stack.state
    assert not [value for value in (*before.values(), *after.values(), *stopped.values()) if value in printed]


def test_a_rotation_that_fails_half_way_goes_on_where_it_was(stack: Stack, litellm: FakeLiteLLM) -> None:
    before = stack.up(AccessSpec((), (replace(CI, owner=None, team=None),))).outputs["keys"]["ci"]
    litellm.fault = lambda _method, path: 500 if path == "/key/generate" else None
    turning = AccessSpec((), (replace(CI, owner=None, team=None, rotate="2"),))
    with pytest.raises(EngineError, match="LiteLLM failed at POST /key/generate"):
        stack.up(turning)
    assert litellm.keys[token_of(before)]["expires"], "the value that people have works on, for as long as was said"
    ends = litellm.keys[token_of(before)]["expires"]
    litellm.fault = lambda _method, _path: None
    after = stack.up(turning).outputs["keys"]["ci"]
    assert set(litellm.keys) == {token_of(before), token_of(after)}
    assert litellm.keys[token_of(before)]["expires"] == ends


def many(count: int, budget: float = 5.0) -> AccessSpec:
    users = tuple(UserSpec(f"user{n}@example.com", budget=budget) for n in range(count))
    keys = tuple(KeySpec(f"key-{n}", users[n].email, budget=budget) for n in range(count))
    return AccessSpec(users, keys, (TeamSpec("core", ("user0@example.com",)),))


def test_a_roster_lives_as_its_entries_would(stack: Stack, relay: Relay, litellm: FakeLiteLLM) -> None:
    stack.roster_above, spec = 3, many(30)
    made = stack.up(spec)
    keys = made.outputs["keys"]
    assert made.changes == {"create": 6}
    assert {token_of(value) for value in keys.values()} == set(litellm.keys)
    assert made.outputs["users"]["user7@example.com"] == user_id_of("user7@example.com")
    assert relay.invocations < 20, "sixty entries come in a few invocations"
    assert stack.refresh().changes == {"same": 6}
    assert stack.up().changes == {"same": 6}
    assert not relay.calls

    # one user changes, one key goes: a plain preview names both and nobody else
    users = (replace(spec.users[0], budget=6.0), *spec.users[1:])
    fewer = replace(spec, users=users, keys=spec.keys[:-1])
    seen = stack.preview(fewer)
    assert seen.changes == {"same": 4, "update": 2}
    assert "access-roster update [diff: -key:key-29~ring,user:user0@example.com]" in seen.said
    stack.up(replace(spec, users=users))
    assert relay.calls == [("GET", "/v2/user/info"), ("POST", "/user/update")]
    stack.up(fewer)
    assert len(litellm.keys) == 29

    # a hand-made change is shown by name and mended
    litellm.users[user_id_of("user3@example.com")]["max_budget"] = 99.0
    assert stack.refresh().changes == {"same": 5, "update": 1}
    seen = stack.preview()
    assert "access-roster update [diff: +ring,root~user:user3@example.com]" in seen.said
    stack.up()
    assert litellm.users[user_id_of("user3@example.com")]["max_budget"] == 5.0
    assert stack.refresh().changes == {"same": 6}
    printed = made.said + stack.state
    assert not [value for value in keys.values() if value in printed or value[3:] in printed]
    assert stack.destroy().changes == {"delete": 6}
    assert not relay.calls


def test_a_file_that_outgrows_its_resources_loses_nothing_and_neither_does_one_that_shrinks(
    stack: Stack, litellm: FakeLiteLLM
) -> None:
    spec = many(2)
    keys = stack.up(spec).outputs["keys"]
    for row in litellm.keys.values():
        row["spend"] = 7.0
    for roster_above in (3, 100):
        stack.roster_above = roster_above
        assert stack.up().outputs["keys"] == keys
        assert {token: row["spend"] for token, row in litellm.keys.items()} == {
            token_of(value): 7.0 for value in keys.values()
        }
        assert len(litellm.users) == 2
        assert len(litellm.teams) == 1
        assert set(stack.refresh().changes) == {"same"}


def test_a_roster_that_fails_is_told_and_comes_through_when_run_again(stack: Stack, litellm: FakeLiteLLM) -> None:
    stack.roster_above = 0
    litellm.request("POST", "/key/generate", body={"key": "sk-by-hand-0123456789", "key_alias": "key-3"})
    with pytest.raises(EngineError, match=r"The alias key-3 is in LiteLLM already.*`adopt: true`") as caught:
        stack.up(many(5))
    assert "Traceback" not in str(caught.value)
    assert not litellm.users, "nothing was changed"
    spec = many(5)
    keys = tuple(replace(key, adopt=key.alias == "key-3") for key in spec.keys)
    acted = iter([True] * 4)
    litellm.fault = lambda _method, path: "after" if path == "/key/generate" and next(acted, False) else None
    made = stack.up(replace(spec, keys=keys))
    assert made.outputs["keys"].keys() == {"key-0", "key-1", "key-2", "key-4"}, "an adopted key's value isn't known"
    assert len(litellm.keys) == 5
    assert litellm.keys[token_of("sk-by-hand-0123456789")]["max_budget"] == 5.0
    assert stack.up().changes == {"same": 6}
