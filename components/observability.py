"""Observability: a dashboard, and with an address to tell, alarms and a budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import alarms
from components.alarms import Alarm, Watched

# CloudFront's metrics, and so the alarms on them and the topic that they speak to, are in this region only.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/monitoring-using-cloudwatch.html
EDGE_REGION = "us-east-1"


@dataclass(frozen=True)
class ObservabilityArgs:
    """`email` is empty for nobody: then there is the dashboard alone. `monthly_budget` is in dollars. `stack_tag` is
    the value of the tag `Stack`, by which the budget knows what it is for. `database` is None without one, and a
    cluster with a `capacity` (least and most Aurora units)."""

    prefix: str
    region: str
    stack_tag: str
    email: str
    monthly_budget: int
    load_balancer: pulumi.Input[str]
    target_group: pulumi.Input[str]
    cluster: str
    cluster_arn: pulumi.Input[str]
    service: str
    relay: pulumi.Input[str]
    distribution: pulumi.Input[str]
    database: str | None
    instance_class: str
    storage: int
    capacity: tuple[float, float] | None = None


class Observability(pulumi.ComponentResource):
    """The dashboard's name is the stack's prefix, and so is each alarm's beginning."""

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:observability:Observability", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)
        body = self._with_names(lambda watched: json.dumps(alarms.dashboard(watched, args.region)))
        aws.cloudwatch.Dashboard(f"{name}-dashboard", dashboard_name=args.prefix, dashboard_body=body, opts=self._mine)
        if args.email:
            self._tell()
        self.register_outputs({})

    def _tell(self) -> None:
        topic = self._topic("topic", self._mine)
        at_edge, edge_topic = self._mine, topic
        if self._args.region != EDGE_REGION:
            provider = aws.Provider(f"{self._name}-{EDGE_REGION}", region=EDGE_REGION, opts=self._mine)
            at_edge = pulumi.ResourceOptions(parent=self, provider=provider)
            edge_topic = self._topic("edge-topic", at_edge)
        aws.cloudfront.MonitoringSubscription(
            f"{self._name}-edge-metrics",
            distribution_id=self._args.distribution,
            monitoring_subscription={
                "realtime_metrics_subscription_config": {"realtime_metrics_subscription_status": "Enabled"}
            },
            opts=self._mine,
        )
        for place, alarm in enumerate(alarms.alarms(self._nameless())):
            where, told = (at_edge, edge_topic) if alarm.edge else (self._mine, topic)
            self._alarm(place, alarm, told, where)
        self._task_stops(topic)
        self._budget()

    def _nameless(self) -> Watched:
        """What is known without asking AWS; enough to know which alarms there are."""
        return self._watched("", "", "", "")

    def _with_names(self, make: Callable[[Watched], Any]) -> pulumi.Output[Any]:
        args = self._args
        names = pulumi.Output.all(args.load_balancer, args.target_group, args.relay, args.distribution)
        return names.apply(lambda named: make(self._watched(*named)))

    def _watched(self, balancer: str, targets: str, relay: str, distribution: str) -> Watched:
        args = self._args
        return Watched(
            load_balancer=balancer,
            target_group=targets,
            cluster=args.cluster,
            service=args.service,
            relay=relay,
            distribution=distribution,
            database=args.database,
            instance_class=args.instance_class,
            storage=args.storage,
            capacity=args.capacity,
        )

    def _topic(self, role: str, opts: pulumi.ResourceOptions) -> aws.sns.Topic:
        topic = aws.sns.Topic(
            f"{self._name}-{role}", name=f"{self._args.prefix}-alarms", display_name=self._args.prefix, opts=opts
        )
        aws.sns.TopicSubscription(
            f"{self._name}-{role}", topic=topic.arn, protocol="email", endpoint=self._args.email, opts=opts
        )
        return topic

    def _alarm(self, place: int, alarm: Alarm, topic: aws.sns.Topic, opts: pulumi.ResourceOptions) -> None:
        percentile = alarm.statistic.startswith("p")
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            name=f"{self._args.prefix}-{alarm.name}",
            alarm_description=alarm.description,
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=self._with_names(lambda watched: alarms.alarms(watched)[place].dimensions),
            statistic=None if percentile else alarm.statistic,
            extended_statistic=alarm.statistic if percentile else None,
            period=alarm.minutes * 60,
            evaluation_periods=alarm.of,
            datapoints_to_alarm=alarm.bad,
            threshold=alarm.threshold,
            comparison_operator=alarm.comparison,
            # nothing is asked at night, and a sleeping stack has no tasks: silence is no fault
            treat_missing_data="notBreaching",
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
            opts=opts,
        )

    def _task_stops(self, topic: aws.sns.Topic) -> None:
        """Told by the topic as it happens."""
        event = pulumi.Output.from_input(self._args.cluster_arn).apply(alarms.task_stops)
        rule = aws.cloudwatch.EventRule(
            f"{self._name}-task-restarts",
            name=f"{self._args.prefix}-task-restarts",
            description=f"A task ended on its own. See {alarms.RUNBOOK}/task-restarts.md.",
            event_pattern=event.apply(lambda found: json.dumps(found.pattern)),
            opts=self._mine,
        )
        aws.sns.TopicPolicy(
            f"{self._name}-topic",
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        _publishes("cloudwatch.amazonaws.com", topic.arn, self._account()),
                        _publishes("events.amazonaws.com", topic.arn, None, rule.arn),
                    ],
                }
            ),
            opts=self._mine,
        )
        aws.cloudwatch.EventTarget(
            f"{self._name}-task-restarts", rule=rule.name, target_id="topic", arn=topic.arn, opts=self._mine
        )

    def _account(self) -> pulumi.Output[str]:
        return aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=self)).account_id

    def _budget(self) -> None:
        """Its filter sees the tag only once somebody has activated `Stack` as a cost allocation tag in the billing
        console. https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html"""
        aws.budgets.Budget(
            f"{self._name}-budget",
            name=self._args.prefix,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(self._args.monthly_budget),
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:Stack${self._args.stack_tag}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": [self._args.email],
                }
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            opts=self._mine,
        )


def _publishes(
    service: str, topic: pulumi.Input[str], account: pulumi.Input[str] | None, source: pulumi.Input[str] | None = None
) -> dict[str, Any]:
    condition: dict[str, Any] = {"StringEquals": {"aws:SourceAccount": account}} if account is not None else {}
    if source is not None:
        condition = {"ArnEquals": {"aws:SourceArn": source}}
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": condition,
    }
