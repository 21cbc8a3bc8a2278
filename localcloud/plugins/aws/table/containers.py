"""ECS: clusters, task definitions, services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.canonical import containers
from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    document,
    flag,
    mapping,
    number,
    one,
    several,
    text,
    texts,
)
from localcloud.plugins.aws.table.steady import wait_until_steady


def _last(name: str) -> str:
    """ECS takes an ARN or the name at its end."""
    return name.rsplit("/", 1)[-1]


def _tags(arn: str) -> Tagging:
    return Tagging(
        Call("TagResource", {"resourceArn": arn}),
        Call("UntagResource", {"resourceArn": arn}),
        Call("ListTagsForResource", {"resourceArn": arn}, "tags", into="tags"),
        member="tags",
        keys="tagKeys",
    )


CLUSTER = Row(
    "aws:ecs/cluster:Cluster",
    "ecs",
    inputs={
        "name": text(REPLACE | COMPUTED, to="clusterName"),
        "settings": several({"name": text(REQUIRED), "value": text(REQUIRED)}, COMPUTED | UNORDERED),
        "configuration": one(
            {
                "executeCommandConfiguration": one(
                    {
                        "kmsKeyId": text(),
                        "logging": text(),
                        "logConfiguration": one(
                            {
                                "cloudWatchEncryptionEnabled": flag(),
                                "cloudWatchLogGroupName": text(),
                                "s3BucketName": text(),
                                "s3BucketEncryptionEnabled": flag(to="s3EncryptionEnabled"),
                                "s3KeyPrefix": text(),
                            }
                        ),
                    }
                )
            }
        ),
    },
    outputs={"arn": "clusterArn"},
    create=Call("CreateCluster", pick="cluster"),
    id="clusterArn",
    read=Call(
        "DescribeClusters",
        {"clusters": ["{id}"], "include": ["SETTINGS", "CONFIGURATIONS"]},
        "clusters[?status!='INACTIVE'] | [0]",
    ),
    updates=(Update("settings configuration", Call("UpdateCluster", {"cluster": "{id}"})),),
    delete=Call("DeleteCluster", {"cluster": "{id}"}),
    gone=("ClusterNotFoundException",),
    busy=("ClusterContainsServicesException", "ClusterContainsTasksException", "UpdateInProgressException"),
    ready=Wait("status", ("ACTIVE",), ("FAILED",)),
    tags=_tags("{id}"),
    autoname="name",
    identity=("name",),
)


async def _deregister(op: Operation) -> None:
    if op.state.get("skipDestroy") is not True:
        await op.call("DeregisterTaskDefinition", taskDefinition=op.state["arn"])


async def _task_arn(op: Operation) -> None:
    # The id of the resource is the family, as in the official provider; the revision is in the ARN.
    op.state["arn"] = op.data["taskDefinitionArn"]


_VOLUME = {
    "name": text(REQUIRED),
    "hostPath": text(to="host.sourcePath"),
    "configureAtLaunch": flag(COMPUTED, to="configuredAtLaunch"),
    "efsVolumeConfiguration": one(
        {
            "fileSystemId": text(REQUIRED),
            "rootDirectory": text(),
            "transitEncryption": text(),
            "transitEncryptionPort": number(),
            "authorizationConfig": one({"accessPointId": text(), "iam": text()}),
        }
    ),
}


def _check_containers(values: Mapping[str, Any]) -> Mapping[str, str]:
    """What ECS's model can't say: container definitions are one JSON string to Pulumi."""
    said = values.get("containerDefinitions")
    if not isinstance(said, str):
        return {}
    definitions = json.loads(said)
    if not isinstance(definitions, list) or not definitions:
        return {"containerDefinitions": "must be a JSON list with at least one container"}
    for definition in definitions:
        if not isinstance(definition, dict) or not definition.get("name") or not definition.get("image"):
            return {"containerDefinitions": "must give each container a `name` and an `image`"}
    if not any(definition.get("essential", True) for definition in definitions):
        return {"containerDefinitions": "must have at least one container with `essential` true"}
    return {}


# Fargate: cpu units and the memory (MiB) they go with; "Task CPU and memory" in the ECS developer guide.
_FARGATE = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}


def _check_fargate(values: Mapping[str, Any]) -> Mapping[str, str]:
    kinds = values.get("requiresCompatibilities")
    cpu, memory = values.get("cpu"), values.get("memory")
    if not isinstance(kinds, list) or "FARGATE" not in kinds:
        return {}
    if values.get("networkMode") in (None, "bridge", "host", "none"):
        return {"networkMode": "must be awsvpc for Fargate"}
    if not all(isinstance(item, (str, int)) and str(item).isdigit() for item in (cpu, memory)):
        return (
            {} if cpu is not None and memory is not None else {"cpu": "and `memory` are required for Fargate; set both"}
        )
    allowed = _FARGATE.get(int(cpu or 0))
    if allowed is None:
        return {"cpu": f"must be one of {', '.join(map(str, _FARGATE))} for Fargate; not {cpu}"}
    if int(memory or 0) not in allowed:
        return {"memory": f"must be {min(allowed)} to {max(allowed)} in Fargate's steps for cpu {cpu}; not {memory}"}
    return {}


TASK_DEFINITION = Row(
    "aws:ecs/taskDefinition:TaskDefinition",
    "ecs",
    inputs={
        "family": text(REQUIRED | REPLACE),
        "containerDefinitions": document(REQUIRED | REPLACE, same=containers),
        "cpu": text(REPLACE),
        "memory": text(REPLACE),
        "executionRoleArn": text(REPLACE),
        "taskRoleArn": text(REPLACE),
        "networkMode": text(REPLACE | COMPUTED),
        "requiresCompatibilities": texts(REPLACE | UNORDERED),
        "runtimePlatform": one({"cpuArchitecture": text(REPLACE), "operatingSystemFamily": text(REPLACE)}, REPLACE),
        "ephemeralStorage": one({"sizeInGib": number(REQUIRED | REPLACE, to="sizeInGiB")}, REPLACE),
        "volumes": several(_VOLUME, REPLACE | UNORDERED),
        "placementConstraints": several({"type": text(REQUIRED), "expression": text()}, REPLACE | UNORDERED),
        "pidMode": text(REPLACE),
        "ipcMode": text(REPLACE),
        "enableFaultInjection": flag(REPLACE | COMPUTED),
        "skipDestroy": flag(LOCAL | HIDDEN, default=False),
        "trackLatest": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={
        "arn": "taskDefinitionArn",
        "revision": "revision",
        "arnWithoutRevision": "arn:aws:ecs:{region}:{account}:task-definition/{family}",
    },
    create=Call("RegisterTaskDefinition", pick="taskDefinition"),
    id="family",
    settle=_task_arn,
    read=Call("DescribeTaskDefinition", {"taskDefinition": "{arn}"}, "[taskDefinition][?status=='ACTIVE'] | [0]"),
    delete=_deregister,
    gone=("ClientException", "InvalidParameterException"),
    tags=_tags("{arn}"),
    check=(_check_containers, _check_fargate),
)

_UPDATABLE = (
    "taskDefinition desiredCount deploymentMaximumPercent deploymentMinimumHealthyPercent deploymentCircuitBreaker "
    "alarms networkConfiguration platformVersion healthCheckGracePeriodSeconds capacityProviderStrategies "
    "enableExecuteCommand enableEcsManagedTags propagateTags loadBalancers serviceRegistries "
    "orderedPlacementStrategies placementConstraints availabilityZoneRebalancing forceNewDeployment triggers"
)


async def _update_service(op: Operation) -> None:
    force = op.inputs.get("forceNewDeployment") is True and bool(op.changed & {"triggers", "forceNewDeployment"})
    names = [name for name in _UPDATABLE.split() if name in op.changed]
    breaker = {"deploymentMaximumPercent", "deploymentMinimumHealthyPercent", "deploymentCircuitBreaker", "alarms"}
    if breaker & set(names):
        # One structure: what it doesn't say goes back to ECS's default.
        names = [*names, *(breaker - set(names))]
    if force or names:
        await op.run(_UPDATE_SERVICE, names, {"forceNewDeployment": True} if force else {})


async def _read_service(op: Operation) -> dict[str, Any] | None:
    answer = await op.call("DescribeServices", cluster=_cluster(op), services=[op.id])
    return next((item for item in answer.get("services") or [] if item["status"] != "INACTIVE"), None)


def _cluster(op: Operation) -> str:
    return str(op.value("cluster") or "default")


async def _delete_service(op: Operation) -> None:
    place = {"cluster": _cluster(op), "service": op.id}
    force = op.state.get("forceDelete") is True
    if not force and op.state.get("schedulingStrategy") != "DAEMON":
        await op.call("UpdateService", **place, desiredCount=0)
    await op.call("DeleteService", **place, force=force)


_UPDATE_SERVICE = Call("UpdateService", {"cluster": "{cluster}", "service": "{id}"})

SERVICE = Row(
    "aws:ecs/service:Service",
    "ecs",
    inputs={
        "name": text(REPLACE | COMPUTED, to="serviceName"),
        "cluster": text(REPLACE | COMPUTED, frm="clusterArn", same=_last),
        "taskDefinition": text(same=_last),
        "desiredCount": number(default=0),
        "launchType": text(REPLACE | COMPUTED),
        "platformVersion": text(COMPUTED),
        "schedulingStrategy": text(REPLACE, default="REPLICA"),
        "deploymentMaximumPercent": number(default=200, to="deploymentConfiguration.maximumPercent"),
        "deploymentMinimumHealthyPercent": number(default=100, to="deploymentConfiguration.minimumHealthyPercent"),
        "deploymentCircuitBreaker": one(
            {"enable": flag(REQUIRED), "rollback": flag(REQUIRED)},
            reset={"enable": False, "rollback": False},
            to="deploymentConfiguration.deploymentCircuitBreaker",
        ),
        "alarms": one(
            {"alarmNames": texts(REQUIRED | UNORDERED), "enable": flag(REQUIRED), "rollback": flag(REQUIRED)},
            reset={"alarmNames": [], "enable": False, "rollback": False},
            to="deploymentConfiguration.alarms",
        ),
        "deploymentController": one({"type": text(default="ECS")}, COMPUTED | REPLACE),
        "capacityProviderStrategies": several(
            {"capacityProvider": text(REQUIRED), "base": number(default=0), "weight": number(default=0)},
            UNORDERED,
            to="capacityProviderStrategy",
        ),
        "networkConfiguration": one(
            {
                "subnets": texts(REQUIRED | UNORDERED),
                "securityGroups": texts(UNORDERED),
                "assignPublicIp": flag(default=False),
            },
            to="networkConfiguration.awsvpcConfiguration",
        ),
        "loadBalancers": several(
            {
                "targetGroupArn": text(),
                "elbName": text(to="loadBalancerName"),
                "containerName": text(REQUIRED),
                "containerPort": number(REQUIRED),
            },
            UNORDERED,
        ),
        "serviceRegistries": one(
            {"registryArn": text(REQUIRED), "port": number(), "containerPort": number(), "containerName": text()}
        ),
        "orderedPlacementStrategies": several({"type": text(REQUIRED), "field": text()}, to="placementStrategy"),
        "placementConstraints": several({"type": text(REQUIRED), "expression": text()}, UNORDERED),
        "healthCheckGracePeriodSeconds": number(default=0),
        "enableExecuteCommand": flag(default=False),
        "enableEcsManagedTags": flag(default=False),
        "propagateTags": text(),
        "availabilityZoneRebalancing": text(COMPUTED),
        "forceNewDeployment": flag(LOCAL | HIDDEN),
        "triggers": mapping(LOCAL | HIDDEN),
        "forceDelete": flag(LOCAL | HIDDEN),
        "waitForSteadyState": flag(LOCAL | HIDDEN, default=False),
        "sigintRollback": flag(LOCAL | HIDDEN),
    },
    outputs={"arn": "serviceArn"},
    create=Call("CreateService", pick="service"),
    id="serviceArn",
    read=_read_service,
    updates=(Update(_UPDATABLE, _update_service),),
    delete=_delete_service,
    gone=("ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException"),
    ready=wait_until_steady,
    ends=300,
    tags=_tags("{id}"),
    autoname="name",
    identity=("name", "cluster"),
)

ROWS = (CLUSTER, TASK_DEFINITION, SERVICE)
