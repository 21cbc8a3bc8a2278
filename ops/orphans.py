"""What a failed teardown has left in the account, found by the stack's tags, and how to remove it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# CloudFront and IAM answer there, whatever the stack's region.
GLOBAL_REGION = "us-east-1"

# ARN → the command that removes it, in the order in which AWS lets things go. `{name}` is from the pattern.
_COMMANDS: tuple[tuple[str, str], ...] = (
    (
        r"cloudfront::\d+:distribution/(?P<name>.+)",
        "aws cloudfront get-distribution-config --id {name}   # disable it, wait until it is deployed, then: "
        "aws cloudfront delete-distribution --id {name} --if-match ETAG",
    ),
    (r"cloudfront::\d+:vpcorigin/(?P<name>.+)", "aws cloudfront delete-vpc-origin --id {name} --if-match ETAG"),
    (r"cloudfront::\d+:function/(?P<name>.+)", "aws cloudfront delete-function --name {name} --if-match ETAG"),
    (
        r"ecs:[^:]+:\d+:service/(?P<cluster>[^/]+)/(?P<name>.+)",
        "aws ecs delete-service --cluster {cluster} --service {name} --force",
    ),
    (r"ecs:[^:]+:\d+:cluster/(?P<name>.+)", "aws ecs delete-cluster --cluster {name}"),
    (r"ecs:[^:]+:\d+:task-definition/(?P<name>.+)", "aws ecs deregister-task-definition --task-definition {name}"),
    (r"lambda:[^:]+:\d+:function:(?P<name>.+)", "aws lambda delete-function --function-name {name}"),
    (
        r"rds:[^:]+:\d+:db:(?P<name>.+)",
        "aws rds delete-db-instance --db-instance-identifier {name} --skip-final-snapshot --delete-automated-backups",
    ),
    (r"rds:[^:]+:\d+:subgrp:(?P<name>.+)", "aws rds delete-db-subnet-group --db-subnet-group-name {name}"),
    (r"rds:[^:]+:\d+:pg:(?P<name>.+)", "aws rds delete-db-parameter-group --db-parameter-group-name {name}"),
    (r"rds:[^:]+:\d+:snapshot:(?P<name>.+)", "aws rds delete-db-snapshot --db-snapshot-identifier {name}"),
    (
        r"(?P<arn>elasticloadbalancing:.+:loadbalancer/.+)",
        "aws elbv2 delete-load-balancer --load-balancer-arn {arn}",
    ),
    (r"(?P<arn>elasticloadbalancing:.+:listener/.+)", "aws elbv2 delete-listener --listener-arn {arn}"),
    (r"(?P<arn>elasticloadbalancing:.+:listener-rule/.+)", "aws elbv2 delete-rule --rule-arn {arn}"),
    (
        r"(?P<arn>elasticloadbalancing:.+:targetgroup/.+)",
        "aws elbv2 delete-target-group --target-group-arn {arn}",
    ),
    (
        r"(?P<arn>secretsmanager:[^:]+:\d+:secret:.+)",
        "aws secretsmanager delete-secret --secret-id {arn} --force-delete-without-recovery",
    ),
    (r"s3:::(?P<name>.+)", "aws s3 rb s3://{name} --force"),
    (r"logs:[^:]+:\d+:log-group:(?P<name>[^:]+).*", "aws logs delete-log-group --log-group-name {name}"),
    (r"cloudwatch:[^:]+:\d+:alarm:(?P<name>.+)", "aws cloudwatch delete-alarms --alarm-names {name}"),
    (r"(?P<arn>sns:[^:]+:\d+:[^:]+)", "aws sns delete-topic --topic-arn {arn}"),
    (r"events:[^:]+:\d+:rule/(?P<name>.+)", "aws events delete-rule --name {name} --force"),
    (r"scheduler:[^:]+:\d+:schedule-group/(?P<name>.+)", "aws scheduler delete-schedule-group --name {name}"),
    (
        r"iam::\d+:role/(?P<name>.+)",
        "aws iam delete-role --role-name {name}   # its policies first",
    ),
    (r"ec2:[^:]+:\d+:natgateway/(?P<name>.+)", "aws ec2 delete-nat-gateway --nat-gateway-id {name}"),
    (r"ec2:[^:]+:\d+:vpc-endpoint/(?P<name>.+)", "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {name}"),
    (r"ec2:[^:]+:\d+:network-interface/(?P<name>.+)", "aws ec2 delete-network-interface --network-interface-id {name}"),
    (r"ec2:[^:]+:\d+:elastic-ip/(?P<name>.+)", "aws ec2 release-address --allocation-id {name}"),
    (
        r"ec2:[^:]+:\d+:egress-only-internet-gateway/(?P<name>.+)",
        "aws ec2 delete-egress-only-internet-gateway --egress-only-internet-gateway-id {name}",
    ),
    (r"ec2:[^:]+:\d+:internet-gateway/(?P<name>.+)", "aws ec2 delete-internet-gateway --internet-gateway-id {name}"),
    (r"ec2:[^:]+:\d+:security-group/(?P<name>.+)", "aws ec2 delete-security-group --group-id {name}"),
    (r"ec2:[^:]+:\d+:subnet/(?P<name>.+)", "aws ec2 delete-subnet --subnet-id {name}"),
    (r"ec2:[^:]+:\d+:route-table/(?P<name>.+)", "aws ec2 delete-route-table --route-table-id {name}"),
    (r"ec2:[^:]+:\d+:vpc/(?P<name>.+)", "aws ec2 delete-vpc --vpc-id {name}"),
)


@dataclass(frozen=True)
class Orphan:
    """A resource that carries the stack's tags and is in nobody's state. `command` removes it."""

    arn: str
    command: str
    rank: int


def find(client: Callable[[str, str], Any], project: str, stack: str, region: str) -> list[Orphan]:
    """All of them, in the order in which AWS lets them go. `client` makes one of a service in a region. Raises
    botocore's errors."""
    arns: set[str] = set()
    for place in dict.fromkeys((region, GLOBAL_REGION)):
        arns |= set(_tagged(client("resourcegroupstaggingapi", place), project, stack))
    arns |= set(_roles(client("iam", GLOBAL_REGION), f"{project}-{stack}-"))
    return sorted((orphan(arn, region) for arn in arns), key=lambda found: (found.rank, found.arn))


