"""Whether the security groups let the gateway's parts speak to each other. Pure: takes DescribeSecurityGroupRules'
answer.

A connection needs an egress rule at its source and an ingress rule at its target. A rule that names addresses instead
of a group is taken to cover them, since which addresses those are isn't looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litellm_admin.cli.doctor.findings import REPAIR, Finding
from litellm_admin.shapes import object_at

PUBLIC_DOOR_PORT = 80
ADMIN_DOOR_PORT = 8080
TASK_PORT = 4000
DATABASE_PORT = 5432
HTTPS_PORT = 443

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """One side of a connection: what people call it, and its security groups. No groups: something outside."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """`source` must be able to open connections to `target` on `port`."""

    source: Part
    target: Part
    port: int


def check(flows: Iterable[Flow], rules: Sequence[Rule]) -> dict[Flow, list[Finding]]:
    """For each flow what is missing; nothing where all is there."""
    return {flow: list(_missing(flow, rules)) for flow in flows}


def _missing(flow: Flow, rules: Sequence[Rule]) -> Iterable[Finding]:
    out = [rule for rule in rules if rule["IsEgress"] and rule["GroupId"] in flow.source.groups]
    into = [rule for rule in rules if not rule["IsEgress"] and rule["GroupId"] in flow.target.groups]
    if flow.source.groups and not any(_covers(rule, flow.port, flow.target.groups) for rule in out):
        yield _finding(flow.source, "lets nothing out", "to", flow.target, flow.port)
    if flow.target.groups and not any(_covers(rule, flow.port, flow.source.groups) for rule in into):
        yield _finding(flow.target, "lets nothing in", "from", flow.source, flow.port)


def _covers(rule: Rule, port: int, others: Sequence[str]) -> bool:
    if rule["IpProtocol"] not in ("tcp", "-1"):
        return False
    # -1 is every protocol, and has no ports
    if rule["IpProtocol"] == "tcp" and not int(rule["FromPort"]) <= port <= int(rule["ToPort"]):
        return False
    referenced = object_at(rule, "ReferencedGroupInfo").get("GroupId")
    return referenced is None or not others or referenced in others


def _finding(part: Part, verb: str, word: str, other: Part, port: int) -> Finding:
    groups = ", ".join(part.groups)
    return Finding(
        f"The security group of {part.name} ({groups}) {verb} {word} {other.name} on port {port}.",
        f"Somebody changed the rules by hand: `{REPAIR}` puts them back.",
    )
