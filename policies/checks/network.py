"""Nothing but CloudFront has a public address that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.model import HIGH, UNKNOWN, Found, Policy, Resource, Stack

INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ANYWHERE = ("0.0.0.0/0", "::/0")


def _databases(stack: Stack) -> Iterator[Found]:
    for database in stack.of("aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance"):
        if database.known("publiclyAccessible", False):
            yield database, "has a public address; set publicly_accessible=False"


def _ingress(stack: Stack) -> Iterator[Found]:
    for rule in stack.of(INGRESS_RULE):
        yield from _open(rule, rule.known("cidrIpv4"), rule.known("cidrIpv6"))
    for rule in stack.of(OLD_RULE):
        if rule.known("type") == "ingress":
            yield from _open(rule, *(rule.known("cidrBlocks") or []), *(rule.known("ipv6CidrBlocks") or []))
    for group in stack.of(GROUP):
        for rule in group.items("ingress"):
            if rule is not UNKNOWN:
                ranges: list[Any] = [*(rule.get("cidrBlocks") or ()), *(rule.get("ipv6CidrBlocks") or ())]
                yield from _open(group, *ranges)


def _open(resource: Resource, *blocks: Any) -> Iterator[Found]:
    wide = [block for block in blocks if block in _ANYWHERE]
    if wide:
        yield resource, f"lets {' and '.join(wide)} in: name a security group or the network that needs it"


def _balancers(stack: Stack) -> Iterator[Found]:
    for balancer in stack.of("aws:lb/loadBalancer:LoadBalancer"):
        if not balancer.known("internal", balancer.is_unknown("internal")):
            yield balancer, "is internet-facing; set internal=True: CloudFront reaches it by its VPC origin"


POLICIES = (
    Policy(
        "no-public-database",
        HIGH,
        "Users, keys and spend must not be one password away from the internet.",
        _databases,
        ("checkov CKV_AWS_17", "cdk-nag NIST.800.53.R5-RDSInstancePublicAccess"),
    ),
    Policy(
        "no-open-ingress",
        HIGH,
        "Doors and tasks are reached from CloudFront, the relay and named networks only.",
        _ingress,
        ("checkov CKV_AWS_260", "checkov CKV_AWS_24", "cdk-nag AwsSolutions-EC23"),
    ),
    Policy(
        "internal-load-balancer",
        HIGH,
        "A public load balancer would be a way around the edge.",
        _balancers,
    ),
)
