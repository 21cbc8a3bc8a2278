"""ECS: services are ours (moto forgets most of one and invents its tasks); clusters and task definitions moto's."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.ecs import clusters, services, standalone, task_definitions, tasks
from localcloud.aws.ecs.state import State
from localcloud.aws.rules import Rules


def register(rules: Rules, account: Account) -> State:
    """Add ECS's rules; return the services, for the rules of other services that look at them."""
    state = State(account)
    for room in (clusters, task_definitions, services, tasks, standalone):
        room.register(rules, state)
    return state
