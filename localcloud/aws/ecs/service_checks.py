"""What ECS checks before it takes a service.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.backends import backend, security_group, subnet
from localcloud.aws.ecs.state import State
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.wire import Call

_FARGATE_PROVIDERS = {"FARGATE", "FARGATE_SPOT"}
_PLATFORM_VERSIONS = {"LATEST", "1.4.0", "1.3.0"}  # platform_versions.html: Linux platform versions
_NOT_SIMULATED = (
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "placementConstraints",
    "placementStrategy",
)


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)


def on_fargate(settings: dict[str, Any]) -> bool:
    """Whether Fargate runs the tasks, by launch type or by capacity provider."""
    providers = {item["capacityProvider"] for item in settings.get("capacityProviderStrategy") or []}
    return settings.get("launchType") == "FARGATE" or bool(providers & _FARGATE_PROVIDERS)


def check_request(call: Call) -> None:
    """What can be said from the request alone."""
    for _kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise _invalid(sentence)
    params = call.params
    for member in _NOT_SIMULATED:
        if params.get(member):
            raise Refusal("UnsupportedFeatureException", f"The simulated ECS has no {member}.")
    if (params.get("deploymentController") or {}).get("type", "ECS") != "ECS":
        raise Refusal(
            "UnsupportedFeatureException",
            "The simulated ECS deploys by itself (deploymentController ECS) only.",
        )
    deployment = params.get("deploymentConfiguration") or {}
    if deployment.get("strategy", "ROLLING") != "ROLLING":
        raise Refusal("UnsupportedFeatureException", "The simulated ECS has the deployment strategy ROLLING only.")
    if (deployment.get("alarms") or {}).get("enable"):
        raise Refusal("UnsupportedFeatureException", "The simulated ECS watches no alarms during a deployment.")
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        raise _invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if (params.get("desiredCount") or 0) < 0:
        raise _invalid(f"desiredCount is {params['desiredCount']}; it can't be negative.")


def check_new(state: State, cluster_arn: str, name: str, params: dict[str, Any]) -> None:
    """What can be said of a new service's name and count."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name):
        raise _invalid(f"The service name {name!r} is not valid: 1 to 255 letters, digits, hyphens and underscores.")
    existing = state.find(cluster_arn, name)
    if existing is not None and state.status(existing) == "ACTIVE":
        raise _invalid("Creation of service was not idempotent: there is an active service of that name.")
    if existing is not None and state.status(existing) == "DRAINING":
        raise _invalid("Unable to Start a service that is still Draining.")
    if params.get("desiredCount") is None:
        raise _invalid("desiredCount is required with the scheduling strategy REPLICA.")
    if params.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise Refusal("UnsupportedFeatureException", "The simulated ECS has the scheduling strategy REPLICA only.")


def task_definition(state: State, reference: str | None) -> Any:
    """moto's task definition by ARN, family:revision or family (its newest active revision)."""
    if not reference:
        raise _invalid("TaskDefinition can not be blank.")
    family, _, revision = reference.rpartition("task-definition/")[2].partition(":")
    revisions = state.moto.task_definitions.get(family, {})
    if revision:
        found = revisions.get(int(revision)) if revision.isdigit() else None
    else:
        active = [one for one in revisions.values() if one.status == "ACTIVE"]
        found = max(active, key=lambda one: one.revision, default=None)
    if found is None:
        raise Refusal("ClientException", f"TaskDefinition not found: {reference}.")
    if found.status != "ACTIVE":
        raise Refusal("ClientException", f"TaskDefinition is inactive: {reference}.")
    return found


def check_settings(state: State, cluster: Any, definition: Any, settings: dict[str, Any]) -> None:
    """What must fit together: launch, network, load balancers, deployment."""
    _check_launch(cluster, definition, settings)
    vpc_id = _check_network(state, definition, settings)
    for balancer in settings["loadBalancers"]:
        _check_load_balancer(state, definition, balancer, vpc_id)
    if settings.get("healthCheckGracePeriodSeconds") and not settings["loadBalancers"]:
        raise _invalid("Health check grace period is only valid for services configured to use load balancers.")
    deployment = settings["deploymentConfiguration"]
    low, high = deployment["minimumHealthyPercent"], deployment["maximumPercent"]
    if low < 0 or high < low or high < 1 or (low >= 100 and high == 100):
        raise _invalid(f"minimumHealthyPercent {low} with maximumPercent {high} leaves no room to replace a task.")


