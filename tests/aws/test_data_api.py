"""The Data API's own rules; `tests/dataplane/test_rds.py` has it run SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.callers import allow, session_of_a_role
from tests.aws.test_clusters import PASSWORD, asked, subnets
from tests.aws.world import World, refused

__all__ = ["subnets"]


@pytest.fixture
def ran(account: Account) -> Iterator[list[tuple[str, ...]]]:
    """What was run, by a data plane that answers two rows."""
    seen: list[tuple[str, ...]] = []

    def execute(*given: str) -> list[tuple[object, ...]]:
        seen.append(given)
        if "wrong" in given[-1]:
            raise ValueError('syntax error at or near "wrong"')
        return [(1, "a"), (None, "b")]

    account.facts.execute = execute
    yield seen
    account.facts.execute = None


@pytest.fixture
def way(world: World, account: Account, subnets: str) -> dict[str, str]:
    wanted = asked(world, subnets, EnableHttpEndpoint=True)
    document = json.dumps({"username": "litellm", "password": PASSWORD})
    secret = account.client("secretsmanager").create_secret(Name=world.name("database"), SecretString=document)["ARN"]
    return {"resourceArn": world.rds.create_db_cluster(**wanted)["DBCluster"]["DBClusterArn"], "secretArn": secret}


def test_a_statement_runs_as_the_secrets_user(account: Account, way: dict[str, str], ran: list[Any]) -> None:
    answer = account.client("rds-data").execute_statement(**way, database="litellm", sql="SELECT 1")
    assert answer["records"] == [
        [{"stringValue": "1"}, {"stringValue": "a"}],
        [{"isNull": True}, {"stringValue": "b"}],
    ]
    assert ran == [(way["resourceArn"].rpartition(":")[2], "litellm", PASSWORD, "litellm", "SELECT 1")]
    with refused("DatabaseErrorException", 'near "wrong"'):
        account.client("rds-data").execute_statement(**way, sql="wrong")


def test_it_is_refused_where_it_isnt_switched_on_or_the_secret_is_none(
    world: World, account: Account, way: dict[str, str], subnets: str, ran: list[Any]
) -> None:
    data = account.client("rds-data")
    plain = world.rds.create_db_cluster(**asked(world, subnets))["DBCluster"]["DBClusterArn"]
    with refused("BadRequestException", "HttpEndpoint is not enabled"):
        data.execute_statement(**way | {"resourceArn": plain}, sql="SELECT 1")
    other = account.client("secretsmanager").create_secret(Name=world.name("s"), SecretString="words")["ARN"]
    with refused("BadRequestException", "username and password"):
        data.execute_statement(**way | {"secretArn": other}, sql="SELECT 1")
    with refused("BadRequestException", "can't be found"):
        data.execute_statement(**way | {"secretArn": other + "x"}, sql="SELECT 1")
    with refused("BadRequestException", "has no parameters"):
        data.execute_statement(**way, sql="SELECT :n", parameters=[{"name": "n", "value": {"longValue": 1}}])
    assert not ran


def test_it_takes_the_right_to_run_sql_and_to_read_the_secret(
    account: Account, way: dict[str, str], ran: list[Any]
) -> None:
    run = allow("rds-data:ExecuteStatement", way["resourceArn"])
    read = allow("secretsmanager:GetSecretValue", way["secretArn"])
    for statements, missing in (((read,), "rds-data:ExecuteStatement"), ((run,), "secretsmanager:GetSecretValue")):
        with refused("AccessDeniedException", f"not authorized to perform: {missing}"):
            session_of_a_role(account, *statements).client("rds-data").execute_statement(**way, sql="SELECT 1")
    session_of_a_role(account, run, read).client("rds-data").execute_statement(**way, sql="SELECT 1")
    assert len(ran) == 1
