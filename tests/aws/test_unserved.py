"""What moto would keep as a record, and nothing here would act upon: refused by name, or kept as the document says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from localcloud.aws import unserved
from localcloud.aws.account import Account, DatabaseFact
from tests.aws.test_autoscaling import policy, which
from tests.aws.test_databases import asked, described, subnets
from tests.aws.world import World, refused, trust

__all__ = ["subnets", "which"]

TOPIC = "arn:aws:sns:us-west-1:333333333333:t"
ALARM = {
    "AlarmName": "a",
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "breaching",
    "AlarmActions": [TOPIC],
}
ACL = {"NetworkAclId": "acl-1", "RuleNumber": 1, "Protocol": "-1", "RuleAction": "deny", "Egress": False}
RESTORED = {"DBInstanceIdentifier": "r", "DBSnapshotIdentifier": "s"}
UNSERVED: list[tuple[str, str, dict[str, Any], str]] = [
    ("ec2", "CreateNetworkAcl", {"VpcId": "vpc-1"}, "network ACLs judge no connection"),
    ("ec2", "CreateNetworkAclEntry", {**ACL, "CidrBlock": "0.0.0.0/0"}, "network ACLs judge no connection"),
    ("ec2", "CreateFlowLogs", {"ResourceIds": ["vpc-1"], "ResourceType": "VPC"}, "nothing records flow logs"),
    ("ec2", "CreateVpcPeeringConnection", {"VpcId": "vpc-1"}, "no way to another network"),
    ("ec2", "CreateDhcpOptions", {"DhcpConfigurations": []}, "by substitution"),
    ("ec2", "CreateLaunchTemplate", {"LaunchTemplateName": "lll", "LaunchTemplateData": {}}, "no instances"),
    ("wafv2", "AssociateWebACL", {"WebACLArn": TOPIC, "ResourceArn": TOPIC}, "only CloudFront asks"),
    ("rds", "CreateDBSnapshot", {"DBSnapshotIdentifier": "s", "DBInstanceIdentifier": "i"}, "would hold no data"),
    ("rds", "RestoreDBInstanceFromDBSnapshot", RESTORED, "nothing can be restored"),
    ("rds", "CreateEventSubscription", {"SubscriptionName": "s", "SnsTopicArn": TOPIC}, "nothing tells of events"),
    ("secretsmanager", "RotateSecret", {"SecretId": "s"}, "nothing rotates"),
    ("secretsmanager", "ReplicateSecretToRegions", {"SecretId": "s", "AddReplicaRegions": [{}]}, "one region"),
    ("cloudwatch", "SetAlarmState", {"AlarmName": "a", "StateValue": "ALARM", "StateReason": "r"}, "never evaluated"),
    ("cloudwatch", "PutCompositeAlarm", {"AlarmName": "a", "AlarmRule": "ALARM(b)"}, "never evaluated"),
    ("logs", "StartQuery", {"startTime": 0, "endTime": 1, "queryString": "fields @message"}, "FilterLogEvents"),
    (
        "logs",
        "PutSubscriptionFilter",
        {"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": TOPIC},
        "nothing reads log groups",
    ),
    ("lambda", "PublishVersion", {"FunctionName": "f"}, "newest code only"),
    ("lambda", "CreateFunctionUrlConfig", {"FunctionName": "f", "AuthType": "NONE"}, "nothing but Invoke"),
    ("events", "PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}, "never go off"),
    ("s3", "PutBucketNotificationConfiguration", {"Bucket": "bbb", "NotificationConfiguration": {}}, "tells nobody"),
    ("s3", "PutBucketLogging", {"Bucket": "bbb", "BucketLoggingStatus": {}}, "nothing is copied"),
    ("route53", "CreateHealthCheck", {"CallerReference": "x", "HealthCheckConfig": {"Type": "TCP"}}, "checks health"),
    ("ecs", "CreateCapacityProvider", {"name": "own"}, "on Fargate"),
]


def ask(account: Account, service: str, operation: str, params: dict[str, Any]) -> Any:
    client = account.client(service)
    methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
    return getattr(client, methods[operation])(**params)


@pytest.mark.filterwarnings("ignore:Exception.Refusal. with code NotImplemented")
@pytest.mark.parametrize(
    ("service", "operation", "params", "why"), UNSERVED, ids=[f"{row[0]} {row[1]}" for row in UNSERVED]
)
def test_what_would_have_no_effect_is_refused_with_the_reason(
    account: Account, service: str, operation: str, params: dict[str, Any], why: str
) -> None:
    with refused("NotImplemented", f"has no {service} {operation}: ", why, status=501):
        ask(account, service, operation, params)


def test_every_refused_operation_is_one_of_its_service() -> None:
    session = boto3.session.Session(region_name="us-west-1")
    for service, reasons in unserved.UNSERVED.items():
        known = session.client(service, aws_access_key_id="a", aws_secret_access_key="b").meta.service_model
        for operations in reasons.values():
            assert not set(operations.split()) - set(known.operation_names), service


@pytest.mark.filterwarnings("ignore:Exception.Refusal. with code NotImplemented")
@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sqs", "ListQueues", "NotImplemented"),
        ("dynamodb", "ListTables", "NotImplemented"),
        ("organizations", "CreateOrganization", "NotImplemented"),
        ("backup", "ListBackupVaults", "NotImplemented"),
        ("globalaccelerator", "ListAccelerators", "NotImplemented"),  # moto has no such service
        ("stepfunctions", "ListStateMachines", "501"),  # signed under another name than botocore's
        ("apigatewayv2", "GetApis", "501"),
    ],
)
def test_a_service_that_nothing_runs_is_refused_by_name(
    account: Account, service: str, operation: str, code: str
) -> None:
    with refused(code, "The simulated AWS API has no", "nothing here runs what", status=501):
        ask(account, service, operation, {})


def test_a_service_that_signs_under_another_name_is_known(account: Account) -> None:
    """What finds the resources that a torn-down stack has left."""
    assert "ResourceTagMappingList" in account.client("resourcegroupstaggingapi").get_resources()


def test_an_alarm_is_kept_and_never_evaluated(account: Account) -> None:
    """It says that it has seen no data: OK would be a lie."""
    watch = account.client("cloudwatch")
    for _ in range(2):
        watch.put_metric_alarm(**ALARM)
        watch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 5.0}])
        [alarm] = watch.describe_alarms(AlarmNames=["a"])["MetricAlarms"]
        assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    watch.delete_alarms(AlarmNames=["a"])


def test_services_measure_nothing(account: Account, world: World) -> None:
    world.load_balancer()
    for namespace in ("AWS/ApplicationELB", "AWS/ECS", "AWS/RDS", "AWS/Lambda", "AWS/CloudFront"):
        assert account.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"] == []


def test_a_scaling_policy_scales_nothing(account: Account, world: World, which: dict[str, str]) -> None:
    """Its alarms never go off, and a service outside of its limits stays there."""
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**which, MinCapacity=5, MaxCapacity=9)
    scaling.put_scaling_policy(**which, **policy())
    found = account.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"TargetTracking-{which['ResourceId']}")
    assert {alarm["StateValue"] for alarm in found["MetricAlarms"]} == {"INSUFFICIENT_DATA"}
    _, cluster, service = which["ResourceId"].split("/")
    [now] = world.ecs.describe_services(cluster=cluster, services=[service])["services"]
    assert now["desiredCount"] < 5


def test_an_event_rule_is_kept_and_by_mail_nobody_is_asked(account: Account) -> None:
    events, sns = account.client("events"), account.client("sns")
    events.put_rule(Name="every-minute", ScheduleExpression="rate(1 minute)")
    assert events.describe_rule(Name="every-minute")["State"] == "ENABLED"
    events.delete_rule(Name="every-minute")
    topic = sns.create_topic(Name="told")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")["SubscriptionArn"]
    assert arn.startswith(topic), "confirmed at once, where AWS waits for a click"
    assert sns.publish(TopicArn=topic, Message="m")["MessageId"]
    sns.delete_topic(TopicArn=topic)


def test_nothing_expires(account: Account, world: World) -> None:
    s3, bucket = account.client("s3"), world.name("kept")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=bucket, Key="old", Body=b"1")
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": datetime(2020, 1, 1)}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_object(Bucket=bucket, Key="old")["Body"].read() == b"1"
    logs, group = account.client("logs"), world.name("lines")
    logs.create_log_group(logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    days_ago = int(datetime.now(UTC).timestamp() * 1000) - 3 * 86_400_000
    logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": days_ago, "message": "still here"}]
    )
    assert [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] == ["still here"]


def test_backups_are_settings_and_hold_nothing(world: World, subnets: str) -> None:
    wanted = asked(world, subnets, BackupRetentionPeriod=7, MultiAZ=True)
    id = wanted["DBInstanceIdentifier"]
    world.rds.create_db_instance(**wanted)
    assert (described(world, id)["BackupRetentionPeriod"], described(world, id)["MultiAZ"]) == (7, True)
    assert world.rds.describe_db_snapshots(DBInstanceIdentifier=id, SnapshotType="automated")["DBSnapshots"] == []
    last = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": f"{id}-last"}
    world.rds.delete_db_instance(DBInstanceIdentifier=id, **last)
    [snapshot] = world.rds.describe_db_snapshots(DBInstanceIdentifier=id)["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"] == f"{id}-last"
    restored = {"DBInstanceIdentifier": f"{id}-again", "DBSnapshotIdentifier": f"{id}-last"}
    with refused("NotImplemented", "nothing is backed up, so nothing can be restored"):
        world.rds.restore_db_instance_from_db_snapshot(**restored)


def test_a_failed_instance_can_be_changed(world: World, subnets: str, account: Account) -> None:
    """RDS takes no change of one that isn't available; here the change may be what was wrong with it."""
    id = world.rds.create_db_instance(**asked(world, subnets))["DBInstance"]["DBInstanceIdentifier"]
    account.facts.databases[id] = DatabaseFact("failed", "no")
    world.rds.modify_db_instance(DBInstanceIdentifier=id, BackupRetentionPeriod=1)
    assert described(world, id)["BackupRetentionPeriod"] == 1


