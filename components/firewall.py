"""Firewall: AWS WAF before the distribution. It is an option: the edge denies by itself what isn't inference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

# A web ACL for CloudFront lives there. https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html
EDGE_REGION = "us-east-1"
WINDOW_SECONDS = 300
LEAST_RATE, MOST_RATE = (
    10,
    2_000_000_000,
)  # https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
TOO_MANY = json.dumps(
    {
        "error": {
            "message": "Too many requests from this address. Wait a while and try again.",
            "type": "rate_limit_error",
            "param": None,
            "code": "429",
        }
    }
)

# AWS's rule groups, and which of their rules only count. Those look into the body or measure it, and a prompt may hold
# anything: a page of HTML, a path, an exploit that a developer asks about, a book. The body is text for a model here
# and reaches no shell, browser or template; what it may cost is bounded by the key's budget.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
GROUPS: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": ("JavaDeserializationRCE_BODY", "Log4JRCE_BODY"),
    "AWSManagedRulesCommonRuleSet": (
        "SizeRestrictions_BODY",  # 8 KB
        "CrossSiteScripting_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
    ),
}


@dataclass(frozen=True)
class FirewallArgs:
    """`rate_limit`: requests of one address within five minutes; more answer 429 until it calms down."""

    prefix: str
    rate_limit: int


class Firewall(pulumi.ComponentResource):
    """The web ACL; the distribution takes its `arn`."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:edge:Firewall", name, None, opts)
        self._prefix = args.prefix
        acl = aws.wafv2.WebAcl(
            f"{name}-acl",
            name=f"{args.prefix}-edge",
            description="before the public address of the LLM gateway",
            region=EDGE_REGION,
            scope="CLOUDFRONT",
            default_action={"allow": {}},
            rules=[self._rate(args.rate_limit), *self._groups()],
            custom_response_bodies=[{"key": "too-many", "content": TOO_MANY, "content_type": "APPLICATION_JSON"}],
            visibility_config=self._visibility("edge"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = acl.arn
        self.register_outputs({"arn": self.arn})

    def _rate(self, limit: int) -> aws.wafv2.WebAclRuleArgsDict:
        # 429, not WAF's 403: the SDKs wait and try again
        block: Any = {"custom_response": {"response_code": 429, "custom_response_body_key": "too-many"}}
        return {
            "name": "rate-of-an-address",
            "priority": 0,
            "action": {"block": block},
            "statement": {
                "rate_based_statement": {
                    "limit": limit,
                    "aggregate_key_type": "IP",
                    "evaluation_window_sec": WINDOW_SECONDS,
                }
            },
            "visibility_config": self._visibility("rate"),
        }

    def _groups(self) -> list[aws.wafv2.WebAclRuleArgsDict]:
        return [
            {
                "name": group.removeprefix("AWSManagedRules"),
                "priority": priority,
                "override_action": {"none": {}},
                "statement": {
                    "managed_rule_group_statement": {
                        "vendor_name": "AWS",
                        "name": group,
                        "rule_action_overrides": [{"name": rule, "action_to_use": {"count": {}}} for rule in counted],
                    }
                },
                "visibility_config": self._visibility(group.removeprefix("AWSManagedRules")),
            }
            for priority, (group, counted) in enumerate(GROUPS.items(), start=1)
        ]

    def _visibility(self, what: str) -> aws.wafv2.WebAclVisibilityConfigArgsDict:
        """No samples: they would keep whole headers, and with them the callers' keys."""
        return {
            "cloudwatch_metrics_enabled": True,
            "metric_name": f"{self._prefix}-{what}",
            "sampled_requests_enabled": False,
        }
