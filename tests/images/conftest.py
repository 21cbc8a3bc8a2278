"""A Postgres of this room's own, and Prisma's engine on it. Both come from set-up (`make test` runs that first)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest

from localcloud.images import litellm, litellm_engine
from localcloud.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
# As much as a URL can make of a password.
PASSWORD = "p@ss:w/o%rd'\\#"
USER = "litellm"


@dataclass(frozen=True)
class Databases:
    """A running cluster, and its databases' addresses."""

    cluster: Cluster

    def url(
        self, database: str, *, host: str = "127.0.0.1", user: str = USER, password: str = PASSWORD, **parameters: str
    ) -> str:
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"postgresql://{credentials}@{host}:{self.cluster.port}/{database}{query}"

    def create(self, name: str) -> str:
        """A new empty database; its URL."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Below the clone and not in /tmp: where a cluster's folder is in earnest."""
    (ROOT / ".local" / "test").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="images-", dir=ROOT / ".local" / "test"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def databases(scratch: Path) -> Iterator[Databases]:
    cluster = Cluster(scratch / "shared", home=scratch)
    try:
        cluster.create(USER, PASSWORD, "litellm", {})
        cluster.start()
        yield Databases(cluster)
    finally:
        cluster.wipe()


@dataclass(frozen=True)
class Engine:
    """A query engine's HTTP interface."""

    url: str
    process: subprocess.Popen

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return answer.read().decode()

    def post(self, path: str, body: object = None, **headers: str) -> dict:
        data = json.dumps(body).encode() if body is not None else b""
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def query(self, document: str, transaction: str | None = None) -> dict:
        headers = {"x-transaction-id": transaction} if transaction else {}
        return self.post("/", {"query": document, "variables": {}, "operation_name": ""}, **headers)

    def raw(self, sql: str, *parameters: object) -> dict:
        """A raw query's answer, parsed as prisma-client-py parses it."""
        arguments = f"query: {json.dumps(sql)}, parameters: {json.dumps(json.dumps(parameters))}"
        return self.query(f"mutation {{ result: queryRaw({arguments}) }}")


Start = Callable[..., Engine]


@contextmanager
def engines() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts query engines, and ends them."""
    running: list[subprocess.Popen] = []

    def start(url: str, schema: Path, port: int, command: Path | None = None, **env: str) -> subprocess.Popen:
        complete = {
            **os.environ,
            **litellm_engine.environment("wasm"),
            "DATABASE_URL": url,
            "PRISMA_DML_PATH": str(schema),
            **env,
        }
        words = [
            command or litellm_engine.launchers() / "query-engine",
            "-p",
            str(port),
            "--enable-metrics",
            "--enable-raw-queries",
        ]
        process = subprocess.Popen(words, env=complete, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in running:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def litellm_schema() -> Path:
    return next(litellm.venv().glob("lib/python*/site-packages/litellm/proxy/schema.prisma"))


@pytest.fixture
def start_engine(litellm_schema: Path) -> Iterator[Start]:
    """start_engine(url, schema=…, **environment) → a running engine; one that ends instead is an AssertionError."""
    with engines() as start:

        def run(url: str, schema: Path = litellm_schema, command: Path | None = None, **env: str) -> Engine:
            port = free_port()
            process = start(url, schema, port, command, **env)
            engine = Engine(f"http://127.0.0.1:{port}", process)
            for _ in range(600):
                assert process.poll() is None, process.communicate()[0]
                try:
                    assert json.loads(engine.get("/status")) == {"status": "ok"}
                    return engine
                except urllib.error.URLError:
                    time.sleep(0.05)
            raise AssertionError("the engine did not answer in time")

        yield run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
