"""Fetches what AWS knows of the gateway's parts. What may not be looked at is told and left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litellm_admin import aws
from litellm_admin.cli.doctor import flows, states
from litellm_admin.cli.doctor.findings import REPAIR, Finding, note
from litellm_admin.cli.doctor.flows import Flow, Part
from litellm_admin.errors import AdminError, Denied, NotThere
from litellm_admin.shapes import object_at
from litellm_admin.stack import StackFacts

MOST_TASKS = 10


@dataclass
class Seen:
    """Findings by the part of the way that they belong to."""

    relay: list[Finding] = field(default_factory=list[Finding])
    door: list[Finding] = field(default_factory=list[Finding])
    litellm: list[Finding] = field(default_factory=list[Finding])
    database: list[Finding] = field(default_factory=list[Finding])
    edge: list[Finding] = field(default_factory=list[Finding])


class Looker:
    """Looks at one stack. `_groups` gathers the security groups on the way, for the flows between them."""

    def __init__(self, facts: StackFacts) -> None:
        self._facts = facts
        self._groups: dict[str, tuple[str, ...]] = {}

    def look(self) -> Seen:
        seen = Seen()
        for part, see in (
            (seen.relay, self._relay),
            (seen.relay, self._secret),
            (seen.litellm, self._service),
            (seen.litellm, self._targets),
            (seen.database, self._database),
        ):
            part += self._tolerantly(see)
        self._tolerantly(lambda: self._flows(seen), seen.litellm)
        return seen

    def _tolerantly(self, see: Callable[[], list[Finding]], into: list[Finding] | None = None) -> list[Finding]:
        try:
            found = see()
        except (Denied, AdminError) as error:
            found = [note(f"Couldn't look further. {error}")]
            if into is not None:
                into += found
        return found

    def _call(self, service: str, operation: str, **arguments: Any) -> Any:
        return aws.call(service, self._facts.region, operation, f"call {service}:{operation}", **arguments)

    def _relay(self) -> list[Finding]:
        try:
            config = self._call("lambda", "get_function_configuration", FunctionName=self._facts.relay)
        except NotThere:
            return [Finding(f"There is no function {self._facts.relay}.", f"`{REPAIR}` makes it anew.")]
        self._groups["relay"] = _ids(object_at(config, "VpcConfig"), "SecurityGroupIds")
        if config.get("State") not in (None, "Active"):
            reason = config.get("StateReason") or config["State"]
            return [Finding(f"The relay's function is {config['State']}: {reason}.", "Wait, or run `pulumi up`.")]
        return []

    def _secret(self) -> list[Finding]:
        try:
            answer = self._call("secretsmanager", "describe_secret", SecretId=self._facts.master_key_secret)
        except NotThere:
            answer = None
        return states.secret(answer, self._facts)

    def _service(self) -> list[Finding]:
        place = {"cluster": self._facts.cluster}
        services = self._call("ecs", "describe_services", services=[self._facts.service], **place)["services"]
        active = [item for item in services if item.get("status") != "INACTIVE"]
        if not active:
            return [Finding("The ECS service is gone.", f"`{REPAIR}` makes it anew.")]
        network = object_at(object_at(active[0], "networkConfiguration"), "awsvpcConfiguration")
        self._groups["task"] = _ids(network, "securityGroups")
        return states.service(active[0], self._stopped(place), self._facts)

    def _stopped(self, place: dict[str, str]) -> list[Any]:
        """ECS remembers stopped tasks for an hour."""
        listed = self._call("ecs", "list_tasks", serviceName=self._facts.service, desiredStatus="STOPPED", **place)
        arns = listed["taskArns"][:MOST_TASKS]
        tasks: list[dict[str, Any]] = self._call("ecs", "describe_tasks", tasks=arns, **place)["tasks"] if arns else []
        return sorted(tasks, key=lambda task: str(task.get("stoppedAt") or ""), reverse=True)

    def _targets(self) -> list[Finding]:
        arn = self._facts.target_group
        groups = self._call("elbv2", "describe_target_groups", TargetGroupArns=[arn])["TargetGroups"]
        balancers: list[str] = groups[0].get("LoadBalancerArns") or []
        if balancers:
            found = self._call("elbv2", "describe_load_balancers", LoadBalancerArns=balancers)["LoadBalancers"]
            self._groups["alb"] = tuple(group for item in found for group in item.get("SecurityGroups") or ())
        health = self._call("elbv2", "describe_target_health", TargetGroupArn=arn)
        return states.targets(health["TargetHealthDescriptions"])

    def _database(self) -> list[Finding]:
        if not self._facts.database:
            return []
        found: list[dict[str, Any]] = []
        try:
            found = self._call("rds", "describe_db_instances", DBInstanceIdentifier=self._facts.database)["DBInstances"]
        except NotThere:
            pass
        if found:
            groups: list[dict[str, str]] = found[0].get("VpcSecurityGroups") or []
            self._groups["database"] = tuple(group["VpcSecurityGroupId"] for group in groups)
        return states.database(found[0] if found else None, self._facts)

    def _flows(self, seen: Seen) -> list[Finding]:
        groups = sorted({group for part in self._groups.values() for group in part})
        if not groups:
            return []
        by = [{"Name": "group-id", "Values": groups}]
        rules = self._call("ec2", "describe_security_group_rules", Filters=by)["SecurityGroupRules"]
        for part, found in flows.check(self._wanted(), rules).items():
            {
                flows.ADMIN_DOOR_PORT: seen.door,
                flows.TASK_PORT: seen.litellm,
                flows.DATABASE_PORT: seen.database,
                flows.PUBLIC_DOOR_PORT: seen.edge,
                flows.HTTPS_PORT: seen.relay if part.source.name == "the relay" else seen.litellm,
            }[part.port].extend(found)
        return []

    def _wanted(self) -> list[Flow]:
        names = {"relay": "the relay", "alb": "the load balancer", "task": "the task", "database": "the database"}
        parts = {role: Part(names[role], groups) for role, groups in self._groups.items() if groups}
        pairs = [
            ("relay", "alb", flows.ADMIN_DOOR_PORT),
            ("alb", "task", flows.TASK_PORT),
            ("task", "database", flows.DATABASE_PORT),
        ]
        found = [Flow(parts[a], parts[b], port) for a, b, port in pairs if a in parts and b in parts]
        if "alb" in parts:
            found.append(Flow(Part("CloudFront"), parts["alb"], flows.PUBLIC_DOOR_PORT))
        outside = Part("AWS")
        return found + [Flow(parts[role], outside, flows.HTTPS_PORT) for role in ("relay", "task") if role in parts]


def _ids(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The list of ids that a document has by that name; empty where it is missing or null."""
    return tuple(document.get(name) or ())
