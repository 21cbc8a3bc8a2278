"""AWS WAF before a distribution: rate-based rules, and the rule of AWS's core rule set that would stop a long prompt.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html, `SizeRestrictions_BODY`

AWS counts every few seconds and is late by as much; here a request counts at once. What the other rules of AWS's groups
look for isn't published, so they are not evaluated here: a request that passes may be one that AWS would block.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.net.http_server import Exchange

BODY_BYTES = 8192  # more is blocked by SizeRestrictions_BODY
_MOST_ADDRESSES = 10_000  # "Rate-based rule statements": as many are watched at a time
_CONTENT_TYPES = {"APPLICATION_JSON": "application/json", "TEXT_HTML": "text/html", "TEXT_PLAIN": "text/plain"}


@dataclass(frozen=True)
class Block:
    """What a blocked request gets; ``status`` None: CloudFront's own 403 page."""

    why: str
    status: int | None = None
    content_type: str = "text/plain"
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule as far as it is evaluated here. ``limit``: requests of one address within ``window`` seconds; None for one
    that looks at the body's size. ``block`` None: it only counts."""

    name: str
    limit: int | None
    window: int
    block: Block | None


@dataclass
class Firewall:
    """One web ACL at work; what it has counted goes when its rules change."""

    rules: tuple[Rule, ...] = ()
    now: Callable[[], float] = time.monotonic
    _seen: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    async def check(self, exchange: Exchange) -> Block | None:
        """The first rule by priority that blocks the request, if any; every rate is counted up to there."""
        for rule in self.rules:
            if rule.limit is None:
                hit = await exchange.body_exceeds(BODY_BYTES)
            else:
                hit = self._count(rule, exchange.client.ip) > rule.limit
            if hit and rule.block is not None:
                return rule.block
        return None

    def _count(self, rule: Rule, address: str) -> int:
        """The address's requests within the window, this one included; no more are kept than the limit needs."""
        assert rule.limit is not None
        now = self.now()
        times = self._seen.pop((rule.name, address), None) or deque(maxlen=rule.limit + 1)
        while times and times[0] <= now - rule.window:
            times.popleft()
        times.append(now)
        self._seen[rule.name, address] = times  # the latest last
        if len(self._seen) > _MOST_ADDRESSES:
            del self._seen[next(iter(self._seen))]
        return len(times)


def rules(acl: dict[str, Any]) -> tuple[tuple[Rule, ...], str | None]:
    """From WAF's WebACL, by priority; and what of it isn't simulated."""
    if "Allow" not in acl["DefaultAction"]:
        return (), "a web ACL that blocks by default isn't simulated"
    found: list[Rule] = []
    for item in sorted(acl.get("Rules") or [], key=lambda rule: rule["Priority"]):
        statement = item["Statement"]
        if rate := statement.get("RateBasedStatement"):
            if rate.get("AggregateKeyType") != "IP" or rate.get("ScopeDownStatement"):
                return (), f"the web ACL's rule {item['Name']} counts by something else than the address"
            found.append(_rate(acl, item, rate))
        elif group := statement.get("ManagedRuleGroupStatement"):
            if group["Name"] == "AWSManagedRulesCommonRuleSet":
                found.append(_body_size(item, group))
        else:
            return (), f"the web ACL's rule {item['Name']} has a statement that isn't simulated"
    return tuple(found), None


def _rate(acl: dict[str, Any], item: dict[str, Any], rate: dict[str, Any]) -> Rule:
    name, limit, window = item["Name"], int(rate["Limit"]), int(rate.get("EvaluationWindowSec") or 300)
    blocking = item["Action"].get("Block")
    why = f"WAF rule {name}: more than {limit} requests in {window} s from one address"
    return Rule(name, limit, window, None if blocking is None else _block(acl, blocking, why))


def _body_size(item: dict[str, Any], group: dict[str, Any]) -> Rule:
    counted = "Count" in (item.get("OverrideAction") or {})
    for override in group.get("RuleActionOverrides") or []:
        counted |= override["Name"] == "SizeRestrictions_BODY" and "Block" not in override["ActionToUse"]
    why = f"WAF rule SizeRestrictions_BODY of {item['Name']}: a body of more than {BODY_BYTES} bytes"
    return Rule(item["Name"], None, 0, None if counted else Block(why))


def _block(acl: dict[str, Any], blocking: dict[str, Any], why: str) -> Block:
    custom = blocking.get("CustomResponse")
    if not custom:
        return Block(why)
    said = (acl.get("CustomResponseBodies") or {}).get(custom.get("CustomResponseBodyKey") or "", {})
    return Block(
        why,
        int(custom["ResponseCode"]),
        _CONTENT_TYPES[said.get("ContentType", "TEXT_PLAIN")],
        said.get("Content", ""),
        tuple((one["Name"], one["Value"]) for one in custom.get("ResponseHeaders") or []),
    )


def web_acl_name(arn: str) -> tuple[str, str]:
    """Name and id of a web ACL for CloudFront, out of its ARN. Raises ValueError for any other ARN."""
    found = re.fullmatch(r"arn:aws:wafv2:[a-z0-9-]+:\d{12}:global/webacl/([^/]+)/([^/]+)", arn)
    if found is None:
        raise ValueError(f"{arn} is no web ACL for CloudFront")
    return found[1], found[2]
