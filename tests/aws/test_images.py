"""ECR: rules for pull-through caches with AWS's demands, and what a pull by one needs. Bedrock's lists beside it."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.world import refused


@pytest.fixture
def ecr(account: Account) -> Any:
    return account.client("ecr")


def secret(account: Account, name: str) -> str:
    return account.client("secretsmanager").create_secret(Name=name, SecretString="{}")["ARN"]


def test_a_registry_that_wants_credentials_gets_a_secret_with_the_right_name(account: Account, ecr: Any) -> None:
    rule = {"ecrRepositoryPrefix": "cache-a", "upstreamRegistryUrl": "ghcr.io"}
    with refused("InvalidParameterException", "ghcr.io requires authentication"):
        ecr.create_pull_through_cache_rule(**rule)
    with refused("InvalidParameterException", "does not match", "ecr\\-pullthroughcache"):
        ecr.create_pull_through_cache_rule(**rule, credentialArn=secret(account, "ghcr-of-a-team"))
    arn = secret(account, "ecr-pullthroughcache/ghcr")
    with refused("SecretNotFoundException"):
        ecr.create_pull_through_cache_rule(**rule, credentialArn=arn[:-6] + "Absent")
    assert ecr.create_pull_through_cache_rule(**rule, credentialArn=arn)["credentialArn"] == arn
    with refused("PullThroughCacheRuleAlreadyExistsException"):
        ecr.create_pull_through_cache_rule(**rule, credentialArn=arn)
    with refused("UnsupportedUpstreamRegistryException"):
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="cache-c", upstreamRegistryUrl="images.example.com")


def test_a_repository_below_a_rules_prefix_has_what_is_upstream(ecr: Any) -> None:
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="cache-b", upstreamRegistryUrl="quay.io")
    ecr.create_repository(repositoryName="cache-b/team/image")
    ecr.create_repository(repositoryName="elsewhere/image")
    wanted = [{"imageTag": "v1"}]
    assert ecr.batch_get_image(repositoryName="cache-b/team/image", imageIds=wanted)["images"]
    answer = ecr.batch_get_image(repositoryName="elsewhere/image", imageIds=wanted)
    assert not answer["images"] and answer["failures"][0]["failureCode"] == "ImageNotFound"
    with refused("RepositoryNotFoundException"):
        ecr.batch_get_image(repositoryName="cache-b/other", imageIds=wanted)
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache-b")
    with refused("PullThroughCacheRuleNotFoundException"):
        ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["cache-b"])


def test_bedrock_lists_profiles_with_every_model_behind_them(account: Account) -> None:
    found = account.client("bedrock").list_inference_profiles(typeEquals="SYSTEM_DEFINED")["inferenceProfileSummaries"]
    by_id = {one["inferenceProfileId"]: one for one in found}
    haiku = by_id["us.anthropic.claude-haiku-4-5-20251001-v1:0"]
    assert haiku["inferenceProfileArn"].endswith(
        f":{account.account_id}:inference-profile/{haiku['inferenceProfileId']}"
    )
    regions = {one["modelArn"].split(":")[3] for one in haiku["models"]}
    assert {"us-east-1", "us-west-2", account.region} <= regions
    assert "eu.anthropic.claude-haiku-4-5-20251001-v1:0" in by_id, "a preview of a stack in Europe looks here, too"


def test_bedrock_lists_as_on_demand_what_needs_no_profile(account: Account) -> None:
    bedrock = account.client("bedrock")
    every = {one["modelId"] for one in bedrock.list_foundation_models()["modelSummaries"]}
    on_demand = {
        one["modelId"] for one in bedrock.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]
    }
    assert on_demand < every
    assert "anthropic.claude-haiku-4-5-20251001-v1:0" in every - on_demand
