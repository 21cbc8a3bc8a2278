"""Application Auto Scaling: targets and policies are kept, and never act: nothing here measures what they track.

What moto doesn't do: a policy's alarms go with it, a target's policies go with it, and what a policy tracks must exist.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "application-autoscaling"


def register(rules: Rules, account: Account) -> None:
    _register_tags(rules, account)

    @rules.check(SERVICE, "RegisterScalableTarget", "PutScalingPolicy")
    def sane(call: Call) -> None:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal("ValidationException", sentence)
        least, most = call.params.get("MinCapacity"), call.params.get("MaxCapacity")
        if least is not None and most is not None and least > most:
            raise Refusal("ValidationException", f"Minimum capacity {least} is above maximum capacity {most}.")
        tracked = call.params.get("TargetTrackingScalingPolicyConfiguration") or {}
        metric = tracked.get("PredefinedMetricSpecification") or {}
        if metric.get("PredefinedMetricType") == "ALBRequestCountPerTarget":
            _check_label(account, metric.get("ResourceLabel"))

    @rules.after(SERVICE, "PutScalingPolicy", "DeleteScalingPolicy", "DeregisterScalableTarget")
    def alarms_of_policies_only(call: Call, result: dict[str, Any]) -> None:
        scaling = backend(account, "applicationautoscaling")
        if call.operation == "DeregisterScalableTarget":
            gone = [key for key, policy in scaling.policies.items() if policy.resource_id == call.params["ResourceId"]]
            for key in gone:
                del scaling.policies[key]
        kept = {alarm.name for policy in scaling.policies.values() for alarm in policy.alarms or []}
        watched = backend(account, "cloudwatch")
        left = [name for name in list(watched.alarms) if name.startswith("TargetTracking-") and name not in kept]
        if left:
            watched.delete_alarms(left)


def _register_tags(rules: Rules, account: Account) -> None:
    """moto knows none."""
    kept: dict[str, dict[str, str]] = {}

    def arns() -> dict[tuple[str, str], str]:
        targets = backend(account, "applicationautoscaling").targets
        return {(dimension, id): one.arn for dimension, ids in targets.items() for id, one in ids.items()}

    def tagged(call: Call) -> dict[str, str]:
        arn = call.params["ResourceARN"]
        if arn not in arns().values():
            raise Refusal("ResourceNotFoundException", f"No scalable target has the ARN {arn}.")
        return kept.setdefault(arn, {})

    @rules.after(SERVICE, "RegisterScalableTarget")
    def with_its_tags(call: Call, result: dict[str, Any]) -> None:
        result["ScalableTargetARN"] = arn = arns()[call.params["ScalableDimension"], call.params["ResourceId"]]
        kept.setdefault(arn, {}).update(call.params.get("Tags") or {})

    @rules.after(SERVICE, "DescribeScalableTargets")
    def with_its_arn(call: Call, result: dict[str, Any]) -> None:
        for target in result["ScalableTargets"]:
            target["ScalableTargetARN"] = arns()[target["ScalableDimension"], target["ResourceId"]]

    @rules.answer(SERVICE, "TagResource")
    def tag(call: Call) -> dict[str, Any]:
        tagged(call).update(call.params["Tags"])
        return {}

    @rules.answer(SERVICE, "UntagResource")
    def untag(call: Call) -> dict[str, Any]:
        tags = tagged(call)
        for key in call.params["TagKeys"]:
            tags.pop(key, None)
        return {}

    @rules.answer(SERVICE, "ListTagsForResource")
    def tags(call: Call) -> dict[str, Any]:
        return {"Tags": tagged(call)}


def _check_label(account: Account, label: str | None) -> None:
    """``app/NAME/ID/targetgroup/NAME/ID`` of a load balancer and a target group that exist."""
    balancer, _, group = (label or "").partition("/targetgroup/")
    elb = backend(account, "elbv2")
    balancers = {arn.partition(":loadbalancer/")[2] for arn in elb.load_balancers}
    groups = {arn.partition(":targetgroup/")[2] for arn in elb.target_groups}
    if balancer not in balancers or group not in groups:
        raise Refusal(
            "ValidationException",
            f"The ResourceLabel {label!r} names no load balancer and target group: it has the form "
            "app/<name>/<id>/targetgroup/<name>/<id>.",
        )
