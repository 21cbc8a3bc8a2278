"""Bring your own: network, database, certificate, log bucket, boundary, tags, names."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components.settings import SettingsError
from tests.components.declared import ACCOUNT, Declared, Mocked, declare

NETWORK = {
    "vpcId": "vpc-0a1",
    "privateSubnetIds": ["subnet-0a1", "subnet-0b2"],
    "databaseSubnetIds": ["subnet-0c3", "subnet-0d4"],
}
WITHOUT_DATABASE_SUBNETS = {key: value for key, value in NETWORK.items() if key != "databaseSubnetIds"}
URL = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:team/postgres-AbCdEf:url::"
EXISTING = {
    "network": WITHOUT_DATABASE_SUBNETS,
    "database": "existing",
    "databaseUrlSecretArn": URL,
    "databaseSecurityGroupId": "sg-0e5",
}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


def types(declared: Declared) -> set[str]:
    return {resource.typ for resource in declared.resources}


def test_an_own_vpc_gets_security_groups_and_nothing_else_of_a_network() -> None:
    declared = declare("poc", network=NETWORK)
    made = {kind for kind in types(declared) if kind.startswith("aws:ec2/")}
    assert made == {"aws:ec2/securityGroup:SecurityGroup"}
    assert {group["vpcId"] for group in declared.of("aws:ec2/securityGroup:SecurityGroup").values()} == {"vpc-0a1"}
    assert declared.one("aws:lb/loadBalancer:LoadBalancer")["subnets"] == NETWORK["privateSubnetIds"]
    assert declared.one("aws:rds/subnetGroup:SubnetGroup")["subnetIds"] == NETWORK["databaseSubnetIds"]
    placed = declared.one("aws:ecs/service:Service")["networkConfiguration"]
    assert placed["subnets"] == NETWORK["privateSubnetIds"] and placed["assignPublicIp"] is False
    for function in declared.of("aws:lambda/function:Function").values():
        assert function["vpcConfig"]["subnetIds"] == NETWORK["privateSubnetIds"]


def test_an_own_database_is_reached_by_its_secret_and_its_group_and_is_not_made() -> None:
    declared = declare("poc", **EXISTING)
    assert not [kind for kind in types(declared) if kind.startswith("aws:rds/")]
    [container] = json.loads(declared.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    assert {"name": "DATABASE_URL", "valueFrom": URL} in container["secrets"]
    arn = URL.removesuffix(":url::")
    readable = [
        statement["Resource"]
        for policy in declared.policies()
        for statement in policy["Statement"]
        if statement["Action"] == "secretsmanager:GetSecretValue" and arn in statement["Resource"]
    ]
    assert len(readable) == 1, "the execution role, and nobody else"
    into = declared.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")["network-task-to-database-in"]
    assert (into["securityGroupId"], into["fromPort"]) == ("sg-0e5", 5432)
    assert declared.of("pulumi-python:dynamic/litellm:User"), "users and keys are made there"


def test_a_boundary_is_on_every_role_and_tags_are_on_everything() -> None:
    declared = declare("poc", permissionsBoundaryArn=BOUNDARY, tags={"CostCentre": "4711"})
    roles = declared.of("aws:iam/role:Role")
    assert len(roles) >= 3 and {role["permissionsBoundary"] for role in roles.values()} == {BOUNDARY}
    tagged = [resource.inputs["tags"] for resource in declared.resources if "tags" in resource.inputs]
    assert len(tagged) > 20
    assert {tags["CostCentre"] for tags in tagged} == {"4711"} and {tags["Stack"] for tags in tagged} == {"poc"}
    plain = declare("poc").of("aws:iam/role:Role").values()
    assert {role.get("permissionsBoundary") for role in plain} == {None}


def test_a_prefix_starts_every_name() -> None:
    declared = declare("poc", namePrefix="acme-ai")
    names = [
        resource.inputs[key]
        for resource in declared.resources
        for key in ("name", "identifier", "bucket")
        if resource.typ.startswith("aws:") and isinstance(resource.inputs.get(key), str)
    ]
    # the parameter by which the admin's tool finds everything is found by project and stack
    ours = [name for name in names if not name.startswith(("access", "bucket", "/llm-gateway/poc/"))]
    assert len(ours) > 15 and not [name for name in ours if "llm-gateway" in name]
    assert declared.one("aws:ecs/cluster:Cluster")["name"] == "acme-ai"


def test_the_load_balancer_logs_to_an_own_bucket() -> None:
    logs = declare("poc", logBucket="team-logs").one("aws:lb/loadBalancer:LoadBalancer")["accessLogs"]
    assert logs == {"bucket": "team-logs", "prefix": "llm-gateway-poc", "enabled": True}
    assert "accessLogs" not in declare("poc").one("aws:lb/loadBalancer:LoadBalancer")


def test_own_certificates_need_no_zone() -> None:
    edge = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0a1b"
    doors = f"arn:aws:acm:us-west-1:{ACCOUNT}:certificate/0c2d"
    declared = declare(
        "poc",
        domainName="llm.example.com",
        certificateArn=edge,
        doorsDomainName="doors.example.com",
        doorsCertificateArn=doors,
    )
    assert not [kind for kind in types(declared) if kind.startswith(("aws:acm/", "aws:route53/"))]
    listeners = declared.of("aws:lb/listener:Listener").values()
    assert {(one["port"], one["protocol"], one["certificateArn"]) for one in listeners} == {
        (443, "HTTPS", doors),
        (8080, "HTTPS", doors),
    }
    distribution = declared.one("aws:cloudfront/distribution:Distribution")
    assert distribution["viewerCertificate"]["acmCertificateArn"] == edge
    assert distribution["origins"][0]["domainName"] == "doors.example.com", "the name that its certificate is for"
    origin = declared.one("aws:cloudfront/vpcOrigin:VpcOrigin")["vpcOriginEndpointConfig"]
    assert origin["originProtocolPolicy"] == "https-only"


def test_in_an_own_zone_certificates_prove_themselves_and_records_lead_there() -> None:
    declared = declare(
        "poc", domainName="llm.example.com", doorsDomainName="doors.example.com", hostedZoneId="Z0123456789"
    )
    certificates = declared.of("aws:acm/certificate:Certificate").values()
    assert {(one["domainName"], one["region"]) for one in certificates} == {
        ("llm.example.com", "us-east-1"),
        ("doors.example.com", "us-west-1"),
    }
    aliases = [one for one in declared.of("aws:route53/record:Record").values() if "aliases" in one]
    assert {(one["name"], one["type"]) for one in aliases} == {
        ("llm.example.com", "A"),
        ("llm.example.com", "AAAA"),
        ("doors.example.com", "A"),
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"network": {**NETWORK, "vpc": "x"}}, r"network\.vpc is no option of this stack; did you mean vpcId"),
        ({"network": {**NETWORK, "vpcId": "10.0.0.0/16"}}, r"network\.vpcId is '10\.0\.0\.0/16'"),
        ({"network": NETWORK, "egress": "public"}, "egress is said of a VPC that the stack makes"),
        ({"network": NETWORK, "zones": 3}, "network has its own address range and zones"),
        ({"network": WITHOUT_DATABASE_SUBNETS}, "network.databaseSubnetIds needs two subnets"),
        ({**EXISTING, "network": NETWORK}, "network.databaseSubnetIds is given, and there is no database or cache"),
        ({**EXISTING, "databaseUrlSecretArn": ""}, "databaseUrlSecretArn is missing; database existing needs it"),
        ({**EXISTING, "network": {}}, "network is missing: a database that you have"),
        ({"databaseSecurityGroupId": "sg-0e5"}, "database is rds; set it to existing"),
        ({"tags": {"Stack": "x"}}, "the tag Stack is set by the stack itself"),
        ({"tags": {"aws:x": "y"}}, "begins with aws:"),
        ({"tags": {"a": "<b>"}}, "characters or a length that AWS doesn't take"),
        ({"namePrefix": "A_b"}, "namePrefix is 'A_b'"),
        ({"logBucket": "Not A Bucket"}, "logBucket is 'Not A Bucket'"),
        ({"permissionsBoundaryArn": "boundary"}, "permissionsBoundaryArn is 'boundary'"),
        ({"doorsDomainName": "doors.example.com"}, "doorsCertificateArn is missing while doorsDomainName is set"),
        ({"hostedZoneId": "Z1"}, "hostedZoneId is set without a name to put there"),
        (
            {"domainName": "a.example.com", "doorsDomainName": "a.example.com", "hostedZoneId": "Z1"},
            "doorsDomainName is the same as domainName",
        ),
        (
            {
                "doorsDomainName": "doors.example.com",
                "doorsCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0a",
            },
            "doorsCertificateArn is in another region than the stack",
        ),
    ],
)
def test_what_doesnt_fit_is_said_before_anything_is_made(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        declare("poc", **changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hostedZoneId": "Z0THERS"}, r"hostedZoneId is 'Z0THERS', and this account has no such hosted zone"),
        (
            {"domainName": "llm.example.org"},
            r"domainName is 'llm\.example\.org', which isn't in the hosted zone Z0123456789, example\.com; take a name "
            r"that ends in \.example\.com",
        ),
        ({"doorsDomainName": "doors.example.org"}, r"doorsDomainName is 'doors\.example\.org', which isn't"),
        # its end alone isn't enough: example.com is no name of ample.com
        ({"domainName": "llm.example.com", "hostedZoneId": "Z0AMPLE"}, r"domainName is .* Z0AMPLE, ample\.com"),
    ],
)
def test_names_outside_of_the_zone_are_found_before_anything_is_made(changes: dict[str, Any], says: str) -> None:
    declared: list[Declared] = []

    def kept(given: Declared) -> Mocked:
        declared.append(given)
        return Mocked(given)

    names = {"domainName": "llm.example.com", "doorsDomainName": "doors.example.com", "hostedZoneId": "Z0123456789"}
    with pytest.raises(SettingsError, match=says):
        declare("poc", kept, **{**names, **changes})
    assert [resource.typ for resource in declared[0].resources if resource.typ.startswith("aws:")] == []


def test_a_preview_goes_on_without_the_zone_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the placeholder in Pulumi.scale.yaml, on whatever account it is previewed."""
    warned: list[str] = []
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_, **__: warned.append(text))
    declared = declare("poc", domainName="llm.example.com", hostedZoneId="Z0THERS")
    assert declared.of("aws:route53/record:Record")
    assert [text for text in warned if "hostedZoneId is 'Z0THERS'" in text and "an update won't begin" in text]


def test_a_zones_own_name_is_in_it() -> None:
    declared = declare("poc", domainName="example.com", hostedZoneId="Z0123456789")
    assert declared.of("aws:route53/record:Record")
