"""The part of the program with every type that stands at the edge: the distribution, what guards it and its log."""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from tests.plugins.every_network import Form

CODE = "function handler(event) { return event.request; }"


def edge(form: Form, balancing: dict[str, Any]) -> aws.cloudfront.Distribution:
    balancer = balancing["balancer"]
    origin = aws.cloudfront.VpcOrigin(
        "origin",
        vpc_origin_endpoint_config={
            "name": "every-origin",
            "arn": balancer.arn,
            "http_port": 80,
            "https_port": 443,
            "origin_protocol_policy": "http-only",
            "origin_ssl_protocols": {"items": ["TLSv1.2"], "quantity": 1},
        },
    )
    guard = aws.cloudfront.Function(
        "guard",
        name="every-guard",
        runtime="cloudfront-js-2.0",
        comment="guards",
        code=form.pick(CODE, CODE + "\n"),
        publish=True,
    )
    caching = aws.cloudfront.get_cache_policy_output(name="Managed-CachingDisabled")
    forwarding = aws.cloudfront.get_origin_request_policy_output(name="Managed-AllViewerExceptHostHeader")
    behaviour: dict[str, Any] = {
        "target_origin_id": "alb",
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "cached_methods": ["GET", "HEAD"],
        "cache_policy_id": caching.id,
        "origin_request_policy_id": forwarding.id,
        "compress": False,
        "function_associations": [{"event_type": "viewer-request", "function_arn": guard.arn}],
    }
    visible = {"cloudwatch_metrics_enabled": True, "metric_name": "every", "sampled_requests_enabled": False}
    limited: dict[str, Any] = {
        "name": "rate",
        "priority": 0,
        "action": form.pick({"count": {}}, {"block": {"custom_response": {"response_code": 429}}}),
        "statement": {"rate_based_statement": {"limit": form.pick(100, 200), "aggregate_key_type": "IP"}},
        "visibility_config": visible,
    }
    managed: dict[str, Any] = {
        "name": "managed",
        "priority": 1,
        "override_action": {"none": {}},
        "statement": {
            "managed_rule_group_statement": {
                "vendor_name": "AWS",
                "name": "AWSManagedRulesCommonRuleSet",
                "rule_action_overrides": [{"name": "SizeRestrictions_BODY", "action_to_use": {"count": {}}}],
            }
        },
        "visibility_config": visible,
    }
    acl = aws.wafv2.WebAcl(
        "acl",
        name="every-acl",
        description="before the edge",
        scope="CLOUDFRONT",
        region="us-east-1",
        default_action={"allow": {}},
        rules=[limited, managed],
        custom_response_bodies=[{"key": "b", "content": form.pick("{}", "[]"), "content_type": "APPLICATION_JSON"}],
        visibility_config=visible,
        tags={"a": form.pick("b", "c")},
    )
    patterns = form.pick(["/user/*"], ["/user/*", "/key/*"])
    distribution = aws.cloudfront.Distribution(
        "distribution",
        enabled=True,
        comment=form.pick("one", "two"),
        http_version="http2and3",
        is_ipv6_enabled=True,
        price_class="PriceClass_100",
        web_acl_id=acl.arn,
        origins=[
            {
                "origin_id": "alb",
                "domain_name": balancer.dns_name,
                "vpc_origin_config": {"vpc_origin_id": origin.id, "origin_read_timeout": 60},
            }
        ],
        default_cache_behavior=behaviour,
        ordered_cache_behaviors=[{"path_pattern": pattern, **behaviour} for pattern in patterns],
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate={"cloudfront_default_certificate": True},
        tags={"Name": form.pick("one", "two")},
    )
    delivered(form, distribution)
    return distribution


def delivered(form: Form, distribution: aws.cloudfront.Distribution) -> None:
    there: Any = {"region": "us-east-1", "tags": {"a": form.pick("b", "c")}}
    group = aws.cloudwatch.LogGroup("requests", name="every/requests", **there)
    source = aws.cloudwatch.LogDeliverySource(
        "source", name="every-source", log_type="ACCESS_LOGS", resource_arn=distribution.arn, **there
    )
    destination = aws.cloudwatch.LogDeliveryDestination(
        "destination",
        name="every-destination",
        output_format="json",
        delivery_destination_configuration={"destination_resource_arn": group.arn},
        **there,
    )
    aws.cloudwatch.LogDelivery(
        "delivery",
        delivery_source_name=source.name,
        delivery_destination_arn=destination.arn,
        record_fields=form.pick(["date", "time"], ["date", "time", "sc-status"]),
        **there,
    )
