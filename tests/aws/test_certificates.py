"""ACM: issued when DNS says so, and only then of use; held by whoever uses it."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.world import World, refused


@pytest.fixture
def acm(account: Account) -> Any:
    return account.client("acm")


def requested(acm: Any, name: str) -> str:
    return acm.request_certificate(DomainName=name, ValidationMethod="DNS")["CertificateArn"]


def status(acm: Any, arn: str) -> str:
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]


def prove(account: Account, acm: Any, arn: str) -> None:
    dns = account.client("route53")
    [option] = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    record = option["ResourceRecord"]
    zone = dns.create_hosted_zone(Name=option["DomainName"], CallerReference=arn)["HostedZone"]["Id"]
    change = {
        "Action": "CREATE",
        "ResourceRecordSet": {
            "Name": record["Name"],
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": record["Value"]}],
        },
    }
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def test_it_is_issued_by_its_record_and_not_by_waiting(account: Account, acm: Any) -> None:
    arn = requested(acm, "a.certificates.example")
    assert status(acm, arn) == "PENDING_VALIDATION"
    prove(account, acm, arn)
    assert status(acm, arn) == "ISSUED"


def test_mail_is_not_read(acm: Any) -> None:
    with refused("ValidationException", "ValidationMethod must be DNS"):
        acm.request_certificate(DomainName="b.certificates.example")


def test_a_listener_takes_an_issued_certificate_of_its_region(account: Account, world: World, acm: Any) -> None:
    balancer = world.elb.create_load_balancer(Name=world.name("tls"), Subnets=world.subnets, Scheme="internal")
    arn = requested(acm, "c.certificates.example")
    make: dict[str, Any] = {
        "LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"],
        "Port": 443,
        "Protocol": "HTTPS",
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}],
    }
    with refused("UnsupportedCertificate", "PENDING_VALIDATION"):
        world.elb.create_listener(**make, Certificates=[{"CertificateArn": arn}])
    with refused("CertificateNotFound"):
        world.elb.create_listener(**make, Certificates=[{"CertificateArn": arn[:-1] + "x"}])
    with refused("CertificateNotFound", "us-west-1"):
        world.elb.create_listener(**make, Certificates=[{"CertificateArn": arn.replace("us-west-1", "us-east-1")}])
    prove(account, acm, arn)
    world.elb.create_listener(**make, Certificates=[{"CertificateArn": arn}])
    with refused("ResourceInUseException", "is in use by arn:aws:elasticloadbalancing"):
        acm.delete_certificate(CertificateArn=arn)


def test_an_unused_one_can_go(acm: Any) -> None:
    arn = requested(acm, "d.certificates.example")
    acm.delete_certificate(CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        status(acm, arn)
