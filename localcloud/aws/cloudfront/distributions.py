"""Distributions: created, read, changed and deleted by AWS's rules, with nothing of their configuration forgotten."""

from __future__ import annotations

from typing import Any

from localcloud.aws.cloudfront import defaults, validation
from localcloud.aws.cloudfront.state import (
    Distribution,
    State,
    new_etag,
    page,
    require_match,
    require_valid,
)
from localcloud.aws.cloudfront.tags import as_dict, set_tags
from localcloud.aws.ids import new_id, now
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# What a list shows of a configuration (the model's DistributionSummary).
_SUMMARISED = (
    "Aliases",
    "Origins",
    "OriginGroups",
    "DefaultCacheBehavior",
    "CacheBehaviors",
    "CustomErrorResponses",
    "Comment",
    "PriceClass",
    "Enabled",
    "ViewerCertificate",
    "Restrictions",
    "WebACLId",
    "HttpVersion",
    "IsIPV6Enabled",
    "Staging",
)


def _described(state: State, distribution: Distribution) -> dict[str, Any]:
    return {
        "Id": distribution.id,
        "ARN": distribution.arn,
        "Status": state.distribution_status(distribution),
        "LastModifiedTime": distribution.modified,
        "InProgressInvalidationBatches": 0,
        "DomainName": distribution.domain,
        "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
        "ActiveTrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "DistributionConfig": distribution.config,
    }


def _summary(state: State, distribution: Distribution) -> dict[str, Any]:
    described = _described(state, distribution)
    shown = {name: distribution.config[name] for name in _SUMMARISED}
    return shown | {name: described[name] for name in ("Id", "ARN", "Status", "LastModifiedTime", "DomainName")}


def _get(state: State, call: Call) -> Distribution:
    distribution = state.distributions.get(call.params["Id"])
    if distribution is None:
        raise Refusal("NoSuchDistribution", f"The distribution {call.params['Id']} does not exist.")
    return distribution


def _create(state: State, given: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    config = defaults.complete(given)
    for other in state.distributions.values():
        if other.config["CallerReference"] == config["CallerReference"]:
            raise Refusal(
                "DistributionAlreadyExists",
                "The caller reference that you are using to create a distribution is associated with another "
                f"distribution. Already exists: {other.id}",
            )
    validation.check(state, config)
    id = new_id("E")
    distribution = Distribution(
        id, state.arn("distribution", id), f"d{new_id('')[1:].lower()}.cloudfront.net", config, new_etag(), now()
    )
    set_tags(state, distribution.arn, tags)
    state.distributions[id] = distribution
    return {
        "Distribution": _described(state, distribution),
        "ETag": distribution.etag,
        "Location": f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{id}",
    }


def _require_disabled(state: State, distribution: Distribution) -> None:
    if distribution.config["Enabled"]:
        raise Refusal(
            "DistributionNotDisabled",
            f"The distribution {distribution.id} is enabled: disable it, wait until that is deployed, then delete it.",
        )
    if state.distribution_status(distribution) != "Deployed":
        raise Refusal(
            "DistributionNotDisabled",
            f"The distribution {distribution.id} is being disabled: wait until that is deployed, then delete it.",
        )


def register(rules: Rules, state: State) -> None:
    _register_writes(rules, state)
    _register_reads(rules, state)


def _register_writes(rules: Rules, state: State) -> None:
    @rules.answer("cloudfront", "CreateDistribution")
    def create(call: Call) -> dict[str, Any]:
        require_valid(call)
        return _create(state, call.params["DistributionConfig"], {})

    @rules.answer("cloudfront", "CreateDistributionWithTags")
    def create_with_tags(call: Call) -> dict[str, Any]:
        require_valid(call)
        both = call.params["DistributionConfigWithTags"]
        return _create(state, both["DistributionConfig"], as_dict(both["Tags"]))

    @rules.answer("cloudfront", "UpdateDistribution")
    def update(call: Call) -> dict[str, Any]:
        distribution = _get(state, call)
        require_match(distribution.etag, call.params.get("IfMatch"))
        require_valid(call)
        config = defaults.complete(call.params["DistributionConfig"])
        if config["CallerReference"] != distribution.config["CallerReference"]:
            raise Refusal("IllegalUpdate", "CallerReference can't be changed.")
        validation.check(state, config, distribution.id)
        if config != distribution.config:
            distribution.config, distribution.etag, distribution.modified = config, new_etag(), now()
        return {"Distribution": _described(state, distribution), "ETag": distribution.etag}

    @rules.answer("cloudfront", "DeleteDistribution")
    def delete(call: Call) -> dict[str, Any]:
        distribution = _get(state, call)
        require_match(distribution.etag, call.params.get("IfMatch"))
        _require_disabled(state, distribution)
        del state.distributions[distribution.id]
        state.tags.pop(distribution.arn, None)
        return {}


def _register_reads(rules: Rules, state: State) -> None:
    @rules.answer("cloudfront", "GetDistribution")
    def get(call: Call) -> dict[str, Any]:
        distribution = _get(state, call)
        return {"Distribution": _described(state, distribution), "ETag": distribution.etag}

    @rules.answer("cloudfront", "GetDistributionConfig")
    def get_config(call: Call) -> dict[str, Any]:
        distribution = _get(state, call)
        return {"DistributionConfig": distribution.config, "ETag": distribution.etag}

    @rules.answer("cloudfront", "ListDistributions")
    def list_distributions(call: Call) -> dict[str, Any]:
        ordered = sorted(state.distributions.values(), key=lambda distribution: distribution.id)
        return {"DistributionList": page([(one.id, _summary(state, one)) for one in ordered], call)}
