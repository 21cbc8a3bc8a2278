"""Tags on everything: what a bill is split by, and what finds the leftovers of a failed teardown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi

from components.settings import Stack

Transformation = Callable[[pulumi.ResourceTransformationArgs], pulumi.ResourceTransformationResult | None]


def transformations(stack: Stack) -> list[Transformation]:
    """What every resource of the stack goes through: tags, and the permissions boundary if there is one."""
    boundary = stack.settings.permissions_boundary_arn
    found = [tagging(stack.project, stack.stack, stack.settings.tags or {})]
    return [*found, bounding(boundary)] if boundary else found


def tagging(project: str, stack: str, more: Mapping[str, str]) -> Transformation:
    """A transformation that adds the stack's tags, and `more`, to every AWS resource that can carry tags."""
    common = {**more, "Project": project, "Stack": stack, "ManagedBy": "pulumi"}

    def add(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # generated AWS classes list every property that a type has, set or not
        if not args.type_.startswith("aws:") or "tags" not in args.props:
            return None
        own = cast("dict[str, Any]", args.props["tags"] or {})
        props = {**args.props, "tags": {**common, **own}}
        return pulumi.ResourceTransformationResult(props=props, opts=args.opts)

    return add


def bounding(boundary_arn: str) -> Transformation:
    """A transformation that gives every role this permissions boundary, which some organisations demand of whoever
    makes roles.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""

    def bound(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ != "aws:iam/role:Role":
            return None
        props = {**args.props, "permissions_boundary": boundary_arn}
        return pulumi.ResourceTransformationResult(props=props, opts=args.opts)

    return bound
