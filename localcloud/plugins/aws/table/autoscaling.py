"""Application Auto Scaling: scalable targets and their target-tracking policies."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    Call,
    Row,
    Tagging,
    Update,
    flag,
    number,
    one,
    text,
)

_WHICH = {
    "ServiceNamespace": "{serviceNamespace}",
    "ResourceId": "{resourceId}",
    "ScalableDimension": "{scalableDimension}",
}
_IDENTITY = ("serviceNamespace", "resourceId", "scalableDimension")
_GONE = ("ObjectNotFoundException",)

_LOOK = Call(
    "DescribeScalableTargets",
    {
        "ServiceNamespace": "{serviceNamespace}",
        "ResourceIds": ["{resourceId}"],
        "ScalableDimension": "{scalableDimension}",
    },
    "ScalableTargets[0]",
)


async def _read_target(op: Operation) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await op.run(_LOOK)
    if found:
        op.state["arn"] = found["ScalableTargetARN"]
    return found


TARGET = Row(
    "aws:appautoscaling/target:Target",
    "application-autoscaling",
    inputs={
        "serviceNamespace": text(REQUIRED | REPLACE),
        "resourceId": text(REQUIRED | REPLACE),
        "scalableDimension": text(REQUIRED | REPLACE),
        "minCapacity": number(REQUIRED),
        "maxCapacity": number(REQUIRED),
        "roleArn": text(REPLACE | COMPUTED, to="RoleARN"),
        "suspendedState": one(
            {
                "dynamicScalingInSuspended": flag(default=False),
                "dynamicScalingOutSuspended": flag(default=False),
                "scheduledScalingSuspended": flag(default=False),
            },
            COMPUTED,
        ),
    },
    outputs={"arn": "ScalableTargetARN"},
    create=Call("RegisterScalableTarget"),
    id="{resourceId}",
    read=_read_target,
    updates=(Update("minCapacity maxCapacity suspendedState", Call("RegisterScalableTarget", _WHICH)),),
    delete=Call("DeregisterScalableTarget", _WHICH),
    gone=_GONE,
    identity=_IDENTITY,
    tags=Tagging(
        Call("TagResource", {"ResourceARN": "{arn}"}),
        Call("UntagResource", {"ResourceARN": "{arn}"}),
        Call("ListTagsForResource", {"ResourceARN": "{arn}"}, "Tags", into="Tags"),
    ),
)

_METRIC = {"predefinedMetricType": text(REQUIRED), "resourceLabel": text()}

POLICY = Row(
    "aws:appautoscaling/policy:Policy",
    "application-autoscaling",
    inputs={
        "name": text(REPLACE | COMPUTED, to="PolicyName"),
        "policyType": text(REPLACE | COMPUTED),
        "serviceNamespace": text(REQUIRED | REPLACE),
        "resourceId": text(REQUIRED | REPLACE),
        "scalableDimension": text(REQUIRED | REPLACE),
        "targetTrackingScalingPolicyConfiguration": one(
            {
                "targetValue": number(REQUIRED),
                "predefinedMetricSpecification": one(_METRIC),
                "scaleInCooldown": number(),
                "scaleOutCooldown": number(),
                "disableScaleIn": flag(default=False),
            }
        ),
    },
    outputs={"arn": "PolicyARN"},
    create=Call("PutScalingPolicy"),
    id="{name}",
    read=Call(
        "DescribeScalingPolicies",
        {
            "ServiceNamespace": "{serviceNamespace}",
            "ResourceId": "{resourceId}",
            "PolicyNames": ["{name}"],
        },
        "ScalingPolicies[0]",
    ),
    updates=(
        Update(
            "targetTrackingScalingPolicyConfiguration",
            Call("PutScalingPolicy", _WHICH | {"PolicyName": "{name}", "PolicyType": "{policyType}"}),
            whole=True,
        ),
    ),
    delete=Call("DeleteScalingPolicy", _WHICH | {"PolicyName": "{name}"}),
    gone=_GONE,
    autoname="name",
    identity=("name", *_IDENTITY),
)

ROWS = (TARGET, POLICY)
