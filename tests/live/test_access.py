"""A key of an application on the standing gateway: published, rotated, moved into a roster and back, taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.live.cloud import Cloud, chat
from tests.live.test_truth import changes, project

KEY = "  - alias: app\n    team: apps\n    budget: 5\n    publish: true\n"
TEAM = "teams:\n  - alias: apps\n    models: [claude-haiku-4-5]\n    members: [dev@example.com]\n"
ROTATED = KEY + "    rotate: second\n    overlap: 1d\n"


def session(cloud: Cloud, policy: str) -> Any:
    """Secrets Manager as an application sees it whose role has just this policy."""
    iam, name = cloud.client("iam"), "the-app"
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com", "AWS": account(cloud)}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    keys = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="app")["Credentials"]
    here = cloud.client("secretsmanager").meta
    return boto3.client(
        "secretsmanager",
        endpoint_url=here.endpoint_url,
        region_name=here.region_name,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def account(cloud: Cloud) -> str:
    return cloud.client("sts").get_caller_identity()["Account"]


def end_session(cloud: Cloud, policy: str) -> None:
    iam = cloud.client("iam")
    iam.detach_role_policy(RoleName="the-app", PolicyArn=policy)
    iam.delete_role(RoleName="the-app")


def test_the_life_of_a_published_key(cloud: Cloud, tmp_path: Path) -> None:
    copy, before = project(tmp_path), cloud.outputs()
    access, config = copy / "access" / "local.yaml", copy / "Pulumi.local.yaml"
    plain = access.read_text()
    said: list[str] = []

    def up(text: str) -> dict[str, Any]:
        access.write_text(text)
        done = cloud.pulumi("up", "--yes", "--skip-preview", cwd=copy)
        said.append(done.stdout + done.stderr)
        return cloud.outputs()

    made = up(plain + KEY + TEAM)
    published, url = made["publishedKeys"]["app"], made["gatewayUrl"]
    assert {**made["keys"], "app": None} == {**before["keys"], "app": None}
    app = session(cloud, published["policyArn"])
    try:
        first = app.get_secret_value(SecretId=published["secretArn"])["SecretString"]
        assert first == made["keys"]["app"]
        assert chat(url, first).status == 200
        assert chat(url, first, "claude-sonnet-4-5").status in (401, 403), "its team may not"
        with pytest.raises(ClientError, match="not authorized to perform: secretsmanager:GetSecretValue"):
            app.get_secret_value(SecretId=made["masterKeySecretArn"])

        # another value; the former one works on
        up(plain + ROTATED + TEAM)
        second = app.get_secret_value(SecretId=published["secretArn"])["SecretString"]
        assert second != first
        assert (chat(url, first).status, chat(url, second).status) == (200, 200)

        # all as one: nobody notices
        config.write_text(config.read_text() + "  llm-gateway:rosterAbove: 0\n")
        one = up(plain + ROTATED + TEAM)
        assert one["keys"] == {**made["keys"], "app": second}
        assert (one["users"], one["teams"]) == (made["users"], made["teams"])
        assert (chat(url, first).status, chat(url, second).status) == (200, 200)
        assert chat(url, before["keys"]["dev-environment"]).status == 200
        assert changes(cloud, cwd=copy) == {}
        refreshed = cloud.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", cwd=copy)
        said.append(refreshed.stdout + refreshed.stderr)
    finally:
        end_session(cloud, published["policyArn"])

    # as it was, with a resource each
    cloud.ops("up")
    after = cloud.outputs()
    assert (after["keys"], after["users"], after["publishedKeys"]) == (before["keys"], before["users"], {})
    assert (chat(url, first).status, chat(url, second).status) == (401, 401)
    assert chat(url, before["keys"]["dev-environment"]).status == 200
    names = [secret["Name"] for secret in cloud.client("secretsmanager").list_secrets()["SecretList"]]
    assert not [name for name in names if "/keys/" in name]
    secrets = [first, second, cloud.master_key(), *before["keys"].values()]
    text = "".join([*said, *logs(cloud)])
    for part in ("admin-call", "KeyRing::access-ring", "POST /key/generate"):
        assert part in text, "the relay's log, the state and LiteLLM's log are among it"
    assert not [secret for secret in secrets if secret in text or secret.removeprefix("sk-") in text]


def logs(cloud: Cloud) -> list[str]:
    """What LiteLLM, the relay and everything else wrote, and the engine's states."""
    files = [*cloud.home.glob("log/**/*"), *cloud.home.rglob("*.json"), *cloud.home.rglob("*.json.bak")]
    return [file.read_text(errors="replace") for file in files if file.is_file()]
