"""Scaling: how many tasks there are between a least and a most, by CPU and by requests per target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Target tracking of a service's count. Seconds after a change before the next one: out quickly, since a LiteLLM needs
# half a minute until it serves; in slowly, since a task that goes drains its streams first.
SCALE_OUT_SECONDS = 60
SCALE_IN_SECONDS = 300


class Autoscaling(BaseModel):
    """`autoscaling`: up to `max_tasks`, so that the tasks' CPU stays near `cpu_percent` and each answers about
    `requests_per_task` requests a minute (0: CPU alone decides)."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    max_tasks: Annotated[int, Field(ge=2, le=200)]
    cpu_percent: Annotated[int, Field(ge=10, le=90)] = 60
    requests_per_task: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class ScalingArgs:
    """`cluster` and `service` are names. `resource_label` is what ALB's request count per target is found by:
    `app/…/…/targetgroup/…/…`."""

    prefix: str
    cluster: str
    service: str
    least: int
    limits: Autoscaling
    resource_label: pulumi.Input[str]
    ready: list[pulumi.Resource]


class Scaling(pulumi.ComponentResource):
    """The scalable target and its policies. Several policies together: the one that wants most tasks wins.
    https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""

    def __init__(self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:gateway:Scaling", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)
        self._target = aws.appautoscaling.Target(
            f"{name}-target",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{args.cluster}/{args.service}",
            min_capacity=args.least,
            max_capacity=args.limits.max_tasks,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.ready)),
        )
        self._policy("cpu", args.limits.cpu_percent, {"predefined_metric_type": "ECSServiceAverageCPUUtilization"})
        if args.limits.requests_per_task:
            self._policy(
                "requests",
                args.limits.requests_per_task,
                {
                    "predefined_metric_type": "ALBRequestCountPerTarget",
                    "resource_label": args.resource_label,
                },
            )
        self.register_outputs({})

    def _policy(
        self,
        role: str,
        value: int,
        metric: aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgsDict,
    ) -> None:
        aws.appautoscaling.Policy(
            f"{self._name}-{role}",
            name=f"{self._args.prefix}-{role}",
            policy_type="TargetTrackingScaling",
            service_namespace=self._target.service_namespace,
            scalable_dimension=self._target.scalable_dimension,
            resource_id=self._target.resource_id,
            target_tracking_scaling_policy_configuration={
                "target_value": value,
                "predefined_metric_specification": metric,
                "scale_out_cooldown": SCALE_OUT_SECONDS,
                "scale_in_cooldown": SCALE_IN_SECONDS,
            },
            opts=self._mine,
        )
