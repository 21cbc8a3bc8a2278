"""ECR: moto keeps repositories; pull-through cache rules, and pulls by them, are ours.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "ecr"
# Upstream registry → ECR's name for it. The second kind wants a secret.
_OPEN = {"public.ecr.aws": "ecr-public", "quay.io": "quay", "registry.k8s.io": "k8s"}
_CLOSED = {
    "ghcr.io": "github-container-registry",
    "registry-1.docker.io": "docker-hub",
    "registry.gitlab.com": "gitlab-container-registry",
}
# ECR's own; its values say nothing here, and are kept by nobody.
_MANIFEST = '{"schemaVersion": 2}'


@dataclass(frozen=True)
class CacheRule:
    prefix: str
    upstream: str
    credential: str | None
    created: datetime


def register(rules: Rules, account: Account) -> None:
    kept: dict[str, CacheRule] = {}
    _register_rules(rules, account, kept)

    @rules.answer(SERVICE, "BatchGetImage")
    def pull(call: Call) -> dict[str, Any]:
        """What is in a repository can be pulled by its name; what isn't comes by a rule, or not at all."""
        name = call.params["repositoryName"]
        if name not in backend(account, SERVICE).repositories:
            raise Refusal(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{account.account_id}'",
            )
        if not any(name.startswith(f"{prefix}/") for prefix in kept):
            wanted = [{"imageId": one, "failureCode": "ImageNotFound"} for one in call.params["imageIds"]]
            return {"images": [], "failures": [one | {"failureReason": "Requested image not found"} for one in wanted]}
        found = {"registryId": account.account_id, "repositoryName": name, "imageManifest": _MANIFEST}
        return {"images": [{**found, "imageId": one} for one in call.params["imageIds"]], "failures": []}


def _register_rules(rules: Rules, account: Account, kept: dict[str, CacheRule]) -> None:
    @rules.answer(SERVICE, "CreatePullThroughCacheRule")
    def create(call: Call) -> dict[str, Any]:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal("InvalidParameterException", sentence)
        prefix, upstream = call.params["ecrRepositoryPrefix"], call.params["upstreamRegistryUrl"]
        if prefix in kept:
            raise Refusal("PullThroughCacheRuleAlreadyExistsException", f"A rule with the prefix {prefix} exists.")
        credential = call.params.get("credentialArn")
        _check(account, upstream, credential)
        kept[prefix] = CacheRule(prefix, upstream, credential, datetime.now(UTC))
        return _described(account, kept[prefix])

    @rules.answer(SERVICE, "UpdatePullThroughCacheRule")
    def update(call: Call) -> dict[str, Any]:
        rule = _rule(kept, call.params["ecrRepositoryPrefix"])
        credential = call.params.get("credentialArn")
        _check(account, rule.upstream, credential)
        kept[rule.prefix] = replace(rule, credential=credential)
        return _described(account, kept[rule.prefix])

    @rules.answer(SERVICE, "DescribePullThroughCacheRules")
    def describe(call: Call) -> dict[str, Any]:
        asked = call.params.get("ecrRepositoryPrefixes")
        found = [_rule(kept, prefix) for prefix in asked] if asked else list(kept.values())
        return {"pullThroughCacheRules": [_described(account, one) for one in found]}

    @rules.answer(SERVICE, "DeletePullThroughCacheRule")
    def delete(call: Call) -> dict[str, Any]:
        return _described(account, kept.pop(_rule(kept, call.params["ecrRepositoryPrefix"]).prefix))


def _rule(kept: dict[str, CacheRule], prefix: str) -> CacheRule:
    if prefix not in kept:
        raise Refusal("PullThroughCacheRuleNotFoundException", f"There is no rule with the prefix {prefix}.")
    return kept[prefix]


def _check(account: Account, upstream: str, credential: str | None) -> None:
    if upstream not in _OPEN and upstream not in _CLOSED:
        raise Refusal("UnsupportedUpstreamRegistryException", f"{upstream} is no upstream registry that ECR knows.")
    if upstream in _CLOSED and not credential:
        raise Refusal("InvalidParameterException", f"{upstream} requires authentication: give a credentialArn.")
    if credential is None:
        return  # the form of an ARN, with the name that it must have, is the API model's to demand
    if credential not in [secret.arn for secret in backend(account, "secretsmanager").secrets.values()]:
        raise Refusal("SecretNotFoundException", f"The secret {credential} does not exist.")


def _described(account: Account, rule: CacheRule) -> dict[str, Any]:
    return {
        "ecrRepositoryPrefix": rule.prefix,
        "upstreamRegistryUrl": rule.upstream,
        "upstreamRegistry": (_OPEN | _CLOSED)[rule.upstream],
        "createdAt": rule.created,
        "registryId": account.account_id,
        **({"credentialArn": rule.credential} if rule.credential else {}),
    }
