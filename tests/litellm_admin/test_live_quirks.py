"""What LiteLLM really does, and what `plan`, `ensure` and the tests' fake build on. Every test runs against both."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_admin.errors import message_of
from litellm_admin.models import token_of
from litellm_admin.transport import Response, Transport
from tests.litellm_admin.fake import FakeLiteLLM
from tests.litellm_server import HAIKU, SONNET, Proxy

fresh = Proxy.fresh
pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM


@pytest.fixture(params=["fake", "real"])
def api(request: pytest.FixtureRequest) -> Transport:
    return FakeLiteLLM() if request.param == "fake" else request.getfixturevalue("proxy").transport


def post(api: Transport, path: str, body: dict[str, Any]) -> Response:
    return api.request("POST", path, body=body)


def user(api: Transport, **fields: Any) -> str:
    user_id = fresh("user")
    body = {"user_id": user_id, "user_email": f"{user_id}@example.com", "auto_create_key": False, **fields}
    assert post(api, "/user/new", body).status == 200
    return user_id


def key(api: Transport, **fields: Any) -> str:
    value = f"sk-{fresh('value')}-{fresh('more')}"
    assert post(api, "/key/generate", {"key": value, "key_alias": fresh("alias"), **fields}).status == 200
    return token_of(value)


def user_now(api: Transport, user_id: str) -> dict[str, Any]:
    answer = api.request("GET", "/v2/user/info", {"user_id": user_id})
    assert answer.status == 200
    return answer.body


def key_now(api: Transport, token: str) -> dict[str, Any]:
    answer = api.request("GET", "/key/info", {"key": token})
    assert answer.status == 200
    return answer.body["info"]


def test_a_user_has_an_id_and_an_e_mail_that_nobody_else_has(api: Transport) -> None:
    user_id = user(api)
    new = {"user_id": user_id, "user_email": f"{fresh('x')}@example.com", "auto_create_key": False}
    same_id = post(api, "/user/new", new)
    same_email = post(api, "/user/new", {**new, "user_id": fresh("user"), "user_email": f"{user_id}@EXAMPLE.com"})
    assert (same_id.status, same_email.status) == (409, 409)
    assert "already exists" in message_of(same_id.body)
    assert "already exists" in message_of(same_email.body)


def test_a_user_without_auto_create_key_false_gets_a_key_that_nobody_asked_for(api: Transport) -> None:
    def keys_of(user_id: str) -> int:
        return api.request("GET", "/key/list", {"user_id": user_id, "page": 1, "size": 100}).body["total_count"]

    assert keys_of(user(api)) == 0
    assert keys_of(user(api, auto_create_key=True)) == 1


def test_a_new_user_whose_models_are_null_is_an_error_of_the_server(api: Transport) -> None:
    email = f"{fresh('x')}@example.com"
    body = {"user_id": fresh("user"), "user_email": email, "auto_create_key": False, "models": None}
    assert post(api, "/user/new", body).status == 500


def test_an_update_creates_a_user_that_isnt_there(api: Transport) -> None:
    ghost = fresh("ghost")
    assert post(api, "/user/update", {"user_id": ghost, "max_budget": 3.0}).status == 200
    assert user_now(api, ghost)["max_budget"] == 3.0
    assert user_now(api, ghost)["user_email"] is None


FULL = {
    "user_alias": "A",
    "user_role": "internal_user",
    "models": [HAIKU],
    "max_budget": 5.0,
    "budget_duration": "1mo",
    "tpm_limit": 7,
    "metadata": {"a": 1},
}


def rest(row: dict[str, Any], sent: dict[str, Any], names: dict[str, Any] = FULL) -> dict[str, Any]:
    """What an update left alone."""
    return {name: row[name] for name in names if name not in sent}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"models": []}, [HAIKU]),
        ({"models": ["all-proxy-models"]}, ["all-proxy-models"]),
        ({"metadata": {}}, {"a": 1}),
        ({"metadata": None}, {"a": 1}),
        ({"metadata": {"b": 2}}, {"b": 2}),
        ({"user_alias": None}, "A"),
        ({"user_alias": ""}, ""),
        ({"user_role": None}, "internal_user"),
        ({"max_budget": None}, None),
        ({"budget_duration": None}, None),
        ({"tpm_limit": None}, None),
        ({"max_budget": 0}, 0),
        ({"max_budget": -3}, -3),
    ],
    ids=str,
)
def test_which_of_a_users_fields_an_update_can_unset(api: Transport, sent: dict[str, Any], stored: Any) -> None:
    user_id = user(api, **FULL)
    assert post(api, "/user/update", {"user_id": user_id, **sent}).status == 200
    now = user_now(api, user_id)
    assert now[next(iter(sent))] == stored
    assert rest(now, sent) == rest(FULL, sent)


def test_a_period_that_is_none_is_refused(api: Transport) -> None:
    assert post(api, "/user/update", {"user_id": user(api), "budget_duration": "zz"}).status == 400
    assert post(api, "/key/update", {"key": key(api), "budget_duration": "zz"}).status == 400


def test_deleting_users_is_all_or_nothing_and_takes_their_keys(api: Transport) -> None:
    user_id = user(api)
    key(api, user_id=user_id)
    assert post(api, "/user/delete", {"user_ids": [user_id, fresh("nobody")]}).status == 404
    assert user_now(api, user_id)
    assert post(api, "/user/delete", {"user_ids": [user_id]}).status == 200
    assert api.request("GET", "/v2/user/info", {"user_id": user_id}).status == 404
    found = api.request("GET", "/key/list", {"user_id": user_id, "page": 1, "size": 100})
    assert found.body["total_count"] == 0


def test_a_key_that_is_posted_again_echoes_the_new_values_and_keeps_the_old(api: Transport) -> None:
    value = f"sk-{fresh('value')}-{fresh('more')}"
    first, second = fresh("one"), fresh("two")
    post(api, "/key/generate", {"key": value, "key_alias": first, "max_budget": 5.0})
    again = post(api, "/key/generate", {"key": value, "key_alias": second, "max_budget": 99.0})
    assert (again.status, again.body["max_budget"]) == (200, 99.0)
    assert key_now(api, token_of(value))["max_budget"] == 5.0
    assert key_now(api, token_of(value))["key_alias"] == first
    assert post(api, "/key/generate", {"key": value, "key_alias": first}).status == 400


def test_an_alias_belongs_to_one_key_letter_by_letter(api: Transport) -> None:
    alias = fresh("Alias")
    key(api, key_alias=alias)
    value = f"sk-{fresh('value')}-{fresh('more')}"
    refused = post(api, "/key/generate", {"key": value, "key_alias": alias})
    assert refused.status == 400
    assert "already exists" in message_of(refused.body)
    assert post(api, "/key/update", {"key": key(api), "key_alias": alias}).status == 400
    assert post(api, "/key/generate", {"key": value, "key_alias": alias.lower()}).status == 200


def test_an_llm_api_key_is_stored_as_its_routes(api: Transport) -> None:
    assert key_now(api, key(api, key_type="llm_api"))["allowed_routes"] == ["llm_api_routes"]
    assert key_now(api, key(api))["allowed_routes"] == []


KEY = {
    "user_id": "u-1",
    "models": [HAIKU],
    "max_budget": 5.0,
    "budget_duration": "1mo",
    "rpm_limit": 7,
    "metadata": {"a": 1},
}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"models": []}, []),
        ({"models": [SONNET]}, [SONNET]),
        ({"user_id": None}, None),
        ({"max_budget": None}, None),
        ({"budget_duration": None}, None),
        ({"rpm_limit": None}, None),
        ({"metadata": {}}, {}),
        ({"metadata": {"b": 2}}, {"b": 2}),
        ({"allowed_routes": ["llm_api_routes"]}, ["llm_api_routes"]),
        ({"blocked": True}, True),
    ],
    ids=str,
)
def test_which_of_a_keys_fields_an_update_can_unset(api: Transport, sent: dict[str, Any], stored: Any) -> None:
    token = key(api, **KEY)
    assert post(api, "/key/update", {"key": token, **sent}).status == 200
    now = key_now(api, token)
    assert now[next(iter(sent))] == stored
    assert rest(now, sent, KEY) == rest(KEY, sent, KEY)


def test_a_keys_models_cant_be_null_and_its_budget_cant_be_negative(api: Transport) -> None:
    assert post(api, "/key/update", {"key": key(api), "models": None}).status == 400
    assert post(api, "/key/update", {"key": key(api), "max_budget": -1}).status == 400


def test_a_lifetime_becomes_a_moment_and_minus_one_takes_it_away(api: Transport) -> None:
    token = key(api, duration="90s")
    assert key_now(api, token)["expires"]
    assert post(api, "/key/update", {"key": token, "duration": "-1"}).status == 200
    assert key_now(api, token)["expires"] is None


def test_an_update_of_a_key_that_isnt_there_is_refused(api: Transport) -> None:
    assert post(api, "/key/update", {"key": "0" * 64, "max_budget": 3.0}).status == 404


def test_a_deleted_key_goes_on_answering_and_can_be_made_again(api: Transport) -> None:
    value, alias = f"sk-{fresh('value')}-{fresh('more')}", fresh("alias")
    post(api, "/key/generate", {"key": value, "key_alias": alias, "max_budget": 5.0})
    assert post(api, "/key/delete", {"keys": [token_of(value), "0" * 64]}).status == 200
    assert key_now(api, token_of(value))["status"] == "deleted"
    assert post(api, "/key/delete", {"keys": [token_of(value)]}).status == 404
    assert post(api, "/key/generate", {"key": value, "key_alias": alias, "max_budget": 6.0}).status == 200
    assert key_now(api, token_of(value))["status"] == "active"
    assert key_now(api, token_of(value))["max_budget"] == 6.0
