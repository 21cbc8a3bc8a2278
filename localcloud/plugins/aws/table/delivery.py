"""CloudWatch Logs: deliveries of what other services write."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    Call,
    Row,
    Tagging,
    Update,
    one,
    text,
    texts,
)

_REGIONS = ("us-east-1",)
_GONE = ("ResourceNotFoundException",)
_BUSY = ("ConflictException",)
_ARN = {"resourceArn": "{arn}"}
_TAGS = Tagging(
    Call("TagResource", _ARN),
    Call("UntagResource", _ARN),
    Call("ListTagsForResource", _ARN, "tags", into="tags"),
    member="tags",
    keys="tagKeys",
)


def _reading(operation: str, member: str, key: str = "name") -> Any:
    async def read(op: Operation) -> dict[str, Any]:
        found = (await op.call(operation, **{key: op.id}))[member]
        op.state["arn"] = found["arn"]
        return found

    return read


SOURCE = Row(
    "aws:cloudwatch/logDeliverySource:LogDeliverySource",
    "logs",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "logType": text(REQUIRED | REPLACE),
        "resourceArn": text(REQUIRED | REPLACE, frm="resourceArns[0]"),
    },
    outputs={"arn": "arn", "service": "service"},
    create=Call("PutDeliverySource"),
    id="{name}",
    read=_reading("GetDeliverySource", "deliverySource"),
    delete=Call("DeleteDeliverySource", {"name": "{id}"}),
    gone=_GONE,
    busy=_BUSY,
    tags=_TAGS,
    autoname="name",
    longest=60,
    identity=("name",),
    regions=_REGIONS,
)

DESTINATION = Row(
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
    "logs",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "outputFormat": text(REPLACE | COMPUTED),
        "deliveryDestinationType": text(REPLACE | COMPUTED),
        "deliveryDestinationConfiguration": one({"destinationResourceArn": text(REQUIRED)}, REQUIRED | REPLACE),
    },
    outputs={"arn": "arn"},
    create=Call("PutDeliveryDestination"),
    id="{name}",
    read=_reading("GetDeliveryDestination", "deliveryDestination"),
    delete=Call("DeleteDeliveryDestination", {"name": "{id}"}),
    gone=_GONE,
    busy=_BUSY,
    tags=_TAGS,
    autoname="name",
    longest=60,
    identity=("name",),
    regions=_REGIONS,
)

DELIVERY = Row(
    "aws:cloudwatch/logDelivery:LogDelivery",
    "logs",
    inputs={
        "deliverySourceName": text(REQUIRED | REPLACE),
        "deliveryDestinationArn": text(REQUIRED | REPLACE),
        "recordFields": texts(COMPUTED),
    },
    outputs={"arn": "arn"},
    create=Call("CreateDelivery"),
    id="delivery.id",
    read=_reading("GetDelivery", "delivery", "id"),
    updates=(Update("recordFields", Call("UpdateDeliveryConfiguration", {"id": "{id}"})),),
    delete=Call("DeleteDelivery", {"id": "{id}"}),
    gone=_GONE,
    busy=_BUSY,
    tags=_TAGS,
    identity=("deliverySourceName", "deliveryDestinationArn"),
    regions=_REGIONS,
)

ROWS = (SOURCE, DESTINATION, DELIVERY)
