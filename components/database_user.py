"""The database user that LiteLLM is by a token of IAM's instead of a password.

AWS's role is what lets it in: a token is signed with the task's credentials, lasts fifteen minutes, and LiteLLM makes
the next one by itself (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html). The
password stays with the master user, whom no task is any more.

Only SQL makes such a user, and whoever runs Pulumi has no way into the database's subnets; so it goes by the Data API,
which Aurora has and a plain RDS instance hasn't. It is a dynamic resource, because no AWS resource runs SQL. The
provider holds no state and lives in an importable module, so it is pickled by reference.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

USER = "gateway"
OWNER = "litellm_owner"
# An endpoint that was just switched on, or a cluster whose first instance has just come, isn't open at once.
_PATIENCE_SECONDS = 180.0
_PASSING = ("HttpEndpointNotEnabledException", "DatabaseUnavailableException", "DatabaseResumingException")
# What it is about; another way to the same cluster (a new password, say) is no reason to make the user again.
_TRIGGERS = ("user", "owner", "master", "cluster")
_NOT_ENABLED_YET = "HttpEndpoint is not enabled"


class UserFailed(Exception):
    """The user could not be made; the sentence says why."""


def statements(user: str, owner: str, master: str) -> list[str]:
    """What makes `user` so, however often it is run.

    All that `master` owned is then `owner`'s, a role that nobody is by itself and both are members of: so either can
    migrate, and a stack can go over to tokens and back. `user` can't be it, because whoever is a member of a user with
    the role `rds_iam` has that role as well, and `master` would no longer come by its password.
    """
    return [
        _once(user, "LOGIN"),
        _once(owner, "NOLOGIN"),
        f'GRANT rds_iam TO "{user}"',
        f'GRANT "{owner}" TO "{master}", "{user}"',
        f'REASSIGN OWNED BY "{master}" TO "{owner}"',
        # what `user` makes from now on is made as `owner`
        f"ALTER ROLE \"{user}\" SET role = '{owner}'",
    ]


def _once(role: str, how: str) -> str:
    missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
    return f'DO $$ BEGIN IF {missing} THEN CREATE ROLE "{role}" {how}; END IF; END $$'


class _Maker(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        _make(props)
        return CreateResult(f"{props['user']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(
            changes=any(olds.get(name) != news.get(name) for name in ("user", "owner", "master", "cluster"))
        )

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _make(news)
        return UpdateResult(news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """The user stays, and ends with its database. Without a token it can do nothing."""


def _make(props: dict[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
    """Raises UserFailed."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    data: Any = cast(Any, boto3).client("rds-data", region_name=props["region"])
    way = {"resourceArn": props["cluster_arn"], "secretArn": props["secret_arn"], "database": props["database"]}
    until = clock() + _PATIENCE_SECONDS
    for statement in statements(props["user"], props["owner"], props["master"]):
        while True:
            try:
                data.execute_statement(**way, sql=statement)
                break
            except ClientError as error:
                said: dict[str, Any] = cast(Any, error).response.get("Error", {})
                code, message = str(said.get("Code")), str(said.get("Message"))
                if not (code in _PASSING or _NOT_ENABLED_YET in message) or clock() >= until:
                    raise UserFailed(_sentence(props["user"], code, message)) from None
                time.sleep(2)
            except BotoCoreError as error:
                raise UserFailed(_sentence(props["user"], type(error).__name__, str(error))) from None


def _sentence(user: str, code: str, message: str) -> str:
    hint = (
        "; whoever deploys needs rds-data:ExecuteStatement on the cluster and secretsmanager:GetSecretValue on its "
        "secret"
        if "AccessDenied" in code
        else ""
    )
    return f"the database user {user} was not made by the Data API ({code}): {message}{hint}"


class DatabaseUser(Resource, module="database", name="User"):
    """Made when the stack is, and again for another `cluster` (its resource id). `master` is who makes it, by the
    password in the secret."""

    def __init__(
        self,
        name: str,
        *,
        region: str,
        cluster: pulumi.Input[str],
        cluster_arn: pulumi.Input[str],
        secret_arn: pulumi.Input[str],
        database: str,
        master: str,
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs: dict[str, Any] = {
            "region": region,
            "cluster": cluster,
            "cluster_arn": cluster_arn,
            "secret_arn": secret_arn,
            "database": database,
            "master": master,
            "user": USER,
            "owner": OWNER,
        }
        super().__init__(_Maker(), name, inputs, opts)


@dataclass(frozen=True)
class TokenLogin:
    """How LiteLLM connects by token: where, as whom, and `arn`, what its role must be allowed to connect to."""

    host: pulumi.Input[str]
    port: pulumi.Input[int]
    database: str
    user: str
    arn: pulumi.Input[str]

    def environment(self, region: str) -> dict[str, pulumi.Input[str]]:
        """LiteLLM's variables for it. https://docs.litellm.ai/docs/proxy/config_settings"""
        return {
            "IAM_TOKEN_DB_AUTH": "True",
            "AWS_RDS_REGION": region,
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": pulumi.Output.from_input(self.port).apply(str),
            "DATABASE_NAME": self.database,
            "DATABASE_USER": self.user,
            # as in the URL by password (`database_secret`): encrypted, and RDS takes no token otherwise
            "DATABASE_SSLMODE": "require",
        }

    def statement(self) -> dict[str, Any]:
        """What the task's role is allowed."""
        return {"Effect": "Allow", "Action": "rds-db:connect", "Resource": self.arn}
