"""The user that comes by token: what its SQL does on a real Postgres, and what it says where it can't be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from components import database_user
from components.database_user import OWNER, USER, UserFailed, statements
from localcloud.postgres import Cluster
from tests.images.conftest import PASSWORD, scratch

__all__ = ["scratch"]
MASTER = "litellm"
PROPS = {
    "region": "us-west-1",
    "cluster": "cluster-1",
    "cluster_arn": "arn:c",
    "secret_arn": "arn:s",
    "database": "litellm",
    "master": MASTER,
    "user": USER,
    "owner": OWNER,
}


@pytest.fixture(scope="module")
def cluster(scratch: Path) -> Iterator[Cluster]:
    one = Cluster(scratch / "users", home=scratch)
    one.create(MASTER, PASSWORD, "litellm", {})
    one.start()
    yield one
    one.wipe()


def as_master(cluster: Cluster, sql: str) -> list[tuple[object, ...]]:
    return cluster.execute(MASTER, PASSWORD, "litellm", sql)


def as_user(cluster: Cluster, sql: str) -> list[Any]:
    """Past the check of a token, which is the door's."""
    with cluster.client_certificate(USER) as (certificate, key):
        place = {"host": "127.0.0.1", "port": cluster.port, "dbname": "litellm", "sslmode": "require"}
        with psycopg.connect(
            **place, user=USER, sslcert=str(certificate), sslkey=str(key), autocommit=True
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


def test_what_was_made_by_password_is_there_by_token_and_the_other_way_round(cluster: Cluster) -> None:
    as_master(cluster, "CREATE TABLE by_password (n int)")
    for _ in range(2):  # a second time changes nothing
        for statement in statements(USER, OWNER, MASTER):
            as_master(cluster, statement)
    as_user(cluster, "ALTER TABLE by_password ADD m int")
    as_user(cluster, "CREATE TABLE by_token (n int)")
    as_user(cluster, "CREATE VIEW seen AS SELECT n FROM by_token")
    as_master(cluster, "ALTER TABLE by_token ADD m int")
    as_master(cluster, "CREATE TABLE later (n int)")
    for statement in statements(USER, OWNER, MASTER):
        as_master(cluster, statement)
    as_user(cluster, "ALTER TABLE later ADD m int")
    owners = as_master(cluster, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [(OWNER,)]
    assert as_user(cluster, "SELECT current_user, session_user") == [(OWNER, USER)]


class DataApi:
    """Answers each statement as told."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers, self.ran = list(answers), 0

    def execute_statement(self, **_: str) -> None:
        self.ran += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


def failed(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "ExecuteStatement")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(database_user.time, "sleep", waited.append)
    return waited


def test_an_endpoint_that_isnt_open_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    not_yet = (failed("BadRequestException", "HttpEndpoint is not enabled for resource arn:c"),) * 2
    data = DataApi(*not_yet, failed("DatabaseUnavailableException", "starting"))
    monkeypatch.setattr(boto3, "client", lambda *_args, **_options: data)
    assert database_user._Maker().create(dict(PROPS)).id == USER
    assert len(waits) == 3 and data.ran == 3 + len(statements(USER, OWNER, MASTER))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (failed("AccessDeniedException", "not authorized"), "needs rds-data:ExecuteStatement"),
        (failed("DatabaseErrorException", "permission denied"), "DatabaseErrorException.*permission denied"),
        (EndpointConnectionError(endpoint_url="https://x"), "EndpointConnectionError"),
    ],
)
def test_what_fails_is_said(monkeypatch: pytest.MonkeyPatch, waits: list[float], error: Exception, says: str) -> None:
    monkeypatch.setattr(boto3, "client", lambda *_args, **_options: DataApi(error))
    with pytest.raises(UserFailed, match=says):
        database_user._Maker().create(dict(PROPS))
    assert not waits


def test_another_cluster_makes_it_anew_and_another_secret_doesnt() -> None:
    maker = database_user._Maker()
    assert maker.diff("", PROPS, PROPS | {"cluster": "cluster-2"}).changes is True
    assert maker.diff("", PROPS, PROPS | {"secret_arn": "arn:t", "region": "eu-west-1"}).changes is False
