"""Additional metrics of a distribution."""

from __future__ import annotations

from typing import Any

from localcloud.aws.cloudfront.state import State, require_valid
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, state: State) -> None:
    subscriptions: dict[str, dict[str, Any]] = {}

    def distribution(call: Call) -> str:
        id = call.params["DistributionId"]
        if id not in state.distributions:
            raise Refusal("NoSuchDistribution", "The specified distribution does not exist.")
        return id

    @rules.answer("cloudfront", "CreateMonitoringSubscription")
    def create(call: Call) -> dict[str, Any]:
        id = distribution(call)
        require_valid(call)
        subscriptions[id] = call.params["MonitoringSubscription"]
        return {"MonitoringSubscription": subscriptions[id]}

    @rules.answer("cloudfront", "GetMonitoringSubscription")
    def get(call: Call) -> dict[str, Any]:
        id = distribution(call)
        if id not in subscriptions:
            raise Refusal("NoSuchMonitoringSubscription", "A monitoring subscription does not exist.")
        return {"MonitoringSubscription": subscriptions[id]}

    @rules.answer("cloudfront", "DeleteMonitoringSubscription")
    def delete(call: Call) -> dict[str, Any]:
        get(call)
        del subscriptions[call.params["DistributionId"]]
        return {}
