"""LiteLLM's image for real: config from S3 with a task's credentials, migrations at the start, answers, and its end."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from localcloud import processes
from localcloud.images import ContainerContext, litellm, resolve
from localcloud.processes import wait_until
from tests.images.conftest import Databases

MASTER_KEY = "sk-0123456789abcdef0123456789abcdef0123456789abcdef"
MODEL = "claude-haiku-4-5"
STARTS_WITHIN = 150
CONFIG = {
    "model_list": [
        {
            "model_name": MODEL,
            "litellm_params": {
                "model": f"bedrock/us.anthropic.{MODEL}-20251001-v1:0",
                "mock_response": "It is a mock.",
            },
        }
    ],
    "general_settings": {
        "master_key": "os.environ/LITELLM_MASTER_KEY",
        "database_url": "os.environ/DATABASE_URL",
        "proxy_batch_write_at": 1,
    },
}


@dataclass(frozen=True)
class Aws:
    """S3 with the config in it, and the address of a task role's credentials."""

    env: dict[str, str]


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    endpoint = "http://{}:{}".format(*moto.get_host_and_port())
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    s3.create_bucket(Bucket="config", CreateBucketConfiguration={"LocationConstraint": "us-west-1"})
    s3.put_object(Bucket="config", Key="litellm.yaml", Body=yaml.safe_dump(CONFIG))

    class Credentials(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            keys = {"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}
            self.wfile.write(json.dumps(keys).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credentials)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Aws(
        {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-west-1",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/",
            "LITELLM_CONFIG_BUCKET_NAME": "config",
            "LITELLM_CONFIG_BUCKET_OBJECT_KEY": "litellm.yaml",
        }
    )
    server.shutdown()
    server.server_close()
    moto.stop()


@dataclass(frozen=True)
class Task:
    """A LiteLLM that was started as a container."""

    child: processes.Child
    url: str
    log: Path

    def call(self, path: str, body: object = None, key: str = MASTER_KEY) -> str:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=30) as answer:
            return answer.read().decode()

    def ready(self) -> bool:
        try:
            return json.loads(self.call("/health/readiness"))["db"] == "connected"
        except OSError:
            return False

    def told(self) -> str:
        return self.log.read_text()[-3000:]


@pytest.fixture(scope="module")
def tasks(aws: Aws, databases: Databases, scratch: Path) -> Iterator[dict[str, Task]]:
    """Two at a time, for most of a start is imports: a right one, and one whose database password is wrong."""
    good = databases.create("gateway") + "?sslmode=require"
    bad = databases.url("gateway", password="mistyped", sslmode="require")
    running = {}
    try:
        for name, database in (("good", good), ("bad", bad)):
            env = {
                **aws.env,
                "LITELLM_MASTER_KEY": MASTER_KEY,
                "LITELLM_SALT_KEY": "sk-salt",
                "LITELLM_MODE": "PRODUCTION",
            }
            folder, log = scratch / f"task-{name}", scratch / f"{name}.log"
            ctx = ContainerContext([], ["--port", "4000"], {**env, "DATABASE_URL": database}, folder, log)
            made = resolve(litellm.REFERENCE).prepare(ctx)
            child = processes.start(name, made.argv, home=scratch, env=made.env, output=log, cwd=made.cwd)
            running[name] = Task(child, f"http://127.0.0.1:{made.ports[4000]}", log)
        yield running
    finally:
        for task in running.values():
            task.child.stop()


@pytest.fixture(scope="module")
def gateway(tasks: dict[str, Task]) -> Task:
    task = tasks["good"]
    assert wait_until(lambda: task.ready() or not task.child.running, STARTS_WITHIN, interval=0.2), task.told()
    assert task.child.running, task.told()
    return task


@pytest.mark.timeout(STARTS_WITHIN + 60)
def test_it_starts_with_its_config_from_s3_and_its_tables_made(gateway: Task, databases: Databases) -> None:
    models = json.loads(gateway.call("/v1/models"))["data"]
    assert [model["id"] for model in models] == [MODEL]
    with databases.connect("gateway") as connection:
        unfinished = connection.execute(
            "SELECT count(*) FILTER (WHERE finished_at IS NULL), count(*) FROM _prisma_migrations"
        )
        assert unfinished.fetchone() == (0, 220)


def test_a_key_that_it_makes_gets_answers_and_its_spend_is_kept(gateway: Task, databases: Databases) -> None:
    key = json.loads(gateway.call("/key/generate", {"key_alias": "k", "models": [MODEL], "max_budget": 5}))["key"]
    question = {"model": MODEL, "messages": [{"role": "user", "content": "What are you?"}]}
    answer = json.loads(gateway.call("/v1/chat/completions", question, key))
    assert answer["choices"][0]["message"]["content"] == "It is a mock."
    stream = gateway.call("/v1/chat/completions", {**question, "stream": True}, key)
    chunks = [json.loads(line.removeprefix("data: ")) for line in stream.split("\n\n") if line.startswith("data: {")]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "It is a mock."
    assert len(chunks) > 2

    def spent() -> list[tuple]:
        with databases.connect("gateway") as connection:
            return connection.execute(
                'SELECT t.spend > 0, count(l.*) FROM "LiteLLM_VerificationToken" t'
                " JOIN \"LiteLLM_SpendLogs\" l ON l.api_key = t.token WHERE key_alias = 'k' GROUP BY 1"
            ).fetchall()

    assert wait_until(lambda: spent() == [(True, 2)], 30), spent()


def test_a_wrong_key_is_refused(gateway: Task) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        gateway.call("/v1/models", key="sk-wrong")


def test_nothing_is_written_outside_of_its_folder(gateway: Task, scratch: Path) -> None:
    import psutil

    opened = [
        file.path for file in psutil.Process(gateway.child.pid).open_files() if "w" in file.mode or "a" in file.mode
    ]
    assert all(Path(path).is_relative_to(scratch) for path in opened), opened


@pytest.mark.timeout(STARTS_WITHIN + 60)
def test_it_ends_by_itself_when_its_database_refuses_it(tasks: dict[str, Task]) -> None:
    """As in its container: the migrations come first, and without them it does not serve."""
    task = tasks["bad"]
    assert task.child.wait(STARTS_WITHIN) == 2, task.told()
    assert 'password authentication failed for user "litellm"' in task.told()
    assert "mistyped" not in task.log.read_text()


def test_it_ends_when_asked_and_takes_its_engine_with_it(gateway: Task) -> None:
    import psutil

    engines = psutil.Process(gateway.child.pid).children(recursive=True)
    assert "query-engine" in [engine.name() for engine in engines]
    assert gateway.child.stop(grace=20) in (0, -15)
    assert psutil.wait_procs(engines, timeout=10)[1] == []
