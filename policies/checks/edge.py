"""Admin paths answer 403 at the edge, and everything else passes a guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.model import HIGH, UNKNOWN, Found, Policy, Resource, Stack

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
FUNCTION = "aws:cloudfront/function:Function"
DENIED = ("/user/*", "/key/*", "/model/*", "/spend/*")


def _denied(stack: Stack) -> Iterator[Found]:
    for distribution in stack.of(DISTRIBUTION):
        behaviours = distribution.known("orderedCacheBehaviors")
        if behaviours is None and distribution.is_unknown("orderedCacheBehaviors"):
            continue
        listed: list[Any] = behaviours or []
        by_pattern = {b["pathPattern"]: b for b in listed if b is not UNKNOWN}
        for pattern in DENIED:
            if pattern not in by_pattern:
                yield distribution, f"has no behaviour for {pattern}, so admin paths reach the gateway"
            elif not _answers_403(stack, by_pattern[pattern]):
                yield distribution, f"{pattern} has no Function at viewer-request that answers 403"
        default = distribution.known("defaultCacheBehavior")
        if default is not None and not _at_request(default):
            yield distribution, "the default behaviour has no Function at viewer-request: nothing guards it"


def _at_request(behaviour: Mapping[str, Any]) -> list[Any]:
    """The Functions at viewer-request: their ARNs, or that they are not known yet."""
    associations: Any = behaviour.get("functionAssociations") or list[Any]()
    if associations is UNKNOWN:
        return [UNKNOWN]
    return [a.get("functionArn") for a in associations if a is not UNKNOWN and a.get("eventType") == "viewer-request"]


def _answers_403(stack: Stack, behaviour: Mapping[str, Any]) -> bool:
    functions = list(stack.of(FUNCTION))
    for arn in _at_request(behaviour):
        # before it is made, a Function's ARN is not known: then one of the stack's must be the one
        candidates = functions if arn is UNKNOWN else [f for f in functions if f.known("arn") == arn]
        if any(_refuses(function) for function in candidates):
            return True
    return False


def _refuses(function: Resource) -> bool:
    code = str(function.known("code", ""))
    return "statusCode: 403" in code or '"statusCode": 403' in code


POLICIES = (
    Policy(
        "edge-denies-admin-paths",
        HIGH,
        "The four admin prefixes answer 403 at the public address; that is what the gateway promises.",
        _denied,
    ),
)
