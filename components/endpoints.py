"""Endpoints: the ways to AWS's own services that need no internet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# What a task and the relay call: the image's registry (its layers come from S3), logs, secrets, the models; STS, by
# which the relay knows its callers, and whose dual-stack name leads to its endpoint, too.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_dual-stack_endpoint_support.html
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
SERVICES = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "bedrock-runtime", "sts")


@dataclass(frozen=True)
class EndpointsArgs:
    """`subnet_ids` get an interface of each endpoint; `security_group_id` says who may use them."""

    prefix: str
    region: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]


class Endpoints(pulumi.ComponentResource):
    """An interface endpoint for each of `SERVICES`. With private DNS a service's ordinary name leads to it, so nobody
    needs to know that it is there. `all` must be there before something can call out."""

    all: list[pulumi.Resource]

    def __init__(self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:network:Endpoints", name, None, opts)
        self.all = [
            aws.ec2.VpcEndpoint(
                f"{name}-{service.replace('.', '-')}",
                vpc_id=args.vpc_id,
                service_name=f"com.amazonaws.{args.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=list(args.subnet_ids),
                security_group_ids=[args.security_group_id],
                private_dns_enabled=True,
                tags={"Name": f"{args.prefix}-{service}"},
                opts=pulumi.ResourceOptions(parent=self),
            )
            for service in SERVICES
        ]
        self.register_outputs({})
