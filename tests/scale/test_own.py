"""A gateway among what a team has already: network, database, certificates, log bucket, permissions boundary. It uses
them, and after its end they are as they were. And models with an alias and a fallback, as a client meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from localcloud.aws.account import ACCOUNT_ID, REGION, Account
from tests.live.cloud import Answer, Cloud, chat
from tests.live.test_truth import project
from tests.plugins.emptiness import left_over
from tests.scale.standing import Stood, ops, until, write_stack
from tests.scale.team import DOMAIN, DOORS_NAME, EDGE_NAME, LOGS, Team, settle

pytestmark = pytest.mark.timeout(900)

ALIAS = "fast"
HAIKU, SONNET = "us.anthropic.claude-haiku-4-5-20251001-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MODELS = [
    {
        "name": "claude-haiku-4-5",
        "bedrock": HAIKU,
        "aliases": [ALIAS],
        "fallbacks": ["claude-sonnet-4-5"],
    },
    {"name": "claude-sonnet-4-5", "bedrock": SONNET},
]


@dataclass
class Own(Stood):
    """`before` is the whole account without the stack, `things` what the team has in particular."""

    account: Account
    team: Team
    before: dict[str, list[str]]
    things: dict[str, Any]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    cloud = Cloud("own")
    cloud.localcloud("stop", "--wipe")
    try:
        cloud.localcloud("start")
        account = Account(REGION, ACCOUNT_ID, cloud.exports()["AWS_ENDPOINT_URL"])
        team = settle(account, until)
        before, things = inventory(account), described(account, team)
        folder = project(tmp_path_factory.mktemp("own"))
        config = {**team.config, "models": MODELS}
        write_stack(folder, "local", {f"llm-gateway:{key}": value for key, value in config.items()})
        access = folder / "access" / "local.yaml"
        access.write_text(f"{access.read_text()}  - alias: quick\n    models: [{ALIAS}]\n")
        ops(cloud, folder, "up")
        yield Own(cloud, folder, cloud.outputs(), account, team, before, things)
    finally:
        cloud.localcloud("stop", "--wipe")


def inventory(account: Account) -> dict[str, list[str]]:
    """All that anybody has made in the account; of databases only how many, since each says to the second how far back
    it could be restored."""
    found = left_over(account)
    return {**found, "database": [f"{len(found['database'])} of them"]}


def described(account: Account, team: Team) -> dict[str, Any]:
    """All that can be asked about what the team has."""
    ec2, config = account.client("ec2"), team.config
    vpc, here = config["network"]["vpcId"], [{"Name": "vpc-id", "Values": [config["network"]["vpcId"]]}]
    secret = config["databaseUrlSecretArn"].removesuffix(":url::")
    zone = config["hostedZoneId"]
    groups = ec2.describe_security_groups(Filters=here)["SecurityGroups"]
    edge = Account("us-east-1", ACCOUNT_ID, account.endpoint)
    return {
        "vpc": ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        # how many addresses are free is not the subnet's doing
        "subnets": without("AvailableIpAddressCount", ec2.describe_subnets(Filters=here)["Subnets"]),
        "route tables": ec2.describe_route_tables(Filters=here)["RouteTables"],
        "internet gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "NAT gateways": ec2.describe_nat_gateways()["NatGateways"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
        "default group": [group for group in groups if group["GroupName"] == "default"],
        "databases": without("LatestRestorableTime", account.client("rds").describe_db_instances()["DBInstances"]),
        "database subnets": account.client("rds").describe_db_subnet_groups()["DBSubnetGroups"],
        "database parameters": account.client("rds").describe_db_parameter_groups()["DBParameterGroups"],
        "secret": account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"],
        "certificate of the edge": certificates(edge),
        "certificate of the doors": certificates(account),
        "zones": account.client("route53").get_hosted_zone(Id=zone)["DelegationSet"],
        "buckets' policy": account.client("s3").get_bucket_policy(Bucket=LOGS)["Policy"],
        "boundary": account.client("iam").list_policy_versions(PolicyArn=config["permissionsBoundaryArn"])["Versions"],
    }


def without(name: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != name} for one in found]


def certificates(account: Account) -> list[tuple[str, str]]:
    found = account.client("acm").list_certificates()["CertificateSummaryList"]
    return [(one["CertificateArn"], one["DomainName"]) for one in found]


def changed(own: Own) -> dict[str, tuple[Any, Any]]:
    """What is no longer as it was: before, and now."""
    now = described(own.account, own.team)
    return {what: (own.things[what], found) for what, found in now.items() if found != own.things[what]}


def test_a_completion_comes_through_what_the_team_has(own: Own) -> None:
    answer = chat(own.outputs["gatewayUrl"], own.outputs["keys"]["production"])
    assert answer.status == 200 and "Claude Haiku 4.5" in answer.text
    raw = json.loads(own.cloud.pulumi("stack", "output", "--json", cwd=own.folder).stdout)
    assert (raw["gatewayUrl"], raw["adminUrl"]) == (f"https://{EDGE_NAME}", f"https://{DOORS_NAME}:8080")
    [database] = own.cloud.status()["databases"]
    with psycopg.connect(
        host="127.0.0.1",
        port=database["port"],
        user="team",
        password=own.team.password,
        dbname="gateway",
        sslmode="require",
    ) as connection:
        rows = connection.execute('SELECT key_alias FROM "LiteLLM_VerificationToken"').fetchall()
    assert {"dev-environment", "staging-environment", "production"} <= {alias for (alias,) in rows}


def test_everything_is_where_the_team_wants_it(own: Own) -> None:
    network, boundary = own.team.config["network"], own.team.config["permissionsBoundaryArn"]
    elb = own.account.client("elbv2")
    [balancer] = elb.describe_load_balancers()["LoadBalancers"]
    assert (balancer["LoadBalancerName"], balancer["VpcId"]) == ("acme-ai", network["vpcId"])
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(network["privateSubnetIds"])
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    said = {one["Key"]: one["Value"] for one in attributes}
    assert (said["access_logs.s3.enabled"], said["access_logs.s3.bucket"]) == ("true", LOGS)
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    doors = own.team.config["doorsCertificateArn"]
    assert {one["Certificates"][0]["CertificateArn"] for one in listeners} == {doors}
    [distribution] = own.account.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    assert distribution["ViewerCertificate"]["ACMCertificateArn"] == own.team.config["certificateArn"]
    iam = own.account.client("iam")
    roles = [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("acme-ai")]
    bounds = [iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] for name in roles]
    assert len(bounds) >= 3 and set(bounds) == {boundary}
    groups = own.account.client("ec2").describe_security_groups(
        Filters=[{"Name": "tag:CostCentre", "Values": ["4711"]}]
    )["SecurityGroups"]
    assert {group["GroupName"] for group in groups} == {"acme-ai-alb", "acme-ai-task", "acme-ai-relay"}


def test_nothing_that_is_there_is_made_again_or_changed(own: Own) -> None:
    """But for what cannot be otherwise: the team's database lets the tasks in, and its zone has the two names."""
    assert changed(own) == {}
    [group] = own.account.client("ec2").describe_security_groups(GroupIds=[own.team.config["databaseSecurityGroupId"]])[
        "SecurityGroups"
    ]
    [rule] = group["IpPermissions"]
    [source] = rule["UserIdGroupPairs"]
    tasks = own.account.client("ec2").describe_security_groups(GroupIds=[source["GroupId"]])["SecurityGroups"]
    assert (rule["FromPort"], rule["ToPort"], tasks[0]["GroupName"]) == (5432, 5432, "acme-ai-task")


