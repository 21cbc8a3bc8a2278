"""Budgets: what moto's lack, and that a budget's alerts must reach somebody."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_MOST_SUBSCRIBERS = 11  # ten by e-mail and one topic: API_budgets_Subscriber.html


def register(rules: Rules, account: Account) -> None:
    tags: dict[str, dict[str, str]] = {}

    def held() -> dict[str, Any]:
        from moto.backends import get_backend

        return get_backend("budgets")[account.account_id]["aws"].budgets[account.account_id]

    def budget(name: str) -> Any:
        if name not in held():
            raise Refusal("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return held()[name]

    @rules.check("budgets", "CreateBudget")
    def somebody_is_told(call: Call) -> None:
        for item in call.params.get("NotificationsWithSubscribers") or []:
            _check_subscribers(item)

    @rules.check("budgets", "CreateNotification")
    def somebody_is_told_anew(call: Call) -> None:
        _check_subscribers(call.params)

    @rules.answer("budgets", "UpdateBudget")
    def update(call: Call) -> dict[str, Any]:
        new = call.params["NewBudget"]
        found = budget(new["BudgetName"])
        kept = {key: found.budget[key] for key in ("TimePeriod", "LastUpdatedTime") if key in found.budget}
        found.budget = kept | new
        return {}

    def arn(call: Call) -> str:
        name = call.params["ResourceARN"].rpartition("budget/")[2]
        budget(name)
        return call.params["ResourceARN"]

    @rules.answer("budgets", "TagResource")
    def tag(call: Call) -> dict[str, Any]:
        tags.setdefault(arn(call), {}).update({item["Key"]: item["Value"] for item in call.params["ResourceTags"]})
        return {}

    @rules.answer("budgets", "UntagResource")
    def untag(call: Call) -> dict[str, Any]:
        for key in call.params["ResourceTagKeys"]:
            tags.get(arn(call), {}).pop(key, None)
        return {}

    @rules.answer("budgets", "ListTagsForResource")
    def list_tags(call: Call) -> dict[str, Any]:
        found = tags.get(arn(call), {})
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in found.items()]}

    @rules.after("budgets", "CreateBudget")
    def tagged(call: Call, result: dict[str, Any]) -> None:
        made = f"arn:aws:budgets::{account.account_id}:budget/{call.params['Budget']['BudgetName']}"
        tags[made] = {item["Key"]: item["Value"] for item in call.params.get("ResourceTags") or []}


def _check_subscribers(item: dict[str, Any]) -> None:
    count = len(item.get("Subscribers") or [])
    if not 1 <= count <= _MOST_SUBSCRIBERS:
        raise Refusal("InvalidParameterException", f"A notification has 1 to {_MOST_SUBSCRIBERS} subscribers.")
