"""Gateway: LiteLLM on ECS Fargate, its config, its secrets and its roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from components import litellm_config
from components.bedrock import Reach
from components.cache import CacheAccess
from components.database_user import TokenLogin
from components.doors import IDLE_SECONDS
from components.gateway_roles import execution_role, task_role
from components.migrations import SCHEMA_UPDATE, Migrations
from components.models import Model, secrets_of
from components.network import TASK_PORT

CONTAINER = "litellm"
# The image has no curl.
HEALTH_COMMAND = (
    f"python3 -c \"import urllib.request as r; r.urlopen('http://localhost:{TASK_PORT}/health/liveliness', timeout=5)\""
)
# LiteLLM needs 20 s to start and a fresh database's migrations as long again; a slow day shouldn't end in a rollback.
GRACE_SECONDS = 180
ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"


def capacity(spot_percent: int) -> dict[str, Any]:
    """How a service's tasks are launched: on Fargate, or beyond the first one `spot_percent` of them on Fargate Spot.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html"""
    if not spot_percent:
        return {"launch_type": ON_DEMAND}
    shares = [(ON_DEMAND, 100 - spot_percent, 1), (SPOT, spot_percent, 0)]
    return {
        # a service that is there goes over to another strategy by a deployment, else it would have to be made anew
        "force_new_deployment": True,
        "capacity_provider_strategies": [
            {"capacity_provider": name, "weight": weight, "base": base}
            for name, weight, base in shares
            # the first task is always one that AWS doesn't take back
            if weight or base
        ],
    }


@dataclass(frozen=True)
class GatewayArgs:
    """`cpu` in units (1024 = 1 vCPU), `memory` in MiB. `reaches` are what `models` need to be allowed at Bedrock.
    `database_url_from` is where ECS finds the database's URL (its `valueFrom` form), or `database_login` how LiteLLM
    connects by token; `database_generation` changes with the database. All are None without one. `public_address` gives
    the task one: it is its way out in a public subnet. `tasks` is how many run at first; if `scaled`, something else
    decides from then on. `spot_percent` of those beyond the first run on Fargate Spot. `database_pool` is how many
    connections each may open. `cache` is where they count limits together, and keep answers for `answers_seconds` (0:
    none). `migrate`: a task of its own brings the schema up to date before the service rolls, else each task sees to it
    at its start. `repository_arn`: the ECR repository of the image, if it is in one. `ready` is what must exist
    before a task can start and be reached."""

    prefix: str
    region: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    target_group_arn: pulumi.Input[str]
    image: pulumi.Input[str]
    cpu: int
    memory: int
    models: Sequence[Model]
    reaches: Sequence[Reach]
    database_url_from: pulumi.Input[str] | None
    database_generation: pulumi.Input[str] | None
    log_retention_days: int
    protect: bool
    database_login: TokenLogin | None = None
    public_address: bool = False
    tasks: int = 1
    scaled: bool = False
    spot_percent: int = 0
    database_pool: int = 10
    cache: CacheAccess | None = None
    answers_seconds: int = 0
    migrate: bool = False
    repository_arn: pulumi.Input[str] | None = None
    ready: Sequence[pulumi.Resource] = field(default_factory=tuple)


