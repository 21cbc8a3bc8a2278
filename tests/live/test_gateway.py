"""The gateway as people use it: developers by CloudFront, admins by the relay and the admin door, and what Postgres
holds."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest
import yaml

from tests.live.cloud import ROOT, Cloud, chat, http

ACCESS = yaml.safe_load((ROOT / "access" / "local.yaml").read_text())


def test_a_seeded_key_gets_a_completion(outputs: dict[str, Any]) -> None:
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"])
    assert answer.status == 200, answer.text
    assert "Claude Haiku 4.5" in answer.json["choices"][0]["message"]["content"]


def test_a_completion_streams(outputs: dict[str, Any]) -> None:
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"], stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]" and len(events) > 2
    deltas = [
        json.loads(event)["choices"][0]["delta"].get("content") or ""
        for event in events[:-1]
        if json.loads(event)["choices"]
    ]
    assert "Claude Haiku 4.5" in "".join(deltas)


def test_the_openai_sdk_works_unchanged(outputs: dict[str, Any]) -> None:
    client = openai.OpenAI(base_url=f"{outputs['gatewayUrl']}/v1", api_key=outputs["keys"]["production"], max_retries=0)
    answer = client.chat.completions.create(model="claude-sonnet-4-5", messages=[{"role": "user", "content": "Hello"}])
    assert "Claude Sonnet 4.5" in (answer.choices[0].message.content or "")
    stream = client.chat.completions.create(
        model="claude-sonnet-4-5", messages=[{"role": "user", "content": "Hello"}], stream=True
    )
    assert "Claude Sonnet 4.5" in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_models_lists_what_the_key_may_use(outputs: dict[str, Any]) -> None:
    def models(alias: str) -> set[str]:
        return {
            model["id"]
            for model in http("GET", f"{outputs['gatewayUrl']}/v1/models", outputs["keys"][alias]).json["data"]
        }

    assert models("dev-environment") == {"claude-haiku-4-5"}
    assert models("production") == {"claude-haiku-4-5", "claude-sonnet-4-5"}


def test_a_wrong_key_is_401(outputs: dict[str, Any]) -> None:
    assert chat(outputs["gatewayUrl"], "sk-0000000000000000000000").status == 401


def test_a_model_outside_the_keys_list_is_refused(outputs: dict[str, Any]) -> None:
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"], model="claude-sonnet-4-5")
    assert answer.status in (401, 403) and "claude-sonnet-4-5" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/user/list", "/user/new", "/key/generate", "/key/list", "/model/info", "/model/new", "/spend/logs", "/spend/"],
)
def test_admin_paths_answer_403_from_the_edge(cloud: Cloud, outputs: dict[str, Any], method: str, path: str) -> None:
    """Even with the master key: the edge's own body says that it never reached the origin."""
    answer = http(method, outputs["gatewayUrl"] + path, cloud.master_key(), body={} if method == "POST" else None)
    assert answer.status == 403
    assert "litellm-users.sh" in answer.json["error"]["message"]
    assert answer.headers["x-cache"] == "FunctionGeneratedResponse from cloudfront"


@pytest.mark.parametrize(
    "path",
    ["/key%2Fgenerate", "/%6bey/generate", "/team/list", "/v2/user/info", "/health", "/ui/", "/", "/openapi.json"],
)
def test_everything_off_the_list_answers_403(cloud: Cloud, outputs: dict[str, Any], path: str) -> None:
    answer = http("GET", outputs["gatewayUrl"] + path, cloud.master_key())
    assert answer.status == 403 and answer.json["error"]["type"] == "permission_error"


def _key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["alias"], entry.get("budget"), sorted(entry.get("models") or [])


def test_the_admin_door_knows_users_and_keys_with_budgets_models_and_periods(
    cloud: Cloud, outputs: dict[str, Any]
) -> None:
    master = cloud.master_key()
    for entry in ACCESS["users"]:
        user = http("GET", f"{outputs['adminUrl']}/user/info?user_id={outputs['users'][entry['email']]}", master).json[
            "user_info"
        ]
        assert user["user_email"] == entry["email"]
        assert (user["max_budget"], user["budget_duration"]) == (entry["budget"], "1mo")
        assert sorted(user["models"]) == sorted(entry.get("models") or [])
    for entry in ACCESS["keys"]:
        info = http("GET", f"{outputs['adminUrl']}/key/info?key={outputs['keys'][entry['alias']]}", master).json["info"]
        assert (info["key_alias"], info["max_budget"], sorted(info["models"])) == _key(entry)
        assert info["budget_duration"] == "1mo"


