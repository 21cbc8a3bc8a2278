"""Host names in environments become hops, in every form that programs write them, and nothing else is touched."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane.hops import localise

DB = "store.abc123.us-west-1.rds.amazonaws.com"
DOOR = "internal-door-1.us-west-1.elb.amazonaws.com"
HOSTS = {DB: 5432, DOOR: 80}


def run(env: dict[str, str], hosts: dict[str, int] | None = None) -> dict[str, str]:
    """The hop of port n of the database is 10000 + n, of the door 20000 + n."""

    async def listen(host: str, port: int) -> int:
        return (10_000 if host == DB else 20_000) + port

    return asyncio.run(localise(env, HOSTS if hosts is None else hosts, listen))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"postgresql://u:p@{DB}:5432/db?sslmode=require", "postgresql://u:p@127.0.0.1:15432/db?sslmode=require"),
        (f"postgresql://u:p@{DB}/db", "postgresql://u:p@127.0.0.1:15432/db"),
        (f"http://{DOOR}:8080/path", "http://127.0.0.1:28080/path"),
        (f"http://{DOOR}", "http://127.0.0.1:20080"),
        (f"https://{DOOR.upper()}/x", "https://127.0.0.1:20443/x"),
        (f"{DB}:6000", "127.0.0.1:16000"),
        (DB, "127.0.0.1:15432"),
        (f"host={DB} port=5432", "host=127.0.0.1:15432 port=5432"),
        (f"http://{DOOR}:8080,http://{DOOR}", "http://127.0.0.1:28080,http://127.0.0.1:20080"),
        (f"{DB}.", "127.0.0.1:15432."),
        # names that only contain one of ours
        (f"replica-{DB}", f"replica-{DB}"),
        (f"{DB}.example.com", f"{DB}.example.com"),
        (f"other.{DB}", f"other.{DB}"),
        ("no host at all", "no host at all"),
    ],
)
def test_every_form_of_a_host(value: str, expected: str) -> None:
    assert run({"X": value}) == {"X": expected}


def test_a_bare_host_takes_the_port_beside_it() -> None:
    for host, port in (
        ("PGHOST", "PGPORT"),
        ("DATABASE_HOST", "DATABASE_PORT"),
        ("DB_HOSTNAME", "DB_PORT"),
        ("DB_ENDPOINT", "DB_PORT"),
    ):
        assert run({host: DB, port: "5433"}) == {host: "127.0.0.1", port: "15433"}
    assert run({"DB_HOST": DB, "OTHER_PORT": "1"}) == {"DB_HOST": "127.0.0.1:15432", "OTHER_PORT": "1"}
    assert run({"DB_HOST": DB, "DB_PORT": "none"}) == {"DB_HOST": "127.0.0.1:15432", "DB_PORT": "none"}


def test_inside_a_json_secret_the_same_holds() -> None:
    secret = {"host": DB, "port": 5432, "username": "u", "url": f"postgresql://u@{DB}:5432/d", "more": {"host": DOOR}}
    found = json.loads(run({"SECRET": json.dumps(secret)})["SECRET"])
    assert found == {
        "host": "127.0.0.1",
        "port": 15432,
        "username": "u",
        "url": "postgresql://u@127.0.0.1:15432/d",
        "more": {"host": "127.0.0.1:20080"},
    }


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_whatever_holds_no_host_stays_byte_for_byte(env: dict[str, str]) -> None:
    assert run(env) == env
    assert run(env, {}) == env


@given(st.text(alphabet="abc/:?=& ,@", max_size=12), st.text(alphabet="/?&, ", max_size=6))
def test_no_host_is_left_over(before: str, after: str) -> None:
    found = run({"X": f"{before} {DB}{after}"})["X"]
    assert DB not in found and "127.0.0.1:1" in found
