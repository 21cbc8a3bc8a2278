"""The guide's commands, word for word, by all three ways in; who may and who may not; and what is audited."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.live.cloud import Cloud, chat, http

ADMIN, VIEWER, NOBODY = "admin", "viewer", "nobody"


@pytest.fixture(scope="module")
def ways(cloud: Cloud, outputs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Way → the environment and the flags with which one gets in by it."""
    no_aws = {name: "" for name in cloud.exports() if name.startswith("AWS_")}
    return {
        "url": {"flags": (), "LITELLM_URL": outputs["adminUrl"], "LITELLM_MASTER_KEY": cloud.master_key(), **no_aws},
        "relay": {"flags": ()},
        "direct": {"flags": ("--stack", "local", "--way", "direct")},
    }


class Admin:
    """The tool by one way in."""

    def __init__(self, cloud: Cloud, way: dict[str, Any]) -> None:
        self.cloud = cloud
        self.env = dict(way)
        self.flags = self.env.pop("flags")

    def __call__(self, line: str, check: bool = True) -> Any:
        return self.cloud.users(*shlex.split(line), *self.flags, check=check, **self.env)

    def json(self, line: str) -> Any:
        return json.loads(self(f"{line} --json").stdout)


@pytest.fixture(params=["url", "relay", "direct"])
def admin(request: pytest.FixtureRequest, cloud: Cloud, ways: dict[str, dict[str, Any]]) -> Admin:
    return Admin(cloud, ways[request.param])


def test_the_way_is_the_one_that_was_meant(
    admin: Admin, ways: dict[str, dict[str, Any]], outputs: dict[str, Any]
) -> None:
    found = admin.json("whoami")
    expected = {
        "url": (outputs["adminUrl"], None),
        "relay": ("llm-gateway-local-relay", "arn:aws:iam::123456789012:user/local-admin"),
        "direct": (outputs["adminUrl"], None),
    }
    assert (found["by"], found["caller"]) == expected[found["way"]]
    assert ways[found["way"]]["flags"] == admin.flags


def test_the_guides_commands_word_for_word(admin: Admin, cloud: Cloud, outputs: dict[str, Any]) -> None:
    assert "create-user --email dev@example.com --budget 50 --duration monthly" in admin("help").stdout
    email, alias = "guide@example.com", "guide-key"
    admin(f"""create-user --email {email} --budget 50 --duration monthly --models '["claude-haiku-4-5"]'""")
    [user] = [user for user in admin.json("list-users")["users"] if user["email"] == email]
    try:
        assert (user["budget"], user["period"], user["models"]) == (50, "1mo", ["claude-haiku-4-5"])
        assert email in admin("list-users").stdout
        assert email in admin(f"get-user {user['user_id']}").stdout
        admin(f"update-budget --user-id {user['user_id']} --budget 100")
        rows = cloud.sql('select user_email, max_budget, budget_duration, models from "LiteLLM_UserTable"')
        assert (email, 100.0, "1mo", ["claude-haiku-4-5"]) in rows
        made = admin.json(
            f"create-key --alias {alias} --budget 20 --duration monthly --user-id {user['user_id']} "
            """--models '["claude-haiku-4-5"]'"""
        )
        assert chat(outputs["gatewayUrl"], made["key"]).status == 200
        assert chat(outputs["gatewayUrl"], made["key"], model="claude-sonnet-4-5").status in (401, 403)
        assert alias in admin("list-keys").stdout
        admin(f"delete-key {made['key']}")
        assert chat(outputs["gatewayUrl"], made["key"]).status == 401
    finally:
        admin(f"delete-user {user['user_id']}")
    assert email not in admin("list-users").stdout


def test_the_guides_curl_works_at_the_admin_door(cloud: Cloud, outputs: dict[str, Any]) -> None:
    url, master = outputs["adminUrl"], cloud.master_key()
    user = {"user_email": "curl@example.com", "max_budget": 50, "budget_duration": "monthly", "models": []}
    made = http("POST", f"{url}/user/new", master, user).json
    key = http("POST", f"{url}/key/generate", master, {"key_alias": "curl", "max_budget": 5, "models": []}).json
    assert any(row["user_id"] == made["user_id"] for row in http("GET", f"{url}/user/list", master).json["users"])
    cloud.users("delete-key", key["key"])
    cloud.users("delete-user", made["user_id"])


