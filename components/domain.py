"""Domain: certificates that prove themselves by DNS, and the records that lead a name to what answers for it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# CloudFront takes certificates from here only.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
EDGE_REGION = "us-east-1"


@dataclass(frozen=True)
class CertificateArgs:
    """For `domain_name`, in `region`, proven by a record in the hosted zone `zone_id`."""

    domain_name: str
    zone_id: str
    region: str


class Certificate(pulumi.ComponentResource):
    """An ACM certificate. `arn` is known once it has been issued; ACM renews it for as long as the record stays."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:domain:Certificate", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            f"{name}-certificate",
            region=args.region,
            domain_name=args.domain_name,
            validation_method="DNS",
            opts=mine,
        )
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-proof",
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            # it depends on account and name alone, so another certificate for the name may have left it here
            allow_overwrite=True,
            opts=mine,
        )
        issued = aws.acm.CertificateValidation(
            f"{name}-issued",
            region=args.region,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=mine,
        )
        self.arn = issued.certificate_arn
        self.register_outputs({"arn": self.arn})


def lead(
    name: str,
    domain_name: str,
    zone_id: str,
    target: tuple[pulumi.Input[str], pulumi.Input[str]],
    *,
    over_ipv6: bool = False,
    opts: pulumi.ResourceOptions | None = None,
) -> list[pulumi.Resource]:
    """Alias records for `domain_name` in the hosted zone `zone_id`; `target` is the target's name and its own zone."""
    made: list[pulumi.Resource] = [
        aws.route53.Record(
            f"{name}-{kind.lower()}",
            zone_id=zone_id,
            name=domain_name,
            type=kind,
            aliases=[{"name": target[0], "zone_id": target[1], "evaluate_target_health": False}],
            opts=opts,
        )
        for kind in (["A", "AAAA"] if over_ipv6 else ["A"])
    ]
    return made
