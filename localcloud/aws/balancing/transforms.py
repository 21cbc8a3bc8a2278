"""Rule transforms, which moto forgets: kept with the rule, held to AWS's rules, shown with it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "elbv2"
LONGEST = 1024  # characters of a regular expression, and of what replaces its match
_CONFIGS = {"url-rewrite": "UrlRewriteConfig", "host-header-rewrite": "HostHeaderRewriteConfig"}
# "The regular expressions used in rule transforms do not support …"
_UNSUPPORTED = re.compile(r"\(\?[=!<>]|\\[1-9]|[*+?}]\+|\(\?R|\(\?&|\\[pP]\{")


def register(rules: Rules, account: Account) -> None:
    kept: dict[str, list[dict[str, Any]]] = {}  # by rule ARN

    @rules.check(SERVICE, "CreateRule", "ModifyRule")
    def sane(call: Call) -> None:
        for transform in call.params.get("Transforms") or []:
            _check(transform)
        types = [transform["Type"] for transform in call.params.get("Transforms") or []]
        if len(set(types)) < len(types):
            raise Refusal("ValidationError", "A rule can have one host header rewrite and one URL rewrite transform.")

    @rules.after(SERVICE, "CreateRule", "ModifyRule")
    def keep(call: Call, result: dict[str, Any]) -> None:
        for rule in result["Rules"]:
            if call.params.get("Transforms"):
                kept[rule["RuleArn"]] = call.params["Transforms"]
            elif call.params.get("ResetTransforms"):
                kept.pop(rule["RuleArn"], None)
            _show(rule)

    @rules.after(SERVICE, "DescribeRules", "SetRulePriorities")
    def show(call: Call, result: dict[str, Any]) -> None:
        for rule in result["Rules"]:
            _show(rule)

    @rules.after(SERVICE, "DeleteRule")
    def forget(call: Call, result: dict[str, Any]) -> None:
        kept.pop(call.params["RuleArn"], None)

    def _show(rule: dict[str, Any]) -> None:
        if rule["RuleArn"] in kept:
            rule["Transforms"] = kept[rule["RuleArn"]]


def _check(transform: dict[str, Any]) -> None:
    config = _CONFIGS[transform["Type"]]
    if [name for name in _CONFIGS.values() if transform.get(name)] != [config]:
        raise Refusal("ValidationError", f"A transform of type {transform['Type']} needs a {config}, and no other.")
    rewrites = transform[config].get("Rewrites") or []
    if len(rewrites) != 1:
        raise Refusal("ValidationError", f"A {config} has one rewrite; this one has {len(rewrites)}.")
    regex, replacement = rewrites[0].get("Regex") or "", rewrites[0].get("Replace")
    if not 1 <= len(regex) <= LONGEST or replacement is None or len(replacement) > LONGEST:
        raise Refusal("ValidationError", f"A rewrite has a Regex and a Replace of at most {LONGEST} characters.")
    try:
        re.compile(regex)
    except re.error as error:
        raise Refusal("ValidationError", f"The regular expression {regex!r} is not valid: {error}.") from error
    if _UNSUPPORTED.search(regex):
        raise Refusal(
            "ValidationError",
            f"The regular expression {regex!r} looks around, refers back or is possessive, which transforms don't "
            "support.",
        )
