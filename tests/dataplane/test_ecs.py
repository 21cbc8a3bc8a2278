"""ECS services of real programs: rolled out, kept serving, replaced, and failed with a reason that names the cause."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from localcloud import processes
from tests.dataplane.cloud import Cloud
from tests.dataplane.network import ANYWHERE, PYTHON_IMAGE, allow, forbid
from tests.dataplane.services import Stage, make_stage, until

LOGGED = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/web", "awslogs-region": "us-west-1", "awslogs-stream-prefix": "ecs"},
}
VALUE = "the-value-of-the-secret"


@pytest.fixture(scope="module")
def stage(cloud: Cloud) -> Stage:
    return make_stage(cloud)


@pytest.fixture(scope="module")
def secret(stage: Stage) -> str:
    document = json.dumps({"password": VALUE, "user": "web"})
    return stage.client("secretsmanager").create_secret(Name="web/secret", SecretString=document)["ARN"]


@pytest.fixture
def web(stage: Stage) -> Iterator[str]:
    """A healthy service behind the load balancer."""
    name = stage.create("web", stage.definition(), balanced=True)
    stage.wait(name, "COMPLETED")
    yield name
    end(stage, name)


def end(stage: Stage, name: str) -> None:
    stage.delete(name)
    until(lambda: stage.service(name)["status"] == "INACTIVE")


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_a_service_serves_through_its_load_balancer_with_its_roles_credentials(stage: Stage, web: str) -> None:
    door = stage.door()
    assert get(f"{door}/")[1] == "1"
    assert ":assumed-role/web/" in get(f"{door}/whoami")[1]
    assert get(f"{door}/env/AWS_EXECUTION_ENV")[1] == "AWS_ECS_FARGATE"
    [task] = stage.tasks(web)
    assert (task["lastStatus"], task["containers"][0]["lastStatus"]) == ("RUNNING", "RUNNING")
    [interface] = stage.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["*attachment*"]}]
    )["NetworkInterfaces"]
    assert interface["SubnetId"] in stage.network.subnets


def test_an_update_keeps_serving_and_replaces_every_task(stage: Stage, web: str) -> None:
    door, before = stage.door(), stage.tasks(web)[0]["taskArn"]
    stage.update(web, taskDefinition=stage.definition(version="2"))
    seen = []
    while stage.service(web)["deployments"][0]["rolloutState"] != "COMPLETED":
        seen.append(get(f"{door}/"))
    assert {code for code, _ in seen} <= {200}
    until(lambda: get(f"{door}/") == (200, "2"))
    until(lambda: before not in [task["taskArn"] for task in stage.tasks(web)])
    stage.update(web, forceNewDeployment=True)
    assert stage.service(web)["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    stage.wait(web, "COMPLETED")


def test_scaling_and_deleting(stage: Stage) -> None:
    name = stage.create("scaled", stage.definition("scaled"), desired=2)
    stage.wait(name, "COMPLETED")
    assert len(stage.tasks(name)) == 2
    stage.update(name, desiredCount=1)
    until(lambda: len(stage.tasks(name)) == 1)
    pids = [c["pid"] for task in stage.status()["tasks"] if task["service"] == name for c in task["containers"]]
    end(stage, name)
    assert not any(processes.alive(pid) for pid in pids)
    left = stage.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["*attachment*"]}]
    )
    assert left["NetworkInterfaces"] == []
    assert not list((stage.cloud.home / "data" / "tasks").iterdir())


def test_secrets_arrive_and_are_seen_nowhere(stage: Stage, secret: str) -> None:
    stage.client("logs").create_log_group(logGroupName="/web")
    references = [
        {"name": "SECRET", "valueFrom": f"{secret}:password::"},
        {"name": "WHOLE", "valueFrom": secret},
    ]
    name = stage.create("secretive", stage.definition("secretive", secrets=references, logConfiguration=LOGGED))
    stage.wait(name, "COMPLETED")
    [task] = [task for task in stage.status()["tasks"] if task["service"] == name]
    port = task["containers"][0]["ports"]["8000"]
    # without a health check a task counts as soon as its program runs, which is before that listens
    until(lambda: listens(port))
    assert get(f"http://127.0.0.1:{port}/env/SECRET")[1] == VALUE
    assert json.loads(get(f"http://127.0.0.1:{port}/env/WHOLE")[1])["user"] == "web"
    logs = stage.client("logs")
    until(lambda: logs.filter_log_events(logGroupName="/web")["events"])
    events = logs.filter_log_events(logGroupName="/web")["events"]
    # further lines tell of the requests above, if they have come in already
    assert "serving with ********" in [event["message"] for event in events]
    assert VALUE not in str(events)
    assert all(event["logStreamName"].startswith("ecs/web/") for event in events)
    everything = "".join(path.read_text() for path in (stage.cloud.home / "log").iterdir())
    assert "serving with ********" in everything and VALUE not in everything
    end(stage, name)


def test_a_failing_update_is_rolled_back_quickly_and_names_the_secret(stage: Stage, web: str, secret: str) -> None:
    door = stage.door()
    broken = {
        f"{secret}:pasword::": ("did not contain json key pasword", secret),
        secret.replace("web/secret", "web/nobodys"): ("ResourceNotFoundException", "web/nobodys"),
    }
    for reference, says in broken.items():
        definition = stage.definition(secrets=[{"name": "S", "valueFrom": reference}])
        began = time.monotonic()
        stage.update(web, taskDefinition=definition)
        lost = stage.failure(web, definition)
        took = time.monotonic() - began
        assert all(part in lost["rolloutStateReason"] for part in ("ResourceInitializationError", *says)), lost
        assert lost["failedTasks"] == 3 and VALUE not in str(lost)
        stopped = [task for task in stage.tasks(web, "STOPPED") if task["taskDefinitionArn"] == definition]
        assert {task["stopCode"] for task in stopped} == {"TaskFailedToStart"}
        assert len(stopped) == 3 and all(says[1] in task["stoppedReason"] for task in stopped)
        assert get(f"{door}/") == (200, "1")
        assert stage.service(web)["deployments"][0]["rolloutState"] == "COMPLETED"
        assert took < 8, f"{took:.1f} s"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"command": ["python", "-c", "import sys; print('no config in bucket'); sys.exit(3)", "--port", "8000"]},
            ("Essential container in task exited", "container web", "exit code 3", "no config in bucket"),
        ),
        (
            {"command": ["python", "-m", "http.server", "8001"]},
            ("nothing listens on port 8000 in container web", "it listens on 8001"),
        ),
        (
            {"image": "example.com/nothing:1"},
            ("CannotPullContainerError", "example.com/nothing:1", "this machine carries"),
        ),
        ({"command": ["ruby", "app.rb"]}, ("CannotStartContainerError", "ruby")),
        (
            {"logConfiguration": {**LOGGED, "options": {**LOGGED["options"], "awslogs-group": "/nobodys"}}},
            ("ResourceInitializationError", "failed to create Cloudwatch log stream", "/nobodys"),
        ),
        (
            {
                "healthCheck": {
                    "command": ["CMD-SHELL", "python3 -c 'import sys; print(\"not yet\"); sys.exit(1)'"],
                    "interval": 5,
                    "retries": 2,
                }
            },
            ("Task failed container health checks", "container web", "exit code 1: not yet"),
        ),
    ],
)
def test_a_service_that_cannot_start_says_why(stage: Stage, change: dict, says: tuple[str, ...]) -> None:
    name = stage.create("doomed", stage.definition("doomed", **change), balanced=True)
    service = stage.wait(name, "FAILED")
    reason = service["deployments"][0]["rolloutStateReason"]
    assert reason.startswith("ECS deployment circuit breaker: ") and all(part in reason for part in says), reason
    assert len(service["deployments"]) == 1 and service["runningCount"] == 0
    end(stage, name)


def test_a_healthy_container_check_runs_in_the_containers_own_ports(stage: Stage) -> None:
    check = "python3 -c \"import urllib.request as r; r.urlopen('http://localhost:8000/well', timeout=5)\""
    name = stage.create("checked", stage.definition("checked", healthCheck={"command": ["CMD-SHELL", check]}))
    stage.wait(name, "COMPLETED")
    assert stage.tasks(name)[0]["healthStatus"] == "HEALTHY"
    end(stage, name)


def test_without_permission_or_a_way_out_a_task_says_so(stage: Stage, secret: str) -> None:
    iam, ec2 = stage.client("iam"), stage.client("ec2")
    reference = [{"name": "S", "valueFrom": f"{secret}:password::"}]
    policy = iam.get_role_policy(RoleName="web", PolicyName="start")["PolicyDocument"]
    iam.delete_role_policy(RoleName="web", PolicyName="start")
    name = stage.create("powerless", stage.definition("powerless", secrets=reference))
    reason = stage.wait(name, "FAILED")["deployments"][0]["rolloutStateReason"]
    assert f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {secret}" in reason
    end(stage, name)
    iam.put_role_policy(RoleName="web", PolicyName="start", PolicyDocument=json.dumps(policy))
    every = [{"IpProtocol": "-1", "IpRanges": ANYWHERE}]
    ec2.revoke_security_group_egress(GroupId=stage.group, IpPermissions=every)
    name = stage.create("locked-in", stage.definition("locked-in", secrets=reference))
    reason = stage.wait(name, "FAILED")["deployments"][0]["rolloutStateReason"]
    assert "CannotPullContainerError" in reason and "has no egress rule for port 443" in reason, reason
    ec2.authorize_security_group_egress(GroupId=stage.group, IpPermissions=every)
    end(stage, name)


def test_a_missing_ingress_rule_fails_the_service_by_name(stage: Stage) -> None:
    forbid(stage.cloud, stage.group, 8000, ANYWHERE)
    try:
        name = stage.create("unreached", stage.definition("unreached"), balanced=True)
        reason = stage.wait(name, "FAILED")["deployments"][0]["rolloutStateReason"]
        assert "Task failed ELB health checks in (target-group" in reason
        assert "load balancer front" in reason and "has no ingress rule for port 8000" in reason and "(web)" in reason
    finally:
        allow(stage.cloud, stage.group, 8000, ANYWHERE)
    end(stage, name)


def test_a_wrong_health_path_is_named_with_its_answer(stage: Stage) -> None:
    elb = stage.client("elbv2")
    elb.modify_target_group(TargetGroupArn=stage.target_group, HealthCheckPath="/nowhere")
    try:
        name = stage.create("astray", stage.definition("astray"), balanced=True)
        reason = stage.wait(name, "FAILED")["deployments"][0]["rolloutStateReason"]
        assert "GET /nowhere on 10.60." in reason and "[404]" in reason
    finally:
        elb.modify_target_group(TargetGroupArn=stage.target_group, HealthCheckPath="/well")
    end(stage, name)


def test_a_task_that_dies_is_replaced(stage: Stage, web: str) -> None:
    door, before = stage.door(), stage.tasks(web)[0]["taskArn"]
    assert get(f"{door}/exit")[0] == 502
    until(lambda: [task["taskArn"] for task in stage.tasks(web)] not in ([], [before]))
    until(lambda: get(f"{door}/") == (200, "1"))
    [dead] = [task for task in stage.tasks(web, "STOPPED") if task["taskArn"] == before]
    assert (dead["stopCode"], dead["containers"][0]["exitCode"]) == ("EssentialContainerExited", 4)
    assert stage.service(web)["deployments"][0]["rolloutState"] == "COMPLETED"


def test_sidecars_start_in_their_order(stage: Stage) -> None:
    once = {
        "name": "once",
        "image": PYTHON_IMAGE,
        "essential": False,
        "command": ["python", "-c", "open('/dev/null'); print('migrated')"],
    }
    ecs = stage.client("ecs")
    definition = stage.definition("pair")
    both = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"]
    both[0]["dependsOn"] = [{"containerName": "once", "condition": "SUCCESS"}]
    made = ecs.register_task_definition(
        family="pair",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        executionRoleArn=stage.role,
        containerDefinitions=[*both, once],
    )["taskDefinition"]["taskDefinitionArn"]
    name = stage.create("pair", made)
    stage.wait(name, "COMPLETED")
    [task] = stage.tasks(name)
    assert {c["name"]: c["lastStatus"] for c in task["containers"]} == {"once": "STOPPED", "web": "RUNNING"}
    end(stage, name)


def test_a_killed_daemon_leaves_no_task(stage: Stage) -> None:
    name = stage.create("orphaned", stage.definition("orphaned"))
    stage.wait(name, "COMPLETED")
    assert len(stage.cloud.crash()) == 1
    stage.cloud("start")
    assert stage.status()["tasks"] == []
