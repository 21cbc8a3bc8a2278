"""What is sent exists in the pinned version's own OpenAPI document: every path, method, parameter, field and enum."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from litellm_admin.client import ACTIVITY_PAGE, Client, Patience
from litellm_admin.ensure import delete_team, ensure_team, ensure_user
from litellm_admin.ensure_keys import Former, ensure_key
from litellm_admin.models import KEY_TYPES, ROLES, KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.plan import KeyWish
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Entries, Gone, Ids
from litellm_admin.transport import Response
from tests.litellm_admin import specs
from tests.litellm_admin.fake import FakeLiteLLM
from tests.litellm_server import Proxy
from tests.relay.loading import load

VALUE = "sk-" + "v" * 48
pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM


@pytest.fixture(scope="module")
def openapi(proxy: Proxy) -> dict[str, Any]:
    with urllib.request.urlopen(f"{proxy.url}/openapi.json", timeout=60) as answer:
        return json.load(answer)


class Recorder(FakeLiteLLM):
    """Remembers requests with all that was in them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, dict[str, Any], dict[str, Any] | None]] = []

    def request(self, method: str, path: str, query: Any = None, body: Any = None) -> Response:
        self.sent.append((method, path, dict(query or {}), body))
        return super().request(method, path, query, body)


def everything() -> list[tuple[str, str, dict[str, Any], dict[str, Any] | None]]:
    """Every kind of request that the client makes, with every field that a plan can have in it."""
    recorder = Recorder()
    client = Client(recorder, Patience(sleep=lambda _: None))
    full = {"models": ("a",), "budget": 5.0, "duration": "1mo", "tpm_limit": 1, "rpm_limit": 2, "metadata": {"a": 1}}
    user = UserSpec("dev@example.com", alias="Dev", role="proxy_admin", **full)
    key = KeySpec("prod", expires=specs.NOW + timedelta(days=9000), **full)
    client.wait_until_ready(1)
    ensure_user(client, user, "gw/test")
    ensure_user(client, UserSpec("DEV@example.com"), "gw/test2", user.user_id)
    ensure_key(client, KeyWish(key, user.user_id, None, "gw/test", VALUE))
    ensure_key(client, KeyWish(KeySpec("production"), None, None, "gw/test2", VALUE))
    recorder.keys[token_of(VALUE)]["allowed_routes"] = []
    ensure_key(client, KeyWish(KeySpec("production"), None, None, "gw/test2", VALUE))
    former = Former(token_of(VALUE), specs.NOW + timedelta(days=9000), VALUE)
    replacement = KeyWish(KeySpec("production", budget=9.0), user.user_id, "core", "gw/test", VALUE + "2")
    recorder.keys[token_of(VALUE)]["spend"] = 1.0
    ensure_key(client, replacement, formers=[former])
    everyone = Entries((UserSpec("a@b.co", **full),), (TeamSpec("core", ("a@b.co",), **full),), ())
    ids = reconcile(client, everyone, everyone, Gone(), Ids(), "gw/test#roster", lambda _: None)
    ensure_team(client, TeamSpec("core2"), [], "gw/test", ids.teams["core"])
    client.find_teams("core")
    everything = Gone(tuple(ids.users.values()), tuple(ids.teams.values()), (token_of(VALUE),))
    reconcile(client, Entries(), Entries(), everything, ids, "gw/test#roster", lambda _: None)
    delete_team(client, ids.teams["core"], "gw/test")
    client.list_users()
    client.list_keys()
    client.list_keys("u")
    client.find_users("a")
    client.find_key("prod")
    client.key_settings(token_of(VALUE))
    client.create_key({"key": VALUE, "key_alias": "blocked"})
    client.block_key(token_of(VALUE))
    client.unblock_key(token_of(VALUE))
    client.about()
    client.model_names()
    client.daily_activity("2026-11-01", "2026-11-25", {"user_id": "u", "api_key": "k", "model": "m"})
    client.delete_key(token_of(VALUE))
    client.delete_user(user.user_id)
    return recorder.sent


def test_every_request_exists(openapi: dict[str, Any]) -> None:
    sent = everything()
    assert {path for _, path, _, _ in sent} == {
        *("/health/readiness", "/v2/user/info", "/user/list", "/user/new", "/user/update", "/user/delete"),
        *("/key/info", "/key/list", "/key/generate", "/key/update", "/key/delete"),
        *("/v2/team/list", "/team/new", "/team/update", "/team/member_add", "/team/member_delete", "/team/delete"),
        *("/management/v1/users/bulk", "/management/v1/users/bulk_delete", "/key/block", "/key/unblock"),
        *("/health/readiness/details", "/v1/model/info", "/user/daily/activity"),
    }
    for method, path, query, body in sent:
        operation = openapi["paths"][path][method.lower()]
        known = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
        assert query.keys() <= known.keys(), path
        for name in {"page_size", "size"} & query.keys():
            largest = known[name]["schema"]["maximum"]
            # of activity, whose rows are large, the relay couldn't hand a whole page back
            assert query[name] == (ACTIVITY_PAGE if "activity" in path else largest) <= largest
        if body is not None:
            schema = resolved(openapi, operation["requestBody"]["content"]["application/json"]["schema"])
            assert body.keys() <= schema["properties"].keys(), path
            assert set(schema.get("required", [])) <= body.keys(), path
            for name, items in {"users": "BulkNewUserItem", "member": "Member"}.items():
                known_items = openapi["components"]["schemas"][items]["properties"]
                assert all(item.keys() <= known_items.keys() for item in body.get(name, ())), path


def test_every_field_of_a_spec_is_sent() -> None:
    bodies = [body for _, _, _, body in everything() if body]
    sent = {name for body in bodies for name in body}
    assert sent == {
        *("user_id", "user_email", "user_alias", "user_role", "models", "max_budget", "budget_duration", "tpm_limit"),
        *("rpm_limit", "metadata", "auto_create_key", "user_ids"),
        *("key", "key_alias", "key_type", "duration", "allowed_routes", "keys", "spend"),
        *("team_id", "team_alias", "team_ids", "member", "users"),
    }


def test_enums_and_the_constants_of_the_pinned_version(openapi: dict[str, Any]) -> None:
    roles = enum(openapi, openapi["components"]["schemas"]["NewUserRequest"]["properties"]["user_role"])
    assert set(ROLES) == set(roles)
    kinds = enum(openapi, openapi["components"]["schemas"]["GenerateKeyRequest"]["properties"]["key_type"])
    assert set(KEY_TYPES) == set(kinds)
    roles = openapi["components"]["schemas"]["Member"]["properties"]["role"]["enum"]
    assert "user" in roles


def test_the_relays_routes_all_exist(openapi: dict[str, Any]) -> None:
    paths = set(openapi["paths"])
    hidden = {"/v2/key"}  # /v2/key/info isn't in the document, but answers
    for prefix in load().ROUTES.keys() - hidden:
        assert any(path == prefix or path.startswith(f"{prefix}/") for path in paths), prefix


def test_a_hidden_route_answers(proxy: Proxy) -> None:
    assert proxy.transport.request("POST", "/v2/key/info", body={"keys": ["0" * 64]}).status == 200


def resolved(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def enum(openapi: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    options = [resolved(openapi, option) for option in schema.get("anyOf", [schema])]
    return next(option["enum"] for option in options if "enum" in option)