def _check_launch(cluster: Any, definition: Any, settings: dict[str, Any]) -> None:
    providers = {item["capacityProvider"] for item in settings.get("capacityProviderStrategy") or []}
    missing = sorted(providers - set(cluster.capacity_providers or []))
    if missing:
        raise _invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            f"the cluster: {', '.join(missing)}."
        )
    if not on_fargate(settings):
        raise _invalid(
            "No Container Instances were found in your cluster: the simulated ECS runs tasks on Fargate, so give "
            "launchType FARGATE or one of its capacity providers."
        )
    if "FARGATE" not in definition.compatibilities:
        raise _invalid("Task definition does not support launch_type FARGATE: add it to requiresCompatibilities.")
    if settings["platformVersion"] not in _PLATFORM_VERSIONS:
        raise Refusal(
            "PlatformUnknownException",
            f"The platform version {settings['platformVersion']} does not exist; there are "
            f"{', '.join(sorted(_PLATFORM_VERSIONS))}.",
        )


def _check_network(state: State, definition: Any, settings: dict[str, Any]) -> str | None:
    """The VPC of the tasks."""
    network = (settings.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not network:
        if definition.network_mode == "awsvpc":
            raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        return None
    if definition.network_mode != "awsvpc":
        raise _invalid("Network Configuration is not valid for the given networkMode of this task definition.")
    for member, most in (("subnets", 16), ("securityGroups", 5)):
        if len(network[member]) > most:
            raise _invalid(f"{member} has {len(network[member])} items; {most} is the most.")
    if not network["subnets"]:
        raise _invalid("subnets can not be empty.")
    vpcs = set()
    for id in network["subnets"]:
        found = subnet(state.account, id)
        if found is None:
            raise _invalid(
                f"Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: "
                "InvalidSubnetID.NotFound)"
            )
        vpcs.add(found.vpc_id)
    for id in network["securityGroups"]:
        group = security_group(state.account, id)
        if group is None:
            raise _invalid(
                f"Error retrieving security group information for [{id}]: The security group '{id}' does not exist "
                "(ErrorCode: InvalidGroup.NotFound)"
            )
        vpcs.add(group.vpc_id)
    if len(vpcs) > 1:
        raise _invalid(f"subnets and securityGroups must belong to one VPC; these belong to {', '.join(sorted(vpcs))}.")
    return vpcs.pop()


def _check_load_balancer(state: State, definition: Any, balancer: dict[str, Any], vpc_id: str | None) -> None:
    arn, name, port = (balancer.get(member) for member in ("targetGroupArn", "containerName", "containerPort"))
    if not arn:
        raise _invalid("loadBalancers needs a targetGroupArn; Classic Load Balancers are not simulated.")
    group = backend(state.account, "elbv2").target_groups.get(arn)
    if group is None:
        raise _invalid(f"The target group with targetGroupArn {arn} does not exist.")
    if not group.load_balancer_arns:
        raise _invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
    if definition.network_mode == "awsvpc" and group.target_type != "ip":
        raise _invalid(
            f"The provided target group {arn} has target type {group.target_type}, which is incompatible with the "
            "awsvpc network mode specified in the task definition."
        )
    if vpc_id and group.vpc_id != vpc_id:
        raise _invalid(f"The target group {arn} is in {group.vpc_id}; the service's subnets are in {vpc_id}.")
    container = next((one for one in definition.container_definitions if one["name"] == name), None)
    if container is None:
        raise _invalid(f"The container {name} does not exist in the task definition.")
    if port not in [mapping.get("containerPort") for mapping in container.get("portMappings") or []]:
        raise _invalid(f"The container {name} did not have a container port {port} defined.")
