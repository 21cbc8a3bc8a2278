"""Sleep: schedules that scale the service to nothing and stop the database outside of office hours, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.hours import OfficeHours

# Universal targets: Scheduler calls the API itself, there is no function in between. Names of members are PascalCase.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
TARGET = "arn:aws:scheduler:::aws-sdk:"
# An instance that is stopped already refuses to be; trying for hours would not change that.
RETRY: aws.scheduler.ScheduleTargetRetryPolicyArgsDict = {
    "maximum_event_age_in_seconds": 900,
    "maximum_retry_attempts": 3,
}
# Some hour at which hardly anybody works anywhere near the stack; it matters only while the stack is put to sleep.
NIGHTLY = "cron(0 3 ? * * *)"


@dataclass(frozen=True)
class SleepArgs:
    """`service_arn` with its `cluster` and `service` names; `tasks` is how many run when awake. `database_arn` and
    `database` (its identifier) are None without one. `hours` None: only `make sleep` and `make wake`.
    `aurora`: the database is a cluster."""

    prefix: str
    cluster: str
    service: str
    service_arn: pulumi.Input[str]
    tasks: int
    database: str | None
    database_arn: pulumi.Input[str] | None
    hours: OfficeHours | None
    aurora: bool = False


class Sleep(pulumi.ComponentResource):
    """The schedules. A role that may do these calls on these two resources and nothing else."""

    def __init__(self, name: str, args: SleepArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:sleep:Sleep", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)
        # a group of their own, so that the role's trust can name it and a leftover can be found by its tags
        self._group = aws.scheduler.ScheduleGroup(f"{name}-group", name=args.prefix, opts=self._mine)
        self._role, allowed = self._scheduler_role()
        self._ready = pulumi.ResourceOptions(parent=self, depends_on=[allowed])
        if args.hours is None:
            self._keep_asleep()
        else:
            self._office_hours(args.hours)
        self.register_outputs({})

    def _office_hours(self, hours: OfficeHours) -> None:
        zone = hours.timezone
        self._schedule(
            "service-start", hours.service_start(), zone, "scales the service up", self._scale(self._args.tasks)
        )
        self._schedule("service-stop", hours.service_stop(), zone, "scales the service to nothing", self._scale(0))
        if self._args.database is not None:
            self._schedule(
                "database-start", hours.database_start(), zone, "starts the database", self._database("start")
            )
            self._schedule("database-stop", hours.database_stop(), zone, "stops the database", self._database("stop"))

    def _keep_asleep(self) -> None:
        """RDS starts a stopped instance by itself after seven days. `make sleep` turns this schedule on and `make wake`
        off, so whether it is on is nothing that an update may change.
        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html"""
        if self._args.database is None:
            return
        asleep = pulumi.ResourceOptions.merge(self._ready, pulumi.ResourceOptions(ignore_changes=["state"]))
        self._schedule(
            "keep-asleep",
            NIGHTLY,
            "UTC",
            "stops the database again that RDS has started after seven days; on while the stack is put to sleep",
            self._database("stop"),
            state="DISABLED",
            opts=asleep,
        )

    def _scale(self, tasks: int) -> tuple[str, dict[str, Any]]:
        given = {"Cluster": self._args.cluster, "Service": self._args.service, "DesiredCount": tasks}
        return "ecs:updateService", given

    def _database(self, verb: str) -> tuple[str, dict[str, Any]]:
        if self._args.aurora:
            return f"rds:{verb}DBCluster", {"DbClusterIdentifier": self._args.database}
        return f"rds:{verb}DBInstance", {"DbInstanceIdentifier": self._args.database}

    def _schedule(
        self,
        role: str,
        expression: str,
        zone: str,
        what: str,
        target: tuple[str, dict[str, Any]],
        state: str = "ENABLED",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        call, given = target
        aws.scheduler.Schedule(
            f"{self._name}-{role}",
            name=role,
            group_name=self._group.name,
            description=f"{self._args.prefix}: {what}",
            schedule_expression=expression,
            schedule_expression_timezone=zone,
            state=state,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": f"{TARGET}{call}",
                "role_arn": self._role.arn,
                "input": json.dumps(given),
                "retry_policy": RETRY,
            },
            opts=opts or self._ready,
        )

    def _scheduler_role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=self)).account_id
        role = aws.iam.Role(
            f"{self._name}-role",
            name=f"{self._args.prefix}-sleep",
            description="puts the gateway to sleep and wakes it",
            assume_role_policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "scheduler.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                            # no schedule of another group or account gets at the role
                            # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": self._group.arn}
                            },
                        }
                    ],
                }
            ),
            opts=self._mine,
        )
        statements: list[Any] = [{"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": self._args.service_arn}]
        if self._args.database_arn is not None:
            kind = "Cluster" if self._args.aurora else "Instance"
            actions = [f"rds:StopDB{kind}"] + ([f"rds:StartDB{kind}"] if self._args.hours else [])
            statements.append({"Effect": "Allow", "Action": actions, "Resource": self._args.database_arn})
        policy = aws.iam.RolePolicy(
            f"{self._name}-policy",
            name="sleep",
            role=role.id,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            opts=self._mine,
        )
        return role, policy
