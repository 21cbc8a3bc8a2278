"""The part of the program with every type that gives things names, and proves that the names are one's own."""

from __future__ import annotations

import pulumi_aws as aws

from tests.plugins.every_network import Form


def naming(form: Form, balancer: aws.lb.LoadBalancer) -> None:
    images(form)
    zone = aws.route53.Zone(
        "zone", name="every.example", comment=form.pick("one", "two"), tags={"a": form.pick("b", "c")}
    )
    certificate = aws.acm.Certificate(
        "certificate",
        region="us-east-1",  # where CloudFront looks for them
        domain_name="gateway.every.example",
        validation_method="DNS",
        tags={"Name": form.pick("one", "two")},
    )
    proof = certificate.domain_validation_options[0]
    record = aws.route53.Record(
        "proof",
        zone_id=zone.zone_id,
        name=proof.resource_record_name,
        type=proof.resource_record_type,
        records=[proof.resource_record_value],
        ttl=form.pick(60, 300),
    )
    aws.acm.CertificateValidation(
        "validation",
        region="us-east-1",
        certificate_arn=certificate.arn,
        validation_record_fqdns=[record.fqdn],
    )
    aws.route53.Record(
        "alias",
        zone_id=zone.zone_id,
        name="gateway.every.example",
        type="A",
        aliases=[
            {
                "name": balancer.dns_name,
                "zone_id": balancer.zone_id,
                "evaluate_target_health": form.pick(False, True),
            }
        ],
    )


def images(form: Form) -> None:
    aws.ecr.Repository(
        "repository",
        name="every/litellm",
        image_tag_mutability=form.pick("MUTABLE", "IMMUTABLE"),
        image_scanning_configuration={"scan_on_push": form.pick(True, False)},
        force_delete=True,
        tags={"a": form.pick("b", "c")},
    )
    aws.ecr.PullThroughCacheRule("cache-rule", ecr_repository_prefix="every", upstream_registry_url="quay.io")
