"""What a team has in its account before there is a gateway: made here as somebody else would, without Pulumi."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.aws.account import ACCOUNT_ID, REGION, Account

DOMAIN = "team.example"
EDGE_NAME, DOORS_NAME = f"llm.{DOMAIN}", f"doors.{DOMAIN}"
LOGS = "team-load-balancer-logs"
# Elastic Load Balancing's own account, which writes the logs in this region.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
WRITER = "arn:aws:iam::027434742980:root"
# What roles that others make have at most: nobody gets more rights by way of them.
BOUNDARY = [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": ["iam:*", "organizations:*"], "Resource": "*"},
]


@dataclass(frozen=True)
class Team:
    """What it has, by what the stack's config calls it, and `password` of its database."""

    config: dict[str, Any]
    password: str


def settle(account: Account, until: Callable[[Callable[[], bool], str], None]) -> Team:
    """Makes a VPC in two zones with a NAT gateway, a database with its secret, certificates for two names in a hosted
    zone, a bucket for logs and a permissions boundary."""
    vpc, public, private = _network(account)
    _way_out(account, vpc, public, private)
    group, password, secret = _database(account, vpc, private, until)
    zone = account.client("route53").create_hosted_zone(Name=DOMAIN, CallerReference="team")["HostedZone"]["Id"]
    return Team(
        {
            "network": {"vpcId": vpc, "privateSubnetIds": private},
            "database": "existing",
            "databaseUrlSecretArn": f"{secret}:url::",
            "databaseSecurityGroupId": group,
            "domainName": EDGE_NAME,
            "certificateArn": _certificate(account, "us-east-1", zone, EDGE_NAME, until),
            "doorsDomainName": DOORS_NAME,
            "doorsCertificateArn": _certificate(account, REGION, zone, DOORS_NAME, until),
            "hostedZoneId": zone.rpartition("/")[2],
            "logBucket": _log_bucket(account),
            "permissionsBoundaryArn": account.client("iam").create_policy(
                PolicyName="team-boundary", PolicyDocument=_policy(BOUNDARY)
            )["Policy"]["Arn"],
            "tags": {"CostCentre": "4711"},
            "namePrefix": "acme-ai",
        },
        password,
    )


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _network(account: Account) -> tuple[str, str, list[str]]:
    """The VPC, its public subnet and its private ones."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="172.30.0.0/16")["Vpc"]["VpcId"]
    for switch in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{switch: {"Value": True}})
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"][:2]]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"172.30.{place}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for place, zone in enumerate([zones[0], *zones])
    ]
    return vpc, made[0], made[1:]


def _way_out(account: Account, vpc: str, public: str, private: list[str]) -> None:
    ec2 = account.client("ec2")
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    outside, inside = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    ec2.create_route(RouteTableId=outside, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    for table, subnet in ((outside, public), *((inside, one) for one in private)):
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=inside, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)


def _database(
    account: Account, vpc: str, subnets: list[str], until: Callable[[Callable[[], bool], str], None]
) -> tuple[str, str, str]:
    """Its security group, its password, and the ARN of the secret with its URL."""
    ec2, rds = account.client("ec2"), account.client("rds")
    group = ec2.create_security_group(GroupName="team-database", Description="the team's", VpcId=vpc)["GroupId"]
    rds.create_db_subnet_group(DBSubnetGroupName="team", DBSubnetGroupDescription="the team's", SubnetIds=subnets)
    password = secrets.token_hex(16)
    rds.create_db_instance(
        DBInstanceIdentifier="team",
        Engine="postgres",
        EngineVersion="15",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        StorageType="gp3",
        DBName="gateway",
        MasterUsername="team",
        MasterUserPassword=password,
        DBSubnetGroupName="team",
        VpcSecurityGroupIds=[group],
        PubliclyAccessible=False,
    )

    def instance() -> dict[str, Any]:
        return rds.describe_db_instances(DBInstanceIdentifier="team")["DBInstances"][0]

    until(lambda: instance()["DBInstanceStatus"] == "available", "the team's database doesn't become available")
    host = instance()["Endpoint"]["Address"]
    url = f"postgresql://team:{password}@{host}:5432/gateway?sslmode=require"
    secret = account.client("secretsmanager").create_secret(Name="team/postgres", SecretString=json.dumps({"url": url}))
    return group, password, secret["ARN"]


def _certificate(
    account: Account, region: str, zone: str, name: str, until: Callable[[Callable[[], bool], str], None]
) -> str:
    acm = Account(region, ACCOUNT_ID, account.endpoint).client("acm")
    arn = acm.request_certificate(DomainName=name, ValidationMethod="DNS")["CertificateArn"]

    def described() -> dict[str, Any]:
        return acm.describe_certificate(CertificateArn=arn)["Certificate"]

    until(lambda: "ResourceRecord" in described()["DomainValidationOptions"][0], "no record to prove it by")
    proof = described()["DomainValidationOptions"][0]["ResourceRecord"]
    record = {
        "Name": proof["Name"],
        "Type": proof["Type"],
        "TTL": 300,
        "ResourceRecords": [{"Value": proof["Value"]}],
    }
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    until(lambda: described()["Status"] == "ISSUED", f"the certificate for {name} isn't issued")
    return arn


def _log_bucket(account: Account) -> str:
    s3 = account.client("s3")
    s3.create_bucket(Bucket=LOGS, CreateBucketConfiguration={"LocationConstraint": REGION})
    write = {
        "Effect": "Allow",
        "Principal": {"AWS": WRITER},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{LOGS}/*",
    }
    s3.put_bucket_policy(Bucket=LOGS, Policy=_policy([write]))
    return LOGS
