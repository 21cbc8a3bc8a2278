"""ECS: services come back as they were asked for and as the data plane reports them, and mistakes are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.aws.account import Account, ContainerFact, DeploymentFact, ServiceFact, TaskFact
from tests.aws.world import World, refused

ROLE = "arn:aws:iam::333333333333:role/execution"
LOGS = {"awslogs-group": "g", "awslogs-region": "us-west-1", "awslogs-stream-prefix": "p"}


def container(**changes: Any) -> dict[str, Any]:
    return {
        "name": "litellm",
        "image": "ghcr.io/berriai/litellm:v1.108.7",
        "portMappings": [{"containerPort": 4000, "hostPort": 4000, "protocol": "tcp"}],
        "environment": [{"name": "A", "value": "b"}],
        "secrets": [
            {"name": "KEY", "valueFrom": "arn:aws:secretsmanager:us-west-1:333333333333:secret:s-abc123:key::"}
        ],
        "logConfiguration": {"logDriver": "awslogs", "options": LOGS},
        "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 5, "retries": 2, "startPeriod": 10, "timeout": 2},
        "command": ["--port", "4000"],
    } | changes


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "family": "gateway",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "4096",
        "executionRoleArn": ROLE,
        "taskRoleArn": ROLE,
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "containerDefinitions": [container()],
    } | changes


@pytest.fixture
def cluster(world: World) -> str:
    name = world.name("cluster")
    world.ecs.create_cluster(clusterName=name, capacityProviders=["FARGATE_SPOT"])
    return name


def asked(world: World, cluster: str, **changes: Any) -> dict[str, Any]:
    """CreateService's arguments for a service behind a listener, with every field that moto forgets."""
    group = world.target_group()
    world.listener(world.load_balancer()["LoadBalancerArn"], group)
    return {
        "cluster": cluster,
        "serviceName": world.name("service"),
        "taskDefinition": world.ecs.register_task_definition(**definition())["taskDefinition"]["taskDefinitionArn"],
        "desiredCount": 1,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": world.subnets,
                "securityGroups": [world.group],
                "assignPublicIp": "DISABLED",
            }
        },
        "loadBalancers": [{"targetGroupArn": group, "containerName": "litellm", "containerPort": 4000}],
        "healthCheckGracePeriodSeconds": 120,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 200,
            "minimumHealthyPercent": 100,
        },
        "enableExecuteCommand": True,
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
        "availabilityZoneRebalancing": "DISABLED",
        "tags": [{"key": "stack", "value": "local"}],
    } | changes


def described(world: World, service: dict[str, Any]) -> dict[str, Any]:
    names = {"cluster": service["clusterArn"], "services": [service["serviceArn"]]}
    return world.ecs.describe_services(**names, include=["TAGS"])["services"][0]


def report(account: Account, service: dict[str, Any], *, state: str = "COMPLETED", **changes: Any) -> ServiceFact:
    """What the data plane would say of the service's newest deployment."""
    newest = service["deployments"][0]
    deployment = DeploymentFact(newest["id"], "PRIMARY", newest["taskDefinition"], 1, 1, rollout_state=state)
    fact = ServiceFact(**{"running": 1, "rollout_state": state, "deployments": (deployment,)} | changes)
    account.facts.services[service["serviceArn"]] = fact
    return fact


def test_a_task_definition_comes_back_whole(world: World) -> None:
    made = world.ecs.register_task_definition(**definition())["taskDefinition"]
    found = world.ecs.describe_task_definition(taskDefinition=made["taskDefinitionArn"])["taskDefinition"]
    assert {name: found[name] for name in definition() if name != "containerDefinitions"} == {
        name: value for name, value in definition().items() if name != "containerDefinitions"
    }
    assert {name: found["containerDefinitions"][0][name] for name in container()} == container()


