"""Elastic Load Balancing v2: load balancers, target groups, listeners, rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Prop,
    Row,
    Step,
    Tagging,
    Update,
    Wait,
    flag,
    not_both,
    number,
    one,
    text,
    texts,
)

_PLACE = {"ResourceArns": ["{id}"]}
TAGS = Tagging(
    Call("AddTags", _PLACE),
    Call("RemoveTags", _PLACE),
    Call("DescribeTags", _PLACE, "TagDescriptions[0].Tags", into="Tags"),
)


def attributes(props: Mapping[str, Prop], operation: str, resource: str) -> Update:
    """Properties that AWS keeps as key/value attributes, set together."""

    async def modify(op: Operation) -> None:
        changed = {prop.attribute: op.inputs.get(name) for name, prop in props.items() if name in op.changed}
        said = [{"Key": key, "Value": _said(value)} for key, value in changed.items() if value is not None]
        if said:
            await op.call(operation, **{resource: op.id, "Attributes": said})

    return Update(" ".join(props), modify)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reading(resource: str, member: str, describe: str) -> Step:
    """Reads one by ARN, with its attributes and the end of the ARN by which CloudWatch knows it."""
    kind = member.removesuffix("s")

    async def read(op: Operation) -> dict[str, Any] | None:
        found = (await op.call(f"Describe{member}", **{f"{kind}Arns": [op.id]}))[member]
        if not found:
            return None
        said = await op.call(describe, **{resource: op.id})
        suffix = op.id.split(":", 5)[-1].removeprefix("loadbalancer/")
        return found[0] | {"Attributes": said["Attributes"], "suffix": suffix}

    return read


_BALANCER_ATTRIBUTES = {
    "idleTimeout": number(default=60, attribute="idle_timeout.timeout_seconds"),
    "enableDeletionProtection": flag(default=False, attribute="deletion_protection.enabled"),
    "enableHttp2": flag(default=True, attribute="routing.http2.enabled"),
    "dropInvalidHeaderFields": flag(default=False, attribute="routing.http.drop_invalid_header_fields.enabled"),
    "desyncMitigationMode": text(default="defensive", attribute="routing.http.desync_mitigation_mode"),
    "preserveHostHeader": flag(default=False, attribute="routing.http.preserve_host_header.enabled"),
    "xffHeaderProcessingMode": text(default="append", attribute="routing.http.xff_header_processing.mode"),
    "enableXffClientPort": flag(default=False, attribute="routing.http.xff_client_port.enabled"),
    "enableTlsVersionAndCipherSuiteHeaders": flag(
        default=False, attribute="routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    ),
    "enableCrossZoneLoadBalancing": flag(COMPUTED, attribute="load_balancing.cross_zone.enabled"),
    "enableWafFailOpen": flag(default=False, attribute="waf.fail_open.enabled"),
    "clientKeepAlive": number(default=3600, attribute="client_keep_alive.seconds"),
}

_LOGS = ("accessLogs", "access_logs.s3"), ("connectionLogs", "connection_logs.s3")


async def _set_logs(op: Operation) -> None:
    said: list[dict[str, str]] = []
    for name, prefix in _LOGS:
        if name in op.changed:
            logs = op.inputs.get(name) or {}
            said.append({"Key": f"{prefix}.enabled", "Value": _said(logs.get("enabled", False))})
            said += [{"Key": f"{prefix}.{key}", "Value": logs[key]} for key in ("bucket", "prefix") if logs.get(key)]
    await op.call("ModifyLoadBalancerAttributes", LoadBalancerArn=op.id, Attributes=said)


async def _read_balancer(op: Operation) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await _reading(  # type: ignore[operator]
        "LoadBalancerArn", "LoadBalancers", "DescribeLoadBalancerAttributes"
    )(op)
    if found:
        found["internal"] = found["Scheme"] == "internal"
        said = {item["Key"]: item["Value"] for item in found["Attributes"]}
        for name, prefix in _LOGS:
            if name in op.given:
                found[name] = {key: said.get(f"{prefix}.{key}") for key in ("enabled", "bucket", "prefix")}
    return found


async def _scheme(op: Operation) -> str:
    return "internal" if op.inputs["internal"] else "internet-facing"


_LOG_FIELDS = {"bucket": text(REQUIRED), "prefix": text(), "enabled": flag(default=False)}

LOAD_BALANCER = Row(
    "aws:lb/loadBalancer:LoadBalancer",
    "elbv2",
    inputs={
        "name": text(REPLACE | COMPUTED, frm="LoadBalancerName"),
        "namePrefix": text(REPLACE | LOCAL),
        "internal": flag(REPLACE, default=False),
        "loadBalancerType": text(REPLACE, default="application", to="Type"),
        "ipAddressType": text(COMPUTED),
        "securityGroups": texts(COMPUTED | UNORDERED),
        "subnets": texts(COMPUTED | UNORDERED, frm="AvailabilityZones[].SubnetId"),
        "accessLogs": one(_LOG_FIELDS),
        "connectionLogs": one(_LOG_FIELDS),
        **_BALANCER_ATTRIBUTES,
    },
    outputs={
        "arn": "LoadBalancerArn",
        "dnsName": "DNSName",
        "zoneId": "CanonicalHostedZoneId",
        "vpcId": "VpcId",
        "arnSuffix": "suffix",
    },
    create=Call("CreateLoadBalancer", {"Scheme": _scheme}, said=("internal",)),
    id="LoadBalancers[0].LoadBalancerArn",
    read=_read_balancer,
    updates=(
        Update("securityGroups", Call("SetSecurityGroups", {"LoadBalancerArn": "{id}"})),
        Update("subnets", Call("SetSubnets", {"LoadBalancerArn": "{id}"})),
        Update("ipAddressType", Call("SetIpAddressType", {"LoadBalancerArn": "{id}"})),
        attributes(_BALANCER_ATTRIBUTES, "ModifyLoadBalancerAttributes", "LoadBalancerArn"),
        Update("accessLogs connectionLogs", _set_logs),
    ),
    delete=Call("DeleteLoadBalancer", {"LoadBalancerArn": "{id}"}),
    gone=("LoadBalancerNotFound",),
    busy=("ResourceInUse", "DependencyViolation"),
    ready=Wait("State.Code", ("active", "active_impaired"), ("failed",), "State.Reason"),
    ends=60,
    tags=TAGS,
    autoname="name",
    longest=32,
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)

_TARGET_ATTRIBUTES = {
    "deregistrationDelay": number(default=300, attribute="deregistration_delay.timeout_seconds"),
    "slowStart": number(default=0, attribute="slow_start.duration_seconds"),
    "loadBalancingAlgorithmType": text(COMPUTED, attribute="load_balancing.algorithm.type"),
    "loadBalancingAnomalyMitigation": text(COMPUTED, attribute="load_balancing.algorithm.anomaly_mitigation"),
    "loadBalancingCrossZoneEnabled": text(COMPUTED, attribute="load_balancing.cross_zone.enabled"),
    "lambdaMultiValueHeadersEnabled": flag(default=False, attribute="lambda.multi_value_headers.enabled"),
    "proxyProtocolV2": flag(default=False, attribute="proxy_protocol_v2.enabled"),
    "preserveClientIp": text(COMPUTED, attribute="preserve_client_ip.enabled"),
}

_HEALTH = {
    "enabled": flag(default=True, to="HealthCheckEnabled"),
    "healthyThreshold": number(default=3, to="HealthyThresholdCount"),
    "unhealthyThreshold": number(default=3, to="UnhealthyThresholdCount"),
    "interval": number(default=30, to="HealthCheckIntervalSeconds"),
    "timeout": number(COMPUTED, to="HealthCheckTimeoutSeconds"),
    "path": text(COMPUTED, to="HealthCheckPath"),
    "port": text(default="traffic-port", to="HealthCheckPort"),
    "protocol": text(default="HTTP", to="HealthCheckProtocol"),
    "matcher": text(COMPUTED, to="Matcher.HttpCode"),
}

# Property of the stickiness block, by the attribute that holds it.
_STICKINESS = {
    "enabled": "stickiness.enabled",
    "type": "stickiness.type",
    "cookieName": "stickiness.app_cookie.cookie_name",
    "cookieDuration": "stickiness.{type}.duration_seconds",
}


async def _set_stickiness(op: Operation) -> None:
    block = op.inputs.get("stickiness") or {"enabled": False, "type": "lb_cookie"}
    block = {"enabled": True} | block
    said = [
        {"Key": key.format(type=block["type"]), "Value": _said(block[name])}
        for name, key in _STICKINESS.items()
        if block.get(name) is not None
    ]
    await op.call("ModifyTargetGroupAttributes", TargetGroupArn=op.id, Attributes=said)


async def _read_targets(op: Operation) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await _reading(  # type: ignore[operator]
        "TargetGroupArn", "TargetGroups", "DescribeTargetGroupAttributes"
    )(op)
    if found and "stickiness" in op.given:
        said = {item["Key"]: item["Value"] for item in found["Attributes"]}
        kind = said.get("stickiness.type", "lb_cookie")
        found["stickiness"] = {name: said.get(key.format(type=kind)) for name, key in _STICKINESS.items()}
    return found


def _check_health(values: Mapping[str, Any]) -> Mapping[str, str]:
    health = values.get("healthCheck")
    health = health if isinstance(health, dict) else {}
    interval, timeout = health.get("interval", 30), health.get("timeout")
    if isinstance(interval, int) and isinstance(timeout, int) and timeout >= interval:
        return {"healthCheck.timeout": f"must be less than the interval ({interval} s), not {timeout} s"}
    return {}


TARGET_GROUP = Row(
    "aws:lb/targetGroup:TargetGroup",
    "elbv2",
    inputs={
        "name": text(REPLACE | COMPUTED, frm="TargetGroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "port": number(REPLACE),
        "protocol": text(REPLACE),
        "protocolVersion": text(REPLACE | COMPUTED),
        "targetType": text(REPLACE, default="instance"),
        "ipAddressType": text(REPLACE | COMPUTED),
        "vpcId": text(REPLACE),
        "healthCheck": one(_HEALTH, COMPUTED, to="."),
        "stickiness": one(
            {"type": text(REQUIRED), "enabled": flag(default=True), "cookieDuration": number(), "cookieName": text()},
            COMPUTED,
        ),
        **_TARGET_ATTRIBUTES,
    },
    outputs={"arn": "TargetGroupArn", "arnSuffix": "suffix"},
    create=Call("CreateTargetGroup"),
    id="TargetGroups[0].TargetGroupArn",
    read=_read_targets,
    updates=(
        Update("healthCheck", Call("ModifyTargetGroup", {"TargetGroupArn": "{id}"})),
        attributes(_TARGET_ATTRIBUTES, "ModifyTargetGroupAttributes", "TargetGroupArn"),
        Update("stickiness", _set_stickiness),
    ),
    delete=Call("DeleteTargetGroup", {"TargetGroupArn": "{id}"}),
    gone=("TargetGroupNotFound",),
    busy=("ResourceInUse",),
    tags=TAGS,
    autoname="name",
    longest=32,
    identity=("name",),
    check=(not_both("name", "namePrefix"), _check_health),
)

ROWS = (LOAD_BALANCER, TARGET_GROUP)
