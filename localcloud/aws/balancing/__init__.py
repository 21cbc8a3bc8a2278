"""Elastic Load Balancing v2: moto keeps it; target health comes from facts, and AWS's rules from here."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.balancing import listeners, load_balancers, targets, transforms
from localcloud.aws.cloudfront.state import State as CloudFront
from localcloud.aws.rules import Rules


def register(rules: Rules, account: Account, cloudfront: CloudFront) -> None:
    """``cloudfront``: a VPC origin keeps its load balancer from being deleted."""
    load_balancers.register(rules, account, cloudfront)
    listeners.register(rules, account)
    transforms.register(rules, account)
    targets.register(rules, account)