DEFINITIONS = [
    (definition(cpu="1000"), "'cpu'"),
    (definition(memory="1024"), "2048 to 8192"),
    (definition(cpu="256", memory="4096"), "512, 1024, 2048"),
    (definition(cpu="a lot"), "'cpu'"),
    (definition(memory=""), "'memory'"),
    (definition(networkMode="bridge"), "awsvpc"),
    (definition(containerDefinitions=[container(), container()]), "Two containers"),
    (definition(containerDefinitions=[container(essential=False)]), "essential"),
    (definition(containerDefinitions=[container(memory=8192)]), "8192 memory"),
    (definition(containerDefinitions=[container(healthCheck={"command": ["curl"]})]), "CMD"),
    (definition(containerDefinitions=[container(portMappings=[{"containerPort": 1, "hostPort": 2}])]), "must match"),
    (
        definition(containerDefinitions=[container(dependsOn=[{"containerName": "x", "condition": "START"}])]),
        "depends on x",
    ),
    (definition(containerDefinitions=[container(secrets=[{"name": "A", "valueFrom": "x"}])]), "'A'"),
    (
        definition(containerDefinitions=[container(logConfiguration={"logDriver": "awslogs", "options": {}})]),
        "awslogs-group",
    ),
    (definition(containerDefinitions=[container(privileged=True)]), "privileged"),
]


@pytest.mark.parametrize(("wrong", "word"), DEFINITIONS, ids=[word for _, word in DEFINITIONS])
def test_task_definitions_that_fargate_refuses(world: World, wrong: dict[str, Any], word: str) -> None:
    with refused("ClientException", word):
        world.ecs.register_task_definition(**wrong)


def test_secrets_need_an_execution_role(world: World) -> None:
    wrong = definition()
    del wrong["executionRoleArn"]
    with refused("ClientException", "executionRoleArn"):
        world.ecs.register_task_definition(**wrong)


