"""The doctor names what is broken: one part at a time, in the account itself, as somebody would by hand. What it
advises heals it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from typing import Any

import pytest

from litellm_admin.cli.doctor.findings import REPAIR
from tests.live.cloud import Cloud

NAME = "llm-gateway-local"


def doctor(cloud: Cloud, *flags: str) -> dict[str, dict[str, Any]]:
    """Step → status, and everything that was found, as one text."""
    report = json.loads(cloud.users("doctor", "--json", *flags, check=False).stdout)
    return {
        step["step"]: {
            "status": step["status"],
            "text": "\n".join(f"{found['what']} → {found['remedy']}" for found in step["findings"]),
        }
        for step in report["steps"]
    }


def until(cloud: Cloud, seen: Callable[[dict[str, dict[str, Any]]], bool], *flags: str) -> dict[str, dict[str, Any]]:
    deadline = time.monotonic() + 200
    found = doctor(cloud, *flags)
    while not seen(found) and time.monotonic() < deadline:
        time.sleep(1)
        found = doctor(cloud, *flags)
    assert seen(found), json.dumps(found, indent=1)
    return found


def well(found: dict[str, dict[str, Any]]) -> bool:
    return all(step["status"] == "ok" for step in found.values())


def repair(cloud: Cloud) -> None:
    """What the doctor says to do about a part that was changed by hand."""
    _, *arguments = shlex.split(REPAIR)
    cloud.pulumi(*arguments, "--yes", "--skip-preview")
    until(cloud, well)


def rule(cloud: Cloud, description: str, egress: bool) -> dict[str, Any]:
    rules = cloud.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
    [found] = [r for r in rules if r.get("Description") == description and r["IsEgress"] == egress]
    return found


def revoke(cloud: Cloud, description: str, egress: bool) -> None:
    found, ec2 = rule(cloud, description, egress), cloud.client("ec2")
    call = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
    call(GroupId=found["GroupId"], SecurityGroupRuleIds=[found["SecurityGroupRuleId"]])


def test_a_gateway_that_is_well(cloud: Cloud) -> None:
    found = until(cloud, well)
    assert list(found) == ["credentials", "relay", "admin door", "LiteLLM", "database", "edge"]
    assert "1 of 1 targets are healthy" in found["LiteLLM"]["text"]


@pytest.mark.parametrize(
    "broken",
    [
        # two at a time, of which neither hides the other
        [
            ("relay to admin door", True, "admin door", "the relay"),
            ("public door from CloudFront", False, "edge", "lets nothing in from CloudFront on port 80"),
        ],
        [
            ("alb to task", False, "LiteLLM", "of the task"),
            ("task to database", False, "database", "of the database"),
        ],
    ],
)
def test_security_groups_that_were_changed(cloud: Cloud, broken: list[tuple[str, bool, str, str]]) -> None:
    for description, egress, _, _ in broken:
        revoke(cloud, description, egress)
    try:
        found = until(cloud, lambda found: all(found[step]["status"] == "broken" for _, _, step, _ in broken))
        for _, _, step, says in broken:
            assert says in found[step]["text"]
            assert REPAIR in found[step]["text"]
    finally:
        repair(cloud)


def test_a_stopped_database(cloud: Cloud) -> None:
    rds = cloud.client("rds")
    rds.stop_db_instance(DBInstanceIdentifier=NAME)
    try:
        found = until(
            cloud, lambda found: found["database"]["status"] == "broken" and "is stopped" in found["database"]["text"]
        )
        command = found["database"]["text"].partition("Start it: ")[2].split(" (")[0]
        assert command == f"aws rds start-db-instance --db-instance-identifier {NAME} --region us-west-1"
    finally:
        _started(cloud)
        until(cloud, well)


def _started(cloud: Cloud) -> None:
    rds, deadline = cloud.client("rds"), time.monotonic() + 200
    while rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "stopping":
        assert time.monotonic() < deadline, "the database doesn't stop"
        time.sleep(0.5)
    rds.start_db_instance(DBInstanceIdentifier=NAME)


def test_a_master_key_that_is_not_litellms(cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    before = secrets.describe_secret(SecretId=f"{NAME}/master-key")["VersionIdsToStages"]
    [current] = [version for version, stages in before.items() if "AWSCURRENT" in stages]
    wrong = secrets.put_secret_value(SecretId=f"{NAME}/master-key", SecretString="sk-somebody-changed-it")
    try:
        found = until(cloud, lambda found: found["LiteLLM"]["status"] == "broken", "--way", "direct")
        assert "Invalid API Key" in found["LiteLLM"]["text"]
    finally:
        secrets.update_secret_version_stage(
            SecretId=f"{NAME}/master-key",
            VersionStage="AWSCURRENT",
            MoveToVersionId=current,
            RemoveFromVersionId=wrong["VersionId"],
        )
    until(cloud, well)


def test_a_secret_that_the_relay_may_not_read(cloud: Cloud) -> None:
    """A role without its policy, found by a relay that has just started."""
    iam, functions = cloud.client("iam"), cloud.client("lambda")
    policy = iam.get_role_policy(RoleName=f"{NAME}-relay", PolicyName="relay")["PolicyDocument"]
    less = {**policy, "Statement": [s for s in policy["Statement"] if "secretsmanager" not in json.dumps(s)]}
    iam.put_role_policy(RoleName=f"{NAME}-relay", PolicyName="relay", PolicyDocument=json.dumps(less))
    variables = functions.get_function_configuration(FunctionName=f"{NAME}-relay")["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=f"{NAME}-relay", Environment={"Variables": {**variables, "STARTS": "anew"}}
    )
    try:
        found = until(cloud, lambda found: found["relay"]["status"] == "broken")
        assert "can't read the master key" in found["relay"]["text"]
        assert "secretsmanager:GetSecretValue" in found["relay"]["text"]
    finally:
        repair(cloud)


def test_an_image_that_cant_be_pulled(cloud: Cloud) -> None:
    """The old task goes on; the deployment fails beside it."""
    ecs = cloud.client("ecs")
    definition = ecs.describe_task_definition(taskDefinition=NAME)["taskDefinition"]
    container = {**definition["containerDefinitions"][0], "image": "ghcr.io/berriai/litellm:v9.9.9"}
    kept = ("cpu", "memory", "networkMode", "requiresCompatibilities", "executionRoleArn", "taskRoleArn")
    made = ecs.register_task_definition(
        family=NAME,
        containerDefinitions=[container],
        runtimePlatform=definition["runtimePlatform"],
        **{name: definition[name] for name in kept},
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=NAME, service=NAME, taskDefinition=made)
    try:
        found = until(cloud, lambda found: "can't pull the image" in found["LiteLLM"]["text"])
        assert found["LiteLLM"]["status"] == "warning", "it answers all the same"
        assert "v9.9.9" in found["LiteLLM"]["text"]
    finally:
        ecs.update_service(cluster=NAME, service=NAME, taskDefinition=definition["taskDefinitionArn"])
        ecs.deregister_task_definition(taskDefinition=made)
    until(cloud, well)


def test_a_target_that_isnt_healthy(cloud: Cloud) -> None:
    elb = cloud.client("elbv2")
    [group] = elb.describe_target_groups()["TargetGroups"]
    elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath="/health/nonsense")
    try:
        found = until(cloud, lambda found: "is unhealthy" in found["LiteLLM"]["text"])
        assert "Target.ResponseCodeMismatch" in found["LiteLLM"]["text"]
        assert "[404]" in found["LiteLLM"]["text"]
    finally:
        elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath=group["HealthCheckPath"])
    until(cloud, well)
