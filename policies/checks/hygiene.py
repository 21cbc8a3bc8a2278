"""Images, logs, tags, protection and cost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ops.advisories import SAFE_LITELLM, advisories
from ops.cost.estimate import estimate
from ops.cost.prices import load, regions
from ops.plan import UNKNOWN as UNTOLD
from ops.plan import Planned
from ops.shapes import is_list, is_mapping
from policies.model import HIGH, LOW, MEDIUM, UNKNOWN, Found, Policy, Resource, Stack

TAGS = ("Project", "Stack", "ManagedBy")
_EXACT = re.compile(r":v?\d+\.\d+\.\d+[\w.-]*$")


def _images(stack: Stack) -> Iterator[Found]:
    for definition in stack.of("aws:ecs/taskDefinition:TaskDefinition"):
        document = definition.known("containerDefinitions")
        containers: list[dict[str, Any]] = json.loads(document) if document else []
        for container in containers:
            image = str(container.get("image", ""))
            if "@sha256:" not in image and not _EXACT.search(image):
                yield definition, f"runs {image}: name an exact version or a digest"
            for advisory in advisories(image):
                safe = ".".join(map(str, SAFE_LITELLM))
                yield definition, f"runs {image}, which has {advisory.id} ({advisory.what}): take {safe} or newer"


def _retention(stack: Stack) -> Iterator[Found]:
    for group in stack.of("aws:cloudwatch/logGroup:LogGroup"):
        if not group.known("retentionInDays", group.is_unknown("retentionInDays")):
            yield group, "keeps its lines for ever; set retention_in_days"


def _tags(stack: Stack) -> Iterator[Found]:
    for resource in stack.resources:
        # the provider gives this to every type that can carry tags
        if not resource.type.startswith("aws:") or "tagsAll" not in resource.props:
            continue
        tags = resource.known("tags", {}) if not resource.is_unknown("tags") else dict.fromkeys(TAGS)
        if missing := [tag for tag in TAGS if tag not in tags]:
            yield resource, f"lacks the tag{'s' if len(missing) > 1 else ''} {', '.join(missing)}"


def _protection(stack: Stack) -> Iterator[Found]:
    """All of it or nothing: a POC must go without a fight, and of a protected stack nothing may."""
    switches: list[tuple[Resource, str, bool]] = []
    for database in stack.of("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"):
        switches.append((database, "deletion protection", bool(database.known("deletionProtection", False))))
        switches.append((database, "a final snapshot", not database.known("skipFinalSnapshot", False)))
        switches.append((database, "Pulumi's protect", database.protect))
    for balancer in stack.of("aws:lb/loadBalancer:LoadBalancer"):
        switches.append((balancer, "deletion protection", bool(balancer.known("enableDeletionProtection", False))))
    protected = any(resource.protect for resource, _, _ in switches)
    for resource, what, on in switches:
        if on != protected:
            word = "is protected, and lacks" if protected else "is not protected, and has"
            yield resource, f"the stack {word} {what}"


def ceiling(limit: Decimal):
    """The check of what a stack may cost a month, in USD."""

    def check(stack: Stack) -> Iterator[Found]:
        planned = [Planned(r.urn, "same", _told(r.props)) for r in stack.resources if r.urn.count("::") >= 3]
        region = next((r.props["region"] for r in stack.resources if isinstance(r.props.get("region"), str)), "")
        found = estimate(planned, load(region if region in regions() else "us-east-1"))
        if found.total > limit:
            more = "raise it in policies/settings.yaml"
            yield None, f"costs about ${found.total} a month, and ${limit} is what it may: {more}"

    return check


def _told(value: Any) -> Any:
    if value is UNKNOWN:
        return UNTOLD
    if is_mapping(value):
        return {key: _told(item) for key, item in value.items()}
    return [_told(item) for item in value] if is_list(value) else value


POLICIES = (
    Policy(
        "image-pinned-and-safe",
        HIGH,
        "A tag that moves deploys something that nobody has looked at, and old versions have known holes.",
        _images,
        ("checkov CKV_K8S_14 (its counterpart for Kubernetes)",),
    ),
    Policy(
        "log-retention",
        MEDIUM,
        "Logs that are kept for ever cost more each month, and hold what should be forgotten.",
        _retention,
        ("checkov CKV_AWS_66", "cdk-nag NIST.800.53.R5-CloudWatchLogGroupRetentionPeriod"),
    ),
    Policy(
        "tags",
        LOW,
        "Bills are split, budgets kept and leftovers found by them.",
        _tags,
    ),
    Policy(
        "protection",
        MEDIUM,
        "A POC leaves nothing behind; a protected stack loses nothing.",
        _protection,
        ("checkov CKV_AWS_293", "checkov CKV_AWS_150", "cdk-nag AwsSolutions-RDS10"),
    ),
)


def cost_ceiling(limit: Decimal) -> Policy:
    return Policy("cost-ceiling", HIGH, "Nobody is to be surprised by a bill.", ceiling(limit))
