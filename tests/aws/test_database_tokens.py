"""Tokens for databases, made as every client makes them: whose lets whom in."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account
from localcloud.aws.iam import database_tokens
from localcloud.aws.iam.database_tokens import BadToken
from tests.aws.callers import allow, session_of_a_role
from tests.aws.world import World

CLUSTER = "cluster-ABC123"


def token(client: Any, user: str = "gateway") -> str:
    return client.generate_db_auth_token(DBHostname="127.0.0.1", Port=40123, DBUsername=user)


def arn(account: Account, user: str, cluster: str = CLUSTER) -> str:
    return f"arn:aws:rds-db:{account.region}:{account.account_id}:dbuser:{cluster}/{user}"


def test_a_role_that_may_connect_may_connect_as_that_user_to_that_cluster(account: Account, world: World) -> None:
    rds = session_of_a_role(account, allow("rds-db:connect", arn(account, "gateway"))).client("rds")
    database_tokens.check(account, token(rds), "gateway", CLUSTER)
    with pytest.raises(BadToken, match="is not authorized to perform: rds-db:connect"):
        database_tokens.check(account, token(rds), "gateway", "cluster-OTHER")
    with pytest.raises(BadToken, match="not authorized"):
        database_tokens.check(account, token(rds, "postgres"), "postgres", CLUSTER)
    with pytest.raises(BadToken, match="no token to connect as postgres"):
        database_tokens.check(account, token(rds), "postgres", CLUSTER)


def test_a_role_without_the_action_may_not(account: Account, world: World) -> None:
    rds = session_of_a_role(account, allow("rds:*")).client("rds")
    with pytest.raises(BadToken, match="is not authorized"):
        database_tokens.check(account, token(rds), "gateway", CLUSTER)


def test_what_was_changed_or_never_was_a_token_lets_nobody_in(account: Account, world: World) -> None:
    good = token(world.rds)
    database_tokens.check(account, good, "gateway", CLUSTER)
    other_service = good.replace("%2Frds-db%2F", "%2Frds%2F")
    bad = ("", "sk-password", good[:-1] + ("0" if good[-1] != "0" else "1"), other_service)
    for one in (*bad, good.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"), good.replace("40123", "40124")):
        with pytest.raises(BadToken) as caught:
            database_tokens.check(account, one, "gateway", CLUSTER)
        assert good[-20:] not in str(caught.value)
