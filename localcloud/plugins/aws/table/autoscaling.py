"""Application Auto Scaling: scalable targets and their target-tracking policies."""

from __future__ import annotations

from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    Call,
    Row,
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
    create=Call("RegisterScalableTarget"),
    id="{resourceId}",
    read=Call(
        "DescribeScalableTargets",
        {
            "ServiceNamespace": "{serviceNamespace}",
            "ResourceIds": ["{resourceId}"],
            "ScalableDimension": "{scalableDimension}",
        },
        "ScalableTargets[0]",
    ),
    updates=(Update("minCapacity maxCapacity suspendedState", Call("RegisterScalableTarget", _WHICH)),),
    delete=Call("DeregisterScalableTarget", _WHICH),
    gone=_GONE,
    identity=_IDENTITY,
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
