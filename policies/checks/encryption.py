"""Encrypted where it lies, and on its way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ops.shapes import is_list, object_at
from policies.model import HIGH, UNKNOWN, Found, Policy, Stack

_HTTPS = ("redirect-to-https", "https-only")
_TLS = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")


def _at_rest(stack: Stack) -> Iterator[Found]:
    for database in stack.of("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"):
        if not database.known("storageEncrypted", database.is_unknown("storageEncrypted")):
            yield database, "stores in clear; set storage_encrypted=True"
    for cache in stack.of("aws:elasticache/replicationGroup:ReplicationGroup"):
        if not cache.known("atRestEncryptionEnabled", cache.is_unknown("atRestEncryptionEnabled")):
            yield cache, "stores in clear; set at_rest_encryption_enabled=True"


def _in_transit(stack: Stack) -> Iterator[Found]:
    yield from _databases(stack)
    yield from _buckets(stack)
    yield from _viewers(stack)
    for cache in stack.of("aws:elasticache/replicationGroup:ReplicationGroup"):
        if not cache.known("transitEncryptionEnabled", cache.is_unknown("transitEncryptionEnabled")):
            yield cache, "speaks in clear; set transit_encryption_enabled=True"


def _databases(stack: Stack) -> Iterator[Found]:
    kinds = ("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")
    for group in stack.of(*kinds):
        said = {p.get("name"): str(p.get("value")) for p in group.items("parameters") if p is not UNKNOWN}
        postgres = str(group.known("family", "")).startswith(("postgres", "aurora-postgres"))
        if postgres and said.get("rds.force_ssl") != "1":
            yield group, "lets connections without TLS in; set the parameter rds.force_ssl to 1"


def _buckets(stack: Stack) -> Iterator[Found]:
    policies = list(stack.of("aws:s3/bucketPolicy:BucketPolicy"))
    for bucket in stack.of("aws:s3/bucket:Bucket"):
        mine = [p for p in policies if p.name == bucket.name or p.known("bucket") == bucket.known("id", object())]
        if not mine:
            yield bucket, "has no policy that denies requests without TLS (aws:SecureTransport)"
        for policy in mine:
            document = policy.known("policy")
            if document is not None and not _denies_clear_text(document):
                yield policy, "doesn't deny requests without TLS (aws:SecureTransport)"


def _denies_clear_text(document: str) -> bool:
    found: Any = json.loads(document).get("Statement") or list[Any]()
    statements: list[Any] = found if is_list(found) else [found]
    return any(
        statement.get("Effect") == "Deny"
        and str(object_at(statement, "Condition").get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for statement in statements
    )


def _viewers(stack: Stack) -> Iterator[Found]:
    for distribution in stack.of("aws:cloudfront/distribution:Distribution"):
        behaviours = [distribution.known("defaultCacheBehavior"), *distribution.items("orderedCacheBehaviors")]
        for behaviour in behaviours:
            if behaviour in (None, UNKNOWN):
                continue
            if behaviour.get("viewerProtocolPolicy") not in (*_HTTPS, UNKNOWN):
                where = behaviour.get("pathPattern", "the default behaviour")
                yield distribution, f"{where} answers over plain HTTP; set viewer_protocol_policy to redirect-to-https"
        certificate: dict[str, Any] = distribution.known("viewerCertificate") or {}
        # CloudFront's own certificate comes with its own policy: docs/decisions/tls-floor.md
        own = certificate.get("acmCertificateArn") and not certificate.get("cloudfrontDefaultCertificate")
        if own and certificate.get("minimumProtocolVersion") not in (*_TLS, UNKNOWN):
            yield distribution, "accepts TLS below 1.2; set minimum_protocol_version to TLSv1.2_2021"


POLICIES = (
    Policy(
        "encrypted-at-rest",
        HIGH,
        "Keys and spend must not be readable from a lost disk or a shared snapshot.",
        _at_rest,
        ("checkov CKV_AWS_16", "checkov CKV_AWS_96", "checkov CKV_AWS_29", "cdk-nag AwsSolutions-RDS2"),
    ),
    Policy(
        "encrypted-in-transit",
        HIGH,
        "Prompts and keys travel in what these connections carry.",
        _in_transit,
        (
            "checkov CKV2_AWS_69",
            "checkov CKV_AWS_34",
            "checkov CKV_AWS_174",
            "checkov CKV_AWS_30",
            "cdk-nag AwsSolutions-S10",
            "cdk-nag AwsSolutions-CFR4",
        ),
    ),
)
