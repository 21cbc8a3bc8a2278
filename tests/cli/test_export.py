"""What is in LiteLLM becomes entries of an access file, and adopting them changes nothing but who manages them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from components.access_file import load_access
from litellm_admin.cli.export import access_file
from litellm_admin.client import Client, Patience
from litellm_admin.ensure import ensure_user
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, observed_key, observed_team, observed_user
from litellm_admin.plan import KeyWish, key_changes, team_changes, user_changes
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Entries, Gone, Ids, KeyEntry
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM

STACK = "llm-gateway/test"
LATER = specs.NOW.replace(year=2090)


def client(fake: FakeLiteLLM) -> Client:
    return Client(fake, Patience(attempts=1, sleep=lambda _: None))


def seen(fake: FakeLiteLLM) -> tuple[list[Any], list[Any], list[Any]]:
    return (
        [observed_user(row) for row in fake.users.values()],
        [observed_team(row) for row in fake.teams.values()],
        [observed_key(row) for row in fake.keys.values()],
    )


def entries_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("  - ")]


def by_hand(user: UserSpec, team: TeamSpec, key: KeySpec) -> FakeLiteLLM:
    """As somebody made them who never heard of this project."""
    fake = FakeLiteLLM()
    wanted = Entries((user,), (replace(team, members=(user.email,)),), (KeyEntry(key, "sk-by-hand-0123456789"),))
    reconcile(client(fake), wanted, wanted, Gone(), Ids(), STACK, lambda _: None)
    for row in (*fake.users.values(), *fake.teams.values(), *fake.keys.values()):
        del row["metadata"]["managed_by"]
    return fake


metadata = st.dictionaries(st.sampled_from(["cost", "note: 'x'", "sizes"]), specs.budgets | specs.texts, max_size=2)


@settings(
    deadline=None,
    max_examples=60,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(specs.users, specs.teams, specs.keys, metadata, st.booleans())
def test_adopting_what_was_listed_changes_nothing_but_who_manages_it(
    tmp_path: Path, user: UserSpec, team: TeamSpec, key: KeySpec, noted: dict[str, Any], owned: bool
) -> None:
    user, team = replace(user, metadata=noted), replace(team, metadata=noted, models=())
    expires = LATER if key.expires else None
    key = replace(key, metadata=noted, owner=user.email if owned else None, team=team.alias, expires=expires)
    fake = by_hand(user, team, key)
    file = tmp_path / "access" / "x.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(access_file(*seen(fake), STACK))
    spec, problems = load_access(file, specs.MODELS, "rds")
    assert not problems, [str(problem) for problem in problems]
    [user_seen], [team_seen], [key_seen] = seen(fake)
    assert {change.field for change in user_changes(spec.users[0], STACK, user_seen)} <= {"metadata", "role"}
    assert {change.field for change in team_changes(spec.teams[0], STACK, team_seen)} == {"metadata"}
    wish = KeyWish(spec.keys[0], key_seen.owner_id, key_seen.team_id, STACK, "")
    assert {change.field for change in key_changes(wish, key_seen, specs.NOW)} == {"metadata"}
    assert spec.users[0].adopt and spec.teams[0].adopt and spec.keys[0].adopt
    entries = Entries(spec.users, spec.teams, (KeyEntry(spec.keys[0], "sk-never-used-0123456789"),))
    before = set(fake.users), set(fake.teams), set(fake.keys)
    reconcile(client(fake), entries, entries, Gone(), Ids(), STACK, lambda _: None)
    assert (set(fake.users), set(fake.teams), set(fake.keys)) == before
    managed = access_file(*seen(fake), STACK)
    file.write_text(managed)
    again, problems = load_access(file, specs.MODELS, "rds")
    assert not problems and "adopt" not in managed, "what the stack manages is as the file says"
    [user_seen], [team_seen], _ = seen(fake)
    assert user_changes(again.users[0], STACK, user_seen) == team_changes(again.teams[0], STACK, team_seen) == ()
    assert not entries_of(access_file(*seen(fake), STACK, only_unmanaged=True))
    assert not entries_of(access_file(*seen(fake), "llm-gateway/other")), "another stack leaves it alone"


def test_what_an_access_file_cant_say_is_a_comment() -> None:
    fake = FakeLiteLLM()
    ensure_user(client(fake), UserSpec("a@b.co"), STACK)
    fake.users |= {id_: {"user_id": id_, "user_email": "twice@x.co"} for id_ in ("u-1", "u-2")}
    fake.users["u-3"] = {"user_id": "u-3"}
    fake.users["u-4"] = {"user_id": "u-4", "user_email": "c@d.co", "budget_duration": "7y"}
    fake.users["default_user_id"] = {"user_id": "default_user_id"}
    fake.teams["t-1"] = {"team_id": "t-1"}
    fake.teams["t-2"] = {"team_id": "t-2", "team_alias": "core", "members_with_roles": [{"user_id": "u-3"}]}
    fake.keys["1" * 64] = {"token": "1" * 64}
    for digit, alias, row in (
        ("3", "ownerless", {"user_id": "u-3"}),
        ("4", "teamless", {"team_id": "t-1"}),
        ("5", "reader", {"allowed_routes": ["/key/info"]}),
        ("6", "over", {"expires": "2020-01-01T00:00:00Z"}),
    ):
        fake.keys[digit * 64] = {"token": digit * 64, "key_alias": alias, **row}
    fake.keys["2" * 64] = {"token": "2" * 64, "team_id": "litellm-dashboard"}
    text = access_file(*seen(fake), STACK, only_unmanaged=True)
    for part in (
        *("left out: user u-1, because twice@x.co has 2 users", "left out: user u-3, because it has no e-mail"),
        *("left out: team t-1, because it has no alias", "members without an e-mail would leave the team: u-3"),
        *("left out: key 11111111…, because it has no alias", "left out: key ownerless, because its owner u-3"),
        *("left out: key teamless, because its team t-1 has no alias", "it may call /key/info"),
        *("its period 7y is none here", "left out: key over, because it is expired"),
    ):
        assert f"# {part}" in text, part
    assert "a@b.co" not in text
    assert "default_user_id" not in text
    assert "22222222" not in text
