"""ECS services of small real programs, deployed with boto3."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from localcloud import processes
from localcloud.dataplane.roles import TASKS
from tests.dataplane.cloud import Cloud
from tests.dataplane.network import PYTHON_IMAGE, Network, make_group, make_network, make_role

# Answers with its VERSION, its secret's length, what /env NAME asks for; 503 on /unwell; writes to its log.
SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(4)
        code = 503 if self.path == "/unwell" else 404 if self.path == "/nowhere" else 200
        if self.path == "/whoami":
            import boto3
            body = boto3.client("sts").get_caller_identity()["Arn"]
        else:
            name = self.path[5:] if self.path.startswith("/env/") else "VERSION"
            body = os.environ.get(name, "-")
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
print("serving with", os.environ.get("SECRET", "no secret"), flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@dataclass
class Stage:
    """A network, a load balancer in front, roles, and services made on it."""

    cloud: Cloud
    network: Network
    group: str
    role: str
    target_group: str
    balancer: str
    listener: str

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def definition(self, family: str = "web", **container: Any) -> str:
        """Register a task definition of one container; returns its ARN."""
        version = container.pop("version", "1")
        extra = container.pop("task", {})
        complete = {
            "name": "web",
            "image": PYTHON_IMAGE,
            "essential": True,
            "command": ["python", "-u", "-c", SERVER, "--port", "8000"],
            "portMappings": [{"containerPort": 8000}],
            "environment": [{"name": "VERSION", "value": version}],
            **container,
        }
        made = self.client("ecs").register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            taskRoleArn=self.role,
            containerDefinitions=[complete],
            **extra,
        )
        return made["taskDefinition"]["taskDefinitionArn"]

    def create(self, name: str, definition: str, balanced: bool = False, desired: int = 1, **more: Any) -> str:
        behind = [{"targetGroupArn": self.target_group, "containerName": "web", "containerPort": 8000}]
        self.client("ecs").create_service(
            cluster="default",
            serviceName=name,
            taskDefinition=definition,
            desiredCount=desired,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {"subnets": list(self.network.subnets), "securityGroups": [self.group]}
            },
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
            **({"loadBalancers": behind} if balanced else {}),
            **more,
        )
        return name

    def update(self, name: str, **more: Any) -> None:
        self.client("ecs").update_service(cluster="default", service=name, **more)

    def delete(self, name: str) -> None:
        self.client("ecs").delete_service(cluster="default", service=name, force=True)

    def service(self, name: str) -> dict[str, Any]:
        return self.client("ecs").describe_services(cluster="default", services=[name])["services"][0]

    def wait(self, name: str, state: str, seconds: float = 20) -> dict[str, Any]:
        """Until some deployment is in ``state`` (FAILED), or the only one is (COMPLETED); returns the service."""
        deadline = time.monotonic() + seconds
        while True:
            service = self.service(name)
            states = [deployment["rolloutState"] for deployment in service["deployments"]]
            if (state == "FAILED" and state in states) or states == [state]:
                return service
            assert time.monotonic() < deadline, (
                f"{states}: {json.dumps(service, indent=1, default=str)}\n{self.cloud('logs', 'daemon').stdout}"
            )
            time.sleep(0.05)

    def failure(self, name: str, definition: str) -> dict[str, Any]:
        """The failed deployment of a task definition, once it has failed."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [
                one
                for one in self.service(name)["deployments"]
                if one["rolloutState"] == "FAILED" and one["taskDefinition"] == definition
            ]
            return bool(found)

        until(there, 20)
        return found[0]

    def tasks(self, name: str, status: str = "RUNNING") -> list[dict[str, Any]]:
        ecs = self.client("ecs")
        arns = ecs.list_tasks(cluster="default", serviceName=name, desiredStatus=status)["taskArns"]
        return ecs.describe_tasks(cluster="default", tasks=arns)["tasks"] if arns else []

    def status(self) -> dict[str, Any]:
        return json.loads(self.cloud("status", "--json").stdout)

    def door(self) -> str:
        """The load balancer's address on this machine."""
        found = [one["hosts"] for one in self.status()["load_balancers"] if one["name"] == self.balancer]
        return next(iter(found[0].values()))


def make_stage(cloud: Cloud) -> Stage:
    network = make_network(cloud)
    group = make_group(cloud, network, "web", 8000)
    front = make_group(cloud, network, "front", 80)
    elb = cloud.client("elbv2")
    made = elb.create_load_balancer(
        Name="front", Subnets=list(network.subnets), SecurityGroups=[front], Scheme="internal"
    )
    balancer = made["LoadBalancers"][0]
    targets = elb.create_target_group(
        Name="web", Protocol="HTTP", Port=8000, VpcId=network.vpc, TargetType="ip", HealthCheckPath="/well"
    )["TargetGroups"][0]["TargetGroupArn"]
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
    )["Listeners"][0]["ListenerArn"]
    cloud.client("ecs").create_cluster(clusterName="default")
    role = make_role(cloud, "web", TASKS)
    may = [{"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "logs:CreateLogStream"], "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    cloud.client("iam").put_role_policy(RoleName="web", PolicyName="start", PolicyDocument=policy)
    return Stage(cloud, network, group, role, targets, balancer["DNSName"], listener)


def until(condition: Any, seconds: float = 10) -> None:
    assert processes.wait_until(condition, seconds, 0.1)
