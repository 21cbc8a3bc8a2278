"""More than one task: what is declared, and what is refused before anything is created."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components import connections
from components.gateway import capacity
from tests.components.declared import Declared, declare
from tests.components.dump import names
from tests.components.test_aws_rules import errors
from tests.components.test_settings import load_with, problems

SERVICE = "aws:ecs/service:Service"
TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
MANY = {"tasks": 2, "limitsPerProcess": True}


def test_the_poc_has_the_resources_that_it_had() -> None:
    """A renamed resource is deleted and made anew: whoever adds one on purpose writes the list again with
    `python -m tests.components.dump poc | cut -d' ' -f1,2 > tests/components/poc.txt`."""
    assert names(declare("poc")) == (Path(__file__).parent / "poc.txt").read_text().splitlines()


def test_autoscaling_watches_cpu_and_requests_between_a_least_and_a_most() -> None:
    declared = declare("poc", **MANY, autoscaling={"maxTasks": 4, "requestsPerTask": 600})
    target = declared.one(TARGET)
    assert (target["resourceId"], target["minCapacity"], target["maxCapacity"]) == (
        "service/llm-gateway-poc/llm-gateway-poc",
        2,
        4,
    )
    tracked = {name: policy["targetTrackingScalingPolicyConfiguration"] for name, policy in declared.of(POLICY).items()}
    assert {name: t["targetValue"] for name, t in tracked.items()} == {"scaling-cpu": 60, "scaling-requests": 600}
    metrics = {
        t["predefinedMetricSpecification"]["predefinedMetricType"]: t["predefinedMetricSpecification"].get(
            "resourceLabel"
        )
        for t in tracked.values()
    }
    assert metrics == {
        "ECSServiceAverageCPUUtilization": None,
        "ALBRequestCountPerTarget": "suffix/doors-alb/suffix/doors-litellm",
    }
    known = botocore.session.get_session().get_service_model("application-autoscaling").shape_for("MetricType").enum
    assert metrics.keys() <= set(known)


def test_without_autoscaling_nothing_watches() -> None:
    declared = declare("poc", **MANY)
    assert not declared.of(TARGET) and not declared.of(POLICY)
    assert declared.one(SERVICE)["desiredCount"] == 2


def test_spot_takes_its_share_and_never_the_first_task() -> None:
    declared = declare("poc", **MANY, spotPercent=70)
    service = declared.one(SERVICE)
    assert "launchType" not in service
    assert service["capacityProviderStrategies"] == [
        {"capacityProvider": "FARGATE", "weight": 30, "base": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 70, "base": 0},
    ]
    [providers] = declared.of("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders").values()
    assert providers["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert declare("poc").one(SERVICE)["launchType"] == "FARGATE"


@given(st.integers(1, 100))
def test_shares_fit_what_ecs_takes(percent: int) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html: weights of 0 to
    1,000, one of them above 0, and one base."""
    strategy = capacity(percent)["capacity_provider_strategies"]
    assert all(0 <= item["weight"] <= 1000 for item in strategy) and any(item["weight"] for item in strategy)
    assert sum(item["base"] > 0 for item in strategy) == 1


def test_three_zones_where_the_region_has_them() -> None:
    subnets = declare("poc").of("aws:ec2/subnet:Subnet")
    assert len(subnets) == 6
    # the mocks' region has two zones with VPC origins, and says so
    with pytest.raises(ValueError, match="the stack needs 3: set"):
        declare("poc", zones=3)


