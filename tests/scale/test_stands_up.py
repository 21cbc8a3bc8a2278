"""`Pulumi.scale.yaml` on this machine: Aurora, Valkey, migrations by a task, own names with certificates, several
LiteLLMs behind the load balancer; one of them is killed under load."""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.live.cloud import Answer, Cloud, chat
from tests.live.test_truth import project
from tests.scale.standing import Stood, ops, until, write_stack

pytestmark = pytest.mark.timeout(900)
# What differs from the shipped file: the one region that is simulated, a hosted zone that exists there, this machine as
# the admins' network, and no internet, which is the hardest of the three ways out. Two tasks and no third: each LiteLLM
# is 0.8 GB.
LOCAL = {
    "aws:region": "us-west-1",
    "llm-gateway:autoscaling": {"maxTasks": 2},
    "llm-gateway:adminCidrs": ["127.0.0.1/32"],
    "llm-gateway:egress": "endpoints",
    # the option that takes more: a user that the Data API makes, a migration and every connection by token
    "llm-gateway:databaseAuthentication": "iam",
}
THREADS = 4
HOST, DOORS = "llm.example.com", "doors.llm.example.com"


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stood]:
    cloud = Cloud("scale")
    cloud.localcloud("stop", "--wipe")
    try:
        folder = project(tmp_path_factory.mktemp("scale"))
        found = json.loads(cloud.localcloud("run", "--", sys.executable, "-c", PREPARE).stdout)
        write_stack(folder, "scale", {**LOCAL, **{f"llm-gateway:{key}": value for key, value in found.items()}})
        ops(cloud, folder, "up")
        yield Stood(cloud, folder, cloud.outputs())
    finally:
        cloud.localcloud("stop", "--wipe")


# Before the stack is there the account is somebody's who has registered a domain, and has a token for the registry.
PREPARE = """
import boto3, json
zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="tests")["HostedZone"]["Id"]
secret = {"Name": "ecr-pullthroughcache/ghcr", "SecretString": json.dumps({"username": "u", "accessToken": "t"})}
found = {"hostedZoneId": zone.rpartition("/")[2]}
found["registryCredentialArn"] = boto3.client("secretsmanager").create_secret(**secret)["ARN"]
print(json.dumps(found))
"""


def healthy(cloud: Cloud) -> list[int]:
    """The processes of the tasks that are healthy."""
    tasks = [task for task in cloud.status()["tasks"] if task["status"] == "RUNNING" and task["health"] == "well"]
    return [task["containers"][0]["pid"] for task in tasks]


def test_it_answers_and_knows_its_users(stood: Stood) -> None:
    assert stood.outputs["keys"].keys() == {"dev-environment", "staging-environment", "production"}
    answer = chat(stood.outputs["gatewayUrl"], stood.outputs["keys"]["production"])
    assert answer.status == 200 and "Claude Haiku 4.5" in answer.text
    assert stood.cloud.relay("GET", "/user/list")["status"] == 200, "the relay's way is by TLS to a name of ours"


def test_its_tasks_know_no_password_of_the_database(stood: Stood) -> None:
    rds, ecs = stood.cloud.client("rds"), stood.cloud.client("ecs")
    [cluster] = rds.describe_db_clusters()["DBClusters"]
    assert cluster["IAMDatabaseAuthenticationEnabled"] is True
    [service] = ecs.describe_services(cluster="llm-gateway-local", services=["llm-gateway-local"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    [container] = definition["containerDefinitions"]
    assert not [one for one in container["secrets"] if "database" in one["valueFrom"]]
    way = {"resourceArn": cluster["DBClusterArn"], "secretArn": "llm-gateway-local/database", "database": "litellm"}

    def rows(sql: str) -> list[str]:
        records = stood.cloud.client("rds-data").execute_statement(**way, sql=sql)["records"]
        return [one["stringValue"] for [one] in records]

    assert set(rows("SELECT usename FROM pg_stat_activity WHERE datname = 'litellm' AND pid <> pg_backend_pid()")) == {
        "gateway"
    }
    assert set(rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")) == {"litellm_owner"}


def test_both_doors_speak_tls_with_a_certificate_for_their_name(stood: Stood) -> None:
    assert stood.outputs["adminUrl"].startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=str(stood.cloud.home / "data" / "tls" / "authority.crt"))
    url = f"{stood.outputs['adminUrl']}/health/liveliness"
    with urllib.request.urlopen(url, context=context, timeout=60) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, timeout=60)
    elb = stood.cloud.client("elbv2")
    [balancer] = elb.describe_load_balancers()["LoadBalancers"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert {(one["Port"], one["Protocol"]) for one in listeners} == {(443, "HTTPS"), (8080, "HTTPS")}
    dns = stood.cloud.client("route53")
    [zone] = dns.list_hosted_zones()["HostedZones"]
    records = dns.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    targets = {(one["Name"], one["Type"]): one["AliasTarget"]["DNSName"] for one in records if "AliasTarget" in one}
    assert targets[f"{DOORS}.", "A"].rstrip(".") == balancer["DNSName"]
    assert targets[f"{HOST}.", "A"] == targets[f"{HOST}.", "AAAA"], "CloudFront is reached by IPv6, too"
    raw = stood.cloud.pulumi("stack", "output", "--json", cwd=stood.folder).stdout
    assert json.loads(raw)["gatewayUrl"] == f"https://{HOST}"


def test_nothing_leads_to_the_internet_and_each_endpoint_is_needed(stood: Stood) -> None:
    ec2 = stood.cloud.client("ec2")
    [mine] = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    here = [{"Name": "vpc-id", "Values": [mine]}]
    assert not [one for one in ec2.describe_nat_gateways()["NatGateways"] if one["State"] != "deleted"]
    routes = [route for table in ec2.describe_route_tables(Filters=here)["RouteTables"] for route in table["Routes"]]
    assert not [route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    addresses = ec2.describe_network_interfaces(Filters=here)["NetworkInterfaces"]
    assert addresses and not [one for one in addresses if one.get("Association", {}).get("PublicIp")]
    # and the way to the models is this one alone: the tasks' security group let into it no more, there is none
    [group] = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["*-endpoints"]}])[
        "SecurityGroups"
    ]
    rules = [one for one in group["IpPermissions"] if one["FromPort"] == 443]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)
    try:
        until(lambda: ask(stood).status >= 500, "the models are still reached")
    finally:
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)
    until(lambda: ask(stood).status == 200, "and don't come back")