def test_a_key_alone_or_an_address_alone_is_enough(cloud: Cloud, outputs: dict[str, Any]) -> None:
    by_key = json.loads(cloud.users("whoami", "--json", LITELLM_MASTER_KEY=cloud.master_key()).stdout)
    assert (by_key["way"], by_key["stack"]) == ("relay", "llm-gateway/local")
    by_url = json.loads(cloud.users("whoami", "--json", LITELLM_URL=outputs["adminUrl"]).stdout)
    assert (by_url["way"], by_url["by"]) == ("url", outputs["adminUrl"])
    wrong = cloud.users("list-users", check=False, LITELLM_MASTER_KEY="sk-wrong-key-000000000")
    assert wrong.returncode == 1, "LITELLM_MASTER_KEY wins over the relay's own"
    assert "doesn't know this master key" in wrong.stderr


@pytest.mark.parametrize("line", ["list-users", "create-user --email x@example.com", "list-keys", "spend"])
def test_a_call_at_the_cloudfront_address_is_explained_with_a_way_that_works(
    cloud: Cloud, outputs: dict[str, Any], line: str
) -> None:
    env = {"LITELLM_URL": outputs["gatewayUrl"], "LITELLM_MASTER_KEY": cloud.master_key()}
    ran = cloud.users(*line.split(), check=False, **env)
    assert ran.returncode == 1
    assert "blocked by design" in ran.stderr
    offered = ran.stderr.partition("This works from here: ")[2].strip()
    assert offered == f"env -u LITELLM_URL scripts/litellm-users.sh {line} --stack local"
    if line == "list-users":
        assert "lead@example.com" in cloud.users(*shlex.split(offered)[4:]).stdout


# -- who may


@pytest.fixture(scope="module")
def people(cloud: Cloud, outputs: dict[str, Any]) -> Iterator[dict[str, dict[str, str]]]:
    """IAM users with the ready policies: name → environment."""
    iam = cloud.client("iam")
    policies = {ADMIN: outputs["adminPolicyArn"], VIEWER: outputs["viewerPolicyArn"], NOBODY: None}
    found, keys = {}, {}
    for name, policy in policies.items():
        iam.create_user(UserName=name)
        if policy:
            iam.attach_user_policy(UserName=name, PolicyArn=policy)
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
        found[name] = {
            "AWS_ACCESS_KEY_ID": keys[name]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys[name]["SecretAccessKey"],
        }
    yield found
    for name, policy in policies.items():
        iam.delete_access_key(UserName=name, AccessKeyId=keys[name]["AccessKeyId"])
        if policy:
            iam.detach_user_policy(UserName=name, PolicyArn=policy)
        iam.delete_user(UserName=name)


def test_an_admin_by_policy_administers_without_the_master_key(cloud: Cloud, people: dict[str, dict[str, str]]) -> None:
    found = json.loads(cloud.users("whoami", "--json", **people[ADMIN]).stdout)
    assert (found["caller"], found["reads_only"]) == ("arn:aws:iam::123456789012:user/admin", False)
    cloud.users("create-user", "--email", "by-admin@example.com", **people[ADMIN])
    cloud.users("delete-user", "by-admin@example.com", **people[ADMIN])
    direct = cloud.users("list-users", "--way", "direct", check=False, **people[ADMIN])
    assert direct.returncode == 3
    assert "may not read the master key" in direct.stderr
    assert cloud.users("doctor", **people[ADMIN]).returncode == 0


def test_a_viewer_looks_and_changes_nothing(cloud: Cloud, people: dict[str, dict[str, str]]) -> None:
    found = json.loads(cloud.users("whoami", "--json", **people[VIEWER]).stdout)
    assert (found["by"], found["reads_only"]) == ("llm-gateway-local-relay-read", True)
    for line in ("list-users", "list-keys", "get-user lead@example.com", "spend", "models", "export"):
        assert cloud.users(*line.split(), **people[VIEWER]).stdout
    for line in (
        "create-user --email v@example.com",
        "update-budget --user-id lead@example.com --budget 1",
        "delete-user lead@example.com",
        "create-key --alias viewers",
        "block-key production",
        "delete-key production",
    ):
        ran = cloud.users(*line.split(), check=False, **people[VIEWER])
        assert ran.returncode == 3, ran.stdout
        assert "may look at the gateway and not change it" in ran.stderr
    emails = {user["email"] for user in json.loads(cloud.users("list-users", "--json").stdout)["users"]}
    assert "lead@example.com" in emails
    assert "v@example.com" not in emails
    doctor = cloud.users("doctor", **people[VIEWER]).stdout
    assert "lets you look only" in doctor
    assert "Couldn't look further" not in doctor, "the policy allows what the doctor reads"


