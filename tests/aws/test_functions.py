"""Lambda and Secrets Manager: invoked by the data plane, refused as on AWS, and gone when deleted."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from localcloud.aws.account import Account, InvokeResult
from tests.aws.world import World, refused, trust, unchecked, until, zipped

VPC_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"


def role(world: World, account: Account, *, vpc: bool = True) -> str:
    iam, name = account.client("iam"), world.name("role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    if vpc:
        iam.attach_role_policy(RoleName=name, PolicyArn=VPC_POLICY)
    return arn


def asked(world: World, account: Account, **changes: Any) -> dict[str, Any]:
    return {
        "FunctionName": world.name("relay"),
        "Runtime": "python3.13",
        "Role": role(world, account),
        "Handler": "main.handler",
        "Code": {"ZipFile": zipped()},
        "Timeout": 30,
        "MemorySize": 256,
        "Architectures": ["arm64"],
        "Environment": {"Variables": {"ADMIN_URL": "http://alb:8080"}},
        "VpcConfig": {"SubnetIds": world.subnets, "SecurityGroupIds": [world.group]},
    } | changes


def test_a_function_comes_back_whole(world: World, account: Account) -> None:
    wanted = asked(world, account)
    account.client("lambda").create_function(**wanted)
    found = account.client("lambda").get_function(FunctionName=wanted["FunctionName"])["Configuration"]
    for name in set(wanted) - {"Code", "VpcConfig"}:
        assert found[name] == wanted[name], name
    assert found["VpcConfig"]["VpcId"] == world.vpc
    assert found["VpcConfig"]["SubnetIds"] == world.subnets
    account.client("lambda").get_waiter("function_active_v2").wait(FunctionName=wanted["FunctionName"])


def test_an_invocation_is_the_data_planes(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    name = account.client("lambda").create_function(**asked(world, account))["FunctionName"]
    got: list[tuple[str, bytes]] = []

    def run(function: str, payload: bytes) -> InvokeResult:
        got.append((function, payload))
        if b"fail" in payload:
            return InvokeResult(b'{"errorMessage":"no","errorType":"ValueError"}', "Unhandled", "Traceback")
        return InvokeResult(b'"\xc3\xa9"', None, "START\nEND\n")

    monkeypatch.setattr(account.facts, "invoke", run)
    client = account.client("lambda")
    answer = client.invoke(FunctionName=name, Payload=b'{"a": 1}', LogType="Tail")
    assert (answer["StatusCode"], answer["Payload"].read()) == (200, b'"\xc3\xa9"')
    assert base64.b64decode(answer["LogResult"]) == b"START\nEND\n"
    assert "FunctionError" not in answer
    failed = client.invoke(FunctionName=f"{name}:$LATEST", Payload=b'{"fail": true}')
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(failed["Payload"].read())["errorType"] == "ValueError"
    assert "LogResult" not in failed
    assert client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    assert len(got) == 2
    assert client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
    until(lambda: len(got) == 3)
    assert got[0] == (name, b'{"a": 1}')


def test_a_long_invocation_holds_nobody_up(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function itself calls the API while it runs: were the API's lock held, neither would ever end."""
    name = account.client("lambda").create_function(**asked(world, account))["FunctionName"]

    def run(function: str, payload: bytes) -> InvokeResult:
        vpcs = account.client("ec2").describe_vpcs(VpcIds=[world.vpc])["Vpcs"]
        return InvokeResult(json.dumps(len(vpcs)).encode())

    monkeypatch.setattr(account.facts, "invoke", run)
    answers: list[bytes] = []
    invoke = account.client("lambda").invoke
    threads = [
        threading.Thread(target=lambda: answers.append(invoke(FunctionName=name)["Payload"].read())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [b"1"] * 4


def test_invocations_that_are_refused(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    client = account.client("lambda")
    with refused("ResourceNotFoundException", "function:none", status=404):
        client.invoke(FunctionName="none")
    name = client.create_function(**asked(world, account))["FunctionName"]
    monkeypatch.setattr(account.facts, "invoke", None)
    with refused("ServiceException", "data plane", status=500):
        unchecked(account, "lambda").invoke(FunctionName=name)
    monkeypatch.setattr(account.facts, "invoke", lambda *_: InvokeResult(b"null"))
    with refused("InvalidRequestContentException", "json"):
        client.invoke(FunctionName=name, Payload=b"{")
    with refused("RequestTooLargeException", "Event"):
        client.invoke(FunctionName=name, InvocationType="Event", Payload=b'"' + b"x" * 1024 * 1024 + b'"')


def test_a_version_that_is_not_there_and_a_reservation_of_none_are_refused(
    world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account.facts, "invoke", lambda *_: InvokeResult(b"null"))
    client = unchecked(account, "lambda")
    name = client.create_function(**asked(world, account))["FunctionName"]
    with refused("ResourceNotFoundException", f"{name}:3", "$LATEST only"):
        client.invoke(FunctionName=f"{name}:3")
    with refused("ResourceNotFoundException", f"{name}:live", "$LATEST only"):
        client.invoke(FunctionName=name, Qualifier="live")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with refused("TooManyRequestsException", "reserved concurrency is 0", status=429):
        client.invoke(FunctionName=name)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"PackageType": "Image"}, "zip files only"),
        ({"Layers": ["arn:aws:lambda:us-west-1:333333333333:layer:l:1"]}, "has no Layers"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-west-1:333333333333:q"}}, "has no DeadLetterConfig"),
        ({"Publish": True}, "publishes no versions"),
        ({"Runtime": "python9"}, "python9"),
        ({"MemorySize": 64}, "128"),
        ({"Role": "arn:aws:iam::333333333333:role/none"}, "cannot be assumed"),
        ({"VpcConfig": {"SubnetIds": ["subnet-00000000"], "SecurityGroupIds": ["sg-1"]}}, "subnet-00000000"),
        ({"VpcConfig": {"SubnetIds": ["subnet-00000000"]}}, "both"),
    ],
)
def test_functions_that_lambda_refuses(world: World, account: Account, changes: dict[str, Any], word: str) -> None:
    with refused("InvalidParameterValueException", word):
        unchecked(account, "lambda").create_function(**asked(world, account, **changes))


def test_a_function_in_a_vpc_needs_a_role_that_may(world: World, account: Account) -> None:
    with refused("InvalidParameterValueException", "CreateNetworkInterface"):
        account.client("lambda").create_function(**asked(world, account, Role=role(world, account, vpc=False)))
    with refused("ResourceNotFoundException", "none"):
        account.client("lambda").update_function_configuration(
            FunctionName="none", VpcConfig={"SubnetIds": world.subnets, "SecurityGroupIds": [world.group]}
        )
    groups = {"SubnetIds": world.subnets, "SecurityGroupIds": [World(account).group]}
    with refused("InvalidParameterValueException", "same VPC"):
        account.client("lambda").create_function(**asked(world, account, VpcConfig=groups))


def test_a_secret_deleted_by_force_is_gone_and_one_with_a_window_is_not(world: World, account: Account) -> None:
    secrets, name = account.client("secretsmanager"), world.name("secret")
    secrets.create_secret(Name=name, SecretString="one")
    secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    with refused("InvalidRequestException", "scheduled for deletion"):
        secrets.create_secret(Name=name, SecretString="two")
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    listed = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert name not in [secret["Name"] for secret in listed]
    with refused("ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=name)
    arn = secrets.create_secret(Name=name, SecretString="three")["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "three"
