"""The real LiteLLM on a real Postgres, for every room that needs it: started once a run, some 25 seconds.

It runs the config that the stack would deploy, with canned model answers, and is reached at loopback. What its own
routing did with each request is written down beside it (`litellm_witness.py`).
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from litellm_admin.client import Client
from litellm_admin.transport import DirectTransport

ROOT = Path(__file__).parent.parent
HAIKU, SONNET = "claude-haiku-4-5", "claude-sonnet-4-5"
WITNESS = Path(__file__).with_name("litellm_witness.py")
STARTS_WITHIN = 150.0  # seconds; other builds may be running beside the tests


@dataclass(frozen=True)
class Proxy:
    """A running LiteLLM. `fresh` gives names that no other test has used; `routes` and `requests` are the witness's
    files."""

    url: str
    master_key: str = field(repr=False)
    log: Path = field(repr=False)
    routes: Path = field(repr=False)
    requests: Path = field(repr=False)

    @property
    def transport(self) -> DirectTransport:
        return DirectTransport(self.url, self.master_key)

    @property
    def client(self) -> Client:
        return Client(self.transport)

    @staticmethod
    def fresh(stem: str) -> str:
        return f"{stem}-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def proxy() -> Iterator[Proxy]:
    with Server() as server:
        yield server.proxy


class Server:
    """A LiteLLM and its Postgres. Use as a context manager: both run inside, and nothing of them is left afterwards.

    `database_port` tells LiteLLM another port than Postgres' own, for whoever stands between."""

    def __init__(self, database_port: Callable[[int], int] = lambda port: port) -> None:
        # late, so that the rooms that need no LiteLLM don't need this either
        from localcloud.postgres import Cluster

        (ROOT / ".local" / "test").mkdir(parents=True, exist_ok=True)
        self._home = Path(tempfile.mkdtemp(prefix="litellm-", dir=ROOT / ".local" / "test"))
        self.cluster = Cluster(self._home / "postgres", home=self._home)
        self._database_port = database_port
        self._password, self._master_key = secrets.token_hex(16), f"sk-{secrets.token_hex(24)}"
        self._end: Callable[[], object] = lambda: None

    def __enter__(self) -> Server:
        try:
            self.cluster.create("litellm", self._password, "litellm", {"rds.force_ssl": "1"})
            self._port = self._database_port(self.cluster.start())
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.cluster.wipe()
        shutil.rmtree(self._home)

    @property
    def proxy(self) -> Proxy:
        home = self._home
        return Proxy(self.url, self._master_key, home / "litellm.log", home / "routes.json", home / "requests.jsonl")

    def start(self, *, wait: bool = True) -> None:
        """Starts LiteLLM, at another port than before."""
        database = f"postgresql://litellm:{self._password}@localhost:{self._port}/litellm?sslmode=require"
        keys = {"LITELLM_MASTER_KEY": self._master_key, "LITELLM_SALT_KEY": "sk-salt"}
        self.url, self._end = _start(self._home, {**keys, "DATABASE_URL": database})
        if wait:
            self.proxy.client.wait_until_ready(STARTS_WITHIN)

    def stop(self) -> None:
        """Ends LiteLLM, in the middle of whatever it does."""
        self._end()
        self._end = lambda: None


def _start(home: Path, env: dict[str, str]) -> tuple[str, Callable[[], object]]:
    """Its address, and what ends it."""
    from components import litellm_config
    from components.models import Model
    from localcloud import images, processes
    from localcloud.images.litellm import REFERENCE

    folder = home / "task"
    folder.mkdir(exist_ok=True)
    config = folder / "config.yaml"
    models = [
        Model(name=name, bedrock=f"anthropic.{name}", params={"mock_response": f"I am {name}."})
        for name in (HAIKU, SONNET)
    ]
    config.write_text(litellm_config.render(models, has_database=True))
    log = home / "litellm.log"
    command = ["--config", str(config), "--port", "4000"]
    context = images.ContainerContext([], command, {**env, "PROXY_BATCH_WRITE_AT": "1"}, folder, log)
    made = images.resolve(REFERENCE).prepare(context)
    watched = {
        "WITNESS_ROUTES": str(home / "routes.json"),
        "WITNESS_REQUESTS": str(home / "requests.jsonl"),
    }
    argv = [str(WITNESS) if part.endswith("litellm_start.py") else part for part in made.argv]
    child = processes.start("litellm", argv, home=home, env=made.env | watched, output=log, cwd=made.cwd)
    return f"http://127.0.0.1:{made.ports[4000]}", child.stop
