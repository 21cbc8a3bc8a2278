"""Models: exact ARNs as Bedrock tells them, other providers by secret reference, aliases, fallbacks, wrong ids."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from components.settings import SettingsError
from tests.components.declared import ACCOUNT, declare

HAIKU = {"name": "claude-haiku-4-5", "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0"}
SONNET = {"name": "claude-sonnet-4-5", "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
SECRET = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:openai-AbCdEf"
GPT = {"name": "gpt-5.1", "provider": "openai/gpt-5.1", "secrets": {"api_key": f"{SECRET}:key::"}}


def invocations(*models: dict[str, Any]) -> list[dict[str, Any]]:
    policies = declare("poc", models=list(models)).policies()
    return [one for policy in policies for one in policy["Statement"] if "bedrock:InvokeModel" in one["Action"]]


def config(*models: dict[str, Any]) -> dict[str, Any]:
    [stored] = declare("poc", models=list(models)).of("aws:s3/bucketObjectv2:BucketObjectv2").values()
    return yaml.safe_load(stored["content"])


def test_a_profile_needs_itself_and_the_model_in_every_region_behind_it() -> None:
    profile, models, *_ = invocations(HAIKU, SONNET)
    arn = f"arn:aws:bedrock:us-west-1:{ACCOUNT}:inference-profile/{HAIKU['bedrock']}"
    assert profile["Resource"] == [arn]
    assert models["Resource"] == [
        f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        for region in ("us-east-1", "us-east-2", "us-west-1", "us-west-2")
    ]
    assert models["Condition"] == {"ArnEquals": {"bedrock:InferenceProfileArn": arn}}
    assert "*" not in json.dumps(invocations(HAIKU, SONNET))


def test_a_model_of_its_own_region_needs_itself() -> None:
    nova = {"name": "nova", "bedrock": "amazon.nova-lite-v1:0"}
    statement = invocations(HAIKU, SONNET, nova)[-1]
    assert statement["Resource"] == ["arn:aws:bedrock:us-west-1::foundation-model/amazon.nova-lite-v1:0"]


@pytest.mark.parametrize(
    ("id", "says"),
    [
        (
            "us.anthropic.claude-haiku-4-6-20251001-v1:0",
            r"Bedrock has none of that id in us-west-1; did you mean us\.anthropic\.claude-haiku-4-5",
        ),
        ("eu.amazon.unheard-of-v1:0", "see its lists of models and profiles, or set aws:region to another"),
        (
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            r"profiles only: take us\.anthropic\.claude-haiku",
        ),
    ],
)
def test_a_wrong_id_is_found_before_anything_is_created(id: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        declare("poc", models=[HAIKU, SONNET, {"name": "wrong", "bedrock": id}])
    assert "Pulumi.poc.yaml: llm-gateway:models[2].bedrock is" in str(caught.value)


def test_another_provider_gets_its_key_from_a_secret_that_only_the_execution_role_reads() -> None:
    declared = declare("poc", models=[HAIKU, SONNET, GPT])
    [container] = json.loads(declared.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    assert {"name": "MODEL_GPT_5_1_API_KEY", "valueFrom": f"{SECRET}:key::"} in container["secrets"]
    [entry] = [one for one in config(HAIKU, SONNET, GPT)["model_list"] if one["model_name"] == "gpt-5.1"]
    assert entry["litellm_params"] == {"model": "openai/gpt-5.1", "api_key": "os.environ/MODEL_GPT_5_1_API_KEY"}
    reading = [
        one
        for policy in declared.policies()
        for one in policy["Statement"]
        if "secretsmanager:GetSecretValue" in one["Action"] and SECRET in one["Resource"]
    ]
    assert len(reading) == 1
    assert len(invocations(HAIKU, SONNET, GPT)) == 4, "Bedrock is allowed for its own models alone"


def test_aliases_and_fallbacks_are_the_routers() -> None:
    router = config({**HAIKU, "aliases": ["fast"], "fallbacks": [SONNET["name"]]}, SONNET)["router_settings"]
    assert router == {
        "model_group_alias": {"fast": HAIKU["name"]},
        "fallbacks": [{HAIKU["name"]: [SONNET["name"]]}, {"fast": [SONNET["name"]]}],
    }
    assert "router_settings" not in config(HAIKU, SONNET)


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ([HAIKU, {**SONNET, "aliases": ["claude-haiku-4-5"]}], "models has the name claude-haiku-4-5 twice"),
        ([HAIKU, {**SONNET, "fallbacks": ["opus"]}], "fall back to opus, which is no model here"),
        ([HAIKU, SONNET, GPT, {**GPT, "name": "gpt-5_1"}], "two names that differ in punctuation alone"),
    ],
)
def test_what_doesnt_fit_together_is_refused(models: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        declare("poc", models=models)


def test_without_internet_no_other_provider_is_reached() -> None:
    credential = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:ecr-pullthroughcache/ghcr-AbCdEf"
    with pytest.raises(SettingsError, match=r"egress is endpoints.*gpt-5\.1 is answered there"):
        declare("poc", models=[HAIKU, SONNET, GPT], egress="endpoints", registryCredentialArn=credential)
