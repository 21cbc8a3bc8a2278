"""The part of the program with every type that watches, tells, and acts by the clock."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from tests.plugins.every_network import Form

_ASSUME = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_ASSUME]})


def watching(form: Form, distribution: aws.cloudfront.Distribution) -> None:
    topic = aws.sns.Topic(
        "topic", name="every-topic", display_name=form.pick("Alarms", "All alarms"), tags={"a": form.pick("b", "c")}
    )
    aws.sns.TopicSubscription("subscription", topic=topic.arn, protocol="email", endpoint="ops@example.com")
    rule = aws.cloudwatch.EventRule(
        "stops",
        name="every-stops",
        description=form.pick("one", "two"),
        event_pattern=json.dumps({"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}}),
        tags={"a": form.pick("b", "c")},
    )
    aws.cloudwatch.EventTarget(
        "stops", rule=rule.name, target_id="topic", arn=topic.arn, input=json.dumps({"told": form.pick(1, 2)})
    )
    publish = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    aws.sns.TopicPolicy(
        "topic",
        arn=topic.arn,
        policy=pulumi.Output.json_dumps(
            {"Version": "2012-10-17", "Statement": [{**publish, "Sid": form.pick("One", "Two"), "Resource": topic.arn}]}
        ),
    )
    aws.cloudwatch.MetricAlarm(
        "alarm",
        name="every-alarm",
        alarm_description=form.pick("one", "two"),
        namespace="AWS/ApplicationELB",
        metric_name="HTTPCode_Target_5XX_Count",
        dimensions={"LoadBalancer": "app/x/1", "TargetGroup": "targetgroup/y/2"},
        statistic=form.pick("Sum", "Maximum"),
        period=60,
        evaluation_periods=5,
        datapoints_to_alarm=form.pick(3, 4),
        threshold=form.pick(5, 7.5),
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
        ok_actions=[topic.arn],
        tags={"a": form.pick("b", "c")},
    )
    widget = {
        "type": "metric",
        "x": 0,
        "y": 0,
        "width": 12,
        "height": 6,
        "properties": {
            "region": "us-west-1",
            "title": form.pick("one", "two"),
            "metrics": [["AWS/ECS", "CPUUtilization", "ServiceName", "every"]],
        },
    }
    aws.cloudwatch.Dashboard(
        "dashboard", dashboard_name="every-dashboard", dashboard_body=json.dumps({"widgets": [widget]})
    )
    aws.cloudfront.MonitoringSubscription(
        "monitoring",
        distribution_id=distribution.id,
        monitoring_subscription={
            "realtime_metrics_subscription_config": {
                "realtime_metrics_subscription_status": form.pick("Enabled", "Disabled")
            }
        },
    )
    aws.budgets.Budget(
        "budget",
        name="every-budget",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=form.pick("100", "120.5"),
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": ["user:Stack$every"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": "ACTUAL",
                "threshold": form.pick(80, 90),
                "threshold_type": "PERCENTAGE",
                "subscriber_email_addresses": ["ops@example.com"],
            }
        ],
        tags={"a": form.pick("b", "c")},
    )


def scheduling(form: Form) -> None:
    group = aws.scheduler.ScheduleGroup("schedules", name="every-schedules", tags={"a": form.pick("b", "c")})
    role = aws.iam.Role("scheduler", assume_role_policy=TRUST)
    aws.scheduler.Schedule(
        "schedule",
        name="every-schedule",
        group_name=group.name,
        description=form.pick("one", "two"),
        schedule_expression=form.pick("cron(0 18 ? * MON-FRI *)", "cron(0 19 ? * MON-FRI *)"),
        schedule_expression_timezone=form.pick("Europe/Berlin", "UTC"),
        state=form.pick("ENABLED", "DISABLED"),
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance",
            "role_arn": role.arn,
            "input": json.dumps({"DbInstanceIdentifier": form.pick("one", "two")}),
            "retry_policy": {"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 5},
        },
    )