def test_encryption_at_rest_is_a_setting(account: Account, world: World, subnets: str) -> None:
    s3, bucket = account.client("s3"), world.name("sealed")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/not-there")
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["ServerSideEncryption"]) == (b"1", "aws:kms"), "no key was asked"
    id = world.rds.create_db_instance(**asked(world, subnets, StorageEncrypted=True))["DBInstance"]
    assert id["StorageEncrypted"]


def test_a_budget_has_seen_no_money(account: Account, world: World) -> None:
    budgets, name = account.client("budgets"), world.name("budget")
    limit = {"Amount": "1", "Unit": "USD"}
    wanted = {"BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": limit}
    budgets.create_budget(AccountId=account.account_id, Budget=wanted)
    found = budgets.describe_budget(AccountId=account.account_id, BudgetName=name)["Budget"]
    assert float(found["CalculatedSpend"]["ActualSpend"]["Amount"]) == 0


def test_another_major_version_of_postgres_is_refused(world: World, subnets: str, account: Account) -> None:
    with refused("InvalidParameterCombination", "runs Postgres 15, not 16", "databaseEngineVersion"):
        world.rds.create_db_instance(**asked(world, subnets, EngineVersion="16"))
    id = world.rds.create_db_instance(**asked(world, subnets))["DBInstance"]["DBInstanceIdentifier"]
    account.facts.databases[id] = DatabaseFact("available")
    with refused("InvalidParameterCombination", "runs Postgres 15, not 17"):
        world.rds.modify_db_instance(DBInstanceIdentifier=id, EngineVersion="17", AllowMajorVersionUpgrade=True)


def test_a_schedule_fires_only_calls_that_are_known(account: Account, world: World) -> None:
    from localcloud.fire import CannotFire, fire

    name, scheduler = world.name("schedule"), account.client("scheduler")
    role = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("scheduler.amazonaws.com"))[
        "Role"
    ]["Arn"]
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": role, "Input": "{}"},
    )
    with pytest.raises(CannotFire, match="no target arn:aws:scheduler:::aws-sdk:sqs:sendMessage"):
        fire(account, "default", name)
    with pytest.raises(CannotFire, match="failed"):
        fire(account, "default", "none")
