"""Services: asked for here, run by the data plane, described from both."""

from __future__ import annotations

from typing import Any

from localcloud.aws.ecs import service_checks as checks
from localcloud.aws.ecs.state import Deployment, Service, State
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# Members of CreateService and UpdateService that DescribeServices shows again.
_SHOWN = (
    "loadBalancers",
    "serviceRegistries",
    "desiredCount",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
)
# A change of one of these begins a deployment:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
_DEPLOYED = (
    "loadBalancers",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
)
_MOST_DESCRIBED = 10
_CIRCUIT_BREAKER = {"enable": False, "rollback": False}


def with_defaults(state: State, given: dict[str, Any]) -> dict[str, Any]:
    """The settings as ECS shows them where nothing was said."""
    settings: dict[str, Any] = {
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        **given,
    }
    if "launchType" not in given and not given.get("capacityProviderStrategy"):
        settings["launchType"] = "EC2"
    if checks.on_fargate(settings):
        settings.setdefault("platformVersion", "LATEST")
        settings["platformFamily"] = "Linux"
    deployment: dict[str, Any] = {
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
        **settings.get("deploymentConfiguration", {}),
    }
    deployment["deploymentCircuitBreaker"] = _CIRCUIT_BREAKER | deployment.get("deploymentCircuitBreaker", {})
    settings["deploymentConfiguration"] = deployment
    network = (settings.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if network:
        full = {"securityGroups": [], "assignPublicIp": "DISABLED", **network}
        settings["networkConfiguration"] = {"awsvpcConfiguration": full}
    if settings["loadBalancers"]:
        settings.setdefault("healthCheckGracePeriodSeconds", 0)
        account = state.account.account_id
        role = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        settings["roleArn"] = f"arn:aws:iam::{account}:role/{role}"
    return settings


def _given(call: Call) -> dict[str, Any]:
    return {name: call.params[name] for name in _SHOWN if call.params.get(name) is not None}


def _active(state: State, call: Call) -> Service:
    cluster = state.cluster(call)
    service = state.find(cluster.arn, call.params["service"])
    if service is None:
        raise Refusal("ServiceNotFoundException", f"Service not found: {call.params['service']}.")
    if service.deleted:
        raise Refusal("ServiceNotActiveException", f"Service was not ACTIVE: {service.name}.")
    return service


def _with_tags(state: State, call: Call, described: dict[str, Any]) -> dict[str, Any]:
    if "TAGS" in (call.params.get("include") or []):
        described["tags"] = state.moto.list_tags_for_resource(described["serviceArn"])
    return described


def register(rules: Rules, state: State) -> None:
    _register_writes(rules, state)
    _register_reads(rules, state)


def _register_writes(rules: Rules, state: State) -> None:
    @rules.answer("ecs", "CreateService")
    def create(call: Call) -> dict[str, Any]:
        checks.check_request(call)
        cluster = state.cluster(call)
        name = call.params["serviceName"]
        checks.check_new(state, cluster.arn, name, call.params)
        definition = checks.task_definition(state, call.params.get("taskDefinition"))
        settings = with_defaults(state, _given(call))
        checks.check_settings(state, cluster, definition, settings)
        # moto holds a service of its own for the tags; nothing else of it is shown.
        held = state.moto.create_service(
            cluster_str=cluster.name,
            service_name=name,
            desired_count=settings["desiredCount"],
            task_definition_str=definition.arn,
            tags=call.params.get("tags"),
            launch_type="FARGATE",
        )
        service = Service(held.arn, name, cluster.arn, settings, Deployment(definition.arn))
        state.services[held.arn] = service
        state.account.facts.services.pop(held.arn, None)  # of an earlier service of that name
        return {"service": state.described(service) | {"tags": call.params.get("tags") or []}}

    @rules.answer("ecs", "UpdateService")
    def update(call: Call) -> dict[str, Any]:
        checks.check_request(call)
        service = _active(state, call)
        cluster = state.cluster(call)
        current = state.task_definition(service)
        definition = checks.task_definition(state, call.params.get("taskDefinition") or current)
        settings = with_defaults(state, _replaced(service.settings, _given(call)))
        checks.check_settings(state, cluster, definition, settings)
        changed = definition.arn != current or any(settings.get(key) != service.settings.get(key) for key in _DEPLOYED)
        service.settings = settings
        if changed or call.params.get("forceNewDeployment"):
            service.deployment = Deployment(definition.arn)
        return {"service": state.described(service)}

    @rules.answer("ecs", "DeleteService")
    def delete(call: Call) -> dict[str, Any]:
        service = _active(state, call)
        if service.settings["desiredCount"] > 0 and not call.params.get("force"):
            raise Refusal("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        service.deleted = True
        held = state.moto.services.get(f"{service.cluster_arn.rpartition('/')[2]}:{service.name}")
        if held is not None:
            held.status = "INACTIVE"
        return {"service": state.described(service)}


def _replaced(settings: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The settings with those given in their place; of launch type and strategy, one ends the other."""
    merged = {**settings, **given}
    if given.get("capacityProviderStrategy"):
        merged.pop("launchType", None)
    if given.get("deploymentConfiguration"):
        merged["deploymentConfiguration"] = {**settings["deploymentConfiguration"], **given["deploymentConfiguration"]}
    return merged


def _register_reads(rules: Rules, state: State) -> None:
    @rules.answer("ecs", "DescribeServices")
    def describe(call: Call) -> dict[str, Any]:
        cluster, names = state.cluster(call), call.params.get("services") or []
        if not 1 <= len(names) <= _MOST_DESCRIBED:
            raise Refusal(
                "InvalidParameterException",
                f"services has {len(names)} names; it can be 1 to {_MOST_DESCRIBED}.",
            )
        found, failures = [], []
        for name in names:
            service = state.find(cluster.arn, name)
            if service is None:
                prefix = f"arn:aws:ecs:{call.account.region}:{call.account.account_id}:service/{cluster.name}/"
                failures.append({"arn": name if name.startswith("arn:") else prefix + name, "reason": "MISSING"})
            else:
                found.append(_with_tags(state, call, state.described(service)))
        return {"services": found, "failures": failures}

    @rules.answer("ecs", "ListServices")
    def list_services(call: Call) -> dict[str, Any]:
        wanted_type, wanted_strategy = call.params.get("launchType"), call.params.get("schedulingStrategy")
        return page(
            "serviceArns",
            call,
            [
                service.arn
                for service in state.in_cluster(state.cluster(call).arn)
                if state.status(service) != "INACTIVE"
                and wanted_type in (None, service.settings.get("launchType"))
                and wanted_strategy in (None, service.settings["schedulingStrategy"])
            ],
        )


def page(member: str, call: Call, arns: list[str]) -> dict[str, Any]:
    """One page of ARNs in ECS's list shape; ``nextToken`` is the place in the sorted list."""
    arns = sorted(arns)
    token, size = call.params.get("nextToken"), call.params.get("maxResults") or 100
    if not 1 <= size <= 100:
        raise Refusal("InvalidParameterException", f"maxResults is {size}; it can be 1 to 100.")
    if token is not None and not token.isdigit():
        raise Refusal("InvalidParameterException", "Invalid token.")
    first = int(token or 0)
    answer: dict[str, Any] = {member: arns[first : first + size]}
    if first + size < len(arns):
        answer["nextToken"] = str(first + size)
    return answer
