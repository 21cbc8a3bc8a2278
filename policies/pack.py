"""From the engine's view of a stack to plain data, and back to its violations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from ops.shapes import is_mapping
from policies.evaluate import Settings, policies, settings, violations
from policies.model import HIGH, LOW, MEDIUM, UNKNOWN, Policy, Resource, Stack

NAME = "llm-gateway"
SUPPRESSED = "suppressed"
_SEVERITIES = {HIGH: Severity.HIGH, MEDIUM: Severity.MEDIUM, LOW: Severity.LOW}


def make(stack: str) -> PolicyPack:
    """The pack for a stack. Every policy sees the whole stack, because most rules look at two resources or more."""
    chosen = settings()
    own = policies(chosen.ceiling(stack))
    return PolicyPack(
        name=NAME, policies=[*(_policy(policy, stack, chosen) for policy in own), _suppressed(own, stack, chosen)]
    )


def _policy(policy: Policy, stack: str, chosen: Settings) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in violations(seen(stack, args), policy, chosen.suppressions):
            if not violation.suppressed:
                report(_sentence(violation.message, violation.resource), _urn(violation.resource))

    return StackValidationPolicy(
        name=policy.id,
        description=_description(policy),
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY if policy.severity == HIGH else EnforcementLevel.ADVISORY,
        severity=_SEVERITIES[policy.severity],
    )


def _suppressed(own: Sequence[Policy], stack: str, chosen: Settings) -> StackValidationPolicy:
    """What is let pass is told as well, with its reason."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        there = seen(stack, args)
        for policy in own:
            for violation in violations(there, policy, chosen.suppressions):
                if violation.suppressed:
                    said = _sentence(violation.message, violation.resource)
                    report(f"{policy.id}: {said}; let pass because {violation.suppressed}", _urn(violation.resource))

    return StackValidationPolicy(
        name=SUPPRESSED,
        description="Findings that policies/settings.yaml lets pass, each for a written reason.",
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
        severity=Severity.LOW,
    )


def _description(policy: Policy) -> str:
    return f"{policy.reason} ({', '.join(policy.maps)})" if policy.maps else policy.reason


def _sentence(message: str, resource: Resource | None) -> str:
    return f"{resource.name} {message}" if resource else f"The stack {message}"


def _urn(resource: Resource | None) -> str | None:
    return resource.urn if resource else None


def seen(stack: str, args: StackValidationArgs) -> Stack:
    """The engine's resources as plain data, with what isn't known yet marked as such."""
    return Stack(
        stack,
        [
            Resource(item.resource_type, item.name, item.urn, _plain(item.props), bool(item.opts and item.opts.protect))
            for item in args.resources
        ],
    )


def _plain(value: Any) -> Any:
    if is_mapping(value):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_item(value, index) for index in range(len(cast("Sequence[Any]", value)))]
    return value


def _item(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
