"""Edge: CloudFront in front of the public door. Nothing else of the gateway has a public address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.allow_list import DENIED_PATTERNS, OpenPath
from components.doors import public_port
from components.edge_code import RUNTIME, deny_code, guard_code
from components.network import HTTPS_PORT, PUBLIC_DOOR_PORT

# AWS's managed policies: cache nothing; pass every header of the viewer but Host, which would not be the load
# balancer's. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
# HSTS, nosniff, no framing by others, a short referrer: what a browser that is led here may make of an answer.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"

# The group that carries CloudFront's interfaces in a VPC. AWS makes it with the VPC's first VPC origin.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
MANAGED_GROUP = "CloudFront-VPCOrigins-Service-SG"
# Seconds for the first byte and between two packets: slow models think before they speak. 120 is the most without a
# raised quota. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html
ORIGIN_READ_SECONDS = 120
ORIGIN_ID = "public-door"
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True)
class EdgeArgs:
    """`load_balancer_group_id` gets the one rule by which CloudFront reaches the public door. `internet_gateway`
    (None: the VPC has one already) must be attached before a VPC origin is made, and `public_listener` must answer
    before requests come. `domain_name` with its `certificate_arn` (ACM, us-east-1) replaces CloudFront's own domain.
    `secure`: the public door speaks HTTPS, and its certificate is for `load_balancer_name`. `web_acl_arn`: AWS
    WAF's."""

    prefix: str
    vpc_id: pulumi.Input[str]
    load_balancer_arn: pulumi.Input[str]
    load_balancer_name: pulumi.Input[str]
    load_balancer_group_id: pulumi.Input[str]
    internet_gateway: pulumi.Resource | None
    public_listener: pulumi.Resource
    allowed_paths: Sequence[OpenPath]
    domain_name: str = ""
    certificate_arn: pulumi.Input[str] = ""
    secure: bool = False
    web_acl_arn: pulumi.Input[str] | None = None


class Edge(pulumi.ComponentResource):
    """The distribution: four behaviours that answer 403 by themselves, and the guard on everything else. `url` is the
    gateway's public address."""

    url: pulumi.Output[str]
    distribution: aws.cloudfront.Distribution

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:edge:Edge", name, None, opts)
        self._name, self._args = name, args
        deny = self._function("deny", "answers 403", deny_code())
        guard = self._function("guard", "lets the allow-list pass", guard_code(args.allowed_paths))
        origin = self._vpc_origin()
        self._let_in(origin)
        self.distribution = aws.cloudfront.Distribution(
            f"{name}-distribution",
            comment=f"{args.prefix}: the LLM gateway's public address",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class="PriceClass_100",
            origins=[self._origin(origin)],
            ordered_cache_behaviors=[{"path_pattern": pattern, **self._behaviour(deny)} for pattern in DENIED_PATTERNS],
            default_cache_behavior=self._behaviour(guard),
            web_acl_id=args.web_acl_arn,
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            aliases=[args.domain_name] if args.domain_name else [],
            viewer_certificate=self._certificate(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.public_listener]),
        )
        self.url = pulumi.Output.format("https://{0}", args.domain_name or self.distribution.domain_name)
        self.register_outputs({"url": self.url})

    @property
    def _suffix(self) -> str:
        return "-tls" if self._args.secure else ""

    def _function(self, role: str, comment: str, code: str) -> aws.cloudfront.Function:
        return aws.cloudfront.Function(
            f"{self._name}-{role}",
            name=f"{self._args.prefix}-{role}",
            comment=comment,
            runtime=RUNTIME,
            code=code,
            publish=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _vpc_origin(self) -> aws.cloudfront.VpcOrigin:
        return aws.cloudfront.VpcOrigin(
            # another one, not the same one changed: while a distribution uses it AWS takes no other protocol for it
            f"{self._name}-origin{self._suffix}",
            vpc_origin_endpoint_config={
                "name": self._args.prefix,
                "arn": self._args.load_balancer_arn,
                "http_port": PUBLIC_DOOR_PORT,
                "https_port": HTTPS_PORT,
                "origin_protocol_policy": "https-only" if self._args.secure else "http-only",
                "origin_ssl_protocols": {"items": ["TLSv1.2"], "quantity": 1},
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self._args.internet_gateway] if self._args.internet_gateway else []
            ),
        )

    def _let_in(self, origin: aws.cloudfront.VpcOrigin) -> None:
        """Opens the public door to CloudFront's interfaces in this VPC, and to nothing else. The rule depends on the
        origin, so a teardown removes it before AWS removes the group that it names."""
        managed = aws.ec2.get_security_group_output(
            vpc_id=self._args.vpc_id,
            filters=[{"name": "group-name", "values": [MANAGED_GROUP]}],
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=[origin]),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-to-public-door{self._suffix}",
            security_group_id=self._args.load_balancer_group_id,
            referenced_security_group_id=managed.id,
            ip_protocol="tcp",
            from_port=public_port(self._args.secure),
            to_port=public_port(self._args.secure),
            description="public door from CloudFront",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[origin]),
        )

    def _origin(self, origin: aws.cloudfront.VpcOrigin) -> aws.cloudfront.DistributionOriginArgsDict:
        return {
            "origin_id": ORIGIN_ID,
            # with HTTPS, the name that the load balancer's certificate must be for; where it is, the VPC origin says
            "domain_name": self._args.load_balancer_name,
            "vpc_origin_config": {
                "vpc_origin_id": origin.id,
                "origin_read_timeout": ORIGIN_READ_SECONDS,
                "origin_keepalive_timeout": 60,
            },
        }

    def _certificate(self) -> aws.cloudfront.DistributionViewerCertificateArgsDict:
        """TLS 1.2 or newer with a certificate of one's own. CloudFront's comes with the security policy TLSv1,
        whatever is asked for: docs/decisions/tls-floor.md."""
        if not self._args.certificate_arn:
            return {"cloudfront_default_certificate": True}
        return {
            "acm_certificate_arn": self._args.certificate_arn,
            "ssl_support_method": "sni-only",
            "minimum_protocol_version": "TLSv1.2_2021",
        }

    @staticmethod
    def _behaviour(function: aws.cloudfront.Function) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgsDict:
        return {
            "target_origin_id": ORIGIN_ID,
            "viewer_protocol_policy": "redirect-to-https",
            "allowed_methods": ALL_METHODS,
            "cached_methods": ["GET", "HEAD"],
            # a compressed stream would be held back until a block is full
            "compress": False,
            "cache_policy_id": CACHING_DISABLED,
            "origin_request_policy_id": ALL_VIEWER_EXCEPT_HOST,
            "response_headers_policy_id": SECURITY_HEADERS,
            "function_associations": [{"event_type": "viewer-request", "function_arn": function.arn}],
        }
