"""Lambda end to end: a zip deployed with boto3 runs, with its environment, time limit, logs and credentials."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud import processes
from localcloud.dataplane.roles import FUNCTIONS
from tests.dataplane.cloud import Cloud
from tests.dataplane.network import make_group, make_network, make_role

IN_A_VPC = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
HANDLER = """
import json, os, sys, time, urllib.request

def handle(event, context):
    do = event.get("do")
    if do == "echo":
        print("heard", event["say"])
        return {"said": event["say"], "id": context.aws_request_id, "left": context.get_remaining_time_in_millis(),
                "name": context.function_name, "env": os.environ.get("COLOUR"), "pid": os.getpid(), "version": 1}
    if do == "raise":
        raise ValueError("no good")
    if do == "exit":
        sys.exit(3) if event.get("soft") else os._exit(3)
    if do == "sleep":
        time.sleep(event["seconds"])
        return os.getpid()
    if do == "whoami":
        import boto3
        return boto3.client("sts").get_caller_identity()["Arn"]
    if do == "set":
        return {1, 2}
    if do == "fetch":
        return urllib.request.urlopen(os.environ["URL"], timeout=5).status
"""


def package(code: str, name: str = "app.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, code)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Any:
    return cloud.client("lambda")


@pytest.fixture(scope="module")
def function(cloud: Cloud, api: Any) -> str:
    return make(cloud, api, "worker")


def make(cloud: Cloud, api: Any, name: str, code: str = HANDLER, **more: Any) -> str:
    more.setdefault("Handler", "app.handle")
    more.setdefault("Runtime", "python3.13")
    role = make_role(cloud, f"{name}-role", FUNCTIONS)
    cloud.client("iam").attach_role_policy(RoleName=f"{name}-role", PolicyArn=IN_A_VPC)
    api.create_function(
        FunctionName=name,
        Role=role,
        Code={"ZipFile": package(code)},
        Timeout=more.pop("Timeout", 20),
        Environment={"Variables": more.pop("Variables", {"COLOUR": "blue"})},
        **more,
    )
    return name


def call(api: Any, name: str, event: Any) -> tuple[Any, str | None, str]:
    """Payload, error, log tail."""
    import base64

    answer = api.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    payload = json.loads(answer["Payload"].read())
    return payload, answer.get("FunctionError"), base64.b64decode(answer.get("LogResult", "")).decode()


def test_a_function_answers_with_its_environment_and_context(api: Any, function: str) -> None:
    said, error, tail = call(api, function, {"do": "echo", "say": "hello"})
    assert error is None
    assert (said["said"], said["env"], said["name"]) == ("hello", "blue", function)
    assert 0 < said["left"] <= 20_000
    assert f"START RequestId: {said['id']}" in tail and "heard hello" in tail and "REPORT RequestId" in tail


def test_the_process_stays_warm_and_serves_by_arn_too(api: Any, function: str) -> None:
    first, _, _ = call(api, function, {"do": "echo", "say": "1"})
    arn = api.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    second, _, _ = call(api, arn, {"do": "echo", "say": "2"})
    assert first["pid"] == second["pid"] and first["id"] != second["id"]


def test_calls_at_the_same_time_run_side_by_side(api: Any, function: str) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        pids = list(pool.map(lambda _: call(api, function, {"do": "sleep", "seconds": 0.5})[0], range(3)))
    assert len(set(pids)) == 3
    assert time.monotonic() - began < 4


def test_errors_have_lambdas_shapes(api: Any, function: str) -> None:
    raised, error, tail = call(api, function, {"do": "raise"})
    assert (error, raised["errorType"], raised["errorMessage"]) == ("Unhandled", "ValueError", "no good")
    assert "in handle" in raised["stackTrace"][-1] and "ValueError: no good" in tail
    unserialisable, error, _ = call(api, function, {"do": "set"})
    assert (error, unserialisable["errorType"]) == ("Unhandled", "Runtime.MarshalError")
    ended, error, _ = call(api, function, {"do": "exit"})
    assert (
        error == "Unhandled" and ended["errorType"] == "Runtime.ExitError" and "exit status 3" in ended["errorMessage"]
    )
    soft, error, _ = call(api, function, {"do": "exit", "soft": True})
    assert error == "Unhandled" and soft["errorType"] == "Runtime.ExitError"
    assert call(api, function, {"do": "echo", "say": "alive"})[1] is None


def test_the_time_limit_ends_the_environment(cloud: Cloud, api: Any) -> None:
    name = make(cloud, api, "hasty", Timeout=1)
    warm = call(api, name, {"do": "echo", "say": "x"})[0]["pid"]
    late, error, tail = call(api, name, {"do": "sleep", "seconds": 30})
    assert (error, late["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in late["errorMessage"] and "Task timed out" in tail
    assert call(api, name, {"do": "echo", "say": "x"})[0]["pid"] != warm
    assert not processes.alive(warm)


def test_the_role_is_the_functions_own(api: Any, function: str) -> None:
    arn, error, _ = call(api, function, {"do": "whoami"})
    assert error is None and f":assumed-role/{function}-role/{function}" in arn


def test_a_changed_function_serves_from_the_next_call_on(api: Any, function: str) -> None:
    assert call(api, function, {"do": "echo", "say": "x"})[0]["version"] == 1
    api.update_function_code(FunctionName=function, ZipFile=package(HANDLER.replace('"version": 1', '"version": 2')))
    assert call(api, function, {"do": "echo", "say": "x"})[0]["version"] == 2
    api.update_function_configuration(FunctionName=function, Environment={"Variables": {"COLOUR": "red"}})
    assert call(api, function, {"do": "echo", "say": "x"})[0]["env"] == "red"


def test_what_it_prints_is_in_cloudwatch_and_in_the_log(cloud: Cloud, api: Any, function: str) -> None:
    call(api, function, {"do": "echo", "say": "a line to find"})
    logs = cloud.client("logs")

    def shipped() -> bool:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        return any("a line to find" in event["message"] for event in found)

    assert processes.wait_until(shipped, 5, 0.1)
    assert "a line to find" in cloud("logs", f"function-{function}").stdout


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"Handler": "missing.handle"}, "Runtime.ImportModuleError"),
        ({"Handler": "app.missing"}, "Runtime.HandlerNotFound"),
        ({"code": "def handle(:"}, "Runtime.UserCodeSyntaxError"),
        ({"code": "import nothing_of_the_kind"}, "Runtime.ImportModuleError"),
        ({"Runtime": "nodejs22.x"}, "Runtime.Unrunnable"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(cloud: Cloud, api: Any, change: dict[str, str], kind: str) -> None:
    name = f"broken-{abs(hash(str(change)))}"
    make(cloud, api, name, **change)
    answer, error, _ = call(api, name, {})
    assert (error, answer["errorType"]) == ("Unhandled", kind)
    api.delete_function(FunctionName=name)


def test_a_role_that_does_not_trust_lambda_is_named(cloud: Cloud, api: Any) -> None:
    role = make_role(cloud, "for-somebody-else", "ec2.amazonaws.com")
    api.create_function(
        FunctionName="untrusted",
        Role=role,
        Runtime="python3.13",
        Handler="app.handle",
        Code={"ZipFile": package(HANDLER)},
    )
    answer, error, _ = call(api, "untrusted", {})
    assert error and "for-somebody-else" in answer["errorMessage"] and "trust policy" in answer["errorMessage"]


def test_in_a_vpc_the_security_group_decides_what_it_reaches(cloud: Cloud, api: Any) -> None:
    network = make_network(cloud)
    group = make_group(cloud, network, "function")
    name = make(cloud, api, "inside", VpcConfig={"SubnetIds": [network.subnets[0]], "SecurityGroupIds": [group]})
    assert call(api, name, {"do": "whoami"})[1] is None
    every = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=[every])
    answer, error, _ = call(api, name, {"do": "whoami"})
    assert error == "Unhandled" and answer["errorType"]
    status = json.loads(cloud("status", "--json").stdout)
    assert any("function inside" in sentence and "egress" in sentence for sentence in status["blocked"])


def test_what_leads_past_the_cloud_is_not_judged(cloud: Cloud, api: Any) -> None:
    """Only ways to the gateway's parts and to AWS's API are; a group that lets nothing out stops nothing else."""
    network = make_network(cloud)
    group = make_group(cloud, network, "past")
    every = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=[every])
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        name = make(
            cloud,
            api,
            "past",
            VpcConfig={"SubnetIds": [network.subnets[0]], "SecurityGroupIds": [group]},
            Variables={"URL": f"http://127.0.0.1:{elsewhere.server_port}/"},
        )
        assert call(api, name, {"do": "fetch"})[:2] == (200, None)
        elsewhere.shutdown()


def test_another_runtime_is_refused_by_name(cloud: Cloud, api: Any) -> None:
    name = make(cloud, api, "other", Runtime="nodejs22.x")
    answer, error, _ = call(api, name, {})
    assert error == "Unhandled"
    assert "the local cloud runs Python functions only" in answer["errorMessage"]


def test_it_runs_on_this_machines_python(cloud: Cloud, api: Any) -> None:
    code = "import sys\ndef handle(event, context): return list(sys.version_info[:2])"
    name = make(cloud, api, "which", code, Runtime="python3.12")
    assert call(api, name, {})[:2] == (list(sys.version_info[:2]), None)


def test_a_deleted_function_is_gone_with_its_process(cloud: Cloud, api: Any) -> None:
    name = make(cloud, api, "short-lived")
    pid = call(api, name, {"do": "echo", "say": "x"})[0]["pid"]
    api.delete_function(FunctionName=name)
    assert processes.wait_until(lambda: not processes.alive(pid), 5)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(api, name, {})


def test_a_warm_environment_is_lean(cloud: Cloud, api: Any, function: str) -> None:
    pid = call(api, function, {"do": "echo", "say": "x"})[0]["pid"]
    assert processes.resident(pid) < 25 << 20
