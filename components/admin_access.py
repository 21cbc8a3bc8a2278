"""AdminAccess: how admins find their way in, and who may take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from litellm_admin import stack


@dataclass(frozen=True)
class AdminAccessArgs:
    """What is told in the parameter (`litellm_admin.stack.StackFacts`) and what the two policies allow. `database` and
    `database_arn` are None for a stack without one."""

    project: str
    stack: str
    prefix: str
    region: str
    relay: aws.lambda_.Function
    reader: aws.lambda_.Function
    relay_holds_key: bool
    admin_url: pulumi.Input[str]
    gateway_url: pulumi.Input[str]
    master_key_secret_arn: pulumi.Input[str]
    service: aws.ecs.Service
    target_group_arn: pulumi.Input[str]
    database: aws.rds.Instance | aws.rds.ClusterInstance | None
    log_group: pulumi.Input[str]


class AdminAccess(pulumi.ComponentResource):
    """One SSM parameter with everything but secrets, and two managed policies to attach to people's roles:
    `gateway-admin`, and `gateway-viewer`, which lets them look."""

    parameter_name: pulumi.Output[str]
    admin_policy_arn: pulumi.Output[str]
    viewer_policy_arn: pulumi.Output[str]

    def __init__(self, name: str, args: AdminAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:relay:AdminAccess", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)
        parameter = aws.ssm.Parameter(
            f"{name}-parameter",
            name=stack.parameter_name(f"{args.project}/{args.stack}"),
            description="how scripts/litellm-users.sh finds the gateway's admin side; holds no secret",
            type="String",
            # not `value`, which Pulumi treats as a secret: a reviewer should see what changes
            insecure_value=self._document(),
            opts=self._mine,
        )
        self.parameter_name = parameter.name
        look = [self._find(parameter), *self._diagnose()]
        self.viewer_policy_arn = self._policy("viewer", "look at", [self._invoke(args.reader), *look])
        self.admin_policy_arn = self._policy(
            "admin", "administer", [self._invoke(args.relay, args.reader), *look, *self._key()]
        )
        self.register_outputs({"parameterName": self.parameter_name})

    def _document(self) -> pulumi.Output[str]:
        args = self._args
        return pulumi.Output.all(
            name=f"{args.project}/{args.stack}",
            region=args.region,
            relay=args.relay.name,
            reader=args.reader.name,
            relay_holds_key=args.relay_holds_key,
            admin_url=args.admin_url,
            gateway_url=args.gateway_url,
            master_key_secret=args.master_key_secret_arn,
            cluster=args.service.cluster,
            service=args.service.name,
            target_group=args.target_group_arn,
            database=args.database.identifier if args.database else "",
            log_group=args.log_group,
        ).apply(stack.document)

    def _policy(self, role: str, verb: str, statements: Sequence[dict[str, Any]]) -> pulumi.Output[str]:
        policy = aws.iam.Policy(
            f"{self._name}-{role}",
            name=f"{self._args.prefix}-gateway-{role}",
            description=f"{verb} users, keys and spend of the LLM gateway {self._args.prefix}",
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}),
            opts=self._mine,
        )
        return policy.arn

    def _invoke(self, *functions: aws.lambda_.Function) -> dict[str, Any]:
        return {
            "Sid": "Call",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [function.arn for function in functions],
        }

    def _find(self, parameter: aws.ssm.Parameter) -> dict[str, Any]:
        """The stack's own parameter, and which stacks there are. A path is a resource of its own.
        https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html"""
        path = parameter.arn.apply(lambda arn: f"{arn.partition(':parameter/')[0]}:parameter/{self._args.project}")
        return {
            "Sid": "Find",
            "Effect": "Allow",
            "Action": ["ssm:GetParameter", "ssm:GetParametersByPath"],
            "Resource": [parameter.arn, path, pulumi.Output.format("{0}/", path)],
        }

    def _diagnose(self) -> list[dict[str, Any]]:
        """What `doctor` reads to say why the gateway doesn't answer: states, never contents."""
        args = self._args
        own = [args.relay.arn, args.reader.arn, args.master_key_secret_arn, args.service.arn]
        actions = ["lambda:GetFunctionConfiguration", "secretsmanager:DescribeSecret", "ecs:DescribeServices"]
        if args.database is not None:
            own.append(args.database.arn)
            actions.append("rds:DescribeDBInstances")
        return [
            {"Sid": "Diagnose", "Effect": "Allow", "Action": actions, "Resource": own},
            # tasks have no name that could be known; they are those of one cluster
            {
                "Sid": "DiagnoseTasks",
                "Effect": "Allow",
                "Action": ["ecs:ListTasks", "ecs:DescribeTasks"],
                "Resource": "*",
                "Condition": {"ArnEquals": {"ecs:cluster": args.service.cluster}},
            },
            # AWS has no narrower resource for these
            {
                "Sid": "DiagnoseNetwork",
                "Effect": "Allow",
                "Action": [
                    "ec2:DescribeSecurityGroupRules",
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                    "elasticloadbalancing:DescribeLoadBalancers",
                ],
                "Resource": "*",
            },
        ]

    def _key(self) -> list[dict[str, Any]]:
        """Where the relay holds no key, its callers bring it, and read it first."""
        if self._args.relay_holds_key:
            return []
        return [
            {
                "Sid": "BringTheKey",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": self._args.master_key_secret_arn,
            }
        ]
