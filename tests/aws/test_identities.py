"""Who calls: STS checks signatures, and what users and sessions may do is what their policies say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.aws.account import Account, InvokeResult
from localcloud.aws.policies import allows
from tests.aws.world import World, trust, zipped


def client(account: Account, service: str, key: str, secret: str, token: str | None = None) -> Any:
    return boto3.client(
        service,
        region_name=account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def user(world: World, account: Account, *statements: dict[str, Any]) -> tuple[str, str, str]:
    """A user with these statements in an attached policy. Returns name, access key and secret."""
    iam, name = account.client("iam"), world.name("user")
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        arn = iam.create_policy(PolicyName=f"{name}-policy", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return name, made["AccessKeyId"], made["SecretAccessKey"]


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def allow(action: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def test_a_user_a_session_and_the_administrator_are_who_they_are(world: World, account: Account) -> None:
    name, key, secret = user(world, account)
    found = client(account, "sts", key, secret).get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{account.account_id}:user/{name}"
    assert found["Account"] == account.account_id
    role = account.client("iam").create_role(RoleName=world.name("role"), AssumeRolePolicyDocument=trust("x"))["Role"]
    made = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="bob")["Credentials"]
    session = client(account, "sts", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    assert session.get_caller_identity()["Arn"].endswith(f":assumed-role/{role['RoleName']}/bob")
    assert account.client("sts").get_caller_identity()["Arn"].endswith(":user/local-admin")


def test_a_wrong_secret_token_or_key_is_nobody(world: World, account: Account) -> None:
    _, key, secret = user(world, account)
    assert code_of(client(account, "sts", key, "wrong").get_caller_identity) == "SignatureDoesNotMatch"
    assert code_of(client(account, "sts", "AKIANOBODY", secret).get_caller_identity) == "InvalidClientTokenId"
    role = account.client("iam").create_role(RoleName=world.name("role"), AssumeRolePolicyDocument=trust("x"))["Role"]
    made = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="bob")["Credentials"]
    for token in ("wrong", None):
        stolen = client(account, "sts", made["AccessKeyId"], made["SecretAccessKey"], token)
        assert code_of(stolen.get_caller_identity) == "InvalidClientTokenId"


def test_an_inactive_key_is_nobody(world: World, account: Account) -> None:
    name, key, secret = user(world, account)
    account.client("iam").update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    assert code_of(client(account, "sts", key, secret).get_caller_identity) == "InvalidClientTokenId"


def test_an_unsigned_call_of_sts_is_refused(account: Account) -> None:
    signed_for_nobody = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20261125/us-west-1/sts/aws4_request",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = urllib.request.Request(
        account.endpoint, b"Action=GetCallerIdentity&Version=2011-06-15", signed_for_nobody
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert b"MissingAuthenticationToken" in caught.value.read()


@pytest.fixture
def function(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> str:
    role = account.client("iam").create_role(
        RoleName=world.name("role"), AssumeRolePolicyDocument=trust("lambda.amazonaws.com")
    )["Role"]["Arn"]
    name = world.name("function")
    account.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="main.handler", Code={"ZipFile": zipped()}
    )
    monkeypatch.setattr(account.facts, "invoke", lambda *_: InvokeResult(b"{}"))
    return name


def test_who_may_invoke_a_function_is_iams_to_say(world: World, account: Account, function: str) -> None:
    arn = f"arn:aws:lambda:{account.region}:{account.account_id}:function"
    _, *may = user(world, account, allow("lambda:InvokeFunction", f"{arn}:{function}"))
    _, *other = user(world, account, allow("lambda:InvokeFunction", f"{arn}:other"))
    _, *none = user(world, account)
    for name in (function, f"{arn}:{function}"):
        assert client(account, "lambda", *may).invoke(FunctionName=name)["StatusCode"] == 200
        for keys in (other, none):
            refused = client(account, "lambda", *keys).invoke
            assert code_of(refused, FunctionName=name, Payload=b"{}") == "AccessDeniedException"
    assert account.client("lambda").invoke(FunctionName=function)["StatusCode"] == 200, "the administrator may"


def test_parameters_and_secrets_are_for_those_who_may(world: World, account: Account) -> None:
    name = f"/{world.name('project')}/poc/admin"
    account.client("ssm").put_parameter(Name=name, Value="v", Type="String")
    arn = account.client("secretsmanager").create_secret(Name=world.name("secret"), SecretString="s")["ARN"]
    ssm = f"arn:aws:ssm:{account.region}:{account.account_id}:parameter"
    _, *may = user(
        world,
        account,
        allow("ssm:GetParameter", ssm + name),
        allow("ssm:GetParametersByPath", f"{ssm}/{name.split('/')[1]}"),
        allow("secretsmanager:GetSecretValue", arn),
    )
    _, *none = user(world, account)
    calls = [
        ("ssm", "get_parameter", {"Name": name}),
        ("ssm", "get_parameters_by_path", {"Path": f"/{name.split('/')[1]}", "Recursive": True}),
        ("secretsmanager", "get_secret_value", {"SecretId": arn}),
        ("secretsmanager", "get_secret_value", {"SecretId": arn.rpartition(":")[2].rpartition("-")[0]}),
    ]
    for service, operation, arguments in calls:
        assert getattr(client(account, service, *may), operation)(**arguments)
        refused = getattr(client(account, service, *none), operation)
        assert code_of(refused, **arguments) == "AccessDeniedException"


def test_policies_of_a_group_count_and_a_deny_wins(world: World, account: Account, function: str) -> None:
    iam, group = account.client("iam"), world.name("group")
    arn = f"arn:aws:lambda:{account.region}:{account.account_id}:function:{function}"
    name, *keys = user(world, account)
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=name)
    both = {"Version": "2012-10-17", "Statement": [allow("lambda:*", "*")]}
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(both))
    assert client(account, "lambda", *keys).invoke(FunctionName=function)["StatusCode"] == 200
    denied = {"Version": "2012-10-17", "Statement": {**allow("lambda:InvokeFunction", arn), "Effect": "Deny"}}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(denied))
    assert code_of(client(account, "lambda", *keys).invoke, FunctionName=function) == "AccessDeniedException"


def test_on_anything_at_all_means_some_resource() -> None:
    one = [{"Statement": [allow("ecs:Describe*", "arn:one")]}]
    assert allows(one, "ecs:DescribeServices", None)
    assert not allows(one, "ecs:UpdateService", None)
    assert not allows(one, "ecs:DescribeServices", "arn:two")


def test_executions_are_reserved_as_far_as_the_accounts_limit_goes(account: Account, function: str) -> None:
    quota = account.client("service-quotas").get_service_quota(ServiceCode="lambda", QuotaCode="L-B99A9384")["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("Concurrent executions", 1000.0)
    put = account.client("lambda").put_function_concurrency
    put(FunctionName=function, ReservedConcurrentExecutions=900)
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
        put(FunctionName=function, ReservedConcurrentExecutions=901)
    account.client("lambda").delete_function_concurrency(FunctionName=function)
    unknown = account.client("service-quotas").get_service_quota
    assert code_of(unknown, ServiceCode="lambda", QuotaCode="L-0") == "NoSuchResourceException"


def test_a_parameter_is_read_with_the_addresses_of_this_machine(
    world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, url = f"/{world.name('stack')}/admin", "http://internal-alb.us-west-1.elb.amazonaws.com:8080"
    monkeypatch.setitem(account.facts.hosts, url, "http://127.0.0.1:4321")
    ssm = account.client("ssm")
    ssm.put_parameter(Name=name, Value=json.dumps({"url": url, "other": f"{url}0"}), Type="String")
    told = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    assert told == {"url": "http://127.0.0.1:4321", "other": f"{url}0"}
    listed = (
        ssm.get_parameters_by_path(Path=name.rpartition("/")[0])["Parameters"]
        + (ssm.get_parameters(Names=[name])["Parameters"])
    )
    assert [json.loads(item["Value"])["url"] for item in listed] == ["http://127.0.0.1:4321"] * 2
    plugin = client(account, "ssm", "x", "y")
    plugin.meta.events.register(
        "before-sign.ssm.*", lambda request, **_: request.headers.add_header("x-localcloud-as-stored", "plugin")
    )
    assert json.loads(plugin.get_parameter(Name=name)["Parameter"]["Value"])["url"] == url