def test_an_alias_is_the_model_by_another_name(own: Own) -> None:
    """For who is allowed the model, and for who is allowed the alias alone; the latter may not ask by the model's."""
    for key in ("dev-environment", "quick"):
        answer = asked(own, key, ALIAS)
        assert answer.status == 200 and "Claude Haiku 4.5" in answer.text, key
    assert asked(own, "dev-environment", "claude-sonnet-4-5").status == 403
    assert asked(own, "quick", "claude-haiku-4-5").status == 403


def test_a_fallback_answers_who_is_allowed_it_when_the_model_fails(own: Own) -> None:
    """By whichever name the model was asked for. Who is allowed the failing model alone gets its error."""
    asking = [("production", "claude-haiku-4-5"), ("production", ALIAS), ("dev-environment", ALIAS), ("quick", ALIAS)]
    own.cloud.localcloud("bedrock", "failing", "--model", HAIKU)
    try:
        # side by side, because LiteLLM tries a model three times before it gives up
        with ThreadPoolExecutor(len(asking)) as threads:
            named, by_alias, *others = threads.map(lambda one: asked(own, *one), asking)
    finally:
        own.cloud.localcloud("bedrock", "well", "--model", HAIKU)
    for answer in (named, by_alias):
        assert answer.status == 200 and "Claude Sonnet 4.5" in answer.text, answer.text
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    for answer in others:
        assert answer.status == 503 and "was told to fail" in answer.text
        assert "Fallback to claude-sonnet-4-5 was skipped because the caller is not authorized" in answer.text


def asked(own: Own, key: str, model: str) -> Answer:
    return chat(own.outputs["gatewayUrl"], own.outputs["keys"][key], model)


def test_a_name_outside_of_the_zone_stops_an_update_before_it_begins(own: Own, tmp_path: Path) -> None:
    folder = project(tmp_path)
    config = {**own.team.config, "models": MODELS, "domainName": "llm.elsewhere.example"}
    write_stack(folder, "local", {f"llm-gateway:{key}": value for key, value in config.items()})
    said = " ".join(ops(own.cloud, folder, "up", check=False).split())
    zone = own.team.config["hostedZoneId"]
    assert f"domainName is 'llm.elsewhere.example', which isn't in the hosted zone {zone}, {DOMAIN}" in said
    assert "Traceback" not in said and changed(own) == {}


def test_its_end_leaves_all_of_it_standing(own: Own) -> None:
    ops(own.cloud, own.folder, "destroy")
    assert inventory(own.account) == own.before
    assert changed(own) == {}
