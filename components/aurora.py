"""Aurora: Postgres on Aurora Serverless v2, which grows and shrinks with its load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from components.database_secret import DATABASE, USER, connection_secret, master_password, url_from
from components.database_user import USER as TOKEN_USER
from components.database_user import DatabaseUser, TokenLogin

ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL
# The class of an instance that has no fixed size.
SERVERLESS = "db.serverless"
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
LEAST_ACU, MOST_ACU = 0.5, 256.0


class Capacity(BaseModel):
    """`databaseCapacity`: between `min` and `max` Aurora capacity units (about 2 GiB of memory each), in halves.

    A `min` of 0 would let Aurora pause, which it never does while LiteLLM holds its connections; so 0.5 is the least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    min: Annotated[float, Field(ge=LEAST_ACU, le=MOST_ACU, multiple_of=0.5)] = 0.5
    max: Annotated[float, Field(ge=1, le=MOST_ACU, multiple_of=0.5)] = 4

    @model_validator(mode="after")
    def _fits(self) -> Capacity:
        if self.min > self.max:
            raise ValueError(f"min ({self.min:g}) is more than max ({self.max:g})")
        return self


@dataclass(frozen=True)
class AuroraArgs:
    """`standby` adds an instance in another zone that takes over within a minute. `protect` as with `Database`. With
    `tokens`, LiteLLM comes by tokens of IAM's, as a user of its own that is made by the Data API."""

    prefix: str
    region: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    engine_version: str
    capacity: Capacity
    standby: bool
    protect: bool
    tokens: bool = False


class Aurora(pulumi.ComponentResource):
    """The cluster, its instances and its secret, which has the form of `Database`'s. `instance` is what users and keys
    live and die with: the cluster. `first` is the instance by which one looks at it. `login` is how LiteLLM comes, if
    that is by token."""

    instance: aws.rds.Cluster
    secret_arn: pulumi.Output[str]
    secret_version_id: pulumi.Output[str]
    url_from: pulumi.Output[str]
    first: aws.rds.ClusterInstance
    ready: list[pulumi.Resource]
    login: TokenLogin | None

    def __init__(self, name: str, args: AuroraArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:database:Aurora", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        password = master_password(name, mine)
        self.instance = self._cluster(name, args, password, mine)
        instances = self._instances(name, args)
        self.first, self.ready = instances[0], [*instances]
        self.secret_arn, self.secret_version_id = connection_secret(
            name, args.prefix, password, self.instance.endpoint, self.instance.port, args.protect, mine
        )
        self.url_from = url_from(self.secret_arn, self.secret_version_id)
        self.login = self._by_token(name, args) if args.tokens else None
        self.register_outputs({"secretArn": self.secret_arn})

    def _by_token(self, name: str, args: AuroraArgs) -> TokenLogin:
        user = DatabaseUser(
            f"{name}-user",
            region=args.region,
            cluster=self.instance.cluster_resource_id,
            cluster_arn=self.instance.arn,
            # of this version: the password in it is the cluster's by then
            secret_arn=pulumi.Output.all(self.secret_arn, self.secret_version_id).apply(lambda of: of[0]),
            database=DATABASE,
            master=USER,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self.ready), deleted_with=self.instance),
        )
        account = self.instance.arn.apply(lambda arn: arn.split(":")[4])
        arn = pulumi.Output.format(
            "arn:aws:rds-db:{0}:{1}:dbuser:{2}/{3}", args.region, account, self.instance.cluster_resource_id, TOKEN_USER
        )
        self.ready.append(user)
        return TokenLogin(self.instance.endpoint, self.instance.port, DATABASE, TOKEN_USER, arn)

    def _cluster(
        self, name: str, args: AuroraArgs, password: pulumi.Output[str], mine: pulumi.ResourceOptions
    ) -> aws.rds.Cluster:
        subnets = aws.rds.SubnetGroup(f"{name}-subnets", name=args.prefix, subnet_ids=list(args.subnet_ids), opts=mine)
        parameters = aws.rds.ClusterParameterGroup(
            f"{name}-parameters",
            # a prefix, because a new major version needs a new group before the old one can go
            name_prefix=f"{args.prefix}-",
            family=f"{ENGINE.value}{args.engine_version.partition('.')[0]}",
            parameters=[{"name": "rds.force_ssl", "value": "1"}],
            opts=mine,
        )
        return aws.rds.Cluster(
            f"{name}-cluster",
            cluster_identifier=args.prefix,
            engine=ENGINE,
            engine_mode="provisioned",
            engine_version=args.engine_version,
            serverlessv2_scaling_configuration={
                "min_capacity": args.capacity.min,
                "max_capacity": args.capacity.max,
            },
            database_name=DATABASE,
            master_username=USER,
            master_password=password,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[args.security_group_id],
            db_cluster_parameter_group_name=parameters.name,
            storage_encrypted=True,
            iam_database_authentication_enabled=args.tokens,
            # a way in by AWS's API for whoever may use it and read the secret: it makes the user, see DatabaseUser
            enable_http_endpoint=args.tokens,
            apply_immediately=True,
            copy_tags_to_snapshot=True,
            backup_retention_period=7 if args.protect else 1,
            delete_automated_backups=not args.protect,
            deletion_protection=args.protect,
            skip_final_snapshot=not args.protect,
            final_snapshot_identifier=f"{args.prefix}-final" if args.protect else None,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )

    def _instances(self, name: str, args: AuroraArgs) -> list[aws.rds.ClusterInstance]:
        return [
            aws.rds.ClusterInstance(
                f"{name}-{number}",
                identifier=f"{args.prefix}-{number}",
                cluster_identifier=self.instance.cluster_identifier,
                instance_class=SERVERLESS,
                engine=ENGINE,
                publicly_accessible=False,
                auto_minor_version_upgrade=True,
                apply_immediately=True,
                # the first one is promoted last: a standby of the same tier takes over
                promotion_tier=0,
                opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
            )
            for number in range(2 if args.standby else 1)
        ]
