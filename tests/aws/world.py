"""What the tests deploy, and how they expect to be refused."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account

_numbers = itertools.count(1)
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


@contextmanager
def refused(code: str, *words: str, status: int | None = None) -> Iterator[None]:
    """The call inside is answered with AWS's error ``code``, in a sentence that has all ``words``."""
    with pytest.raises(ClientError) as caught:
        yield
    error, answer = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    assert error["Code"] == code, error
    for word in words:
        assert word in error["Message"], error["Message"]
    if status is not None:
        assert answer["HTTPStatusCode"] == status


def unchecked(account: Account, service: str) -> Any:
    """A client that sends what botocore itself would refuse, as other tools do."""
    config = Config(proxies={}, parameter_validation=False)
    session = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=account.region)
    return session.client(service, endpoint_url=account.endpoint, config=config)


class World:
    """A VPC with two subnets in two zones and an internet gateway, and makers of what stands in it."""

    def __init__(self, account: Account, gateway: bool = True) -> None:
        self.account = account
        self.number = next(_numbers)
        self.ec2, self.elb = account.client("ec2"), account.client("elbv2")
        self.ecs, self.rds = account.client("ecs"), account.client("rds")
        self.cloudfront = account.client("cloudfront")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(f"10.0.{index}.0/24", f"us-west-1{zone}") for index, zone in enumerate("ab")]
        self.group = self.security_group("group")
        if gateway:
            self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)

    def name(self, word: str) -> str:
        return f"{word}-{self.number}-{next(_numbers)}"

    def subnet(self, block: str, zone: str = "us-west-1a") -> str:
        return self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]

    def security_group(self, word: str) -> str:
        name = self.name(word)
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]

    def load_balancer(self, **changes: Any) -> dict[str, Any]:
        wanted = {
            "Name": self.name("alb"),
            "Subnets": self.subnets,
            "SecurityGroups": [self.group],
            "Scheme": "internal",
            "Type": "application",
        }
        return self.elb.create_load_balancer(**wanted | changes)["LoadBalancers"][0]

    def target_group(self, **changes: Any) -> str:
        wanted = {"Name": self.name("tg"), "Protocol": "HTTP", "Port": 4000, "VpcId": self.vpc, "TargetType": "ip"}
        return self.elb.create_target_group(**wanted | changes)["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer: str, group: str, port: int = 80) -> str:
        action = {"Type": "forward", "TargetGroupArn": group}
        made = self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[action])
        return made["Listeners"][0]["ListenerArn"]

    def vpc_origin(self, balancer: str, **changes: Any) -> dict[str, Any]:
        config = {
            "Name": self.name("origin"),
            "Arn": balancer,
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "http-only",
        }
        return self.cloudfront.create_vpc_origin(VpcOriginEndpointConfig=config | changes)

    def deployed_origin(self, balancer: str) -> str:
        id = self.vpc_origin(balancer)["VpcOrigin"]["Id"]
        until(lambda: self.cloudfront.get_vpc_origin(Id=id)["VpcOrigin"]["Status"] == "Deployed")
        return id

    def function(self, code: bytes = b"function handler(e){return e.request}", publish: bool = True) -> str:
        name = self.name("function")
        config = {"Comment": name, "Runtime": "cloudfront-js-2.0"}
        made = self.cloudfront.create_function(Name=name, FunctionConfig=config, FunctionCode=code)
        if publish:
            self.cloudfront.publish_function(Name=name, IfMatch=made["ETag"])
        return made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]

    def distribution_config(self, **changes: Any) -> dict[str, Any]:
        origin = {
            "Id": "origin",
            "DomainName": "example.com",
            "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
        }
        return {
            "CallerReference": self.name("reference"),
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behaviour(),
        } | changes


def behaviour(**changes: Any) -> dict[str, Any]:
    return {
        "TargetOriginId": "origin",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": CACHING_DISABLED,
        "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
    } | changes


def until(condition: Any, seconds: float = 10) -> None:
    """Wait for ``condition``, and fail when it doesn't come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def zipped(code: str = "def handler(event, context): return event") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", code)
    return buffer.getvalue()


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
