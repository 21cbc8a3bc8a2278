"""Load balancers, listeners, rules and target groups as the simulated API holds them: frozen data, blocking reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from localcloud.aws.account import Account
from localcloud.dataplane.alb_rules import Action, Condition, Fixed, Forward, Redirect, Rewrite, Rule, Unsupported
from localcloud.dataplane.names import aliases

_DEFAULT_PRIORITY = 1_000_000
ROUND_ROBIN, LEAST_OUTSTANDING = "round_robin", "least_outstanding_requests"


@dataclass(frozen=True)
class HealthCheck:
    """Seconds and counts as configured; ``port`` None is the traffic port; ``codes`` the matcher ("200-299,404")."""

    enabled: bool
    path: str
    port: int | None
    interval: float
    timeout: float
    healthy_after: int
    unhealthy_after: int
    codes: str


@dataclass(frozen=True)
class TargetGroup:
    arn: str
    name: str
    health: HealthCheck
    targets: tuple[tuple[str, int], ...]
    algorithm: str
    unsupported: str | None = None


@dataclass(frozen=True)
class Listener:
    arn: str
    port: int
    protocol: str
    rules: tuple[Rule, ...]
    certificate: tuple[str, tuple[str, ...]] | None = None  # of an HTTPS one: its id, and the names that it is for


@dataclass(frozen=True)
class LoadBalancer:
    arn: str
    name: str
    dns_name: str
    vpc: str
    internal: bool
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    attributes: Mapping[str, str]
    listeners: tuple[Listener, ...]
    aliases: tuple[str, ...] = ()  # further names that DNS gives it

    def flag(self, name: str) -> bool:
        """Whether a true/false attribute is on."""
        return self.attributes.get(name) == "true"

    @property
    def idle_seconds(self) -> float:
        return float(self.attributes.get("idle_timeout.timeout_seconds", 60))


def read(account: Account) -> tuple[list[LoadBalancer], dict[str, TargetGroup]]:
    """Everything about application load balancers in the account. Something deleted meanwhile is left out."""
    elb = account.client("elbv2")
    items = _all(elb, "describe_load_balancers", "LoadBalancers")
    known = aliases(account)
    balancers = [_balancer(account, elb, item, known) for item in items if item["Type"] == "application"]
    groups = [_target_group(elb, item) for item in _all(elb, "describe_target_groups", "TargetGroups")]
    return [b for b in balancers if b is not None], {group.arn: group for group in groups if group is not None}


def _all(elb: Any, operation: str, key: str) -> list[dict[str, Any]]:
    return [item for page in elb.get_paginator(operation).paginate() for item in page[key]]


def _balancer(account: Account, elb: Any, item: dict[str, Any], known: Mapping[str, list[str]]) -> LoadBalancer | None:
    arn = item["LoadBalancerArn"]
    try:
        attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        return LoadBalancer(
            arn=arn,
            name=item["LoadBalancerName"],
            dns_name=item["DNSName"],
            vpc=item["VpcId"],
            internal=item.get("Scheme") == "internal",
            subnets=tuple(zone["SubnetId"] for zone in item["AvailabilityZones"]),
            groups=tuple(item.get("SecurityGroups", [])),
            attributes={entry["Key"]: entry["Value"] for entry in attributes},
            listeners=tuple(_listener(account, elb, listener) for listener in listeners),
            aliases=tuple(sorted(known.get(item["DNSName"].lower(), ()))),
        )
    except ClientError as error:
        if error.response["Error"]["Code"].endswith("NotFound"):
            return None
        raise


def _listener(account: Account, elb: Any, item: dict[str, Any]) -> Listener:
    rules = elb.describe_rules(ListenerArn=item["ListenerArn"])["Rules"]
    read = [_rule(rule) for rule in rules]
    if not any(rule.priority == _DEFAULT_PRIORITY for rule in read):
        read.append(Rule(_DEFAULT_PRIORITY, (), _action(item.get("DefaultActions", []))))
    return Listener(
        arn=item["ListenerArn"],
        port=item["Port"],
        protocol=item["Protocol"],
        rules=tuple(sorted(read, key=lambda rule: rule.priority)),
        certificate=_certificate(account, item) if item["Protocol"] == "HTTPS" else None,
    )


def _certificate(account: Account, item: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    arn = item["Certificates"][0]["CertificateArn"]
    found = account.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    return arn.rpartition("/")[2], tuple(found.get("SubjectAlternativeNames") or [found["DomainName"]])


def _rule(item: dict[str, Any]) -> Rule:
    default = item.get("IsDefault") or item["Priority"] == "default"
    priority = _DEFAULT_PRIORITY if default else int(item["Priority"])
    conditions = tuple(_condition(condition) for condition in item.get("Conditions", []))
    action = _action(item["Actions"])
    if item.get("Transforms"):
        action = _transformed(action, item["Transforms"])
    if any(condition.field == "regex" for condition in conditions):
        action = Unsupported("regular expressions in rule conditions aren't simulated; use wildcards")
        conditions = tuple(condition for condition in conditions if condition.field != "regex")
    return Rule(priority, conditions, action)


def _transformed(action: Action, transforms: list[dict[str, Any]]) -> Action:
    if any(transform["Type"] != "url-rewrite" for transform in transforms):
        return Unsupported("host header rewrites aren't simulated; remove the transform from the rule")
    if not isinstance(action, Forward):
        return action  # what the load balancer answers itself has no target to rewrite for
    rewrite = transforms[0]["UrlRewriteConfig"]["Rewrites"][0]
    return replace(action, rewrite=Rewrite(re.compile(rewrite["Regex"]), rewrite["Replace"]))


def _condition(item: dict[str, Any]) -> Condition:
    field = item["Field"]
    if field == "query-string":
        values = item["QueryStringConfig"]["Values"]
        return Condition(field, pairs=tuple((value.get("Key"), value["Value"]) for value in values))
    key = {
        "path-pattern": "PathPatternConfig",
        "host-header": "HostHeaderConfig",
        "http-header": "HttpHeaderConfig",
        "http-request-method": "HttpRequestMethodConfig",
        "source-ip": "SourceIpConfig",
    }.get(field)
    if key is None:
        raise ValueError(f"listener rule condition {field!r} isn't simulated; remove it")
    config = item.get(key, {})
    if config.get("RegexValues"):
        return Condition("regex")
    values = config.get("Values") or item.get("Values", [])
    return Condition(field, tuple(values), name=config.get("HttpHeaderName", ""))


def _action(actions: list[dict[str, Any]]) -> Action:
    if len(actions) != 1:
        return Unsupported("rules that authenticate before they forward aren't simulated; use one action")
    action = actions[0]
    match action["Type"]:
        case "forward":
            config = action.get("ForwardConfig", {})
            if config.get("TargetGroupStickinessConfig", {}).get("Enabled"):
                return Unsupported("stickiness between target groups isn't simulated; turn it off")
            groups = config.get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"]}]
            return Forward(tuple((group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups))
        case "fixed-response":
            config = action["FixedResponseConfig"]
            body = config.get("MessageBody") or ""
            return Fixed(int(config["StatusCode"]), config.get("ContentType") or "text/plain", body)
        case "redirect":
            config = action["RedirectConfig"]
            return Redirect(
                status=int(config["StatusCode"].removeprefix("HTTP_")),
                protocol=config.get("Protocol") or "#{protocol}",
                host=config.get("Host") or "#{host}",
                port=str(config.get("Port") or "#{port}"),
                path=config.get("Path") or "/#{path}",
                query=config.get("Query", "#{query}"),
            )
        case _:
            return Unsupported(
                f"the rule action {action['Type']!r} isn't simulated; use forward, fixed-response or redirect"
            )


def _target_group(elb: Any, item: dict[str, Any]) -> TargetGroup | None:
    arn = item["TargetGroupArn"]
    try:
        health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    except ClientError as error:
        if error.response["Error"]["Code"].endswith("NotFound"):
            return None
        raise
    settings = {entry["Key"]: entry["Value"] for entry in attributes}
    draining = {
        (entry["Target"]["Id"], entry["Target"].get("Port"))
        for entry in health
        if entry.get("TargetHealth", {}).get("Reason") == "Target.DeregistrationInProgress"
    }
    targets = [(entry["Target"]["Id"], entry["Target"].get("Port") or item.get("Port")) for entry in health]
    return TargetGroup(
        arn=arn,
        name=item["TargetGroupName"],
        health=_health(item),
        targets=tuple((ip, int(port)) for ip, port in targets if port and (ip, port) not in draining),
        algorithm=settings.get("load_balancing.algorithm.type", ROUND_ROBIN),
        unsupported=_unsupported(item, settings),
    )


def _unsupported(item: dict[str, Any], settings: dict[str, str]) -> str | None:
    if item.get("TargetType") != "ip":
        return f"target group {item['TargetGroupName']}: only targets of type ip are simulated"
    if item.get("ProtocolVersion", "HTTP1") != "HTTP1":
        return f"target group {item['TargetGroupName']}: only protocol version HTTP1 is simulated"
    if settings.get("stickiness.enabled") == "true":
        return f"target group {item['TargetGroupName']}: stickiness isn't simulated; turn it off"
    if settings.get("slow_start.duration_seconds", "0") != "0":
        return f"target group {item['TargetGroupName']}: slow start isn't simulated; set it to 0"
    algorithm = settings.get("load_balancing.algorithm.type", ROUND_ROBIN)
    if algorithm not in (ROUND_ROBIN, LEAST_OUTSTANDING):
        return f"target group {item['TargetGroupName']}: the algorithm {algorithm} isn't simulated"
    return None


def _health(item: dict[str, Any]) -> HealthCheck:
    port = item.get("HealthCheckPort", "traffic-port")
    return HealthCheck(
        enabled=item.get("HealthCheckEnabled", True),
        path=item.get("HealthCheckPath") or "/",
        port=None if port == "traffic-port" else int(port),
        interval=float(item.get("HealthCheckIntervalSeconds") or 30),
        timeout=float(item.get("HealthCheckTimeoutSeconds") or 5),
        healthy_after=int(item.get("HealthyThresholdCount") or 5),
        unhealthy_after=int(item.get("UnhealthyThresholdCount") or 2),
        codes=item.get("Matcher", {}).get("HttpCode") or "200",
    )
