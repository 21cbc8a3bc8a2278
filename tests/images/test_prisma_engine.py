"""The WebAssembly engine in the native one's place, seen by LiteLLM's own Prisma client and at its HTTP interface."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from localcloud.images import litellm, litellm_engine
from tests.images.conftest import Databases, Start, engines, free_port
from tests.images.migrate import migrated

SCRIPT = Path(__file__).with_name("conformance.py")
CHECKS = re.findall(r"^async def (check_\w+)", SCRIPT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    """A database with LiteLLM's tables."""
    return migrated(databases, "engine")


@pytest.fixture(scope="module")
def conformance(database: str) -> dict[str, str | None]:
    env = {**os.environ, **litellm_engine.environment("wasm"), "DATABASE_URL": f"{database}?sslmode=require"}
    done = subprocess.run(
        [litellm.venv() / "bin" / "python", SCRIPT], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", CHECKS)
def test_it_answers_as_prismas_own_engine(conformance: dict[str, str | None], check: str) -> None:
    assert conformance[check] is None, conformance[check]


def test_metrics_count_what_happened(database: str, start_engine: Start) -> None:
    engine = start_engine(database)
    for _ in range(3):
        engine.raw("SELECT 1")
    figures = json.loads(engine.get("/metrics?format=json"))
    values = {one["key"]: one["value"] for one in [*figures["counters"], *figures["gauges"]]}
    assert values["prisma_client_queries_total"] == values["prisma_datasource_queries_total"] == 3
    assert (values["prisma_pool_connections_open"], values["prisma_pool_connections_idle"]) == (1, 1)
    (duration,) = [h for h in figures["histograms"] if h["key"] == "prisma_client_queries_duration_histogram_ms"]
    assert (duration["value"]["count"], duration["value"]["buckets"][-1]) == (3, [50000, 3])
    text = engine.get("/metrics?format=prometheus")
    assert "# TYPE prisma_client_queries_total counter\nprisma_client_queries_total 3\n" in text
    assert 'prisma_client_queries_duration_histogram_ms_bucket{le="+Inf"} 3' in text


def test_several_engines_share_a_database(database: str, start_engine: Start, databases: Databases) -> None:
    """As with several workers, or a rolling deployment."""
    running = [start_engine(database) for _ in range(3)]
    with databases.connect("engine") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS tally (n int)")
        connection.execute("TRUNCATE tally")
        connection.execute("INSERT INTO tally VALUES (0)")
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda i: running[i % 3].raw("UPDATE tally SET n = n + 1"), range(60)))
        assert connection.execute("SELECT n FROM tally").fetchone() == (60,)


def test_a_full_pool_is_told_apart_from_an_outage(database: str, start_engine: Start) -> None:
    engine = start_engine(f"{database}?connection_limit=1&pool_timeout=1")
    slow = threading.Thread(target=engine.raw, args=("SELECT pg_sleep(2)::text",))
    slow.start()
    time.sleep(0.3)
    (error,) = engine.raw("SELECT 1")["errors"]
    slow.join()
    assert error["user_facing_error"]["error_code"] == "P2024"
    assert "connection limit: 1" in error["error"]
    assert "data" in engine.raw("SELECT 1")


def test_a_terminated_connection_costs_one_query(database: str, start_engine: Start, databases: Databases) -> None:
    engine = start_engine(f"{database}?application_name=victim")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
    transaction = engine.post("/transaction/start", {"max_wait": 2000, "timeout": 5000})["id"]
    assert "data" in engine.query('query { result: queryRaw(query: "SELECT 1", parameters: "[]") }', transaction)
    databases.cluster.admin_sql(end)
    time.sleep(0.2)
    assert "errors" in engine.query('query { result: queryRaw(query: "SELECT 1", parameters: "[]") }', transaction)
    assert "data" in engine.raw("SELECT 1")
    assert engine.process.poll() is None