def test_a_service_comes_back_whole(world: World, cluster: str) -> None:
    wanted = asked(world, cluster)
    service = world.ecs.create_service(**wanted)["service"]
    found = described(world, service)
    for name, value in wanted.items():
        if name not in ("cluster", "deploymentConfiguration"):
            assert found[name] == value, name
    assert found["deploymentConfiguration"] | wanted["deploymentConfiguration"] == found["deploymentConfiguration"]
    assert (found["runningCount"], found["status"]) == (0, "ACTIVE")
    assert found["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert world.ecs.list_services(cluster=cluster)["serviceArns"] == [service["serviceArn"]]
    tags = world.ecs.list_tags_for_resource(resourceArn=service["serviceArn"])["tags"]
    assert tags == wanted["tags"]


def test_a_service_is_what_the_data_plane_reports(world: World, cluster: str, account: Account) -> None:
    service = world.ecs.create_service(**asked(world, cluster))["service"]
    started = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    task = TaskFact(
        f"arn:aws:ecs:us-west-1:333333333333:task/{cluster}/0123",
        "RUNNING",
        health="HEALTHY",
        ip="10.0.0.4",
        containers=(ContainerFact("litellm", "RUNNING", "HEALTHY"),),
        started=started,
    )
    stopped = TaskFact(
        f"arn:aws:ecs:us-west-1:333333333333:task/{cluster}/4567",
        "STOPPED",
        "STOPPED",
        stop_code="TaskFailedToStart",
        stopped_reason="ResourceInitializationError: no such secret",
        containers=(ContainerFact("litellm", "STOPPED", exit_code=1),),
    )
    report(account, service, events=((started, "(service s) has reached a steady state."),), tasks=(task, stopped))
    found = described(world, service)
    assert (found["runningCount"], found["deployments"][0]["rolloutState"]) == (1, "COMPLETED")
    assert found["events"][0]["message"] == "(service s) has reached a steady state."
    assert found["events"][0]["id"] == described(world, service)["events"][0]["id"]
    world.ecs.get_waiter("services_stable").wait(cluster=cluster, services=[service["serviceName"]])
    assert world.ecs.list_tasks(cluster=cluster, serviceName=service["serviceName"])["taskArns"] == [task.arn]
    assert world.ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"] == [stopped.arn]
    answer = world.ecs.describe_tasks(cluster=cluster, tasks=["0123", stopped.arn, "89ab"])
    running, gone = answer["tasks"]
    assert running["startedAt"] == started
    assert running["containers"][0]["image"] == "ghcr.io/berriai/litellm:v1.108.7"
    assert (running["group"], running["lastStatus"]) == (f"service:{service['serviceName']}", "RUNNING")
    assert gone["stoppedReason"] == stopped.stopped_reason
    assert gone["containers"][0]["exitCode"] == 1
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    counted = world.ecs.describe_clusters(clusters=[cluster])["clusters"][0]
    assert (counted["activeServicesCount"], counted["runningTasksCount"]) == (1, 1)


def test_what_begins_a_deployment(world: World, cluster: str, account: Account) -> None:
    service = world.ecs.create_service(**asked(world, cluster))["service"]
    report(account, service)
    name = {"cluster": cluster, "service": service["serviceName"]}

    def newest(**changes: Any) -> str:
        return world.ecs.update_service(**name, **changes)["service"]["deployments"][0]["id"]

    first = service["deployments"][0]["id"]
    assert newest(desiredCount=2) == first
    assert newest(healthCheckGracePeriodSeconds=5) == first
    assert newest(taskDefinition=service["taskDefinition"]) == first
    second = newest(
        taskDefinition=world.ecs.register_task_definition(**definition())["taskDefinition"]["taskDefinitionArn"]
    )
    assert second != first
    # The last report speaks of the first deployment: it is not mistaken for news of the second.
    shown = described(world, service)["deployments"]
    assert [(one["id"], one["status"], one["rolloutState"], one["runningCount"]) for one in shown] == [
        (second, "PRIMARY", "IN_PROGRESS", 0),
        (first, "ACTIVE", "COMPLETED", 1),
    ]
    third = newest(forceNewDeployment=True)
    assert third not in (first, second)
    group = world.security_group("other")
    network = {"awsvpcConfiguration": {"subnets": world.subnets, "securityGroups": [group]}}
    assert newest(networkConfiguration=network) not in (first, second, third)


def test_a_rollback_is_shown_as_such(world: World, cluster: str, account: Account) -> None:
    service = world.ecs.create_service(**asked(world, cluster))["service"]
    good, first = service["taskDefinition"], service["deployments"][0]["id"]
    bad = world.ecs.register_task_definition(**definition())["taskDefinition"]["taskDefinitionArn"]
    updated = world.ecs.update_service(cluster=cluster, service=service["serviceName"], taskDefinition=bad)["service"]
    back = DeploymentFact(first, "PRIMARY", good, 1, 1, rollout_state="COMPLETED")
    lost = DeploymentFact(
        updated["deployments"][0]["id"],
        "ACTIVE",
        bad,
        0,
        0,
        failed=3,
        rollout_state="FAILED",
        rollout_reason="tasks failed",
    )
    report(account, updated, deployments=(back, lost), task_definition=good)
    found = described(world, service)
    assert found["taskDefinition"] == good
    assert [(one["rolloutState"], one["failedTasks"]) for one in found["deployments"]] == [
        ("COMPLETED", 0),
        ("FAILED", 3),
    ]
    again = world.ecs.update_service(cluster=cluster, service=service["serviceName"], taskDefinition=bad)["service"]
    assert again["deployments"][0]["taskDefinition"] == bad, "asking for the lost one again is a new deployment"
    assert again["taskDefinition"] == bad


SERVICES = [
    ({"cluster": "none"}, "ClusterNotFoundException", "none"),
    ({"taskDefinition": "none:1"}, "ClientException", "none:1"),
    ({"desiredCount": -1}, "InvalidParameterException", "negative"),
    ({"launchType": "EC2"}, "InvalidParameterException", "Fargate"),
    ({"platformVersion": "9.9.9"}, "PlatformUnknownException", "9.9.9"),
    ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, "InvalidParameterException", "both"),
    ({"networkConfiguration": None}, "InvalidParameterException", "Network Configuration"),
    ({"loadBalancers": []}, "InvalidParameterException", "grace period"),
    ({"serviceRegistries": [{"registryArn": "arn"}]}, "UnsupportedFeatureException", "serviceRegistries"),
    ({"deploymentController": {"type": "EXTERNAL"}}, "UnsupportedFeatureException", "deploymentController"),
    (
        {"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100}},
        "InvalidParameterException",
        "no room",
    ),
]


@pytest.mark.parametrize(("changes", "code", "word"), SERVICES, ids=[row[2] for row in SERVICES])
def test_services_that_ecs_refuses(world: World, cluster: str, changes: dict[str, Any], code: str, word: str) -> None:
    wanted = {name: value for name, value in (asked(world, cluster) | changes).items() if value is not None}
    with refused(code, word):
        world.ecs.create_service(**wanted)


def test_networks_and_target_groups_must_fit(world: World, cluster: str, account: Account) -> None:
    wanted = asked(world, cluster)
    group = wanted["loadBalancers"][0]["targetGroupArn"]

    def create(**changes: Any) -> None:
        world.ecs.create_service(**wanted | changes)

    def network(subnets: list[str], groups: list[str]) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups}}

    def balanced(**changes: Any) -> list[dict[str, Any]]:
        return [{"targetGroupArn": group, "containerName": "litellm", "containerPort": 4000} | changes]

    with refused("InvalidParameterException", "subnet-00000000"):
        create(networkConfiguration=network(["subnet-00000000"], [world.group]))
    with refused("InvalidParameterException", "sg-00000000"):
        create(networkConfiguration=network(world.subnets, ["sg-00000000"]))
    with refused("InvalidParameterException", "one VPC"):
        create(networkConfiguration=network(world.subnets, [World(account).group]))
    with refused("InvalidParameterException", "container port 4001"):
        create(loadBalancers=balanced(containerPort=4001))
    with refused("InvalidParameterException", "container proxy"):
        create(loadBalancers=balanced(containerName="proxy"))
    with refused("InvalidParameterException", "does not exist"):
        create(loadBalancers=balanced(targetGroupArn=group + "0"))
    with refused("InvalidParameterException", "associated load balancer"):
        create(loadBalancers=balanced(targetGroupArn=world.target_group()))
    instances = world.target_group(TargetType="instance")
    world.listener(world.load_balancer()["LoadBalancerArn"], instances)
    with refused("InvalidParameterException", "target type instance"):
        create(loadBalancers=balanced(targetGroupArn=instances))


