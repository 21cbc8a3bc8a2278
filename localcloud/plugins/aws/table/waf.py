"""AWS WAF: web ACLs with rate-based rules and managed rule groups; other statements aren't in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    BARE,
    COMPUTED,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    flag,
    number,
    one,
    several,
    text,
)

_TAGS = Tagging(
    Call("TagResource", {"ResourceARN": "{arn}"}),
    Call("UntagResource", {"ResourceARN": "{arn}"}),
    Call("ListTagsForResource", {"ResourceARN": "{arn}"}, "TagInfoForResource.TagList", into="Tags"),
)
_VISIBILITY = one(
    {
        "cloudwatchMetricsEnabled": flag(REQUIRED, to="CloudWatchMetricsEnabled"),
        "metricName": text(REQUIRED),
        "sampledRequestsEnabled": flag(REQUIRED),
    },
    REQUIRED,
)
_CUSTOM = one(
    {
        "responseCode": number(REQUIRED),
        "customResponseBodyKey": text(),
        "responseHeaders": several({"name": text(REQUIRED), "value": text(REQUIRED)}, UNORDERED),
    }
)
_BLOCK = one({"customResponse": _CUSTOM}, BARE)
_MARK = one({}, BARE)
_RATE = one(
    {
        "limit": number(REQUIRED),
        "aggregateKeyType": text(default="IP"),
        "evaluationWindowSec": number(default=300),
    }
)
_MANAGED = one(
    {
        "name": text(REQUIRED),
        "vendorName": text(REQUIRED),
        "version": text(),
        "ruleActionOverrides": several(
            {
                "name": text(REQUIRED),
                "actionToUse": one({"count": _MARK, "block": _MARK, "allow": _MARK}, REQUIRED),
            },
            UNORDERED,
        ),
    }
)
_RULE = {
    "name": text(REQUIRED),
    "priority": number(REQUIRED),
    "action": one({"allow": _MARK, "block": _BLOCK, "count": _MARK}),
    "overrideAction": one({"none": _MARK, "count": _MARK}),
    "statement": one({"rateBasedStatement": _RATE, "managedRuleGroupStatement": _MANAGED}, REQUIRED),
    "visibilityConfig": _VISIBILITY,
}


def _check_rules(values: Mapping[str, Any]) -> Mapping[str, str]:
    """Groups have an override, other rules an action: WAF refuses the rest, a simulated one might not."""
    wrong = {}
    rules = values.get("rules")
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        statement = rule.get("statement") if isinstance(rule, dict) else None
        if not isinstance(statement, dict):
            continue
        needs = "overrideAction" if statement.get("managedRuleGroupStatement") is not None else "action"
        other = "action" if needs == "overrideAction" else "overrideAction"
        if rule.get(needs) is None or rule.get(other) is not None:
            wrong[f"rules[{index}]"] = f"needs `{needs}`, and no `{other}`, for its statement"
    return wrong


async def _read(op: Operation) -> dict[str, Any]:
    said = await op.call("GetWebACL", Name=op.value("name"), Scope=op.value("scope"), Id=op.id)
    acl = said["WebACL"]
    op.state["arn"] = acl["ARN"]
    return acl | {"Scope": op.value("scope"), "LockToken": said["LockToken"]}


async def _lock(op: Operation) -> str:
    """The token that WAF wants to see with a change."""
    said = await op.call("GetWebACL", Name=op.value("name"), Scope=op.value("scope"), Id=op.id)
    return str(said["LockToken"])


_WHICH = {"Name": "{name}", "Scope": "{scope}", "Id": "{id}", "LockToken": _lock}
_NAMED = ("name", "scope")

WEB_ACL = Row(
    "aws:wafv2/webAcl:WebAcl",
    "wafv2",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "scope": text(REQUIRED | REPLACE),
        "description": text(),
        "defaultAction": one({"allow": _MARK, "block": _BLOCK}, REQUIRED),
        "rules": several(_RULE, UNORDERED),
        "customResponseBodies": several(
            {"key": text(REQUIRED), "content": text(REQUIRED), "contentType": text(REQUIRED)}, UNORDERED, key="key"
        ),
        "visibilityConfig": _VISIBILITY,
    },
    outputs={"arn": "ARN", "capacity": "Capacity", "lockToken": "LockToken"},
    create=Call("CreateWebACL"),
    id="Summary.Id",
    read=_read,
    updates=(
        Update(
            "*",
            Call("UpdateWebACL", _WHICH, said=_NAMED),
            whole=True,
        ),
    ),
    delete=Call("DeleteWebACL", _WHICH),
    gone=("WAFNonexistentItemException",),
    busy=("WAFAssociatedItemException",),
    tags=_TAGS,
    autoname="name",
    longest=128,
    identity=("name",),
    volatile=("lockToken",),
    regions=("us-east-1",),
    check=(_check_rules,),
)

ROWS = (WEB_ACL,)