def _tagged(tagging: Any, project: str, stack: str) -> Iterator[str]:
    filters = [{"Key": "Project", "Values": [project]}, {"Key": "Stack", "Values": [stack]}]
    for page in tagging.get_paginator("get_resources").paginate(TagFilters=filters):
        yield from (item["ResourceARN"] for item in page["ResourceTagMappingList"])


def _roles(iam: Any, prefix: str) -> Iterator[str]:
    """The tagging API knows no IAM roles."""
    for page in iam.get_paginator("list_roles").paginate():
        yield from (role["Arn"] for role in page["Roles"] if role["RoleName"].startswith(prefix))


def orphan(arn: str, region: str) -> Orphan:
    """With the command for its kind; one that is not known here is named all the same."""
    rest = arn.removeprefix("arn:aws:")
    for rank, (pattern, command) in enumerate(_COMMANDS):
        found = re.fullmatch(pattern, rest)
        if found:
            names: Mapping[str, str] = {k: f"arn:aws:{v}" if k == "arn" else v for k, v in found.groupdict().items()}
            where = arn.split(":")[3]
            place = f" --region {where or region}" if where or arn.startswith("arn:aws:s3") else ""
            head, comment, tail = command.format(**names).partition("   #")
            return Orphan(arn, f"{head}{place}{comment}{tail}", rank)
    return Orphan(arn, f"# remove {arn} by hand", len(_COMMANDS))


def listing(orphans: Iterable[Orphan]) -> str:
    return "\n".join(f"  {found.command}" for found in orphans)
