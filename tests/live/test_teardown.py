"""The end: `destroy` empties the account, service by service, and `down` leaves nothing on the machine."""

from __future__ import annotations

import urllib.error
from typing import Any

import psutil
import pytest

from tests.live.cloud import Cloud, http


def remains(cloud: Cloud) -> dict[str, list[Any]]:
    """What each service still lists that an empty account wouldn't."""
    ec2, elb, logs = cloud.client("ec2"), cloud.client("elbv2"), cloud.client("logs")
    cloudfront, iam, ecs = cloud.client("cloudfront"), cloud.client("iam"), cloud.client("ecs")
    mine = [{"Name": "tag:Stack", "Values": ["local"]}]
    return {
        "vpcs": ec2.describe_vpcs(Filters=mine)["Vpcs"],
        "subnets": ec2.describe_subnets(Filters=mine)["Subnets"],
        "security groups": [g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"],
        "internet gateways": ec2.describe_internet_gateways()["InternetGateways"],
        "nat gateways": [n for n in ec2.describe_nat_gateways()["NatGateways"] if n["State"] != "deleted"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "route tables": ec2.describe_route_tables(Filters=mine)["RouteTables"],
        "endpoints": [e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"] if e["State"].lower() != "deleted"],
        "network interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "load balancers": elb.describe_load_balancers()["LoadBalancers"],
        "target groups": elb.describe_target_groups()["TargetGroups"],
        "databases": cloud.client("rds").describe_db_instances()["DBInstances"],
        "subnet groups": cloud.client("rds").describe_db_subnet_groups()["DBSubnetGroups"],
        "parameter groups": cloud.client("rds").describe_db_parameter_groups()["DBParameterGroups"],
        "snapshots": cloud.client("rds").describe_db_snapshots()["DBSnapshots"],
        "clusters": [
            arn
            for arn in ecs.list_clusters()["clusterArns"]
            if ecs.describe_clusters(clusters=[arn])["clusters"][0]["status"] == "ACTIVE"
        ],
        "task definitions": ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"],
        "secrets": cloud.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"],
        "buckets": cloud.client("s3").list_buckets()["Buckets"],
        "policies": iam.list_policies(Scope="Local")["Policies"],
        "parameters": cloud.client("ssm").describe_parameters()["Parameters"],
        "roles": [r for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("llm-gateway")],
        "functions": cloud.client("lambda").list_functions()["Functions"],
        "log groups": logs.describe_log_groups()["logGroups"],
        "distributions": cloudfront.list_distributions()["DistributionList"].get("Items", []),
        "edge functions": cloudfront.list_functions()["FunctionList"].get("Items", []),
        "vpc origins": cloudfront.list_vpc_origins()["VpcOriginList"].get("Items", []),
    }


def test_destroy_empties_the_account(cloud: Cloud, outputs: dict[str, Any]) -> None:
    # a snapshot is there once an instance went with a last one; `test_unserved.py` shows that it would be seen
    unseen = [what for what, left in remains(cloud).items() if not left]
    assert unseen == ["snapshots"], "each line is able to see something"
    cloud.ops("destroy", "--yes")
    assert {what: left for what, left in remains(cloud).items() if left} == {}
    state = cloud.status()
    assert (state["databases"], state["tasks"], state["functions"], state["distributions"]) == ([], [], [], [])


def test_down_leaves_no_process_port_or_file(cloud: Cloud, outputs: dict[str, Any]) -> None:
    cloud.localcloud("stop", "--wipe")
    assert not cloud.home.exists()
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LOCALCLOUD_HOME") == str(cloud.home) and process.is_running():
                left.append(process.cmdline())
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    assert left == []
    with pytest.raises(urllib.error.URLError):
        http("GET", outputs["gatewayUrl"])