class Gateway(pulumi.ComponentResource):
    """The service. It counts as created once its tasks are healthy behind the doors."""

    master_key_secret_arn: pulumi.Output[str]
    log_group: pulumi.Output[str]
    tasks: int
    service: aws.ecs.Service
    service_arn: pulumi.Output[str]
    cluster_arn: pulumi.Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:gateway:Gateway", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)
        secrets = self._secrets()
        bucket, config = self._config()
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs", name=f"/ecs/{args.prefix}", retention_in_days=args.log_retention_days, opts=self._mine
        )
        self.log_group = logs.name
        execution, may_start = execution_role(
            f"{name}-execution", args.prefix, list(secrets.values()), logs.arn, self._mine, args.repository_arn
        )
        connect = [args.database_login.statement()] if args.database_login is not None else []
        task, may_run = task_role(f"{name}-task", args.prefix, args.reaches, bucket.arn, self._mine, connect)
        definition = aws.ecs.TaskDefinition(
            f"{name}-task",
            family=args.prefix,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            runtime_platform={"cpu_architecture": "ARM64", "operating_system_family": "LINUX"},
            cpu=str(args.cpu),
            memory=str(args.memory),
            execution_role_arn=execution.arn,
            task_role_arn=task.arn,
            container_definitions=pulumi.Output.json_dumps([self._container(secrets, bucket, config, logs)]),
            opts=self._mine,
        )
        cluster = aws.ecs.Cluster(f"{name}-cluster", name=args.prefix, opts=self._mine)
        self.cluster_arn = cluster.arn
        first: list[pulumi.Resource] = [may_start, may_run]
        if args.migrate:
            first.append(self._migrations(cluster, definition, logs, first))
        self.service = self._service(cluster, definition, first)
        self.service_arn, self.tasks = self.service.id, args.tasks
        self.register_outputs({"masterKeySecretArn": self.master_key_secret_arn})

    def _secrets(self) -> dict[str, pulumi.Output[str]]:
        """Environment variable → where ECS finds its value. The version is named, so that a new value rolls the
        service."""
        master, master_from = self._generated_secret(
            "master-key", "LiteLLM's master key: full rights over users, keys and models"
        )
        _, salt_from = self._generated_secret(
            "salt-key", "encrypts credentials in LiteLLM's database; changing it makes them unreadable"
        )
        self.master_key_secret_arn = master.arn
        found = {"LITELLM_MASTER_KEY": master_from, "LITELLM_SALT_KEY": salt_from}
        if self._args.database_url_from is not None:
            found["DATABASE_URL"] = pulumi.Output.from_input(self._args.database_url_from)
        found |= {name: pulumi.Output.from_input(arn) for name, arn in secrets_of(tuple(self._args.models)).items()}
        if self._args.cache is not None:
            found["REDIS_PASSWORD"] = self._args.cache.token_from
        return found

    def _generated_secret(self, role: str, description: str) -> tuple[aws.secretsmanager.Secret, pulumi.Output[str]]:
        value = random.RandomPassword(f"{self._name}-{role}", length=48, special=False, opts=self._mine)
        secret = aws.secretsmanager.Secret(
            f"{self._name}-{role}",
            name=f"{self._args.prefix}/{role}",
            description=description,
            recovery_window_in_days=7 if self._args.protect else 0,
            opts=self._mine,
        )
        version = aws.secretsmanager.SecretVersion(
            f"{self._name}-{role}",
            secret_id=secret.id,
            secret_string=pulumi.Output.format("sk-{0}", value.result),
            opts=self._mine,
        )
        return secret, pulumi.Output.format("{0}:::{1}", secret.arn, version.version_id)

    def _config(self) -> tuple[aws.s3.Bucket, aws.s3.BucketObjectv2]:
        """The bucket that holds LiteLLM's config: private, TLS only."""
        account = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=self)).account_id
        bucket = aws.s3.Bucket(
            f"{self._name}-config",
            bucket=pulumi.Output.format("{0}-config-{1}-{2}", self._args.prefix, account, self._args.region),
            force_destroy=not self._args.protect,
            opts=self._mine,
        )
        aws.s3.BucketPublicAccessBlock(
            f"{self._name}-config",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._mine,
        )
        aws.s3.BucketPolicy(
            f"{self._name}-config",
            bucket=bucket.id,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "TlsOnly",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [bucket.arn, pulumi.Output.format("{0}/*", bucket.arn)],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                }
            ),
            opts=self._mine,
        )
        text = litellm_config.render(
            self._args.models,
            has_database=self._args.database_url_from is not None or self._args.database_login is not None,
            pool=self._args.database_pool,
            has_cache=self._args.cache is not None,
            answers_seconds=self._args.answers_seconds,
        )
        config = aws.s3.BucketObjectv2(
            f"{self._name}-config",
            bucket=bucket.id,
            key=litellm_config.object_key(text),
            content=text,
            content_type="application/yaml",
            opts=self._mine,
        )
        return bucket, config

    def _container(
        self,
        secrets: dict[str, pulumi.Output[str]],
        bucket: aws.s3.Bucket,
        config: aws.s3.BucketObjectv2,
        logs: aws.cloudwatch.LogGroup,
    ) -> dict[str, Any]:
        environment: dict[str, pulumi.Input[str]] = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_CONFIG_BUCKET_NAME": bucket.bucket,
            "LITELLM_CONFIG_BUCKET_OBJECT_KEY": config.key,
            # prices come with the pinned version instead of from the internet at every start
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "AWS_REGION_NAME": self._args.region,
            # longer than the load balancer keeps an idle connection, or it would now and then send a request into a
            # closing one
            "KEEPALIVE_TIMEOUT": str(IDLE_SECONDS + 10),
        }
        if self._args.cache is not None:
            # LiteLLM's router reads them by itself, the rest of it by the config
            environment |= {
                "REDIS_HOST": self._args.cache.host,
                "REDIS_PORT": str(self._args.cache.port),
                "REDIS_SSL": "True",
            }
        if self._args.database_login is not None:
            environment |= self._args.database_login.environment(self._args.region)
        if self._args.migrate:
            environment[SCHEMA_UPDATE] = "true"
        return {
            "name": CONTAINER,
            "image": self._args.image,
            "essential": True,
            "command": ["--port", str(TASK_PORT)],
            "portMappings": [{"containerPort": TASK_PORT, "protocol": "tcp"}],
            "environment": [{"name": key, "value": value} for key, value in environment.items()],
            "secrets": [{"name": key, "valueFrom": value} for key, value in secrets.items()],
            "healthCheck": {
                "command": ["CMD-SHELL", HEALTH_COMMAND],
                "interval": 30,
                "timeout": 10,
                "retries": 3,
                "startPeriod": GRACE_SECONDS,
            },
            # the most that Fargate grants, for streams to end
            "stopTimeout": 120,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": logs.name,
                    "awslogs-region": self._args.region,
                    "awslogs-stream-prefix": CONTAINER,
                },
            },
        }

    def _migrations(
        self,
        cluster: aws.ecs.Cluster,
        definition: aws.ecs.TaskDefinition,
        logs: aws.cloudwatch.LogGroup,
        permissions: list[pulumi.Resource],
    ) -> Migrations:
        assert self._args.database_generation is not None, "settings refuse migrations without a database"
        return Migrations(
            f"{self._name}-migrations",
            region=self._args.region,
            cluster=cluster.name,
            task_definition=definition.arn,
            container=CONTAINER,
            subnets=self._args.subnet_ids,
            security_group=self._args.security_group_id,
            public_address=self._args.public_address,
            log_group=logs.name,
            image=self._args.image,
            database=self._args.database_generation,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*permissions, *self._args.ready]),
        )

    def _service(
        self, cluster: aws.ecs.Cluster, definition: aws.ecs.TaskDefinition, first: list[pulumi.Resource]
    ) -> aws.ecs.Service:
        launch = capacity(self._args.spot_percent)
        if "capacity_provider_strategies" in launch:
            providers = aws.ecs.ClusterCapacityProviders(
                f"{self._name}-capacity",
                cluster_name=cluster.name,
                capacity_providers=[ON_DEMAND, SPOT],
                opts=self._mine,
            )
            first = [*first, providers]
        return aws.ecs.Service(
            f"{self._name}-service",
            name=self._args.prefix,
            cluster=cluster.arn,
            task_definition=definition.arn,
            desired_count=self._args.tasks,
            **launch,
            platform_version="1.4.0",
            network_configuration={
                "subnets": list(self._args.subnet_ids),
                "security_groups": [self._args.security_group_id],
                "assign_public_ip": self._args.public_address,
            },
            load_balancers=[
                {
                    "target_group_arn": self._args.target_group_arn,
                    "container_name": CONTAINER,
                    "container_port": TASK_PORT,
                }
            ],
            health_check_grace_period_seconds=GRACE_SECONDS,
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            propagate_tags="SERVICE",
            wait_for_steady_state=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*first, *self._args.ready],
                # what office hours, `make sleep` or autoscaling have chosen is not for an update to undo; several tasks
                # without autoscaling are a number that somebody changes in the config
                ignore_changes=["desiredCount"] if self._args.scaled or self._args.tasks == 1 else [],
            ),
        )
