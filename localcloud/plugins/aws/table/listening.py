"""Elastic Load Balancing v2: listeners and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Prop,
    Row,
    Update,
    flag,
    number,
    one,
    several,
    text,
    texts,
)
from localcloud.plugins.aws.table.balancing import TAGS, attributes
from localcloud.plugins.values import has_unknown

_ACTION = {
    "type": text(REQUIRED),
    "order": number(COMPUTED),
    "targetGroupArn": text(),
    "forward": one(
        {
            "targetGroups": several(
                {"arn": text(REQUIRED, to="TargetGroupArn"), "weight": number(default=1)}, UNORDERED
            ),
            "stickiness": one(
                {"duration": number(REQUIRED, to="DurationSeconds"), "enabled": flag(default=False)},
                to="TargetGroupStickinessConfig",
            ),
        },
        to="ForwardConfig",
    ),
    "fixedResponse": one(
        {"contentType": text(REQUIRED), "messageBody": text(), "statusCode": text(COMPUTED)}, to="FixedResponseConfig"
    ),
    "redirect": one(
        {
            "statusCode": text(REQUIRED),
            "host": text(default="#{host}"),
            "path": text(default="/#{path}"),
            "port": text(default="#{port}"),
            "protocol": text(default="#{protocol}"),
            "query": text(default="#{query}"),
        },
        to="RedirectConfig",
    ),
}
# What each type of action needs; a simulated load balancer would take an action that does nothing.
_NEEDS = {"forward": ("targetGroupArn", "forward"), "fixed-response": ("fixedResponse",), "redirect": ("redirect",)}


def _check_actions(name: str) -> Any:
    def check(values: Mapping[str, Any]) -> Mapping[str, str]:
        actions = values.get(name)
        wrong = {}
        for index, action in enumerate(actions if isinstance(actions, list) else []):
            if not isinstance(action, dict) or action.get("type") not in _NEEDS:
                continue
            needs = _NEEDS[action["type"]]
            given = [need for need in needs if action.get(need) is not None]
            if len(given) != 1:
                listed = " or ".join(f"`{need}`" for need in needs)
                wrong[f"{name}[{index}]"] = f"needs {listed} for its type `{action['type']}`"
        return wrong

    return check


_RESPONSE = "routing.http.response."
_LISTENER_ATTRIBUTES = {
    "tcpIdleTimeoutSeconds": number(COMPUTED, attribute="tcp.idle_timeout.seconds"),
    "routingHttpResponseServerEnabled": flag(COMPUTED, attribute=f"{_RESPONSE}server.enabled"),
    "routingHttpResponseStrictTransportSecurityHeaderValue": text(
        COMPUTED, attribute=f"{_RESPONSE}strict_transport_security.header_value"
    ),
    "routingHttpResponseContentSecurityPolicyHeaderValue": text(
        COMPUTED, attribute=f"{_RESPONSE}content_security_policy.header_value"
    ),
    "routingHttpResponseXContentTypeOptionsHeaderValue": text(
        COMPUTED, attribute=f"{_RESPONSE}x_content_type_options.header_value"
    ),
    "routingHttpResponseXFrameOptionsHeaderValue": text(COMPUTED, attribute=f"{_RESPONSE}x_frame_options.header_value"),
}


async def _certificates(op: Operation) -> list[dict[str, str]] | None:
    arn = op.inputs.get("certificateArn")
    return [{"CertificateArn": arn}] if arn else None


async def _read_listener(op: Operation) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = (await op.call("DescribeListeners", ListenerArns=[op.id]))["Listeners"]
    if found and op.given.keys() & _LISTENER_ATTRIBUTES.keys():
        found[0] |= await op.call("DescribeListenerAttributes", ListenerArn=op.id)
    return found[0] if found else None


LISTENER = Row(
    "aws:lb/listener:Listener",
    "elbv2",
    inputs={
        "loadBalancerArn": text(REQUIRED | REPLACE),
        "port": number(),
        "protocol": text(COMPUTED),
        "sslPolicy": text(COMPUTED),
        "alpnPolicy": text(),
        "certificateArn": text(frm="Certificates[0].CertificateArn"),
        "defaultActions": several(_ACTION, REQUIRED),
        **_LISTENER_ATTRIBUTES,
    },
    outputs={"arn": "ListenerArn"},
    create=Call("CreateListener", {"Certificates": _certificates}, said=("certificateArn",)),
    id="Listeners[0].ListenerArn",
    read=_read_listener,
    updates=(
        Update(
            "port protocol sslPolicy alpnPolicy certificateArn defaultActions",
            Call("ModifyListener", {"ListenerArn": "{id}", "Certificates": _certificates}),
        ),
        attributes(_LISTENER_ATTRIBUTES, "ModifyListenerAttributes", "ListenerArn"),
    ),
    delete=Call("DeleteListener", {"ListenerArn": "{id}"}),
    gone=("ListenerNotFound",),
    busy=("ResourceInUse",),
    tags=TAGS,
    check=(_check_actions("defaultActions"),),
)

_VALUES = {"values": texts(UNORDERED), "regexValues": texts(UNORDERED)}
_CONDITION: dict[str, Prop] = {
    "pathPattern": one(_VALUES, to="PathPatternConfig"),
    "hostHeader": one(_VALUES, to="HostHeaderConfig"),
    "httpHeader": one({"httpHeaderName": text(REQUIRED), **_VALUES}, to="HttpHeaderConfig"),
    "httpRequestMethod": one({"values": texts(REQUIRED | UNORDERED)}, to="HttpRequestMethodConfig"),
    "queryStrings": several({"key": text(), "value": text(REQUIRED)}, UNORDERED, to="QueryStringConfig.Values"),
    "sourceIp": one({"values": texts(REQUIRED | UNORDERED)}, to="SourceIpConfig"),
}
_FIELDS = {
    "PathPatternConfig": "path-pattern",
    "HostHeaderConfig": "host-header",
    "HttpHeaderConfig": "http-header",
    "HttpRequestMethodConfig": "http-request-method",
    "QueryStringConfig": "query-string",
    "SourceIpConfig": "source-ip",
}
_CONDITIONS = several(_CONDITION, REQUIRED | UNORDERED)
_MOST_VALUES = 5  # condition values a rule may have in all (quotas of Application Load Balancers)
_MOST_VALUES_EACH = 3  # and a condition (rule-condition-types.html, "Condition basics")

_REWRITE = one({"rewrite": one({"regex": text(REQUIRED), "replace": text(REQUIRED)}, to="Rewrites")})
_TRANSFORMS = several(
    {"type": text(REQUIRED), "hostHeaderRewriteConfig": _REWRITE, "urlRewriteConfig": _REWRITE}, UNORDERED
)


async def _conditions(op: Operation) -> list[dict[str, Any]]:
    made = await op.shaped("CreateRule", {"conditions": _CONDITIONS}, {"conditions": op.inputs["conditions"]})
    return [{"Field": _FIELDS[next(iter(condition))]} | condition for condition in made["Conditions"]]


async def _priority(op: Operation) -> int:
    """The wanted priority, else the first free one after the last, as the official provider chooses."""
    if op.inputs.get("priority") is not None:
        return int(op.inputs["priority"])
    rules = (await op.call("DescribeRules", ListenerArn=op.inputs["listenerArn"]))["Rules"]
    return max([int(rule["Priority"]) for rule in rules if rule["Priority"] != "default"], default=0) + 1


async def _move(op: Operation) -> None:
    wanted = [{"RuleArn": op.id, "Priority": await _priority(op)}]
    await op.call("SetRulePriorities", RulePriorities=wanted)


async def _modify_rule(op: Operation) -> None:
    said: dict[str, Any] = {}
    if "conditions" in op.changed:
        said["Conditions"] = await _conditions(op)
    if "transforms" in op.changed:
        # moto takes no change of transforms alone, so the conditions come along unchanged.
        said["Conditions"] = await _conditions(op)
        wanted = {"transforms": op.inputs.get("transforms")}
        said |= await op.shaped("ModifyRule", {"transforms": _TRANSFORMS}, wanted) or {"ResetTransforms": True}
    if "actions" in op.changed:
        said |= await op.shaped("ModifyRule", {"actions": op.row.inputs["actions"]}, {"actions": op.inputs["actions"]})
    await op.call("ModifyRule", RuleArn=op.id, **said)


def _check_conditions(values: Mapping[str, Any]) -> Mapping[str, str]:
    conditions = values.get("conditions")
    if not isinstance(conditions, list) or has_unknown(conditions):
        return {}
    if not conditions:
        return {"conditions": "must have at least one condition"}
    count = 0
    for index, condition in enumerate(conditions):
        if len(condition) != 1:
            return {
                f"conditions[{index}]": f"must have exactly one of {', '.join(_CONDITION)}; it has {len(condition)}"
            }
        block = next(iter(condition.values()))
        parts = block if isinstance(block, list) else [*(block.get("values") or []), *(block.get("regexValues") or [])]
        if not parts:
            return {f"conditions[{index}]": "must have at least one value"}
        if len(parts) > _MOST_VALUES_EACH:
            most = f"may have {_MOST_VALUES_EACH} values, not {len(parts)}; make a second rule"
            return {f"conditions[{index}]": most}
        count += len(parts)
    if count > _MOST_VALUES:
        return {"conditions": f"may have {_MOST_VALUES} values in all, not {count}; make a second rule"}
    return {}


def _check_priority(values: Mapping[str, Any]) -> Mapping[str, str]:
    priority = values.get("priority")
    if isinstance(priority, int) and not 1 <= priority <= 50000:
        return {"priority": f"must be between 1 and 50000, not {priority}"}
    return {}


LISTENER_RULE = Row(
    "aws:lb/listenerRule:ListenerRule",
    "elbv2",
    inputs={
        "listenerArn": text(REQUIRED | REPLACE | HIDDEN),
        "priority": number(COMPUTED),
        "conditions": _CONDITIONS,
        "actions": several(_ACTION, REQUIRED),
        "transforms": _TRANSFORMS,
    },
    outputs={"arn": "RuleArn"},
    create=Call("CreateRule", {"Conditions": _conditions, "Priority": _priority}, said=("conditions", "priority")),
    id="Rules[0].RuleArn",
    read=Call("DescribeRules", {"RuleArns": ["{id}"]}, "Rules[0]"),
    updates=(Update("priority", _move), Update("conditions actions transforms", _modify_rule)),
    delete=Call("DeleteRule", {"RuleArn": "{id}"}),
    gone=("RuleNotFound", "ListenerNotFound"),
    tags=TAGS,
    check=(_check_actions("actions"), _check_conditions, _check_priority),
)

ROWS = (LISTENER, LISTENER_RULE)
