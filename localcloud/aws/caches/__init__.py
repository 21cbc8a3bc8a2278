"""ElastiCache, all of it ours: moto checks little and gives no endpoints that could be reached."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.caches import replication_groups, subnet_groups
from localcloud.aws.caches.state import State
from localcloud.aws.rules import Rules


def register(rules: Rules, account: Account) -> None:
    rules.owned.add("elasticache")
    state = State(account)
    subnet_groups.register(rules, state)
    replication_groups.register(rules, state)
    account.users.append(state.users)
