"""Parameters as people of this machine read them, and what an account lets Lambda reserve."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account
from tests.aws.callers import allow, session_of_a_role, trust
from tests.aws.world import World, zipped

URL, HERE = "http://internal-alb.us-west-1.elb.amazonaws.com:8080", "http://127.0.0.1:4321"


def test_a_parameter_is_read_with_the_addresses_of_this_machine(
    world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"/{world.name('stack')}/admin"
    monkeypatch.setitem(account.facts.hosts, URL, HERE)
    ssm = account.client("ssm")
    ssm.put_parameter(Name=name, Value=json.dumps({"url": URL, "other": f"{URL}0"}), Type="String")
    told = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    assert told == {"url": HERE, "other": f"{URL}0"}
    listed = ssm.get_parameters_by_path(Path=name.rpartition("/")[0])["Parameters"]
    listed += ssm.get_parameters(Names=[name])["Parameters"]
    assert [json.loads(item["Value"])["url"] for item in listed] == [HERE, HERE]


def test_who_compares_gets_what_is_stored(world: World, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"/{world.name('stack')}/admin"
    monkeypatch.setitem(account.facts.hosts, URL, HERE)
    account.client("ssm").put_parameter(Name=name, Value=URL, Type="String")
    plugin = boto3.client(
        "ssm",
        region_name=account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    plugin.meta.events.register(
        "before-sign.ssm.*", lambda request, **_: request.headers.add_header("x-localcloud-as-stored", "plugin")
    )
    assert plugin.get_parameter(Name=name)["Parameter"]["Value"] == URL


def test_executions_are_reserved_as_far_as_the_accounts_limit_goes(world: World, account: Account) -> None:
    role = account.client("iam").create_role(
        RoleName=world.name("role"), AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"})
    )["Role"]["Arn"]
    name, client = world.name("function"), account.client("lambda")
    client.create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="main.handler", Code={"ZipFile": zipped()}
    )
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=900)
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901)
    client.delete_function(FunctionName=name)


def test_the_quota_can_be_asked_for(account: Account) -> None:
    quotas = account.client("service-quotas")
    quota = quotas.get_service_quota(ServiceCode="lambda", QuotaCode="L-B99A9384")["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("Concurrent executions", 1000.0)
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        quotas.get_service_quota(ServiceCode="lambda", QuotaCode="L-0")
    may = session_of_a_role(account, allow("servicequotas:GetServiceQuota")).client("service-quotas")
    assert may.get_service_quota(ServiceCode="lambda", QuotaCode="L-B99A9384")
    with pytest.raises(ClientError, match="not authorized"):
        session_of_a_role(account).client("service-quotas").get_service_quota(
            ServiceCode="lambda", QuotaCode="L-B99A9384"
        )


def test_tasks_of_one_cluster_can_be_allowed_alone(account: Account) -> None:
    mine = f"arn:aws:ecs:{account.region}:{account.account_id}:cluster/mine"
    condition = {"ArnEquals": {"ecs:cluster": mine}}
    ecs = session_of_a_role(account, allow(["ecs:ListTasks", "ecs:DescribeTasks"], Condition=condition)).client("ecs")
    account.client("ecs").create_cluster(clusterName="mine")
    account.client("ecs").create_cluster(clusterName="other")
    assert ecs.list_tasks(cluster="mine")["taskArns"] == []
    assert ecs.list_tasks(cluster=mine)["taskArns"] == []
    with pytest.raises(ClientError, match="not authorized to perform: ecs:ListTasks"):
        ecs.list_tasks(cluster="other")
