"""Alarms, dashboards, events, and the topics that they speak to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    document,
    flag,
    mapping,
    not_both,
    number,
    one,
    text,
    texts,
)

_ALARM_ARN = "arn:aws:cloudwatch:{region}:{account}:alarm:{id}"
_BY_ID = {"ResourceArn": "{id}"}


def _check_statistic(values: Mapping[str, Any]) -> Mapping[str, str]:
    if values.get("statistic") is None and values.get("extendedStatistic") is None:
        return {"statistic": "or `extendedStatistic` must be set, one of the two"}
    return {}


_PUT_ALARM = Call("PutMetricAlarm")

ALARM = Row(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "cloudwatch",
    inputs={
        "name": text(REPLACE | COMPUTED, to="AlarmName"),
        "alarmDescription": text(),
        "comparisonOperator": text(REQUIRED),
        "evaluationPeriods": number(REQUIRED),
        "datapointsToAlarm": number(),
        "metricName": text(REQUIRED),
        "namespace": text(REQUIRED),
        "dimensions": mapping(),
        "period": number(REQUIRED),
        "statistic": text(),
        "extendedStatistic": text(),
        "threshold": number(REQUIRED),
        "treatMissingData": text(default="missing"),
        "actionsEnabled": flag(default=True),
        "alarmActions": texts(UNORDERED),
        "okActions": texts(UNORDERED, to="OKActions"),
        "insufficientDataActions": texts(UNORDERED),
        "unit": text(),
    },
    outputs={"arn": "AlarmArn"},
    create=_PUT_ALARM,
    id="{name}",
    read=Call("DescribeAlarms", {"AlarmNames": ["{id}"]}, "MetricAlarms[0]"),
    updates=(Update("*", _PUT_ALARM, whole=True),),
    delete=Call("DeleteAlarms", {"AlarmNames": ["{id}"]}),
    gone=("ResourceNotFound", "ResourceNotFoundException"),
    tags=Tagging(
        Call("TagResource", {"ResourceARN": _ALARM_ARN}),
        Call("UntagResource", {"ResourceARN": _ALARM_ARN}),
        Call("ListTagsForResource", {"ResourceARN": _ALARM_ARN}, "Tags", into="Tags"),
    ),
    autoname="name",
    identity=("name",),
    check=(not_both("statistic", "extendedStatistic"), _check_statistic),
)

_PUT_DASHBOARD = Call("PutDashboard")

DASHBOARD = Row(
    "aws:cloudwatch/dashboard:Dashboard",
    "cloudwatch",
    inputs={"dashboardName": text(REQUIRED | REPLACE), "dashboardBody": document(REQUIRED)},
    outputs={"dashboardArn": "DashboardArn"},
    create=_PUT_DASHBOARD,
    id="{dashboardName}",
    read=Call("GetDashboard", {"DashboardName": "{id}"}),
    updates=(Update("dashboardBody", Call("PutDashboard", {"DashboardName": "{id}"})),),
    delete=Call("DeleteDashboards", {"DashboardNames": ["{id}"]}),
    gone=("ResourceNotFound", "DashboardNotFoundError"),
    identity=("dashboardName",),
)

_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}  # its policy is a type of its own


async def _set_attributes(op: Operation) -> None:
    for name, attribute in _ATTRIBUTES.items():
        if name in op.changed:
            await op.call(
                "SetTopicAttributes",
                TopicArn=op.id,
                AttributeName=attribute,
                AttributeValue=str(op.inputs.get(name) or ""),
            )


async def _read_topic(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("GetTopicAttributes", TopicArn=op.id))["Attributes"]
    shown = {name: found.get(attribute) or None for name, attribute in _ATTRIBUTES.items()}
    return shown | {"TopicArn": op.id, "Name": op.id.rpartition(":")[2], "Owner": found.get("Owner")}


TOPIC = Row(
    "aws:sns/topic:Topic",
    "sns",
    inputs={
        "name": text(REPLACE | COMPUTED, to="Name"),
        "displayName": text(frm="displayName"),
        "kmsMasterKeyId": text(frm="kmsMasterKeyId"),
    },
    outputs={"arn": "TopicArn", "owner": "Owner"},
    create=Call("CreateTopic"),
    id="TopicArn",
    read=_read_topic,
    updates=(Update(" ".join(_ATTRIBUTES), _set_attributes),),
    delete=Call("DeleteTopic", {"TopicArn": "{id}"}),
    gone=("NotFound", "NotFoundException"),
    tags=Tagging(
        Call("TagResource", _BY_ID),
        Call("UntagResource", _BY_ID),
        Call("ListTagsForResource", _BY_ID, "Tags", into="Tags"),
    ),
    autoname="name",
    identity=("name",),
)


async def _set_policy(op: Operation) -> dict[str, Any]:
    await op.call(
        "SetTopicAttributes", TopicArn=op.inputs["arn"], AttributeName="Policy", AttributeValue=op.inputs["policy"]
    )
    return {"arn": op.inputs["arn"]}


async def _read_policy(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("GetTopicAttributes", TopicArn=op.id))["Attributes"]
    return {"arn": op.id, "policy": found.get("Policy"), "Owner": found.get("Owner")}


async def _default_policy(op: Operation) -> None:
    """A topic is never without one: what goes back is SNS's own, for the owner alone."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:SetTopicAttributes"],
        "Resource": op.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": op.account}},
    }
    policy = json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
    await op.call("SetTopicAttributes", TopicArn=op.id, AttributeName="Policy", AttributeValue=policy)


