"""All our rules, gathered."""

from __future__ import annotations

from localcloud.aws import cloudfront, ecs, network
from localcloud.aws.account import Account
from localcloud.aws.rules import Rules


def make_rules(account: Account) -> Rules:
    """The rules of ``account``; each room registers its own."""
    rules = Rules()
    cloudfront.register(rules, account)
    ecs.register(rules, account)
    network.register(rules, account)
    return rules
