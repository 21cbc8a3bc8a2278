"""AWS's own rules for what comes after the proof of concept, by the data of cfn-lint, botocore and parliament."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from parliament import analyze_policy_string

from components.doors import TLS_POLICY
from components.endpoints import SERVICES
from components.image_cache import WITH_CREDENTIALS, WITHOUT
from tests.components.declared import ACCOUNT, Declared, declare
from tests.components.test_aws_rules import errors, renamed

CREDENTIAL = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:ecr-pullthroughcache/ghcr-AbCdEf"


@pytest.fixture(scope="module")
def sealed() -> Declared:
    """The scale stack without internet and by tokens: every resource type and right that this part of the stack has."""
    more = {"registryCredentialArn": CREDENTIAL, "databaseAuthentication": "iam"}
    return declare("scale", egress="endpoints", **more)


def template(sealed: Declared) -> dict[str, Any]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, listener in enumerate(sealed.of("aws:lb/listener:Listener").values()):
        named = renamed(listener, {"CertificateArn": None, "Tags": None})
        action = named["DefaultActions"][0]
        if "FixedResponse" in action:
            action["FixedResponseConfig"] = action.pop("FixedResponse")
        named["Certificates"] = [{"CertificateArn": listener["certificateArn"]}]
        found[f"Listener{number}"] = ("AWS::ElasticLoadBalancingV2::Listener", named)
    for number, certificate in enumerate(sealed.of("aws:acm/certificate:Certificate").values()):
        found[f"Certificate{number}"] = (
            "AWS::CertificateManager::Certificate",
            renamed(certificate, {"Region": None, "Tags": None}),
        )
    aliases = [one for one in sealed.of("aws:route53/record:Record").values() if "aliases" in one]
    for number, record in enumerate(aliases):
        [target] = record["aliases"]
        alias = {
            "DNSName": target["name"],
            "HostedZoneId": target["zoneId"],
            "EvaluateTargetHealth": target["evaluateTargetHealth"],
        }
        found[f"Record{number}"] = (
            "AWS::Route53::RecordSet",
            {"Name": record["name"], "Type": record["type"], "HostedZoneId": record["zoneId"], "AliasTarget": alias},
        )
    found["Cache"] = (
        "AWS::ECR::PullThroughCacheRule",
        renamed(sealed.one("aws:ecr/pullThroughCacheRule:PullThroughCacheRule"), {}),
    )
    repository = sealed.one("aws:ecr/repository:Repository")
    scanning = {"ScanOnPush": repository["imageScanningConfiguration"]["scanOnPush"]}
    found["Repository"] = (
        "AWS::ECR::Repository",
        {"RepositoryName": repository["name"], "ImageScanningConfiguration": scanning, "EmptyOnDelete": True},
    )
    return {"Resources": {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in found.items()}}


def test_cfn_lint_finds_no_error_in_names_certificates_and_images(sealed: Declared) -> None:
    assert errors(template(sealed)) == []


@pytest.mark.parametrize(
    ("resource", "key", "wrong"),
    [
        ("Listener0", "Protocol", "HTTPX"),
        ("Repository", "RepositoryName", "Not A Name"),
    ],
)
def test_cfn_lint_would_have_found_it(sealed: Declared, resource: str, key: str, wrong: Any) -> None:
    broken = template(sealed)
    broken["Resources"][resource]["Properties"][key] = wrong
    assert errors(broken)


def test_every_policy_of_it_is_one_that_iam_understands(sealed: Declared) -> None:
    for policy in sealed.policies():
        # parliament's data of Bedrock knows no inference profiles, and CloudWatch Logs' ARNs differ from its in ':*'
        found = [
            finding
            for finding in analyze_policy_string(json.dumps(policy)).findings
            if finding.issue not in ("RESOURCE_MISMATCH", "RESOURCE_STAR")
        ]
        assert [str(finding) for finding in found] == []
    assert "rds-db:connect" in json.dumps(sealed.policies())
    # what is wide in the proof of concept, and why, is `test_aws_rules`' matter
    wide = [one["Action"] for policy in sealed.policies() for one in policy["Statement"] if one["Resource"] == "*"]
    assert [action for action in wide if "ecr:" in str(action)] == ["ecr:GetAuthorizationToken"]


def test_the_words_are_those_of_the_apis_models() -> None:
    session = botocore.session.get_session()
    ecr = session.get_service_model("ecr")
    said = ecr.operation_model("CreatePullThroughCacheRule").input_shape.members["upstreamRegistryUrl"].documentation
    for registry in (*WITH_CREDENTIALS, *WITHOUT):
        assert registry in said, registry
    known = session.get_available_services()
    for service in SERVICES:
        assert service.partition(".")[0] in known, service
    assert TLS_POLICY.startswith("ELBSecurityPolicy-TLS13-1-2-")
