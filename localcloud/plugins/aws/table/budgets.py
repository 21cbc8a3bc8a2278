"""Budgets."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    number,
    several,
    text,
    texts,
)
from localcloud.plugins.values import UNKNOWN


async def _budget(op: Operation) -> dict[str, Any]:
    inputs = op.inputs
    limit = inputs.get("limitAmount")
    filters = {item["name"]: list(item["values"]) for item in inputs.get("costFilters") or []}
    return {
        "BudgetName": op.value("name"),
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": str(limit), "Unit": inputs.get("limitUnit")},
        **({"CostFilters": filters} if filters else {}),
    }


async def _notifications(op: Operation) -> list[dict[str, Any]]:
    return [
        {
            "Notification": {
                "ComparisonOperator": item["comparisonOperator"],
                "NotificationType": item["notificationType"],
                "Threshold": float(item["threshold"]),
                "ThresholdType": item["thresholdType"],
            },
            "Subscribers": [
                *({"SubscriptionType": "EMAIL", "Address": one} for one in item.get("subscriberEmailAddresses") or []),
                *({"SubscriptionType": "SNS", "Address": one} for one in item.get("subscriberSnsTopicArns") or []),
            ],
        }
        for item in op.inputs.get("notifications") or []
    ]


async def _new_notifications(op: Operation) -> None:
    place = {"AccountId": op.account, "BudgetName": op.value("name")}
    for item in (await op.call("DescribeNotificationsForBudget", **place)).get("Notifications") or []:
        item.pop("NotificationState", None)
        await op.call("DeleteNotification", **place, Notification=item)
    for item in await _notifications(op):
        await op.call("CreateNotification", **place, **item)


async def _read_budget(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeBudget", AccountId=op.account, BudgetName=op.id.partition(":")[2]))["Budget"]
    filters = found.get("CostFilters") or {}
    limit = found.get("BudgetLimit") or {}
    return found | {
        "limitAmount": _plain_number(limit.get("Amount")),
        "limitUnit": limit.get("Unit"),
        "costFilters": [{"name": name, "values": values} for name, values in sorted(filters.items())],
    }


def _plain_number(amount: Any) -> str | None:
    """AWS writes 50 as 50.0; the program's own spelling is kept where both are the same number."""
    return None if amount is None else f"{float(amount):g}"


def _same_amount(wanted: Any) -> Any:
    return wanted if wanted is UNKNOWN else _plain_number(wanted)


_BUDGET = {"AccountId": "{account}"}
_BUDGET_ARN = "arn:aws:budgets::{account}:budget/{name}"

BUDGET = Row(
    "aws:budgets/budget:Budget",
    "budgets",
    inputs={
        "name": text(REPLACE | COMPUTED, to="Budget.BudgetName", frm="BudgetName"),
        "budgetType": text(REQUIRED, to="Budget.BudgetType", frm="BudgetType"),
        "timeUnit": text(REQUIRED, to="Budget.TimeUnit", frm="TimeUnit"),
        "limitAmount": text(REQUIRED, to="Budget.BudgetLimit.Amount", frm="limitAmount", same=_same_amount),
        "limitUnit": text(REQUIRED, to="Budget.BudgetLimit.Unit", frm="limitUnit"),
        "costFilters": several({"name": text(REQUIRED), "values": texts(REQUIRED)}, UNORDERED, frm="costFilters"),
        "notifications": several(
            {
                "comparisonOperator": text(REQUIRED),
                "notificationType": text(REQUIRED),
                "threshold": number(REQUIRED),
                "thresholdType": text(REQUIRED),
                "subscriberEmailAddresses": texts(UNORDERED),
                "subscriberSnsTopicArns": texts(UNORDERED),
            },
            UNORDERED | LOCAL | HIDDEN,
        ),
    },
    outputs={"arn": _BUDGET_ARN, "accountId": "{account}"},
    create=Call(
        "CreateBudget",
        {**_BUDGET, "Budget": _budget, "NotificationsWithSubscribers": _notifications},
        said=("name", "budgetType", "timeUnit", "limitAmount", "limitUnit", "costFilters", "notifications"),
    ),
    id="{account}:{name}",
    read=_read_budget,
    updates=(
        Update(
            "budgetType timeUnit limitAmount limitUnit costFilters",
            Call(
                "UpdateBudget",
                {**_BUDGET, "NewBudget": _budget},
                said=("budgetType", "timeUnit", "limitAmount", "limitUnit", "costFilters"),
            ),
            whole=True,
        ),
        Update("notifications", _new_notifications),
    ),
    delete=Call("DeleteBudget", {**_BUDGET, "BudgetName": "{name}"}),
    gone=("NotFoundException",),
    tags=Tagging(
        Call("TagResource", {"ResourceARN": _BUDGET_ARN}),
        Call("UntagResource", {"ResourceARN": _BUDGET_ARN}),
        Call("ListTagsForResource", {"ResourceARN": _BUDGET_ARN}, "ResourceTags", into="ResourceTags"),
        member="ResourceTags",
        keys="ResourceTagKeys",
    ),
    autoname="name",
    identity=("name",),
    regional=False,
)

ROWS = (BUDGET,)