def test_a_smaller_pool_reaches_litellm_and_the_usual_one_is_not_said() -> None:
    contents = [
        declare("poc", **changes).one("aws:s3/bucketObjectv2:BucketObjectv2")["content"]
        for changes in ({}, {"databasePool": 5})
    ]
    assert "connection_pool_limit" not in contents[0]
    assert "database_connection_pool_limit: 5" in contents[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tasks": 2}, "llm-gateway:tasks lets 2 tasks run, and each would count rate limits and budgets by itself"),
        (
            {"autoscaling": {"maxTasks": 3}},
            "llm-gateway:tasks lets 3 tasks run, and each would count rate limits and budgets by itself",
        ),
        (
            {**MANY, "tasks": 5, "autoscaling": {"maxTasks": 4}},
            "llm-gateway:autoscaling.maxTasks is 4, less than tasks (5).",
        ),
        (
            {**MANY, "autoscaling": {"maxTasks": 4}, "officeHours": {"start": "08:00", "stop": "18:00"}},
            "llm-gateway:autoscaling and officeHours both say how many tasks run",
        ),
        (
            {**MANY, "tasks": 5},
            "llm-gateway:databasePool is 10: 5 tasks, twice that during an update, would open 100 connections, and "
            "db.t4g.micro takes 95 of which 10 are kept back",
        ),
        (
            {"autoscaling": {"max": 3}},
            "llm-gateway:autoscaling.max is no option of this stack; the options are cpuPercent, maxTasks",
        ),
        ({"databaseCapacity": {"max": 2}}, "llm-gateway:databaseCapacity is Aurora's, and database is rds"),
        ({"databaseAuthentication": "iam"}, "databaseAuthentication is iam, and database is rds; only Aurora has the"),
        ({"database": "aurora", "databaseCapacity": {"min": 8}}, "min (8) is more than max (4)."),
        ({"database": "aurora", "databaseCapacity": {"min": 0.3}}, "llm-gateway:databaseCapacity.min is 0.3"),
        (
            {**MANY, "database": "aurora", "databaseCapacity": {"max": 1}, "tasks": 10},
            "10 tasks, twice that during an update, would open 200 connections, and Aurora with at most 1 ACU takes",
        ),
        ({"migrations": "task", "database": "none"}, "llm-gateway:migrations is task, and there is no database"),
        ({"responseCacheSeconds": 60}, "llm-gateway:responseCacheSeconds keeps answers in a cache, and there is none"),
        ({"cacheNodeType": "db.t4g.micro"}, "llm-gateway:cacheNodeType is 'db.t4g.micro', which isn't of the form"),
        ({"spotPercent": 101}, "llm-gateway:spotPercent is 101"),
        ({"zones": 4}, "llm-gateway:zones is 4"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    found = problems(tmp_path, **changes)
    assert any(sentence in problem for problem in found), found


def test_a_larger_instance_carries_more_tasks(tmp_path: Path) -> None:
    assert load_with(tmp_path, **MANY | {"tasks": 5}, databaseInstanceClass="db.t4g.small").settings.most_tasks == 5


@given(st.integers(1, 50), st.integers(1, 20))
def test_connections_grow_with_tasks_and_pool(tasks: int, pool: int) -> None:
    assert connections.needed(tasks, pool) == 2 * tasks * pool
    assert connections.needed(tasks + 1, pool) > connections.needed(tasks, pool)


def test_the_smallest_class_takes_what_aws_says_of_it() -> None:
    sizes = [connections.limit(f"db.t4g.{size}") for size in ("micro", "small", "medium", "large")]
    assert sizes == sorted(sizes) and connections.limit("db.t4g.strange") is None
    assert json.dumps(sizes[0]) == "95"


GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"


def container(declared: Declared) -> dict[str, Any]:
    [found] = json.loads(declared.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    return found


def test_the_cache_speaks_tls_wants_a_token_and_is_reached_by_tasks_alone() -> None:
    declared = declare("poc", tasks=2, cache="valkey")
    group = declared.one(GROUP)
    assert (group["engine"], group["numCacheClusters"], group["automaticFailoverEnabled"]) == ("valkey", 2, True)
    assert group["transitEncryptionEnabled"] is group["atRestEncryptionEnabled"] is True
    assert 16 <= len(group["authToken"]) <= 128
    rules = declared.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    to_cache = [rule for rule in rules.values() if rule["securityGroupId"] == "network-cache-id"]
    assert [(r["referencedSecurityGroupId"], r["fromPort"]) for r in to_cache] == [("network-task-id", 6379)]
    placed = declared.one("aws:elasticache/subnetGroup:SubnetGroup")["subnetIds"]
    assert placed and all("database" in subnet for subnet in placed), "in the tier that has no way out"
    # a group's id has 40 characters, and the prefix at most 32
    assert re.fullmatch(r"[a-z](-?[a-z0-9])*", group["replicationGroupId"]) and len(group["replicationGroupId"]) <= 40


def test_the_token_reaches_litellm_by_reference_only() -> None:
    declared = declare("poc", tasks=2, cache="valkey")
    made = container(declared)
    secrets = {secret["name"]: secret["valueFrom"] for secret in made["secrets"]}
    assert secrets["REDIS_PASSWORD"].endswith("secret:llm-gateway-poc/cache-AbCdEf:password::version-of-cache-secret")
    assert "generated-for" not in json.dumps(made)
    environment = {entry["name"]: entry["value"] for entry in made["environment"]}
    assert (environment["REDIS_HOST"], environment["REDIS_PORT"], environment["REDIS_SSL"]) == (
        "cache-group.example",
        "6379",
        "True",
    )
    config = yaml.safe_load(declared.one("aws:s3/bucketObjectv2:BucketObjectv2")["content"])
    assert config["general_settings"]["coordination_redis"] == {
        "host": "os.environ/REDIS_HOST",
        "port": "os.environ/REDIS_PORT",
        "password": "os.environ/REDIS_PASSWORD",
        "ssl": True,
    }
    assert "cache" not in config["litellm_settings"], "answers are kept for nobody who hasn't asked for it"
    policy = declared.of("aws:iam/rolePolicy:RolePolicy")["gateway-execution"]["policy"]
    assert "llm-gateway-poc/cache-AbCdEf" in policy


def test_answers_are_kept_where_that_is_asked_for() -> None:
    declared = declare("poc", cache="valkey", responseCacheSeconds=600)
    settings = yaml.safe_load(declared.one("aws:s3/bucketObjectv2:BucketObjectv2")["content"])["litellm_settings"]
    assert settings["cache"] is True
    assert (settings["cache_params"]["type"], settings["cache_params"]["ttl"]) == ("redis", 600)


def test_without_replicas_nothing_fails_over() -> None:
    group = declare("poc", cache="valkey", cacheReplicas=0).one(GROUP)
    assert (group["numCacheClusters"], group["automaticFailoverEnabled"], group["multiAzEnabled"]) == (1, False, False)


def test_node_type_and_version_are_ones_that_elasticache_has() -> None:
    declared = declare("poc", cache="valkey")
    group = declared.one(GROUP)
    template = {
        "Resources": {
            "Cache": {
                "Type": "AWS::ElastiCache::ReplicationGroup",
                "Properties": {
                    "ReplicationGroupDescription": group["description"],
                    "Engine": group["engine"],
                    "EngineVersion": group["engineVersion"],
                    "CacheNodeType": group["nodeType"],
                    "TransitEncryptionEnabled": group["transitEncryptionEnabled"],
                    "AuthToken": group["authToken"],
                    "NumCacheClusters": group["numCacheClusters"],
                    "AutomaticFailoverEnabled": group["automaticFailoverEnabled"],
                    "MultiAZEnabled": group["multiAzEnabled"],
                },
            },
            # cfn-lint holds node types and versions against the single node's resource only
            "Node": {
                "Type": "AWS::ElastiCache::CacheCluster",
                "Properties": {
                    "Engine": group["engine"],
                    "EngineVersion": group["engineVersion"],
                    "CacheNodeType": group["nodeType"],
                    "NumCacheNodes": 1,
                },
            },
        }
    }
    assert errors(template) == []
    template["Resources"]["Node"]["Properties"]["EngineVersion"] = "1.0"
    assert errors(template)


CLUSTER = "aws:rds/cluster:Cluster"


def test_aurora_is_serverless_encrypted_tls_only_and_nothing_of_rds_is_left() -> None:
    declared = declare("poc", database="aurora", databaseCapacity={"min": 1, "max": 8})
    cluster = declared.one(CLUSTER)
    assert cluster["serverlessv2ScalingConfiguration"] == {"minCapacity": 1, "maxCapacity": 8}
    assert (cluster["engine"], cluster["engineMode"], cluster["storageEncrypted"]) == (
        "aurora-postgresql",
        "provisioned",
        True,
    )
    group = declared.one("aws:rds/clusterParameterGroup:ClusterParameterGroup")
    assert (group["family"], group["parameters"]) == ("aurora-postgresql15", [{"name": "rds.force_ssl", "value": "1"}])
    [instance] = declared.of("aws:rds/clusterInstance:ClusterInstance").values()
    assert (instance["instanceClass"], instance["publiclyAccessible"]) == ("db.serverless", False)
    assert not declared.of("aws:rds/instance:Instance")
    assert "database-AbCdEf:url::version-of-database-secret" in json.dumps(container(declared)["secrets"])


def test_by_iam_a_task_has_no_password_and_may_connect_as_one_user_to_one_cluster() -> None:
    declared = declare("poc", database="aurora", databaseAuthentication="iam", migrations="task")
    cluster = declared.one(CLUSTER)
    assert (cluster["iamDatabaseAuthenticationEnabled"], cluster["enableHttpEndpoint"]) == (True, True)
    assert "database" not in json.dumps(container(declared)["secrets"])
    variables = {one["name"]: one["value"] for one in container(declared)["environment"]}
    assert variables["IAM_TOKEN_DB_AUTH"] == "True" and variables["DATABASE_SSLMODE"] == "require"
    user = declared.one("pulumi-python:dynamic/database:User")
    assert variables["DATABASE_USER"] == user["user"] == "gateway"
    allowed = [policy for policy in declared.of("aws:iam/rolePolicy:RolePolicy").values() if "rds-db" in str(policy)]
    [statements] = [json.loads(policy["policy"])["Statement"] for policy in allowed]
    [connect] = [one for one in statements if one["Action"] == "rds-db:connect"]
    assert re.fullmatch(r"arn:aws:rds-db:us-west-1:\d{12}:dbuser:resource-of-\S+/gateway", connect["Resource"])
    by_password = declare("poc", database="aurora")
    assert not by_password.of("pulumi-python:dynamic/database:User") and "rds-db" not in str(by_password.resources)
    assert by_password.one(CLUSTER)["enableHttpEndpoint"] is False


def test_a_standby_is_a_second_instance_or_a_second_zone() -> None:
    assert (
        len(declare("poc", database="aurora", databaseStandby=True).of("aws:rds/clusterInstance:ClusterInstance")) == 2
    )
    assert declare("poc", databaseStandby=True).one("aws:rds/instance:Instance")["multiAz"] is True
    assert "multiAz" not in declare("poc").one("aws:rds/instance:Instance")


def test_a_protected_cluster_keeps_what_matters_and_another_leaves_nothing_behind() -> None:
    kept, left = (declare("poc", database="aurora", protect=protect).one(CLUSTER) for protect in (True, False))
    assert (kept["deletionProtection"], kept["skipFinalSnapshot"], kept["backupRetentionPeriod"]) == (True, False, 7)
    assert (left["deletionProtection"], left["skipFinalSnapshot"], left["deleteAutomatedBackups"]) == (
        False,
        True,
        True,
    )


def test_aurora_is_what_cfn_lint_knows_of_it() -> None:
    declared = declare("poc", database="aurora")
    cluster, [instance] = declared.one(CLUSTER), declared.of("aws:rds/clusterInstance:ClusterInstance").values()
    template = {
        "Resources": {
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "Properties": {
                    "Engine": cluster["engine"],
                    "EngineVersion": cluster["engineVersion"],
                    "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4},
                    "StorageEncrypted": True,
                    "MasterUsername": cluster["masterUsername"],
                    "MasterUserPassword": cluster["masterPassword"],
                    "DatabaseName": cluster["databaseName"],
                },
            },
            "Instance": {
                "Type": "AWS::RDS::DBInstance",
                "Properties": {"Engine": instance["engine"], "DBInstanceClass": instance["instanceClass"]},
            },
        }
    }
    assert errors(template) == []
    template["Resources"]["Cluster"]["Properties"]["EngineVersion"] = "9.1"
    assert errors(template)


def test_office_hours_stop_the_cluster() -> None:
    declared = declare("poc", database="aurora", officeHours={"start": "08:00", "stop": "18:00"})
    inputs = [s["target"] for s in declared.of("aws:scheduler/schedule:Schedule").values()]
    calls = {t["arn"].rpartition(":")[2]: json.loads(t["input"]) for t in inputs if ":rds:" in t["arn"]}
    which = {"DbClusterIdentifier": "llm-gateway-poc"}
    assert calls == {"startDBCluster": which, "stopDBCluster": which}
    policy = json.loads(declared.of("aws:iam/rolePolicy:RolePolicy")["sleep-policy"]["policy"])
    assert policy["Statement"][1]["Action"] == ["rds:StopDBCluster", "rds:StartDBCluster"]


def test_aurora_is_watched_by_its_own_metrics() -> None:
    declared = declare("poc", database="aurora", alarmEmail="ops@example.com")
    alarms = declared.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    mine = {name: a["dimensions"] for name, a in alarms.items() if name.startswith("observability-database")}
    which = {"DBClusterIdentifier": "llm-gateway-poc"}
    assert mine == {"observability-database-connections": which, "observability-database-capacity": which}


@pytest.mark.parametrize(
    ("least", "most", "connections_taken"),
    [(0.5, 1, 189), (0.5, 4, 823), (1, 8, 1669), (1, 16, 3360), (0.5, 16, 2000), (1, 64, 5000), (0.5, 6, 823)],
)
def test_a_cluster_takes_the_connections_that_aws_states(least: float, most: float, connections_taken: int) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""
    assert connections.aurora_limit(least, most) == connections_taken