TOPIC_POLICY = Row(
    "aws:sns/topicPolicy:TopicPolicy",
    "sns",
    inputs={"arn": text(REQUIRED | REPLACE), "policy": document(REQUIRED)},
    outputs={"owner": "Owner"},
    create=_set_policy,
    id="{arn}",
    read=_read_policy,
    updates=(Update("arn policy", _set_policy),),
    delete=_default_policy,
    gone=("NotFound", "NotFoundException"),
    identity=("arn",),
)

SUBSCRIPTION = Row(
    "aws:sns/topicSubscription:TopicSubscription",
    "sns",
    inputs={
        "topic": text(REQUIRED | REPLACE, to="TopicArn"),
        "protocol": text(REQUIRED | REPLACE),
        "endpoint": text(REQUIRED | REPLACE),
    },
    outputs={"arn": "SubscriptionArn", "ownerId": "Owner"},
    create=Call("Subscribe", {"ReturnSubscriptionArn": True}),
    id="SubscriptionArn",
    read=Call("GetSubscriptionAttributes", {"SubscriptionArn": "{id}"}, "Attributes"),
    delete=Call("Unsubscribe", {"SubscriptionArn": "{id}"}),
    gone=("NotFound", "NotFoundException"),
    identity=("topic", "protocol", "endpoint"),
)


async def _read_monitoring(op: Operation) -> dict[str, Any] | None:
    return (await op.call("GetMonitoringSubscription", DistributionId=op.id)) | {"DistributionId": op.id}


MONITORING = Row(
    "aws:cloudfront/monitoringSubscription:MonitoringSubscription",
    "cloudfront",
    inputs={
        "distributionId": text(REQUIRED | REPLACE),
        "monitoringSubscription": one(
            {"realtimeMetricsSubscriptionConfig": one({"realtimeMetricsSubscriptionStatus": text(REQUIRED)}, REQUIRED)},
            REQUIRED,
        ),
    },
    create=Call("CreateMonitoringSubscription"),
    id="{distributionId}",
    read=_read_monitoring,
    updates=(Update("monitoringSubscription", Call("CreateMonitoringSubscription", {"DistributionId": "{id}"})),),
    delete=Call("DeleteMonitoringSubscription", {"DistributionId": "{id}"}),
    gone=("NoSuchMonitoringSubscription", "NoSuchDistribution"),
    identity=("distributionId",),
    regional=False,
)

_RULE_ARN = "arn:aws:events:{region}:{account}:rule/{id}"
_PUT_RULE = Call("PutRule")

EVENT_RULE = Row(
    "aws:cloudwatch/eventRule:EventRule",
    "events",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "description": text(),
        "eventPattern": document(),
        "scheduleExpression": text(),
        "state": text(default="ENABLED"),
    },
    outputs={"arn": "Arn"},
    create=_PUT_RULE,
    id="{name}",
    read=Call("DescribeRule", {"Name": "{id}"}),
    updates=(Update("*", _PUT_RULE, whole=True),),
    delete=Call("DeleteRule", {"Name": "{id}"}),
    gone=("ResourceNotFoundException",),
    tags=Tagging(
        Call("TagResource", {"ResourceARN": _RULE_ARN}),
        Call("UntagResource", {"ResourceARN": _RULE_ARN}),
        Call("ListTagsForResource", {"ResourceARN": _RULE_ARN}, "Tags", into="Tags"),
    ),
    autoname="name",
    longest=64,
    identity=("name",),
)


async def _target(op: Operation) -> list[dict[str, Any]]:
    said = {"Id": op.value("targetId"), "Arn": op.inputs["arn"], "Input": op.inputs.get("input")}
    return [{name: value for name, value in said.items() if value is not None}]


async def _read_target(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("ListTargetsByRule", Rule=op.value("rule")))["Targets"]
    mine = next((item for item in found if item["Id"] == op.value("targetId")), None)
    return mine and mine | {"rule": op.value("rule"), "targetId": mine["Id"]}


_PUT_TARGET = Call("PutTargets", {"Rule": "{rule}", "Targets": _target}, said=("rule", "targetId", "arn", "input"))

EVENT_TARGET = Row(
    "aws:cloudwatch/eventTarget:EventTarget",
    "events",
    inputs={
        "rule": text(REQUIRED | REPLACE),
        "targetId": text(REQUIRED | REPLACE, frm="targetId"),
        "arn": text(REQUIRED),
        "input": document(),
    },
    create=_PUT_TARGET,
    id="{rule}-{targetId}",
    read=_read_target,
    updates=(Update("arn input", _PUT_TARGET),),
    delete=Call("RemoveTargets", {"Rule": "{rule}", "Ids": ["{targetId}"]}),
    gone=("ResourceNotFoundException",),
    identity=("rule", "targetId"),
)

ROWS = (ALARM, DASHBOARD, TOPIC, TOPIC_POLICY, SUBSCRIPTION, MONITORING, EVENT_RULE, EVENT_TARGET)
