"""AdminRelay: a small Lambda in the VPC in front of the admin door. Who may call it is IAM's to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

FOLDER = Path(__file__).with_suffix("")
SOURCE = FOLDER / "handler.py"
HANDLER = "handler.handle"
RUNTIME = "python3.13"
# LiteLLM answers an admin call within seconds; deleting a user with many keys is the slowest.
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class AdminRelayArgs:
    """`admin_url` is the admin door, `master_key_secret_arn` the key that the relay itself presents there if it
    `holds_key`, `egress` what must exist before the function can reach Secrets Manager and STS, by IPv6 if `over_ipv6`.
    `concurrency` calls at a time are reserved for each of the two functions, which also are the most that they run;
    None reserves nothing."""

    prefix: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    admin_url: pulumi.Input[str]
    master_key_secret_arn: pulumi.Input[str]
    log_retention_days: int
    egress: Sequence[pulumi.Resource]
    holds_key: bool = True
    concurrency: int | None = None
    over_ipv6: bool = False


class AdminRelay(pulumi.ComponentResource):
    """Two functions of one code: the relay, and the reader, which forwards only what changes nothing. IAM can't look
    into a call, so who may only look is let in to another function. Callers need not hold the master key. `ready` is
    all that must exist before a call gets through the relay."""

    function_name: pulumi.Output[str]
    function: aws.lambda_.Function
    reader: aws.lambda_.Function
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: AdminRelayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:relay:AdminRelay", name, None, opts)
        self._args = args
        self.function, permissions = self._deploy(name, f"{args.prefix}-relay", "the admin relay", reads_only=False)
        self.reader, _ = self._deploy(f"{name}-read", f"{args.prefix}-relay-read", "the admin reader", reads_only=True)
        self.function_name = self.function.name
        self.ready = [self.function, *permissions, *args.egress]
        self.register_outputs({"functionName": self.function_name, "readerName": self.reader.name})

    def _deploy(
        self, name: str, function_name: str, what: str, *, reads_only: bool
    ) -> tuple[aws.lambda_.Function, list[pulumi.Resource]]:
        """One function with its log group and role, and the permissions that it needs to work."""
        args = self._args
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{function_name}",
            retention_in_days=args.log_retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        role, permissions = self._role(name, function_name, what, logs)
        function = aws.lambda_.Function(
            f"{name}-function",
            name=function_name,
            description=f"forwards admin API calls{' that change nothing' if reads_only else ''} to the admin door",
            runtime=RUNTIME,
            handler=HANDLER,
            code=pulumi.AssetArchive({file.name: pulumi.FileAsset(str(file)) for file in sorted(FOLDER.glob("*.py"))}),
            architectures=["arm64"],
            memory_size=256,
            timeout=TIMEOUT_SECONDS,
            reserved_concurrent_executions=args.concurrency,
            role=role.arn,
            vpc_config={
                "subnet_ids": list(args.subnet_ids),
                "security_group_ids": [args.security_group_id],
                "ipv6_allowed_for_dual_stack": args.over_ipv6,
            },
            environment={
                "variables": {
                    "ADMIN_DOOR_URL": args.admin_url,
                    "MASTER_KEY_SECRET_ARN": args.master_key_secret_arn,
                    "HOLDS_KEY": "true" if args.holds_key else "false",
                    "READS_ONLY": "true" if reads_only else "false",
                }
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, *permissions, *args.egress]),
        )
        return function, permissions

    def _role(
        self, name: str, function_name: str, what: str, logs: aws.cloudwatch.LogGroup
    ) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        mine = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=function_name,
            description=what,
            assume_role_policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            opts=mine,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            name="relay",
            role=role.id,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        *self._read_key(),
                        {
                            "Effect": "Allow",
                            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                            "Resource": pulumi.Output.format("{0}:*", logs.arn),
                        },
                        # Lambda's own interfaces in the VPC: it asks for these on every resource.
                        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
                        {
                            "Effect": "Allow",
                            "Action": [
                                "ec2:CreateNetworkInterface",
                                "ec2:DescribeNetworkInterfaces",
                                "ec2:DescribeSubnets",
                                "ec2:DeleteNetworkInterface",
                                "ec2:AssignPrivateIpAddresses",
                                "ec2:UnassignPrivateIpAddresses",
                            ],
                            "Resource": "*",
                        },
                    ],
                }
            ),
            opts=mine,
        )
        return role, [policy]

    def _read_key(self) -> list[dict[str, Any]]:
        if not self._args.holds_key:
            return []
        return [
            {
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": self._args.master_key_secret_arn,
            }
        ]
