"""AWS WAF: moto keeps web ACLs; AWS's rules for them, and who uses them, come from here.

https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

if TYPE_CHECKING:
    from localcloud.aws.cloudfront.state import State as CloudFront

SERVICE = "wafv2"
EDGE_REGION = "us-east-1"
CLOUDFRONT = "CLOUDFRONT"
MOST_CAPACITY = 5000
RATE_CAPACITY = 2  # "Rate-based rule statement": 2, and 30 for each custom key
WINDOWS = (60, 120, 300, 600)  # seconds that a rate may be counted over
_WRONG = "WAFInvalidParameterException"
_SCOPED = ("CreateWebACL", "UpdateWebACL", "GetWebACL", "DeleteWebACL", "ListWebACLs")


@cache
def managed_groups() -> dict[str, Any]:
    """AWS's rule groups that are known here: name → capacity and the names of their rules."""
    return json.loads(Path(__file__).with_name("firewall_groups.json").read_text())


def register(rules: Rules, account: Account, cloudfront: CloudFront) -> None:
    """``cloudfront``: a distribution keeps its web ACL from being deleted."""

    @rules.check(SERVICE, *_SCOPED)
    def in_its_region(call: Call) -> None:
        if call.params.get("Scope") == CLOUDFRONT and call.region != EDGE_REGION:
            raise Refusal(
                _WRONG,
                "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT. Ask in "
                f"{EDGE_REGION}, not in {call.region}.",
            )

    @rules.check(SERVICE, "CreateWebACL", "UpdateWebACL")
    def sane(call: Call) -> None:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal(_WRONG, sentence)
        given = call.params.get("Rules") or []
        for name in ("Priority", "Name"):
            values = [rule[name] for rule in given]
            if len(set(values)) < len(values):
                raise Refusal(_WRONG, f"Two rules of the web ACL have the same {name}.")
        for rule in given:
            _check(rule, call.params.get("CustomResponseBodies") or {})
        capacity = sum(_capacity(rule) for rule in given)
        if capacity > MOST_CAPACITY:
            raise Refusal("WAFLimitsExceededException", f"The web ACL needs {capacity} units of {MOST_CAPACITY}.")

    @rules.after(SERVICE, "GetWebACL")
    def weighed(call: Call, result: dict[str, Any]) -> None:
        result["WebACL"]["Capacity"] = sum(_capacity(rule) for rule in result["WebACL"].get("Rules") or [])

    @rules.check(SERVICE, "DeleteWebACL")
    def unused(call: Call) -> None:
        users = [d.id for d in cloudfront.distributions.values() if call.params["Id"] in d.config.get("WebACLId", "")]
        if users:
            raise Refusal(
                "WAFAssociatedItemException",
                f"The web ACL {call.params['Name']} is associated with {', '.join(users)}: take it off first.",
            )


def exists(account: Account, arn: str) -> bool:
    """Whether there is a web ACL for CloudFront with this ARN."""
    return arn in backend(account, SERVICE, "global").wacls


def _statements(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, statement) for name, statement in rule["Statement"].items() if statement is not None)


def _check(rule: dict[str, Any], bodies: dict[str, Any]) -> None:
    kinds = list(_statements(rule))
    if len(kinds) != 1:
        raise Refusal(_WRONG, f"The rule {rule['Name']} has {len(kinds)} statements at its top; one is what it needs.")
    [(kind, statement)] = kinds
    group = kind in ("ManagedRuleGroupStatement", "RuleGroupReferenceStatement")
    if (rule.get("OverrideAction") is not None) != group or (rule.get("Action") is not None) == group:
        needs = "an OverrideAction and no Action" if group else "an Action and no OverrideAction"
        raise Refusal(_WRONG, f"The rule {rule['Name']} needs {needs}.")
    custom = ((rule.get("Action") or {}).get("Block") or {}).get("CustomResponse") or {}
    key = custom.get("CustomResponseBodyKey")
    if key and key not in bodies:
        raise Refusal(_WRONG, f"The rule {rule['Name']} names the response body {key}, which the web ACL hasn't.")
    if kind == "RateBasedStatement" and statement.get("EvaluationWindowSec", 300) not in WINDOWS:
        raise Refusal(_WRONG, f"The rule {rule['Name']} counts over one of {', '.join(map(str, WINDOWS))} seconds.")
    if kind == "ManagedRuleGroupStatement":
        _check_group(rule["Name"], statement)


def _check_group(rule: str, statement: dict[str, Any]) -> None:
    group = managed_groups().get(statement["Name"]) if statement["VendorName"] == "AWS" else None
    if group is None:
        raise Refusal(
            _WRONG,
            f"The rule {rule} names the managed group {statement['VendorName']} {statement['Name']}; known here are "
            f"AWS's {', '.join(managed_groups())}.",
        )
    for override in statement.get("RuleActionOverrides") or []:
        if override["Name"] not in group["rules"]:
            raise Refusal(_WRONG, f"{statement['Name']} has no rule {override['Name']}; {rule} overrides it.")


def _capacity(rule: dict[str, Any]) -> int:
    total = 0
    for kind, statement in _statements(rule):
        if kind == "RateBasedStatement":
            total += RATE_CAPACITY
        elif kind == "ManagedRuleGroupStatement":
            total += managed_groups().get(statement["Name"], {}).get("capacity", 0)
    return total
