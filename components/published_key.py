"""PublishedKey: a key's value in Secrets Manager, from where an application fetches its own, and nobody else's."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html (PolicyName)
_LONGEST_NAME = 128
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_+=,.@-]")


@dataclass(frozen=True)
class PublishedKeyArgs:
    """`value` is the key's, known once LiteLLM has it. With `protect`, a deleted secret can be restored for a week."""

    prefix: str
    alias: str
    value: pulumi.Input[str]
    protect: bool


class PublishedKey(pulumi.ComponentResource):
    """Outputs: `secret_arn`, whose value is the key as it is sent to the gateway, and `policy_arn`, an IAM policy that
    allows reading this secret and nothing else: attach it to the application's role."""

    secret_arn: pulumi.Output[str]
    policy_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PublishedKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:access:PublishedKey", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        secret = aws.secretsmanager.Secret(
            f"{name}-secret",
            name=f"{args.prefix}/keys/{args.alias}",
            description=f"the key {args.alias} of the LLM gateway",
            recovery_window_in_days=7 if args.protect else 0,
            opts=mine,
        )
        aws.secretsmanager.SecretVersion(
            f"{name}-secret", secret_id=secret.id, secret_string=pulumi.Output.secret(args.value), opts=mine
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=policy_name(args.prefix, args.alias),
            description=f"read the key {args.alias} of the LLM gateway",
            policy=secret.arn.apply(readable),
            opts=mine,
        )
        self.secret_arn, self.policy_arn = secret.arn, policy.arn
        self.register_outputs({"secretArn": self.secret_arn, "policyArn": self.policy_arn})


def readable(secret_arn: str) -> str:
    """A policy that allows reading one secret. It is encrypted with AWS's own key for Secrets Manager, which needs no
    permission of its own within the account."""
    statement = {
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "Resource": secret_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy_name(prefix: str, alias: str) -> str:
    """The policy's name. An alias may be longer than a name, and have slashes, which names don't: then a part of its
    hash keeps two of them apart."""
    name = f"{prefix}-key-{alias}"
    plain = _NOT_IN_A_NAME.sub(".", name)
    if plain == name and len(name) <= _LONGEST_NAME:
        return name
    mark = hashlib.sha256(alias.encode()).hexdigest()[:8]
    return f"{plain[: _LONGEST_NAME - len(mark) - 1]}.{mark}"
