"""The floor: LiteLLM by itself, as its console script starts it, on a Postgres that runs and is migrated.

The same LiteLLM, environment and query engine as the local cloud's tasks, started by LiteLLM's own command. What the
local cloud does to start it sooner (`localcloud/images/litellm_start.py`) is not in it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any

from localcloud.images import ContainerContext, resolve
from localcloud.images.litellm import REFERENCE, venv
from localcloud.postgres import Cluster

READY_WITHIN = 300.0  # seconds
PORT = 4000
CONFIG = """\
model_list:
  - model_name: canned
    litellm_params: {model: openai/canned, api_key: none, mock_response: hello}
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
  database_url: os.environ/DATABASE_URL
  database_connection_pool_limit: 10
"""


class NotReady(Exception):
    """LiteLLM ended, or did not get ready in time; the message has the end of its log."""


class BareLiteLLM:
    """Use as a context manager: Postgres runs inside, migrated by a first start that isn't measured."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cluster = Cluster(home / "postgres", home=home)
        self.password = secrets.token_urlsafe(18)

    def __enter__(self) -> BareLiteLLM:
        self.home.mkdir(parents=True, mode=0o700)
        (self.home / "config.yaml").write_text(CONFIG)
        try:
            self.cluster.create("litellm", self.password, "litellm")
            self.cluster.start()
            self.start(migrate=True)
        except BaseException:
            self.cluster.wipe()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.wipe()

    def start(self, *, migrate: bool = False) -> float:
        """Start it, stop it once it is ready; seconds in between. Raises NotReady."""
        with (self.home / "litellm.log").open("wb") as log:
            argv, env, port = self._command(migrate)
            began = time.monotonic()
            with _process(argv, env, self.home, log) as process:
                _wait_until_ready(process, f"http://127.0.0.1:{port}/health/readiness", Path(log.name))
                return time.monotonic() - began

    @contextlib.contextmanager
    def running(self) -> Generator[tuple[str, str]]:
        """Its address and its master key, while it is ready. Raises NotReady."""
        with (self.home / "litellm.log").open("wb") as log:
            argv, env, port = self._command(migrate=False)
            with _process(argv, env, self.home, log) as process:
                url = f"http://127.0.0.1:{port}"
                _wait_until_ready(process, f"{url}/health/readiness", Path(log.name))
                yield url, env["LITELLM_MASTER_KEY"]

    def stored(self) -> tuple[int, int, int]:
        """Rows of the spend logs, their bytes with all indexes, and LiteLLM's connections to the database."""
        import psycopg

        where: dict[str, Any] = {"host": "127.0.0.1", "port": self.cluster.port, "user": "litellm", "dbname": "litellm"}
        with psycopg.connect(**where, password=self.password, sslmode="require") as connection:
            row = connection.execute(
                """select (select count(*) from "LiteLLM_SpendLogs"),
                          pg_total_relation_size('"LiteLLM_SpendLogs"'),
                          (select count(*) from pg_stat_activity where usename = 'litellm') - 1"""
            ).fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    def _command(self, migrate: bool) -> tuple[list[str], dict[str, str], int]:
        url = f"postgresql://litellm:{self.password}@127.0.0.1:{self.cluster.port}/litellm?sslmode=require"
        settings = {
            "DATABASE_URL": url,
            "LITELLM_MASTER_KEY": f"sk-{secrets.token_urlsafe(18)}",
            "LITELLM_SALT_KEY": secrets.token_urlsafe(18),
            "LITELLM_MODE": "PRODUCTION",
        }
        if not migrate:
            settings["DISABLE_SCHEMA_UPDATE"] = "true"  # the floor is a start that has nothing else to do
        command = ["--config", str(self.home / "config.yaml"), "--port", str(PORT)]
        context = ContainerContext([], command, settings, self.home / "work", self.home / "litellm.log")
        prepared = resolve(REFERENCE).prepare(context)
        own = [str(venv() / "bin" / "litellm"), *prepared.argv[prepared.argv.index("--config") :]]
        return own, prepared.env, prepared.ports[PORT]


@contextlib.contextmanager
def _process(argv: list[str], env: dict[str, str], cwd: Path, log: IO[bytes]) -> Generator[subprocess.Popen[bytes]]:
    """A process in a group of its own, the whole of which is gone afterwards."""
    process = subprocess.Popen(
        argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise NotReady(f"LiteLLM was not ready (exit code {process.poll()}); the end of its log:\n{tail}")
