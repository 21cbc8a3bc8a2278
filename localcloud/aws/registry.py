"""All our rules, gathered."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.rules import Rules


def make_rules(account: Account) -> Rules:
    """The rules of ``account``; each room below registers its own."""
    rules = Rules()
    return rules
