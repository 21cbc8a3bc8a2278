"""All our rules, gathered."""

from __future__ import annotations

from localcloud.aws import (
    authorization,
    balancing,
    cloudfront,
    databases,
    ecs,
    functions,
    identities,
    network,
    parameters,
    quotas,
    secret_rules,
)
from localcloud.aws.account import Account
from localcloud.aws.rules import Rules


def make_rules(account: Account) -> Rules:
    """The rules of ``account``; each room registers its own."""
    rules = Rules()
    network.register(rules, account)
    balancing.register(rules, account, cloudfront.register(rules, account))
    authorization.register(rules, account)
    for room in (ecs, databases, functions, secret_rules, identities, parameters, quotas):
        room.register(rules, account)
    return rules
