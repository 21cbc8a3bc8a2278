"""What moto would take and nothing here would act upon, refused by name: a record without an effect is a lie.

moto keeps nearly all of AWS as data. Of that only what the data plane runs, or what docs/local-cloud.md says is kept
without an effect, is let through; `local-cloud.md` has a row for what is here.
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.rules import Check, Rules
from localcloud.aws.wire import Call

# Services that a gateway is made of, asks or is looked after with (`tagging` is the name that
# resourcegroupstaggingapi signs with). Any other is a record of moto's that nothing runs.
_SERVICES = frozenset(
    [
        *("acm", "application-autoscaling", "bedrock", "bedrock-runtime", "budgets", "cloudfront", "cloudwatch", "ec2"),
        *("ecr", "ecs", "elasticache", "elbv2", "events", "iam", "kms", "lambda", "logs", "rds"),
        *("resourcegroupstaggingapi", "tagging", "route53", "s3", "scheduler", "secretsmanager", "service-quotas"),
        *("sns", "ssm", "sts", "wafv2"),
    ]
)

# Operations by what they would do. Each begins something that would have an effect on AWS and has none here.
UNSERVED: dict[str, dict[str, str]] = {
    "ec2": {
        "network ACLs judge no connection": (
            "CreateNetworkAcl CreateNetworkAclEntry ReplaceNetworkAclEntry DeleteNetworkAclEntry "
            "ReplaceNetworkAclAssociation"
        ),
        "nothing records flow logs": "CreateFlowLogs",
        "a VPC has no way to another network": (
            "CreateVpcPeeringConnection CreateTransitGateway CreateTransitGatewayVpcAttachment CreateVpnGateway "
            "CreateVpnConnection CreateCustomerGateway CreateCarrierGateway"
        ),
        "names are resolved by substitution": "CreateDhcpOptions AssociateDhcpOptions",
        "there are no instances": "CreateFleet RequestSpotFleet CreateLaunchTemplate CreateVolume",
    },
    "wafv2": {"only CloudFront asks a web ACL": "AssociateWebACL"},
    "rds": {
        "a snapshot would hold no data": (
            "CreateDBSnapshot CreateDBClusterSnapshot CopyDBSnapshot CopyDBClusterSnapshot StartExportTask"
        ),
        "nothing is backed up, so nothing can be restored": (
            "RestoreDBInstanceFromDBSnapshot RestoreDBInstanceFromS3 RestoreDBInstanceToPointInTime "
            "RestoreDBClusterFromSnapshot RestoreDBClusterFromS3 RestoreDBClusterToPointInTime"
        ),
        "nothing is replicated": (
            "CreateDBInstanceReadReplica PromoteReadReplica CreateGlobalCluster FailoverDBCluster "
            "FailoverGlobalCluster CreateBlueGreenDeployment"
        ),
        "no proxy would answer": "CreateDBProxy RegisterDBProxyTargets",
        "nothing tells of events": "CreateEventSubscription",
    },
    "secretsmanager": {
        "nothing rotates a secret": "RotateSecret",
        "there is one region": "ReplicateSecretToRegions",
    },
    "cloudwatch": {
        "alarms are never evaluated and do nothing": "SetAlarmState PutCompositeAlarm",
        "nothing watches metrics": "PutAnomalyDetector PutInsightRule PutMetricStream",
    },
    "logs": {
        "nothing reads log groups but who asks for their lines": (
            "PutMetricFilter PutSubscriptionFilter PutDestination CreateExportTask"
        ),
        "queries of Logs Insights are not run (ask with FilterLogEvents)": "StartQuery",
    },
    "lambda": {
        "a function has its newest code only": "PublishVersion CreateAlias UpdateAlias PublishLayerVersion",
        "nothing but Invoke calls a function": (
            "CreateEventSourceMapping CreateFunctionUrlConfig PutFunctionEventInvokeConfig"
        ),
    },
    "events": {"event rules never go off": "PutEvents"},
    "s3": {
        "a bucket tells nobody, and answers S3's API only": (
            "PutBucketNotificationConfiguration PutBucketWebsite PutBucketAccelerateConfiguration"
        ),
        "nothing is copied elsewhere": "PutBucketReplication PutBucketLogging",
    },
    "route53": {"nothing checks health": "CreateHealthCheck"},
    "ecs": {"tasks run on Fargate": "CreateCapacityProvider"},
}


class Unserved(NotImplementedError):
    """The operation isn't served here; the text says why."""


def register(rules: Rules, account: Account) -> None:
    for service, reasons in UNSERVED.items():
        for why, operations in reasons.items():
            for operation in operations.split():
                rules.check(service, operation)(_refusing(why))

    @rules.after("cloudwatch", "PutMetricAlarm")
    @rules.after("application-autoscaling", "PutScalingPolicy")
    def never_evaluated(call: Call, result: dict[str, Any]) -> None:
        """moto begins with OK, which would say that all is well."""
        for alarm in backend(account, "cloudwatch", call.region).alarms.values():
            if alarm.state_value == "OK":
                alarm.update_state("Unchecked: Initial alarm creation", "{}", "INSUFFICIENT_DATA")

    @rules.after("rds", "DescribeDBSnapshots")
    def never_backed_up(call: Call, result: dict[str, Any]) -> None:
        """moto has one as soon as an instance with a retention period is there."""
        result["DBSnapshots"] = [one for one in result["DBSnapshots"] if one["SnapshotType"] != "automated"]


def serves(rules: Rules, service: str) -> bool:
    """Whether anything here has to do with the service."""
    return service in _SERVICES or any(service == known for known, _ in rules.answers)


def check(rules: Rules, call: Call) -> None:
    """Raises Unserved for a service that nothing here has to do with."""
    if not serves(rules, call.service):
        raise Unserved("nothing here runs what that service makes")


def _refusing(why: str) -> Check:
    def refuse(call: Call) -> None:
        raise Unserved(why)

    return refuse
