"""AdminRelay: a small Lambda in the VPC in front of the admin door. Who may call it is IAM's to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

SOURCE = Path(__file__).with_suffix("") / "handler.py"
HANDLER = "handler.handle"
RUNTIME = "python3.13"
# LiteLLM answers an admin call within seconds; deleting a user with many keys is the slowest.
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class AdminRelayArgs:
    """`admin_url` is the admin door, `master_key_secret_arn` the key that the relay itself presents there, `egress`
    what must exist before the function can reach Secrets Manager, by IPv6 if `over_ipv6`."""

    prefix: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    admin_url: pulumi.Input[str]
    master_key_secret_arn: pulumi.Input[str]
    log_retention_days: int
    egress: Sequence[pulumi.Resource]
    over_ipv6: bool = False


class AdminRelay(pulumi.ComponentResource):
    """The function. Callers invoke `function_name` and never hold the master key. `ready` is all that must exist
    before a call gets through."""

    function_name: pulumi.Output[str]
    function: aws.lambda_.Function
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: AdminRelayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:relay:AdminRelay", name, None, opts)
        function_name = f"{args.prefix}-relay"
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{function_name}",
            retention_in_days=args.log_retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        role, permissions = self._role(name, args, logs)
        self.function = aws.lambda_.Function(
            f"{name}-function",
            name=function_name,
            description="forwards admin API calls to the gateway's admin door",
            runtime=RUNTIME,
            handler=HANDLER,
            code=pulumi.AssetArchive({SOURCE.name: pulumi.FileAsset(str(SOURCE))}),
            architectures=["arm64"],
            memory_size=256,
            timeout=TIMEOUT_SECONDS,
            role=role.arn,
            vpc_config={
                "subnet_ids": list(args.subnet_ids),
                "security_group_ids": [args.security_group_id],
                "ipv6_allowed_for_dual_stack": args.over_ipv6,
            },
            environment={
                "variables": {"ADMIN_DOOR_URL": args.admin_url, "MASTER_KEY_SECRET_ARN": args.master_key_secret_arn}
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, *permissions, *args.egress]),
        )
        self.function_name = self.function.name
        self.ready = [self.function, *permissions, *args.egress]
        self.register_outputs({"functionName": self.function_name})

    def _role(
        self, name: str, args: AdminRelayArgs, logs: aws.cloudwatch.LogGroup
    ) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        mine = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=f"{args.prefix}-relay",
            description="the admin relay",
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
                        {
                            "Effect": "Allow",
                            "Action": "secretsmanager:GetSecretValue",
                            "Resource": args.master_key_secret_arn,
                        },
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
