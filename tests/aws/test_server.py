"""The API as a whole: starts and stops, tells of changes, is consistent under many threads, says what it lacks."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import EndpointConnectionError

from localcloud.aws import server
from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account
from localcloud.aws.rules import changes_something
from tests.aws.world import World, refused


@pytest.fixture(scope="module")
def own() -> Iterator[Account]:
    """An account whose changes nobody else causes."""
    account = server.start(account_id="444444444444")
    try:
        yield account
    finally:
        account.stop()


def test_reads_change_nothing_and_writes_count(own: Account) -> None:
    ec2, logs = own.client("ec2"), own.client("logs")
    before = own.changes.version
    ec2.describe_vpcs()
    own.client("iam").list_roles()
    own.client("sts").get_caller_identity()
    own.client("cloudfront").list_distributions()
    assert own.changes.version == before
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert own.changes.version == before + 1
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId="vpc-00000000")
    assert own.changes.version == before + 1, "what was refused changed nothing"
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    line = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[line])
    assert own.changes.version == before + 2, "log lines wake nobody"
    own.client("cloudfront").create_function(
        Name="counted", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=b"x"
    )
    assert own.changes.version == before + 3
    ec2.delete_vpc(VpcId=vpc)


def test_whoever_waits_is_woken_by_a_change(own: Account) -> None:
    seen: list[int] = []
    told = threading.Event()
    unsubscribe = own.changes.subscribe(told.set)
    before = own.changes.version
    waiter = threading.Thread(target=lambda: seen.append(own.changes.wait(before, 20)))
    waiter.start()
    own.client("ssm").put_parameter(Name="p", Value="v", Type="String")
    waiter.join(20)
    assert seen == [before + 1]
    assert told.is_set()
    unsubscribe()
    told.clear()
    own.client("ssm").delete_parameter(Name="p")
    assert not told.is_set()
    assert own.changes.wait(own.changes.version, 0.01) == own.changes.version, "nothing comes: the wait ends in time"


@pytest.mark.parametrize("name", ["DescribeX", "ListX", "GetX", "HeadX", "BatchGetX", "PutLogEvents", "Invoke"])
def test_what_only_looks(name: str) -> None:
    assert not changes_something(name)


@pytest.mark.parametrize(
    "name", ["CreateX", "PutObject", "RegisterTargets", "StopDBInstance", "AuthorizeX", "Subscribe"]
)
def test_what_changes(name: str) -> None:
    assert changes_something(name)


def test_any_client_sees_the_same_account(account: Account, world: World) -> None:
    other = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name="us-west-1").client(
        "ec2", endpoint_url=account.endpoint, config=Config(proxies={})
    )
    assert world.vpc in [vpc["VpcId"] for vpc in other.describe_vpcs()["Vpcs"]]
    assert account.client("sts").get_caller_identity()["Account"] == account.account_id
    assert account.account_id in world.load_balancer()["LoadBalancerArn"]


def test_accounts_of_one_process_are_apart(account: Account, own: Account, world: World) -> None:
    assert world.vpc not in [vpc["VpcId"] for vpc in own.client("ec2").describe_vpcs()["Vpcs"]]
    with pytest.raises(RuntimeError, match="444444444444 is running"):
        server.start(account_id="444444444444")


def test_many_threads_lose_nothing(own: Account) -> None:
    vpc = own.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    before = own.changes.version

    def make(number: int) -> None:
        own.client("ec2").create_security_group(GroupName=f"g{number}", Description="x", VpcId=vpc)
        own.client("cloudfront").create_function(
            Name=f"f{number}", FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"}, FunctionCode=b"x"
        )
        own.client("ec2").describe_security_groups()
        own.client("cloudfront").list_functions()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(24)))
    groups = own.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    pages = own.client("cloudfront").list_functions(MaxItems="1000")["FunctionList"]["Items"]
    assert {f"g{number}" for number in range(24)} <= {group["GroupName"] for group in groups}
    assert {f"f{number}" for number in range(24)} <= {function["Name"] for function in pages}
    assert own.changes.version == before + 48


def test_a_large_object_goes_up_and_down(account: Account) -> None:
    s3, body = account.client("s3"), bytes(range(256)) * 4096
    s3.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket="large", Key="a key/with spaces & ümlauts", Body=body, Metadata={"under_score": "kept"})
    found = s3.get_object(Bucket="large", Key="a key/with spaces & ümlauts")
    assert found["Body"].read() == body
    assert found["Metadata"] == {"under_score": "kept"}


@pytest.mark.filterwarnings("ignore:Exception.Refusal. with code NotImplemented")
def test_what_is_missing_is_said(account: Account) -> None:
    with refused("NotImplemented", "cloudfront TestFunction", status=501):
        account.client("cloudfront").test_function(Name="f", IfMatch="E", EventObject=b"{}")
    with refused("NotImplemented", "rds CreateTenantDatabase", status=501):
        account.client("rds").create_tenant_database(
            DBInstanceIdentifier="d", TenantDBName="t", MasterUsername="u", MasterUserPassword="password"
        )


def test_what_nobody_understands_is_refused_and_not_handed_on(account: Account) -> None:
    """Not to moto's own CloudFront, in particular, which would keep what ours doesn't know."""
    endpoint = account.endpoint.removeprefix("http://")
    keys = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    connection = HTTPConnection(endpoint, timeout=10)
    for path, body in (("/2020-05-31/function", "<not xml"), ("/2020-05-31/no-such-thing", "")):
        request = AWSRequest("POST", account.endpoint + path, data=body.encode())
        SigV4Auth(keys, "cloudfront", "us-east-1").add_auth(request)
        connection.request("POST", path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        assert (answer.status, b"cloudfront" in answer.read()) == (400, True)


def _get(account: Account, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection(account.endpoint.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_command_line_asks_for_hosts_and_refusals(account: Account) -> None:
    account.facts.hosts["https://d1.cloudfront.net"] = "http://127.0.0.1:1"
    account.facts.blocked.append("a was refused to b: no rule")
    assert json.loads(_get(account, "/_localcloud/hosts")[1])["https://d1.cloudfront.net"] == "http://127.0.0.1:1"
    assert "a was refused to b: no rule" in json.loads(_get(account, "/_localcloud/blocked")[1])
    assert _get(account, "/_localcloud/passwords")[0] == 404


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("localhost", 200)]
)
def test_a_web_page_that_rebinds_its_name_gets_nothing(account: Account, host: str, status: int) -> None:
    assert _get(account, "/_localcloud/hosts", host)[0] == status


def test_no_web_page_may_read_answers(account: Account) -> None:
    request = urllib.request.Request(f"{account.endpoint}/_localcloud/hosts", headers={"Origin": "http://evil.example"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_after_a_stop_nothing_answers_and_a_start_begins_anew() -> None:
    account = server.start(account_id="555555555555")
    account.client("sns").create_topic(Name="gone")
    endpoint = account.endpoint
    account.stop()
    account.stop()
    session = boto3.session.Session("k", "s", region_name="us-west-1")
    dead = session.client("sns", endpoint_url=endpoint, config=Config(proxies={}, retries={"max_attempts": 0}))
    with pytest.raises(EndpointConnectionError):
        dead.list_topics()