def test_nobody_without_a_policy_gets_in(cloud: Cloud, people: dict[str, dict[str, str]]) -> None:
    for line in ("list-users", "list-users --stack local", "create-user --email n@example.com"):
        ran = cloud.users(*line.split(), check=False, **people[NOBODY])
        assert (ran.returncode, ran.stdout) == (3, "")
        assert "may not" in ran.stderr
    stolen = {**people[ADMIN], "AWS_SECRET_ACCESS_KEY": "guessed"}
    ran = cloud.users("list-users", "--stack", "local", check=False, **stolen)
    assert ran.returncode != 0


def audited(cloud: Cloud, relay: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The line that is wanted, of those that a relay writes."""
    logs, group, deadline = cloud.client("logs"), f"/aws/lambda/llm-gateway-local-{relay}", time.monotonic() + 120
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        texts = [event["message"] for page in pages for event in page["events"]]
        lines = [json.loads(text) for text in texts if text.startswith('{"audit"')]
        if found := [line for line in lines if wanted(line)]:
            return found[0]
        assert time.monotonic() < deadline, f"no such line in {group}; the last are {lines[-5:]}"
        time.sleep(1)


def test_every_call_is_audited_with_who_what_and_result_and_no_secret(
    cloud: Cloud, outputs: dict[str, Any], people: dict[str, dict[str, str]]
) -> None:
    made = json.loads(cloud.users("create-key", "--alias", "audited", "--json", **people[ADMIN]).stdout)
    cloud.users("delete-key", made["key"], **people[ADMIN])
    cloud.users("list-users", **people[VIEWER])
    line = audited(
        cloud, "relay", lambda line: line["path"] == "/key/delete" and line["objects"] == [f"key={made['key_id'][:8]}"]
    )
    assert (line["caller"], line["method"], line["status"]) == ("arn:aws:iam::123456789012:user/admin", "POST", 200)
    audited(
        cloud, "relay-read", lambda line: line["path"] == "/user/list" and str(line["caller"]).endswith(":user/viewer")
    )
    everything = json.dumps(cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/llm-gateway-local-relay"))
    for secret in (made["key"], cloud.master_key(), *outputs["keys"].values()):
        assert secret not in everything
    assert "Signature=" not in everything


def test_the_relay_wants_to_know_who_calls(cloud: Cloud) -> None:
    payload = json.dumps({"request": json.dumps({"method": "GET", "path": "/user/list"})})
    answer = cloud.client("lambda").invoke(FunctionName="llm-gateway-local-relay", Payload=payload)
    found = json.loads(answer["Payload"].read())
    assert (found["status"], found["body"]["error"]["code"]) == (401, "caller_unproven")


def test_reserved_concurrency_is_deployed(cloud: Cloud) -> None:
    for name in ("llm-gateway-local-relay", "llm-gateway-local-relay-read"):
        found = cloud.client("lambda").get_function_concurrency(FunctionName=name)
        assert found["ReservedConcurrentExecutions"] == 10


def test_spend_is_told_after_a_completion(cloud: Cloud, outputs: dict[str, Any]) -> None:
    cloud.users("create-user", "--email", "spender@example.com")
    made = json.loads(
        cloud.users("create-key", "--alias", "spender", "--user-id", "spender@example.com", "--json").stdout
    )
    try:
        assert chat(outputs["gatewayUrl"], made["key"], model="claude-sonnet-4-5").status == 200
        deadline = time.monotonic() + 240
        total: dict[str, Any] = {"spend": 0}
        line = ("spend", "--by", "model", "--key", "spender", "--since", "yesterday", "--json")
        while not total["spend"] and time.monotonic() < deadline:
            report = json.loads(cloud.users(*line).stdout)
            total = report["total"]
            time.sleep(1)
        assert total["spend"] > 0
        assert [row["name"] for row in report["rows"]] == ["claude-sonnet-4-5"]
    finally:
        cloud.users("delete-user", "spender@example.com")