def test_capacity_providers_belong_to_the_cluster(world: World, cluster: str) -> None:
    wanted = asked(world, cluster)
    del wanted["launchType"]
    with refused("InvalidParameterException", "FARGATE"):
        world.ecs.create_service(**wanted, capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}])
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    found = described(world, world.ecs.create_service(**wanted, capacityProviderStrategy=strategy)["service"])
    assert found["capacityProviderStrategy"] == strategy
    assert "launchType" not in found


def test_a_service_drains_before_it_is_gone(world: World, cluster: str, account: Account) -> None:
    wanted = asked(world, cluster)
    service = world.ecs.create_service(**wanted)["service"]
    name = {"cluster": cluster, "service": service["serviceName"]}
    report(account, service)
    with refused("InvalidParameterException", "not idempotent"):
        world.ecs.create_service(**wanted)
    with refused("InvalidParameterException", "scaled above 0"):
        world.ecs.delete_service(**name)
    with refused("ClusterContainsServicesException", service["serviceName"]):
        world.ecs.delete_cluster(cluster=cluster)
    assert world.ecs.delete_service(**name, force=True)["service"]["status"] == "DRAINING"
    with refused("InvalidParameterException", "Draining"):
        world.ecs.create_service(**wanted)
    with refused("ServiceNotActiveException", service["serviceName"]):
        world.ecs.update_service(**name, desiredCount=0)
    account.facts.services[service["serviceArn"]] = ServiceFact()
    world.ecs.get_waiter("services_inactive").wait(cluster=cluster, services=[service["serviceName"]])
    assert world.ecs.list_services(cluster=cluster)["serviceArns"] == []
    assert world.ecs.create_service(**wanted)["service"]["status"] == "ACTIVE", "the name is free again"
    world.ecs.delete_service(**name, force=True)
    world.ecs.delete_cluster(cluster=cluster)
    assert not [arn for arn in world.ecs.list_clusters()["clusterArns"] if arn.endswith(f"/{cluster}")]


def test_no_task_runs_that_no_process_stands_for(world: World, cluster: str) -> None:
    with refused("InvalidParameterException", "No Container Instances", "FARGATE"):
        world.ecs.run_task(cluster=cluster, taskDefinition="gateway")
