"""Application Auto Scaling: kept with AWS's rules, and nothing of it left behind."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.test_ecs import asked
from tests.aws.world import World, refused


@pytest.fixture
def which(world: World, account: Account) -> dict[str, str]:
    """A service that can be scaled."""
    cluster = world.name("cluster")
    world.ecs.create_cluster(clusterName=cluster)
    service = world.ecs.create_service(**asked(world, cluster))["service"]["serviceName"]
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{cluster}/{service}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }


def policy(metric: str = "ECSServiceAverageCPUUtilization", **more: Any) -> dict[str, Any]:
    tracked = {"TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": metric, **more}}
    return {
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracked,
    }


def alarms(account: Account, which: dict[str, str]) -> list[str]:
    found = account.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"TargetTracking-{which['ResourceId']}")
    return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]


def test_a_policys_alarms_come_and_go_with_it(account: Account, which: dict[str, str]) -> None:
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**which, MinCapacity=2, MaxCapacity=4)
    for _ in range(2):  # a change makes them anew
        scaling.put_scaling_policy(**which, **policy())
        assert len(alarms(account, which)) == 2
    scaling.delete_scaling_policy(**which, PolicyName="cpu")
    assert alarms(account, which) == []


def test_a_targets_policies_go_with_it(account: Account, which: dict[str, str]) -> None:
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**which, MinCapacity=2, MaxCapacity=4)
    scaling.put_scaling_policy(**which, **policy())
    scaling.deregister_scalable_target(**which)
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=which["ResourceId"])
    assert (found["ScalingPolicies"], alarms(account, which)) == ([], [])


def test_what_cannot_be_tracked_is_refused(account: Account, which: dict[str, str]) -> None:
    scaling = account.client("application-autoscaling")
    with refused("ValidationException", "Minimum capacity 4 is above maximum capacity 2"):
        scaling.register_scalable_target(**which, MinCapacity=4, MaxCapacity=2)
    scaling.register_scalable_target(**which, MinCapacity=1, MaxCapacity=2)
    with refused("ValidationException", "names no load balancer and target group"):
        scaling.put_scaling_policy(
            **which, **policy("ALBRequestCountPerTarget", ResourceLabel="app/x/1/targetgroup/y/2")
        )
