"""The two IAM roles of a task: what ECS needs to start it, and what LiteLLM may do once it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components.bedrock import Reach

ASSUMED_BY_TASKS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

# The last is what lets a pull fill the cache. https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
PULL = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchImportUpstreamImage",
]


def execution_role(
    name: str,
    prefix: str,
    secrets: Sequence[pulumi.Input[str]],
    log_group_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    repository_arn: pulumi.Input[str] | None = None,
) -> tuple[aws.iam.Role, pulumi.Resource]:
    """The role that ECS takes to start a task: read exactly `secrets` (ECS's `valueFrom` form), write to one log group,
    and pull from the ECR repository `repository_arn`, if the image is in one.

    Returns the role and the policy that a service must wait for.
    """
    # valueFrom is the ARN (seven parts) with the JSON key, stage and version behind it
    arns = pulumi.Output.all(*secrets).apply(lambda refs: sorted({":".join(ref.split(":")[:7]) for ref in refs}))
    pull: list[dict[str, Any]] = [
        # the token is for the whole registry, so AWS takes no narrower resource
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": PULL, "Resource": repository_arn},
    ]
    return _role(
        name,
        f"{prefix}-execution",
        "starts LiteLLM's tasks",
        [
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arns},
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": pulumi.Output.format("{0}:*", log_group_arn),
            },
            *(pull if repository_arn is not None else []),
        ],
        opts,
    )


def task_role(
    name: str,
    prefix: str,
    reaches: Sequence[Reach],
    bucket_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    more: Sequence[dict[str, Any]] = (),
) -> tuple[aws.iam.Role, pulumi.Resource]:
    """The role that LiteLLM runs with: read its config, invoke exactly what `reaches` name, and what the statements in
    `more` allow.

    Returns the role and the policy that a service must wait for.
    """
    read_config = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": pulumi.Output.format("{0}/*", bucket_arn)}
    statements = [read_config, *(statement for reach in reaches for statement in reach.statements()), *more]
    return _role(name, f"{prefix}-task", "LiteLLM", statements, opts)


def _role(
    name: str,
    physical: str,
    description: str,
    statements: pulumi.Input[list[dict[str, Any]]],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, pulumi.Resource]:
    role = aws.iam.Role(
        name,
        name=physical,
        description=description,
        assume_role_policy=pulumi.Output.json_dumps(ASSUMED_BY_TASKS),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        name,
        name="access",
        role=role.id,
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
        opts=opts,
    )
    return role, policy
