"""Load balancers: over two zones, in groups of their VPC, with AWS's names and attributes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, load_balancer, security_group, subnet
from localcloud.aws.cloudfront.state import State as CloudFront
from localcloud.aws.cloudfront.vpc_origins import of_load_balancer
from localcloud.aws.network.gateways import attached_gateway
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "elbv2"
_SMALLEST_PREFIX = 27  # same page: each subnet needs at least a /27
# What AWS says of an attribute that nobody has set (same page, "Load balancer attributes"). moto knows a few.
_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
# Nobody writes them here.
_UNSERVED = ("access_logs.s3.enabled", "connection_logs.s3.enabled")


def register(rules: Rules, account: Account, cloudfront: CloudFront) -> None:
    _register_creation(rules, account)

    @rules.check(SERVICE, "ModifyLoadBalancerAttributes")
    def served(call: Call) -> None:
        for attribute in call.params["Attributes"]:
            if attribute["Key"] in _UNSERVED and attribute.get("Value") == "true":
                raise Refusal(
                    "InvalidConfigurationRequest",
                    f"The simulated ELB has no {attribute['Key'].partition('.')[0].replace('_', ' ')}: nothing would "
                    "arrive in the bucket. Leave them out of the local stack.",
                )

    @rules.check(SERVICE, "SetSubnets")
    def subnets_suffice(call: Call) -> None:
        _check_subnets(account, _subnet_ids(call.params))

    @rules.check(SERVICE, "SetSecurityGroups")
    def groups_exist(call: Call) -> None:
        balancer = load_balancer(account, call.params["LoadBalancerArn"])
        if balancer is not None:
            _check_groups(account, call.params["SecurityGroups"], balancer.vpc_id)

    @rules.check(SERVICE, "DeleteLoadBalancer")
    def free_to_go(call: Call) -> None:
        arn = call.params["LoadBalancerArn"]
        balancer = load_balancer(account, arn)
        if balancer is None:
            return  # nothing to delete is no error
        if balancer.attrs.get("deletion_protection.enabled") == "true":
            raise Refusal(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        origins = of_load_balancer(cloudfront, arn)
        if origins:
            raise Refusal(
                "ResourceInUse",
                f"Load balancer '{arn}' cannot be deleted because it is currently associated with another service: "
                f"CloudFront VPC origin {', '.join(origin.id for origin in origins)}.",
            )

    @rules.after(SERVICE, "DescribeLoadBalancerAttributes")
    def complete(call: Call, result: dict[str, Any]) -> None:
        known = _ATTRIBUTES | {item["Key"]: item["Value"] for item in result["Attributes"]}
        known["load_balancing.cross_zone.enabled"] = "true"  # always, for an application load balancer
        result["Attributes"] = [{"Key": key, "Value": value} for key, value in sorted(known.items())]


def _register_creation(rules: Rules, account: Account) -> None:
    @rules.check(SERVICE, "CreateLoadBalancer")
    def sane(call: Call) -> None:
        params = call.params
        if params.get("Type", "application") != "application":
            raise Refusal("OperationNotPermitted", f"The simulated ELB has no load balancers of type {params['Type']}.")
        name = params["Name"]
        if not re.fullmatch(r"(?!-)(?!internal-)[A-Za-z0-9-]{1,32}(?<!-)", name):
            raise Refusal(
                "ValidationError",
                f"The load balancer name '{name}' is not valid: at most 32 letters, digits and hyphens, no hyphen at "
                "either end, not beginning with 'internal-'.",
            )
        if any(other.name == name for other in backend(account, SERVICE).load_balancers.values()):
            raise Refusal("DuplicateLoadBalancerName", f"A load balancer with the name '{name}' already exists.")
        vpc_id = _check_subnets(account, _subnet_ids(params))
        _check_groups(account, params.get("SecurityGroups") or [], vpc_id)
        if params.get("Scheme", "internet-facing") != "internal" and attached_gateway(account, vpc_id) is None:
            raise Refusal("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")

    @rules.after(SERVICE, "CreateLoadBalancer")
    def as_on_aws(call: Call, result: dict[str, Any]) -> None:
        ec2 = backend(account, "ec2")
        for described in result["LoadBalancers"]:
            balancer = load_balancer(account, described["LoadBalancerArn"])
            assert balancer is not None  # made a moment ago, under the same lock
            prefix = "internal-" if balancer.scheme == "internal" else ""
            number = random.randrange(10**8, 10**10)
            balancer.dns_name = f"{prefix}{balancer.name}-{number}.{call.account.region}.elb.amazonaws.com"
            balancer.security_groups = balancer.security_groups or [ec2.get_default_security_group(balancer.vpc_id).id]
            described["DNSName"], described["SecurityGroups"] = balancer.dns_name, balancer.security_groups


def _subnet_ids(params: dict[str, Any]) -> list[str]:
    return [*(params.get("Subnets") or []), *(one["SubnetId"] for one in params.get("SubnetMappings") or [])]


def _check_subnets(account: Account, ids: Sequence[str]) -> str:
    """The VPC of subnets that a load balancer can have."""
    found = []
    for id in ids:
        place = subnet(account, id)
        if place is None:
            raise Refusal("SubnetNotFound", f"The subnet ID '{id}' does not exist")
        if IPv4Network(place.cidr_block).prefixlen > _SMALLEST_PREFIX:
            raise Refusal(
                "InvalidSubnet",
                f"Not enough IP space available in {id} ({place.cidr_block}). ELB requires at least 8 free IP "
                f"addresses in a /{_SMALLEST_PREFIX} or larger.",
            )
        found.append(place)
    zones = [place.availability_zone for place in found]
    if len(set(zones)) < 2:
        raise Refusal("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len(set(zones)) < len(zones):
        raise Refusal(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    vpcs = {place.vpc_id for place in found}
    if len(vpcs) > 1:
        raise Refusal("InvalidConfigurationRequest", f"The subnets belong to several VPCs: {', '.join(sorted(vpcs))}.")
    return vpcs.pop()


def _check_groups(account: Account, ids: Sequence[str], vpc_id: str) -> None:
    for id in ids:
        group = security_group(account, id)
        if group is None or group.vpc_id != vpc_id:
            raise Refusal("InvalidSecurityGroup", f"The security group {id} does not exist in {vpc_id}.")
