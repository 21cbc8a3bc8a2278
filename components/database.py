"""Database: Postgres on RDS, reachable by the tasks alone, and the secret that holds how to connect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.database_secret import DATABASE, USER, connection_secret, master_password, url_from


@dataclass(frozen=True)
class DatabaseArgs:
    """`storage` is in GB. `protect` keeps a final snapshot, a week of backups and AWS's deletion protection; without it
    a destroyed stack leaves nothing behind. `standby` keeps a copy in another zone that takes over."""

    prefix: str
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    instance_class: str
    engine_version: str
    storage: int
    protect: bool
    standby: bool = False


class Database(pulumi.ComponentResource):
    """The instance (`first` is the same) and its secret. `secret_arn` names a JSON document with `username`,
    `password`, `host`, `port`, `dbname` (the form that AWS's own tools read) and `url`, which LiteLLM takes;
    `secret_version_id` changes with its content. Nobody comes by token: `login` is None."""

    instance: aws.rds.Instance
    secret_arn: pulumi.Output[str]
    secret_version_id: pulumi.Output[str]
    url_from: pulumi.Output[str]
    first: aws.rds.Instance
    ready: list[pulumi.Resource]
    login: None = None

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:database:Database", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        password = master_password(name, mine)
        subnets = aws.rds.SubnetGroup(f"{name}-subnets", name=args.prefix, subnet_ids=list(args.subnet_ids), opts=mine)
        self.instance = self._instance(name, args, subnets, self._parameters(name, args, mine), password)
        self.ready = [self.instance]
        self.secret_arn, self.secret_version_id = connection_secret(
            name, args.prefix, password, self.instance.address, self.instance.port, args.protect, mine
        )
        self.first = self.instance
        self.url_from = url_from(self.secret_arn, self.secret_version_id)
        self.register_outputs({"secretArn": self.secret_arn})

    def _parameters(self, name: str, args: DatabaseArgs, mine: pulumi.ResourceOptions) -> aws.rds.ParameterGroup:
        """Refuses connections without TLS. It is the default from 15 on, and said here so that it stays."""
        return aws.rds.ParameterGroup(
            f"{name}-parameters",
            # a prefix, because a new major version needs a new group before the old one can go
            name_prefix=f"{args.prefix}-",
            family=f"postgres{args.engine_version.partition('.')[0]}",
            parameters=[{"name": "rds.force_ssl", "value": "1"}],
            opts=mine,
        )

    def _instance(
        self,
        name: str,
        args: DatabaseArgs,
        subnets: aws.rds.SubnetGroup,
        parameters: aws.rds.ParameterGroup,
        password: pulumi.Output[str],
    ) -> aws.rds.Instance:
        return aws.rds.Instance(
            f"{name}-instance",
            identifier=args.prefix,
            engine="postgres",
            engine_version=args.engine_version,
            instance_class=args.instance_class,
            allocated_storage=args.storage,
            storage_type="gp3",
            storage_encrypted=True,
            db_name=DATABASE,
            username=USER,
            password=password,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[args.security_group_id],
            parameter_group_name=parameters.name,
            publicly_accessible=False,
            multi_az=True if args.standby else None,
            auto_minor_version_upgrade=True,
            # a change of class or storage is asked for on purpose; waiting for a weekly window would only look like a
            # failure
            apply_immediately=True,
            copy_tags_to_snapshot=True,
            backup_retention_period=7 if args.protect else 1,
            delete_automated_backups=not args.protect,
            deletion_protection=args.protect,
            skip_final_snapshot=not args.protect,
            final_snapshot_identifier=f"{args.prefix}-final" if args.protect else None,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
