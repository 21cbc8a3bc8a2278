"""Domain: the hosted zone of the names, certificates that prove themselves by DNS, and the records that lead a name to
what answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# CloudFront takes certificates from here only.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
EDGE_REGION = "us-east-1"


def misplaced(zone_id: str, names: Mapping[str, str]) -> list[str]:
    """A sentence for each of `names` (option → name) for which no record can be made in the hosted zone `zone_id`.
    Route 53 is asked, before anything is created.

    A preview takes a zone that isn't there with a warning, since it may be meant for another account.
    """
    # the list is asked first: to Pulumi's SDK a lookup that finds nothing is a failure that nobody can catch
    if zone_id not in aws.route53.get_zones().ids:
        missing = (
            f"hostedZoneId is {zone_id!r}, and this account has no such hosted zone; take the id of one that it has"
        )
        if not pulumi.runtime.is_dry_run():
            return [f"{missing}."]
        pulumi.log.warn(f"{missing}, or an update won't begin.")
        return []
    zone = aws.route53.get_zone(zone_id=zone_id).name.rstrip(".").lower()
    return [
        f"{option} is {name!r}, which isn't in the hosted zone {zone_id}, {zone}; take a name that ends in .{zone}, or "
        "the id of the zone that the name is in for hostedZoneId."
        for option, name in names.items()
        if name and not f".{name}".endswith(f".{zone}")
    ]


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
