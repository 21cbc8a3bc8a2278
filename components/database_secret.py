"""How LiteLLM connects to its database: a secret of the form that AWS's own tools read, with the URL in it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pulumi_random as random

DATABASE = "litellm"
USER = "litellm"
URL_KEY = "url"
"""The key of the connection URL in the secret's JSON."""


def master_password(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The master user's: letters and digits only, because it stands in a URL; 40 of them are over 230 bits."""
    return random.RandomPassword(f"{name}-password", length=40, special=False, opts=opts).result


def connection_secret(
    name: str,
    prefix: str,
    password: pulumi.Input[str],
    host: pulumi.Input[str],
    port: pulumi.Input[int],
    protect: bool,
    opts: pulumi.ResourceOptions,
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """The secret's ARN, and the id of its version, which changes with its content."""
    secret = aws.secretsmanager.Secret(
        f"{name}-secret",
        name=f"{prefix}/database",
        description="how LiteLLM connects to its database",
        recovery_window_in_days=7 if protect else 0,
        opts=opts,
    )
    document = pulumi.Output.json_dumps(
        {
            "username": USER,
            "password": password,
            "host": host,
            "port": port,
            "dbname": DATABASE,
            # sslmode=require: the connection is encrypted; RDS's CA isn't in LiteLLM's image, so it isn't verified,
            # and the security groups are what keeps another host from answering
            URL_KEY: pulumi.Output.format(
                "postgresql://{0}:{1}@{2}:{3}/{4}?sslmode=require", USER, password, host, port, DATABASE
            ),
        }
    )
    version = aws.secretsmanager.SecretVersion(f"{name}-secret", secret_id=secret.id, secret_string=document, opts=opts)
    return secret.arn, version.version_id


def url_from(secret_arn: pulumi.Output[str], version_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """Where ECS finds the URL. The version is named, so that a new value rolls the service."""
    return pulumi.Output.format("{0}:{1}::{2}", secret_arn, URL_KEY, version_id)
