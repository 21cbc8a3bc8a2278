"""All our rules, gathered."""

from __future__ import annotations

from localcloud.aws import (
    autoscaling,
    balancing,
    budgets,
    caches,
    certificates,
    cloudfront,
    databases,
    ecs,
    firewall,
    functions,
    images,
    log_delivery,
    network,
    parameters,
    quotas,
    secret_rules,
    unserved,
)
from localcloud.aws.account import Account
from localcloud.aws.bedrock import catalogue, runtime
from localcloud.aws.iam import identities
from localcloud.aws.rules import Rules


def make_rules(account: Account) -> Rules:
    """The rules of ``account``; each room registers its own."""
    rules = Rules()
    network.register(rules, account)
    edge = cloudfront.register(rules, account)
    balancing.register(rules, account, edge)
    certificates.register(rules, account, edge)
    firewall.register(rules, account, edge)
    log_delivery.register(rules, account, edge)
    for room in (runtime, catalogue, ecs, images, autoscaling, databases, caches, functions):
        room.register(rules, account)
    for room in (secret_rules, parameters, quotas, budgets, identities, unserved):
        room.register(rules, account)
    return rules
