"""EventBridge Scheduler."""

from __future__ import annotations

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    Call,
    Row,
    Tagging,
    Update,
    document,
    number,
    one,
    text,
)

_GROUP_ARN = "arn:aws:scheduler:{region}:{account}:schedule-group/{id}"
_BY_ARN = {"ResourceArn": _GROUP_ARN}

GROUP = Row(
    "aws:scheduler/scheduleGroup:ScheduleGroup",
    "scheduler",
    inputs={"name": text(REPLACE | COMPUTED)},
    outputs={"arn": "Arn", "state": "State"},
    create=Call("CreateScheduleGroup"),
    id="{name}",
    read=Call("GetScheduleGroup", {"Name": "{id}"}),
    delete=Call("DeleteScheduleGroup", {"Name": "{id}"}),
    gone=("ResourceNotFoundException",),
    tags=Tagging(
        Call("TagResource", _BY_ARN),
        Call("UntagResource", _BY_ARN),
        Call("ListTagsForResource", _BY_ARN, "Tags", into="Tags"),
    ),
    autoname="name",
    longest=64,
    identity=("name",),
)


async def _group(op: Operation) -> str:
    """From the id: a deletion knows no inputs, and the group's default would stand in for the real one."""
    return op.id.partition("/")[0]


async def _name(op: Operation) -> str:
    return op.id.partition("/")[2]


_PLACE = {"GroupName": _group, "Name": _name}

SCHEDULE = Row(
    "aws:scheduler/schedule:Schedule",
    "scheduler",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "groupName": text(REPLACE, default="default"),
        "description": text(),
        "scheduleExpression": text(REQUIRED),
        "scheduleExpressionTimezone": text(default="UTC"),
        "state": text(default="ENABLED"),
        "flexibleTimeWindow": one({"mode": text(REQUIRED), "maximumWindowInMinutes": number()}, REQUIRED),
        "target": one(
            {
                "arn": text(REQUIRED),
                "roleArn": text(REQUIRED),
                "input": document(),
                "retryPolicy": one({"maximumEventAgeInSeconds": number(), "maximumRetryAttempts": number()}, COMPUTED),
            },
            REQUIRED,
        ),
    },
    outputs={"arn": "Arn"},
    create=Call("CreateSchedule"),
    id="{groupName}/{name}",
    read=Call("GetSchedule", _PLACE),
    # An update says everything anew; what is left out goes back to its default.
    updates=(Update("*", Call("UpdateSchedule", _PLACE), whole=True),),
    delete=Call("DeleteSchedule", _PLACE),
    gone=("ResourceNotFoundException",),
    autoname="name",
    longest=64,
    identity=("groupName", "name"),
)

ROWS = (GROUP, SCHEDULE)
