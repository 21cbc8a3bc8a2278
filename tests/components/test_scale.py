"""More than one task: what is declared, and what is refused before anything is created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import connections
from components.gateway import capacity
from tests.components.declared import declare
from tests.components.dump import names
from tests.components.test_settings import load_with, problems

SERVICE = "aws:ecs/service:Service"
TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
MANY = {"tasks": 2, "limitsPerProcess": True}


def test_the_poc_has_the_resources_that_it_had() -> None:
    """A renamed resource is deleted and made anew: whoever adds one on purpose writes the list again with
    `python -m tests.components.dump poc | cut -d' ' -f1,2 > tests/components/poc.txt`."""
    assert names(declare("poc")) == (Path(__file__).parent / "poc.txt").read_text().splitlines()


def test_autoscaling_watches_cpu_and_requests_between_a_least_and_a_most() -> None:
    declared = declare("poc", **MANY, autoscaling={"maxTasks": 4, "requestsPerTask": 600})
    target = declared.one(TARGET)
    assert (target["resourceId"], target["minCapacity"], target["maxCapacity"]) == (
        "service/llm-gateway-poc/llm-gateway-poc",
        2,
        4,
    )
    tracked = {name: policy["targetTrackingScalingPolicyConfiguration"] for name, policy in declared.of(POLICY).items()}
    assert {name: t["targetValue"] for name, t in tracked.items()} == {"scaling-cpu": 60, "scaling-requests": 600}
    metrics = {
        t["predefinedMetricSpecification"]["predefinedMetricType"]: t["predefinedMetricSpecification"].get(
            "resourceLabel"
        )
        for t in tracked.values()
    }
    assert metrics == {
        "ECSServiceAverageCPUUtilization": None,
        "ALBRequestCountPerTarget": "suffix/doors-alb/suffix/doors-litellm",
    }
    known = botocore.session.get_session().get_service_model("application-autoscaling").shape_for("MetricType").enum
    assert metrics.keys() <= set(known)


def test_without_autoscaling_nothing_watches() -> None:
    declared = declare("poc", **MANY)
    assert not declared.of(TARGET) and not declared.of(POLICY)
    assert declared.one(SERVICE)["desiredCount"] == 2


def test_spot_takes_its_share_and_never_the_first_task() -> None:
    declared = declare("poc", **MANY, spotPercent=70)
    service = declared.one(SERVICE)
    assert "launchType" not in service
    assert service["capacityProviderStrategies"] == [
        {"capacityProvider": "FARGATE", "weight": 30, "base": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 70, "base": 0},
    ]
    [providers] = declared.of("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders").values()
    assert providers["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert declare("poc").one(SERVICE)["launchType"] == "FARGATE"


@given(st.integers(1, 100))
def test_shares_fit_what_ecs_takes(percent: int) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html: weights of 0 to
    1,000, one of them above 0, and one base."""
    strategy = capacity(percent)["capacity_provider_strategies"]
    assert all(0 <= item["weight"] <= 1000 for item in strategy) and any(item["weight"] for item in strategy)
    assert sum(item["base"] > 0 for item in strategy) == 1


def test_three_zones_where_the_region_has_them() -> None:
    subnets = declare("poc").of("aws:ec2/subnet:Subnet")
    assert len(subnets) == 6
    # the mocks' region has two zones with VPC origins, and says so
    with pytest.raises(ValueError, match="the stack needs 3: set"):
        declare("poc", zones=3)


def test_a_smaller_pool_reaches_litellm_and_the_usual_one_is_not_said() -> None:
    contents = [
        declare("poc", **changes).one("aws:s3/bucketObjectv2:BucketObjectv2")["content"]
        for changes in ({}, {"databasePool": 5})
    ]
    assert "connection_pool_limit" not in contents[0]
    assert "database_connection_pool_limit: 5" in contents[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tasks": 2}, "llm-gateway:tasks lets 2 tasks run, and each would count rate limits and budgets by itself"),
        (
            {"autoscaling": {"maxTasks": 3}},
            "llm-gateway:tasks lets 3 tasks run, and each would count rate limits and budgets by itself",
        ),
        (
            {**MANY, "tasks": 5, "autoscaling": {"maxTasks": 4}},
            "llm-gateway:autoscaling.maxTasks is 4, less than tasks (5).",
        ),
        (
            {**MANY, "autoscaling": {"maxTasks": 4}, "officeHours": {"start": "08:00", "stop": "18:00"}},
            "llm-gateway:autoscaling and officeHours both say how many tasks run",
        ),
        (
            {**MANY, "tasks": 5},
            "llm-gateway:databasePool is 10: 5 tasks, twice that during an update, would open 100 connections, and "
            "db.t4g.micro takes 95 of which 10 are kept back",
        ),
        ({"autoscaling": {"max": 3}}, "llm-gateway:autoscaling.max is no option of this stack; the options are cpuPercent, maxTasks"),
        ({"spotPercent": 101}, "llm-gateway:spotPercent is 101"),
        ({"zones": 4}, "llm-gateway:zones is 4"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    found = problems(tmp_path, **changes)
    assert any(sentence in problem for problem in found), found


def test_a_larger_instance_carries_more_tasks(tmp_path: Path) -> None:
    assert load_with(tmp_path, **MANY | {"tasks": 5}, databaseInstanceClass="db.t4g.small").settings.most_tasks == 5


@given(st.integers(1, 50), st.integers(1, 20))
def test_connections_grow_with_tasks_and_pool(tasks: int, pool: int) -> None:
    assert connections.needed(tasks, pool) == 2 * tasks * pool
    assert connections.needed(tasks + 1, pool) > connections.needed(tasks, pool)


def test_the_smallest_class_takes_what_aws_says_of_it() -> None:
    sizes = [connections.limit(f"db.t4g.{size}") for size in ("micro", "small", "medium", "large")]
    assert sizes == sorted(sizes) and connections.limit("db.t4g.strange") is None
    assert json.dumps(sizes[0]) == "95"
