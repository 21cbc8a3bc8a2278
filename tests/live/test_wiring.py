"""The proof that the wiring is real: one thing broken at a time in the program, deployed, and seen to fail by name.

Each break runs the real program under a transformation that changes one property of one resource. A break that AWS
would
notice makes `up` fail; the others refuse the request that depends on them. The next deployment heals what the last
broke.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.cloud import ROOT, Cloud, chat, http

PROGRAM = """
import runpy
import pulumi

def broken(args):
    if args.type_.rpartition(":")[2] != {kind!r} or args.name != {resource!r}:
        return None
    props = dict(args.props)
    {change}
    return pulumi.ResourceTransformationResult(props=props, opts=args.opts)

pulumi.runtime.register_stack_transformation(broken)
runpy.run_path({program!r}, run_name="__main__")
"""

NO_PORT = 'props["from_port"] = props["to_port"] = 1'


@dataclass(frozen=True)
class Break:
    """`change` edits `props` of the one resource of type `kind` and name `resource`; the failure must say all of
    `says`."""

    kind: str
    resource: str
    change: str
    says: tuple[str, ...]


def completion(cloud: Cloud, outputs: dict[str, Any]) -> str:
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["production"])
    assert answer.status >= 400, f"the request went through: {answer.text}"
    return answer.text + json.dumps(answer.headers)


def team_list(cloud: Cloud, outputs: dict[str, Any]) -> str:
    """A path that the guard refuses by itself; when the guard is gone, the public door has to."""
    answer = http("GET", outputs["gatewayUrl"] + "/team/list", cloud.master_key())
    assert answer.status == 403
    return f"x-cache: {answer.headers['x-cache']}; server: {answer.headers.get('server')}"


def user_list(cloud: Cloud, outputs: dict[str, Any]) -> str:
    answer = cloud.relay("GET", "/user/list")
    assert answer["status"] >= 400 or "errorMessage" in answer, f"the call went through: {answer}"
    return json.dumps(answer)


def new_user(cloud: Cloud, outputs: dict[str, Any]) -> str:
    answer = http(
        "POST",
        outputs["adminUrl"] + "/user/new",
        cloud.master_key(),
        {"user_id": "not-stored", "auto_create_key": False},
    )
    assert answer.status >= 400, f"the call went through: {answer.text}"
    return answer.text + json.dumps(answer.headers)


Ask = Callable[[Cloud, dict[str, Any]], str]

REFUSED: dict[str, tuple[Break, Ask]] = {
    "ingress from CloudFront to the public door": (
        Break(
            "SecurityGroupIngressRule",
            "edge-to-public-door",
            NO_PORT,
            ("port 80", "CloudFront-VPCOrigins-Service-SG", "ingress"),
        ),
        completion,
    ),
    "ingress from the load balancer to the task": (
        Break(
            "SecurityGroupIngressRule",
            "network-alb-to-task-in",
            NO_PORT,
            ("port 4000", "ingress", "llm-gateway-local-task"),
        ),
        completion,
    ),
    "egress of the load balancer": (
        Break(
            "SecurityGroupEgressRule",
            "network-alb-to-task-out",
            NO_PORT,
            ("port 4000", "egress", "llm-gateway-local-alb"),
        ),
        completion,
    ),
    "ingress from the task to the database": (
        Break(
            "SecurityGroupIngressRule",
            "network-task-to-database-in",
            NO_PORT,
            ("port 5432", "ingress", "llm-gateway-local-database"),
        ),
        new_user,
    ),
    "egress of the relay": (
        Break(
            "SecurityGroupEgressRule",
            "network-relay-to-admin-door-out",
            NO_PORT,
            ("port 8080", "egress", "llm-gateway-local-relay"),
        ),
        user_list,
    ),
    "the secret that the relay reads": (
        Break(
            "Function",
            "relay-function",
            'props["environment"] = {"variables": {**props["environment"]["variables"], "MASTER_KEY_SECRET_ARN": '
            '"arn:aws:secretsmanager:us-west-1:123456789012:secret:nobodys-key"}}',
            ("nobodys-key",),
        ),
        user_list,
    ),
    "the permission to invoke the models": (
        Break(
            "RolePolicy",
            "gateway-task",
            'props["policy"] = props["policy"].apply(lambda text: text.replace(":InvokeModel", ":ListModels"))',
            ("not authorized to perform: bedrock:InvokeModel", "assumed-role/llm-gateway-local-task"),
        ),
        completion,
    ),
    "a region that the models' profile may route to": (
        Break(
            "RolePolicy",
            "gateway-task",
            'props["policy"] = props["policy"].apply(lambda text: text.replace(":us-east-2::", ":eu-west-1::"))',
            ("not authorized to perform: bedrock:InvokeModel", "us-east-2::foundation-model/anthropic.claude"),
        ),
        completion,
    ),
    "a listener rule": (
        Break(
            "ListenerRule",
            "doors-public-1",
            'props["conditions"] = [{"path_pattern": {"values": ["/nothing"]}}]',
            ("not open at the gateway's public address",),
        ),
        completion,
    ),
    "the guard's association": (
        Break(
            "Distribution",
            "edge-distribution",
            'props["default_cache_behavior"] = {**props["default_cache_behavior"], "function_associations": []}',
            ("Error from cloudfront", "awselb"),
        ),
        team_list,
    ),
}

CONTAINER = (
    'props["container_definitions"] = props["container_definitions"].apply(lambda text: text.replace({old!r}, {new!r}))'
)
FAILS: dict[str, Break] = {
    # AWS changes no VPC origin that a distribution uses; it has to be replaced
    "the port of the VPC origin": Break(
        "VpcOrigin",
        "edge-origin",
        'props["vpc_origin_endpoint_config"] = {**props["vpc_origin_endpoint_config"], "http_port": 81}',
        ("VpcOrigin", "in use by the distributions"),
    ),
    "the secret's JSON key": Break(
        "TaskDefinition",
        "gateway-task",
        CONTAINER.format(old=":url::", new=":uri::"),
        ("ResourceInitializationError", "uri", "llm-gateway-local/database"),
    ),
    "the secret's ARN": Break(
        "TaskDefinition",
        "gateway-task",
        CONTAINER.format(old=":secret:llm-gateway-local/master-key", new=":secret:llm-gateway-local/nobodys-key"),
        ("ResourceInitializationError", "nobodys-key"),
    ),
    "the S3 key of the config": Break(
        "TaskDefinition",
        "gateway-task",
        CONTAINER.format(old='"value": "litellm-', new='"value": "nothing-'),
        ("nothing-", "litellm"),
    ),
    "the container's port": Break(
        "TaskDefinition",
        "gateway-task",
        CONTAINER.format(old='["--port", "4000"]', new='["--port", "4001"]'),
        ("4000", "listens on 4001"),
    ),
    "the container that the service names": Break(
        "Service",
        "gateway-service",
        'props["load_balancers"] = [{**props["load_balancers"][0], "container_name": "lightllm"}]',
        ("lightllm", "container"),
    ),
    "the health path": Break(
        "TargetGroup",
        "doors-litellm",
        'props["health_check"] = {**props["health_check"], "path": "/health/nonsense"}',
        ("/health/nonsense", "404"),
    ),
    "the Function's ARN": Break(
        "Distribution",
        "edge-distribution",
        'props["default_cache_behavior"] = {**props["default_cache_behavior"], "function_associations": '
        '[{"event_type": "viewer-request", "function_arn": "arn:aws:cloudfront::123456789012:function/no-guard"}]}',
        ("no-guard",),
    ),
}


def deploy(cloud: Cloud, tmp_path: Path, broken: Break) -> tuple[int, str]:
    """`pulumi up` of the program with one break. Returns the exit code and what was said."""
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    program = PROGRAM.format(
        kind=broken.kind, resource=broken.resource, change=broken.change, program=str(ROOT / "__main__.py")
    )
    (tmp_path / "__main__.py").write_text(program)
    done = cloud.pulumi("up", "--yes", "--skip-preview", "--refresh=false", cwd=tmp_path, check=False)
    return done.returncode, done.stdout + done.stderr


def blocked(cloud: Cloud) -> str:
    return "\n".join(cloud.status()["blocked"][-5:])


@pytest.mark.parametrize("what", REFUSED)
def test_the_request_is_refused_and_the_cause_is_named(
    cloud: Cloud, outputs: dict[str, Any], tmp_path: Path, what: str
) -> None:
    broken, ask = REFUSED[what]
    code, said = deploy(cloud, tmp_path, broken)
    assert code == 0, said
    heard = ask(cloud, cloud.outputs()) + blocked(cloud)
    assert all(part in heard for part in broken.says), heard


@pytest.mark.parametrize("what", FAILS)
def test_up_fails_and_the_cause_is_named(cloud: Cloud, outputs: dict[str, Any], tmp_path: Path, what: str) -> None:
    broken = FAILS[what]
    code, said = deploy(cloud, tmp_path, broken)
    assert code != 0, f"up went through:\n{said}"
    assert all(part in said for part in broken.says), said
    assert not [key for key in outputs["keys"].values() if key in said], "a key is in the engine's output"


def test_healed_it_serves_again(cloud: Cloud) -> None:
    cloud.ops("up")
    outputs = cloud.outputs()
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["production"])
    assert answer.status == 200, answer.text
    assert cloud.relay("GET", "/user/list")["status"] == 200