def ask(stood: Stood) -> Answer:
    return chat(stood.outputs["gatewayUrl"], stood.outputs["keys"]["production"])


def test_the_schema_came_by_one_task_before_the_service(stood: Stood) -> None:
    ecs = stood.cloud.client("ecs")
    [arn] = ecs.list_tasks(cluster="llm-gateway-local", desiredStatus="STOPPED", startedBy="pulumi-migrations")[
        "taskArns"
    ]
    [task] = ecs.describe_tasks(cluster="llm-gateway-local", tasks=[arn])["tasks"]
    assert task["containers"][0]["exitCode"] == 0
    [service] = ecs.describe_services(cluster="llm-gateway-local", services=["llm-gateway-local"])["services"]
    assert task["createdAt"] < service["createdAt"]


def test_several_tasks_count_a_keys_limit_together(stood: Stood) -> None:
    """Through whichever task a request goes: without Valkey two tasks let twice as much pass."""
    assert len(healthy(stood.cloud)) == 2
    key = "sk-limited-0000000000000001"
    made = stood.cloud.relay("POST", "/key/generate", body={"key": key, "key_alias": "limited", "rpm_limit": 4})
    assert made["status"] == 200, made
    statuses: list[int] = []
    began = time.time()
    while len(statuses) < 12:
        statuses.append(chat(stood.outputs["gatewayUrl"], key).status)
    passed = statuses.count(200)
    windows = int(time.time() // 60) - int(began // 60) + 1
    assert set(statuses) <= {200, 429} and 0 < passed <= 4 * windows, statuses


@dataclass
class Load:
    """Requests without end from some threads, and how each ended: when it began, when it ended, its status."""

    url: str
    key: str
    ended: list[tuple[float, float, int | str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def one_after_another(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            try:
                status: int | str = chat(self.url, self.key).status
            except OSError as error:
                status = type(error).__name__
            self.ended.append((began, time.monotonic(), status))


def test_one_of_them_is_killed_under_load_and_only_what_was_in_flight_fails(stood: Stood) -> None:
    """In flight is what was under way while it died: from the kill until the service had noticed. On AWS that takes
    seconds, here a moment."""
    load = Load(stood.outputs["gatewayUrl"], stood.outputs["keys"]["production"])
    [victim, _] = healthy(stood.cloud)
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(THREADS):
            threads.submit(load.one_after_another)
        try:
            until(lambda: len(load.ended) >= 40, "the load doesn't get going")
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            until(lambda: victim not in healthy(stood.cloud), "nobody notices", 60)
            noticed = time.monotonic()
            until(lambda: sum(began > noticed for began, _, _ in load.ended) >= 60, "nothing is answered any more")
            until(lambda: len(healthy(stood.cloud)) == 2, "it isn't replaced")
        finally:
            load.over.set()
    failed = [one for one in load.ended if one[2] != 200]
    assert not [one for one in failed if one[1] < killed or one[0] > noticed], failed
    assert len(failed) <= 2 * THREADS, f"{len(failed)} failed within {noticed - killed:.1f} s: {failed}"


def test_what_must_not_be_lost_is_protected(stood: Stood) -> None:
    assert "protect" in ops(stood.cloud, stood.folder, "destroy", check=False)
    [cluster] = stood.cloud.client("rds").describe_db_clusters()["DBClusters"]
    assert cluster["DeletionProtection"] and cluster["BackupRetentionPeriod"] == 7
