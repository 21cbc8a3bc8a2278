"""The door before a real Postgres that takes tokens: who is let in by what, and in whose words others are not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from localcloud.aws.iam.database_tokens import BadToken
from localcloud.dataplane.rds_door import TokenDoor
from localcloud.postgres import Cluster
from tests.images.conftest import PASSWORD

TOKEN = "127.0.0.1:5432/?Action=connect&" + "x" * 1500


def check(token: str, user: str) -> None:
    if (token, user) != (TOKEN, "gateway"):
        raise BadToken(f"not {user}'s")


@pytest.fixture(scope="module")
def cluster(scratch: Path) -> Iterator[Cluster]:
    one = Cluster(scratch / "doored", home=scratch)
    one.create("master", PASSWORD, "shop", {})
    one.start()
    # as the master user may on RDS
    for statement in ("CREATE ROLE gateway LOGIN PASSWORD 'a-password-that-is-no-use'", "GRANT rds_iam TO gateway"):
        one.execute("master", PASSWORD, "shop", statement)
    yield one
    one.wipe()


@pytest.fixture(scope="module")
def port(cluster: Cluster) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    door = TokenDoor(cluster, check)
    yield asyncio.run_coroutine_threadsafe(door.open(), loop).result(10)
    asyncio.run_coroutine_threadsafe(door.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def connect(port: int | None, user: str, password: str, **options: str) -> psycopg.Connection:
    settings = {"host": "127.0.0.1", "dbname": "shop", "sslmode": "require", "connect_timeout": "10", **options}
    return psycopg.connect(port=port, user=user, password=password, **settings)


def test_a_token_lets_its_user_in(port: int) -> None:
    with connect(port, "gateway", TOKEN) as connection:
        row = connection.execute("SELECT current_user, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())")
        assert row.fetchone() == ("gateway", True)
        big = "x" * 300_000
        assert connection.execute("SELECT %s::text", [big]).fetchone() == (big,)


@pytest.mark.parametrize("token", ["", "a-password-that-is-no-use", TOKEN + "x"])
def test_another_token_or_a_password_doesnt(port: int, token: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r'PAM authentication failed for user "gateway"|no password'):
        connect(port, "gateway", token)


def test_whoever_has_the_role_cant_come_past_the_door(cluster: Cluster, port: int) -> None:
    for options in ({}, {"sslmode": "disable"}):
        with pytest.raises(psycopg.OperationalError):
            connect(cluster.port, "gateway", "a-password-that-is-no-use", **options)
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(port, "gateway", TOKEN, sslmode="disable")


def test_others_come_by_their_password_bound_to_the_certificate(port: int) -> None:
    with connect(port, "master", PASSWORD, channel_binding="require") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("master",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(port, "master", TOKEN)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(port, "nobody", PASSWORD)


def test_a_query_is_cancelled_through_the_door(port: int) -> None:
    with connect(port, "gateway", TOKEN) as connection:
        # not `cancel`, which keeps all of the process waiting, and the door is in it
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(30)")
        timer.join()