def test_settings_in_the_url_reach_the_session(database: str, start_engine: Start) -> None:
    engine = start_engine(f"{database}?application_name=it%27s&options=-c%20statement_timeout%3D200&schema=pg_catalog")
    answer = engine.raw(
        "SELECT current_setting('application_name') a, current_setting('TimeZone') b, current_schema()::text c"
    )
    assert {k: v["prisma__value"] for k, v in answer["data"]["result"][0].items()} == {
        "a": "it's",
        "b": "UTC",
        "c": "pg_catalog",
    }
    (error,) = engine.raw("SELECT pg_sleep(1)::text")["errors"]
    assert error["user_facing_error"]["meta"]["code"] == "57014"


def test_an_overwritten_datasource_comes_first(database: str, start_engine: Start) -> None:
    engine = start_engine(
        "postgresql://no:one@127.0.0.1:9/x", OVERWRITE_DATASOURCES=json.dumps([{"name": "client", "url": database}])
    )
    assert "data" in engine.raw("SELECT 1")


def test_a_document_that_is_none_is_refused(database: str, start_engine: Start) -> None:
    engine = start_engine(database)
    for document in ("query { result: dropEverything { id } }", "mutation {", 'query { result: "x" }'):
        (error,) = engine.query(document)["errors"]
        assert error["user_facing_error"]["error_code"] == "P2009"


def test_it_only_listens_on_loopback_and_is_found_by_its_name(database: str, start_engine: Start) -> None:
    engine = start_engine(database)
    process = psutil.Process(engine.process.pid)
    listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert (listening, process.name()) == ({"127.0.0.1"}, "query-engine")


def test_it_stays_small(database: str, start_engine: Start) -> None:
    engine = start_engine(database)
    for _ in range(5):
        engine.raw("SELECT i, md5(i::text) FROM generate_series(1, 2000) i")
    assert psutil.Process(engine.process.pid).memory_info().rss < 160 * 2**20


def test_it_ends_when_asked(database: str, start_engine: Start) -> None:
    engine = start_engine(database)
    engine.process.terminate()
    assert engine.process.wait(5) == 0


def test_it_ends_with_its_parent(database: str, start_engine: Start, tmp_path: Path) -> None:
    """A parent that is killed can't end it."""
    between = tmp_path / "parent"
    between.write_text(f"#!/bin/sh\n'{litellm_engine.launchers() / 'query-engine'}' \"$@\" &\nwait\n")
    between.chmod(0o755)
    engine = start_engine(database, command=between)
    (orphan,) = psutil.Process(engine.process.pid).children()
    engine.process.kill()
    engine.process.wait()
    assert psutil.wait_procs([orphan], timeout=10)[1] == []


def test_its_version_is_that_of_the_packages() -> None:
    pinned = json.loads((Path(litellm_engine.__file__).parents[1] / "prisma" / "package.json").read_text())[
        "dependencies"
    ]
    told = subprocess.run(
        [litellm_engine.launchers() / "query-engine", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"query-engine {pinned['@prisma/engines-version'].rpartition('.')[2]}\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"port": 9}, "P1001: Can't reach database server at `127.0.0.1:9`"),
        ({"password": "wrong"}, "P1000: Authentication failed"),
        ({"database": "nowhere"}, "P1003: Database `nowhere` does not exist"),
        ({"sslmode": "disable"}, "P1010: User `litellm` was denied access .* no encryption"),
        ({"sslaccept": "strict"}, "P1011: Error opening a TLS connection: self-signed certificate"),
    ],
)
def test_it_does_not_start_without_its_database(
    databases: Databases, litellm_schema: Path, change: dict, told: str
) -> None:
    port, database = change.pop("port", None), change.pop("database", "litellm")
    url = databases.url(database, **change)
    url = url.replace(f":{databases.cluster.port}/", f":{port}/") if port else url
    with engines() as start:
        process = start(url, litellm_schema, free_port())
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert re.search(told, output), output
    assert "wrong" not in output
