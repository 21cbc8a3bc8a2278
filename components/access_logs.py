"""AccessLogs: a line for each request at the edge. It is an option: the load balancer's and LiteLLM's own logs and
metrics are there without it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# CloudFront's logs are configured there, and with it whatever they go to.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
EDGE_REGION = "us-east-1"
# Left out on purpose: query, cookies and referrer. A caller who puts a key into the address by mistake must not find
# it kept in a log. CloudFront never logs the Authorization header.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
FIELDS = (
    "date",
    "time",
    "c-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-protocol",
    "cs-protocol-version",
    "cs(User-Agent)",
    "sc-status",
    "sc-bytes",
    "time-taken",
    "time-to-first-byte",
    "x-edge-location",
    "x-edge-request-id",
    "x-edge-result-type",
    "x-edge-detailed-result-type",
)


@dataclass(frozen=True)
class AccessLogsArgs:
    """`distribution_arn`: whose requests are logged."""

    prefix: str
    distribution_arn: pulumi.Input[str]
    retention_days: int


class AccessLogs(pulumi.ComponentResource):
    """The log group (in us-east-1) and the delivery into it. AWS gives the delivery its right on the group itself."""

    def __init__(self, name: str, args: AccessLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:edge:AccessLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Below /aws/vendedlogs/ a group's name doesn't count towards the limit of the account's resource policies.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html
        group = aws.cloudwatch.LogGroup(
            f"{name}-group",
            name=f"/aws/vendedlogs/{args.prefix}-edge",
            retention_in_days=args.retention_days,
            region=EDGE_REGION,
            opts=child,
        )
        source = aws.cloudwatch.LogDeliverySource(
            f"{name}-source",
            name=f"{args.prefix}-edge",
            log_type="ACCESS_LOGS",
            resource_arn=args.distribution_arn,
            region=EDGE_REGION,
            opts=child,
        )
        destination = aws.cloudwatch.LogDeliveryDestination(
            f"{name}-destination",
            name=f"{args.prefix}-edge",
            output_format="json",
            delivery_destination_configuration={"destination_resource_arn": group.arn},
            region=EDGE_REGION,
            opts=child,
        )
        aws.cloudwatch.LogDelivery(
            f"{name}-delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.arn,
            record_fields=list(FIELDS),
            region=EDGE_REGION,
            opts=child,
        )
        self.register_outputs({})
