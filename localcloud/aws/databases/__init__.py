"""RDS: moto keeps instances and groups; whether one is there comes from facts, and AWS's rules from here."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.databases import clusters, data_api, groups, instances, versions
from localcloud.aws.rules import Rules


def register(rules: Rules, account: Account) -> None:
    groups.register(rules, account)
    instances.register(rules, account)
    clusters.register(rules, account)
    data_api.register(rules, account)
    versions.register(rules, account)