def test_the_relay_lets_an_iam_caller_in_without_the_master_key(cloud: Cloud, outputs: dict[str, Any]) -> None:
    answer = cloud.relay("GET", "/user/list", query={"page_size": "100"})
    assert answer["status"] == 200
    assert {user["user_email"] for user in answer["body"]["users"]} >= set(outputs["users"])
    assert cloud.relay("POST", "/v1/chat/completions", body={})["status"] == 403, "the relay forwards management only"


def test_the_admin_door_is_closed_without_the_master_key(outputs: dict[str, Any]) -> None:
    assert http("GET", f"{outputs['adminUrl']}/user/list").status == 401
    assert http("POST", f"{outputs['adminUrl']}/key/generate", outputs["keys"]["production"], {}).status in (401, 403)


def test_postgres_holds_the_rows(cloud: Cloud) -> None:
    rows = cloud.sql('select user_email, max_budget from "LiteLLM_UserTable" where user_email is not null order by 1')
    assert rows == sorted((entry["email"], entry["budget"]) for entry in ACCESS["users"])
    rows = cloud.sql(
        'select key_alias, max_budget from "LiteLLM_VerificationToken" where key_alias is not null order by 1'
    )
    assert rows == sorted((entry["alias"], entry["budget"]) for entry in ACCESS["keys"])
    assert (
        cloud.sql("select ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'litellm' and ssl")
        != []
    )


def test_spend_is_counted_on_the_key_and_its_user(cloud: Cloud, outputs: dict[str, Any]) -> None:
    email, key = "dev@example.com", "sk-spend-test-0000000000000001"
    user = outputs["users"][email]
    made = cloud.relay(
        "POST", "/key/generate", body={"key": key, "key_alias": "spend-test", "user_id": user, "models": []}
    )
    assert made["status"] == 200, made
    try:
        for _ in range(3):
            assert chat(outputs["gatewayUrl"], key, model="claude-sonnet-4-5").status == 200
        deadline = time.monotonic() + 90
        spent: tuple[float, float] = (0, 0)
        while time.monotonic() < deadline and not all(spent):
            of_key = cloud.relay("GET", "/key/info", query={"key": key})["body"]["info"]["spend"]
            of_user = cloud.relay("GET", "/user/info", query={"user_id": user})["body"]["user_info"]["spend"]
            spent = (of_key, of_user)
            time.sleep(1)
        assert spent[0] > 0 and spent[1] >= spent[0], f"after 90 s key and user have spent {spent}"
    finally:
        cloud.relay("POST", "/key/delete", body={"keys": [key]})


def test_http_is_redirected_to_https(cloud: Cloud, outputs: dict[str, Any]) -> None:
    """The edge's two loopback ports stand for http and https, so the redirect leads from one to the other."""
    [hosts] = [d["hosts"] for d in cloud.status()["distributions"]]
    plain = next(local for aws, local in hosts.items() if aws.startswith("http://"))
    import http.client as client

    connection = client.HTTPConnection(plain.removeprefix("http://"), timeout=10)
    connection.request("GET", "/v1/models")
    response = connection.getresponse()
    assert (response.status, response.headers["location"]) == (301, outputs["gatewayUrl"] + "/v1/models")
    connection.close()


def test_no_secret_is_in_clear_in_state_logs_or_plain_outputs(cloud: Cloud, outputs: dict[str, Any]) -> None:
    secrets = [cloud.master_key(), *outputs["keys"].values()]
    plain = cloud.localcloud("outputs", "--json").stdout
    state = "".join(path.read_text(errors="replace") for path in (cloud.home / "state").rglob("*") if path.is_file())
    logs = "".join(path.read_text(errors="replace") for path in (cloud.home / "log").rglob("*") if path.is_file())
    assert state and logs
    for where, text in {"outputs": plain, "state": state, "logs": logs}.items():
        assert not [secret[:6] + "…" for secret in secrets if secret in text], where
    readable = [
        path
        for path in cloud.home.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and cloud.home.stat().st_mode & 0o077
    ]
    assert not readable, "files that others could read in a home that others may enter"
