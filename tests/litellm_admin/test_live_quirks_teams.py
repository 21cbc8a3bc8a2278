"""What LiteLLM really does with teams and with many users at once. Every test runs against the fake and the real
one."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_admin.errors import message_of
from litellm_admin.models import PROXY_ADMIN_ID, observed_team, token_of
from litellm_admin.transport import Transport
from tests.litellm_admin.test_live_quirks import HAIKU, SONNET, api, fresh, key, key_now, post, rest, user, user_now

pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM
__all__ = ["api"]


def team(api: Transport, **fields: Any) -> str:
    team_id = fresh("team")
    assert post(api, "/team/new", {"team_id": team_id, "team_alias": team_id, **fields}).status == 200
    return team_id


def team_now(api: Transport, team_id: str) -> dict[str, Any]:
    answer = api.request("GET", "/v2/team/list", {"team_id": team_id, "page": 1, "page_size": 100})
    assert answer.body["total"] == 1
    return answer.body["teams"][0]


def add(api: Transport, team_id: str, *user_ids: str) -> int:
    members = [{"role": "user", "user_id": user_id} for user_id in user_ids]
    return post(api, "/team/member_add", {"team_id": team_id, "member": members}).status


def test_an_id_is_given_once_and_an_alias_any_number_of_times(api: Transport) -> None:
    alias = fresh("alias")
    first = team(api, team_alias=alias)
    again = post(api, "/team/new", {"team_id": first, "team_alias": fresh("other")})
    assert again.status == 400
    assert "already exists" in message_of(again.body)
    second = team(api, team_alias=alias)
    query = {"team_alias": alias[:-1].upper(), "page": 1, "page_size": 100}
    found = api.request("GET", "/v2/team/list", query).body["teams"]
    assert {row["team_id"] for row in found} >= {first, second}, "the filter is a part, in any case"


def test_the_master_key_is_made_an_admin_of_every_team_that_it_makes(api: Transport) -> None:
    row = team_now(api, team(api))
    assert [(member["user_id"], member["role"]) for member in row["members_with_roles"]] == [(PROXY_ADMIN_ID, "admin")]
    assert observed_team(row).members == ()


TEAM = {"models": [HAIKU], "max_budget": 5.0, "budget_duration": "1mo", "tpm_limit": 7, "metadata": {"a": 1}}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"models": []}, []),
        ({"models": [SONNET]}, [SONNET]),
        ({"max_budget": None}, None),
        ({"budget_duration": None}, None),
        ({"tpm_limit": None}, None),
        ({"metadata": {}}, {}),
        ({"metadata": {"b": 2}}, {"b": 2}),
        ({"team_alias": None}, None),
        ({"team_alias": "another"}, "another"),
    ],
    ids=str,
)
def test_which_of_a_teams_fields_an_update_can_unset(api: Transport, sent: dict[str, Any], stored: Any) -> None:
    team_id = team(api, **TEAM)
    assert post(api, "/team/update", {"team_id": team_id, **sent}).status == 200
    now = team_now(api, team_id)
    assert now[next(iter(sent))] == stored
    assert rest(now, sent, TEAM) == rest(TEAM, sent, TEAM)


def test_a_teams_models_cant_be_null_and_its_period_cant_be_nonsense(api: Transport) -> None:
    assert post(api, "/team/update", {"team_id": team(api), "models": None}).status == 500
    assert post(api, "/team/update", {"team_id": team(api), "budget_duration": "zz"}).status == 400


def test_a_team_that_isnt_there_is_neither_updated_nor_deleted(api: Transport) -> None:
    assert post(api, "/team/update", {"team_id": fresh("no"), "max_budget": 1.0}).status == 404
    assert post(api, "/team/delete", {"team_ids": [fresh("no")]}).status == 404
    assert add(api, fresh("no"), user(api)) == 404
    assert (
        api.request("GET", "/v2/team/list", {"team_id": fresh("no"), "page": 1, "page_size": 100}).body["teams"] == []
    )


def test_members_are_added_once_and_one_that_isnt_there_is_made(api: Transport) -> None:
    team_id, one, two, ghost = team(api), user(api), user(api), fresh("ghost")
    assert add(api, team_id, one) == 200
    assert add(api, team_id, one) == 400
    assert add(api, team_id, one, two) == 200, "some of them are new"
    assert set(observed_team(team_now(api, team_id)).members) == {one, two}
    assert add(api, team_id, ghost) == 200
    assert user_now(api, ghost)["user_email"] is None


def test_a_member_that_leaves_takes_its_keys_in_the_team_along(api: Transport) -> None:
    team_id, one = team(api), user(api)
    add(api, team_id, one)
    inside, outside = key(api, user_id=one, team_id=team_id), key(api, user_id=one)
    taken_out = key(api, user_id=one, team_id=team_id)
    assert post(api, "/key/update", {"key": taken_out, "team_id": None}).status == 200
    leave = {"team_id": team_id, "user_id": one}
    assert post(api, "/team/member_delete", leave).status == 200
    assert key_now(api, inside)["status"] == "deleted"
    assert key_now(api, outside)["status"] == "active"
    assert key_now(api, taken_out)["team_id"] is None
    assert post(api, "/team/member_delete", leave).status == 400
    assert post(api, "/team/member_delete", {**leave, "team_id": fresh("no")}).status == 400


def test_a_team_takes_its_keys_along(api: Transport) -> None:
    team_id = team(api)
    inside, other = key(api, team_id=team_id), key(api)
    assert post(api, "/team/delete", {"team_ids": [team_id]}).status == 200
    assert key_now(api, inside)["status"] == "deleted"
    assert key_now(api, other)["status"] == "active"
    again = post(api, "/team/new", {"team_id": team_id, "team_alias": fresh("again")})
    assert again.status == 200, "the id is free again"


def test_a_key_may_name_a_team_that_its_owner_isnt_in(api: Transport) -> None:
    """So the access file is where that is refused: for an admin LiteLLM takes everything."""
    team_id, one = team(api, models=[HAIKU]), user(api)
    token = key(api, user_id=one, team_id=team_id, models=[SONNET])
    assert key_now(api, token)["team_id"] == team_id
    listed = api.request("GET", "/key/list", {"team_id": team_id, "user_id": one, "page": 1, "size": 100})
    assert listed.body["total_count"] == 1


@pytest.mark.parametrize(
    ("kind", "routes"),
    [("llm_api", ["llm_api_routes"]), ("management", ["management_routes"]), ("read_only", ["info_routes"])],
)
def test_a_keys_type_is_stored_as_routes_and_changed_as_such(api: Transport, kind: str, routes: list[str]) -> None:
    token = key(api, key_type=kind)
    assert key_now(api, token)["allowed_routes"] == routes
    assert post(api, "/key/update", {"key": token, "allowed_routes": []}).status == 200
    assert key_now(api, token)["allowed_routes"] == key_now(api, key(api, key_type="default"))["allowed_routes"] == []


def test_a_key_can_begin_with_what_was_spent_and_free_its_alias_for_another(api: Transport) -> None:
    alias = fresh("alias")
    old = key(api, key_alias=alias, max_budget=10.0)
    assert post(api, "/key/update", {"key": old, "key_alias": f"{alias}.former", "duration": "600s"}).status == 200
    new = key(api, key_alias=alias, max_budget=10.0, spend=3.5)
    assert (key_now(api, new)["spend"], key_now(api, new)["key_alias"]) == (3.5, alias)
    assert key_now(api, old)["expires"]


# -- many users


def rows(count: int) -> list[dict[str, Any]]:
    stem = fresh("many")
    return [
        {"user_id": f"{stem}-{n}", "user_email": f"{stem}-{n}@Example.com", "max_budget": 5.0} for n in range(count)
    ]


def test_many_users_are_made_in_one_call_without_keys_and_bad_ones_are_told_inside_of_a_success(api: Transport) -> None:
    three = rows(3)
    made = post(api, "/management/v1/users/bulk", {"users": three})
    assert (made.status, [row["success"] for row in made.body["data"]]) == (200, [True, True, True])
    assert user_now(api, three[0]["user_id"])["max_budget"] == 5.0
    listed = api.request("GET", "/key/list", {"user_id": three[0]["user_id"], "page": 1, "size": 100})
    assert listed.body["total_count"] == 0
    taken = {"user_id": fresh("other"), "user_email": three[1]["user_email"].upper()}
    [new] = rows(1)
    again = post(api, "/management/v1/users/bulk", {"users": [three[0], taken, new]})
    assert again.status == 200
    assert [row["success"] for row in again.body["data"]] == [False, False, True]
    assert all("already exists" in row["error"] for row in again.body["data"][:2])


def test_many_users_are_deleted_in_one_call_with_their_keys_and_memberships(api: Transport) -> None:
    team_id, one, two = team(api), user(api), user(api)
    add(api, team_id, one, two)
    token = key(api, user_id=one)
    gone = fresh("gone")
    answer = post(api, "/management/v1/users/bulk_delete", {"user_ids": [one, gone]})
    assert answer.status == 200
    assert [row["success"] for row in answer.body["data"]] == [True, False]
    assert answer.body["data"][1]["error"].endswith("not found")
    assert key_now(api, token)["status"] == "deleted"
    assert observed_team(team_now(api, team_id)).members == (two,)


def test_many_keys_are_deleted_in_one_call_if_at_least_one_is_there(api: Transport) -> None:
    one, two = key(api), key(api)
    assert post(api, "/key/delete", {"keys": [one, two, token_of("nobody")]}).status == 200
    assert post(api, "/key/delete", {"keys": [one, two]}).status == 404
