"""CloudFront's control plane, wholly ours: moto's forgets function associations, VPC origins and more."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.cloudfront import distributions, functions, monitoring, policies, tags, vpc_origins
from localcloud.aws.cloudfront.state import State
from localcloud.aws.rules import Rules

SERVICE = "cloudfront"


def register(rules: Rules, account: Account) -> State:
    """Add CloudFront's operations to ``rules``; return its state, for the rules of other services that look at it."""
    state = State(account)
    rules.owned.add(SERVICE)
    for room in (functions, vpc_origins, distributions, policies, tags, monitoring):
        room.register(rules, state)
    return state
