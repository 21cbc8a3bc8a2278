"""Cache: Valkey on ElastiCache, in which several tasks count limits together. Reachable by the tasks alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from components.network import CACHE_PORT as PORT

ENGINE = "valkey"
# The key of the token in the secret's JSON.
TOKEN_KEY = "password"


@dataclass(frozen=True)
class CacheArgs:
    """`replicas` beside the primary node: with one or more, a failed primary is replaced by itself."""

    prefix: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    node_type: str
    engine_version: str
    replicas: int
    protect: bool


@dataclass(frozen=True)
class CacheAccess:
    """How a task connects: TLS to `host`, and a token that ECS takes from `token_from` (its `valueFrom` form)."""

    host: pulumi.Output[str]
    port: int
    token_from: pulumi.Output[str]


class Cache(pulumi.ComponentResource):
    """The replication group (cluster mode off: LiteLLM needs one keyspace) and the secret that holds its token.

    It speaks TLS only, wants a token, and is encrypted at rest. What it holds are counters and, if asked for, answers:
    nothing that a backup would have to bring back."""

    group: aws.elasticache.ReplicationGroup
    access: CacheAccess

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:cache:Cache", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        # 16 to 128 printable characters: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html
        token = random.RandomPassword(f"{name}-token", length=64, special=False, opts=mine)
        subnets = aws.elasticache.SubnetGroup(
            f"{name}-subnets", name=args.prefix, subnet_ids=list(args.subnet_ids), opts=mine
        )
        self.group = aws.elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=args.prefix,
            description=f"{args.prefix} shared limits",
            engine=ENGINE,
            engine_version=args.engine_version,
            node_type=args.node_type,
            port=PORT,
            num_cache_clusters=1 + args.replicas,
            automatic_failover_enabled=args.replicas > 0,
            multi_az_enabled=args.replicas > 0,
            subnet_group_name=subnets.name,
            security_group_ids=[args.security_group_id],
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            auth_token=token.result,
            # SET: the old token ends at once; ROTATE would keep it valid beside the new one
            auth_token_update_strategy="SET",
            auto_minor_version_upgrade=True,
            apply_immediately=True,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.access = CacheAccess(
            host=self.group.primary_endpoint_address,
            port=PORT,
            token_from=self._secret(name, args, token, mine),
        )
        self.register_outputs({"host": self.access.host})

    def _secret(
        self, name: str, args: CacheArgs, token: random.RandomPassword, mine: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        secret = aws.secretsmanager.Secret(
            f"{name}-secret",
            name=f"{args.prefix}/cache",
            description="how LiteLLM connects to its cache",
            recovery_window_in_days=7 if args.protect else 0,
            opts=mine,
        )
        version = aws.secretsmanager.SecretVersion(
            f"{name}-secret",
            secret_id=secret.id,
            secret_string=pulumi.Output.json_dumps(
                {"host": self.group.primary_endpoint_address, "port": PORT, TOKEN_KEY: token.result}
            ),
            opts=mine,
        )
        return pulumi.Output.format("{0}:{1}::{2}", secret.arn, TOKEN_KEY, version.version_id)
