"""A local cloud of the tests' own, driven by the doors that people use: the CLI, the engine, HTTP and boto3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import boto3
import psycopg
from botocore.credentials import ReadOnlyCredentials

from litellm_admin import proof

ROOT = Path(__file__).resolve().parents[2]
STACK = "local"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Cloud:
    """A home below `.local/test`, apart from the one of `make up`."""

    def __init__(self, name: str) -> None:
        self.home = ROOT / ".local" / "test" / name
        self.env = {**os.environ, "LOCALCLOUD_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        self._exports: dict[str, str] | None = None

    def localcloud(
        self, *arguments: str, check: bool = True, timeout: float = 600, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        """`python -m localcloud …`, with its output captured."""
        command = [sys.executable, "-m", "localcloud", *arguments]
        done = subprocess.run(
            command, cwd=cwd, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(arguments)} exited with {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def ops(self, verb: str, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`make up`, `preview`, `refresh` or `destroy` of the local stack, as the Makefile runs it."""
        return self.localcloud("run", "--", sys.executable, "-m", "ops", verb, "--stack", STACK, *flags, check=check)

    def pulumi(self, *arguments: str, cwd: Path = ROOT, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Plain `pulumi` in the shell that `make env` gives."""
        return self.localcloud(
            "run", "--", "pulumi", *arguments, "--stack", STACK, "--non-interactive", cwd=cwd, check=check
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs with loopback addresses and the keys' values."""
        return json.loads(self.localcloud("outputs", "--json", "--show-secrets").stdout)

    def status(self) -> dict[str, Any]:
        return json.loads(self.localcloud("status", "--json").stdout)

    def exports(self) -> dict[str, str]:
        """What `make env` sets."""
        if self._exports is None:
            self._exports = json.loads(self.localcloud("env", "--json").stdout)
        return self._exports

    def client(self, service: str) -> Any:
        """A boto3 client on the simulated account."""
        exports = self.exports()
        return boto3.client(
            service,
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        )

    def relay(self, method: str, path: str, **event: Any) -> dict[str, Any]:
        """An admin call through the relay, as an IAM caller makes it."""
        exports, name = self.exports(), "llm-gateway-local-relay"
        request = json.dumps({"method": method, "path": path, **event})
        caller = ReadOnlyCredentials(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"], None)
        given = {"request": request, "caller": proof.prove(caller, exports["AWS_REGION"], name, request)}
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(given))
        return json.loads(answer["Payload"].read())

    def users(self, *arguments: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """`scripts/litellm-users.sh`, from a directory that is not the repository's, as whoever `env` says (the
        account's administrator by default). A variable that is empty is unset."""
        own = {name: value for name, value in self.exports().items() if name.startswith("AWS_")}
        given = {"PATH": os.defpath, **own, **env}
        done = subprocess.run(
            [str(ROOT / "scripts" / "litellm-users.sh"), *arguments],
            cwd="/",
            env={name: value for name, value in given.items() if value},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def sql(self, query: LiteralString) -> list[tuple[Any, ...]]:
        """The rows of a query at the stack's Postgres."""
        [database] = self.status()["databases"]
        secret = json.loads(
            self.client("secretsmanager").get_secret_value(SecretId="llm-gateway-local/database")["SecretString"]
        )
        with psycopg.connect(
            host="127.0.0.1",
            port=database["port"],
            user=secret["username"],
            password=secret["password"],
            dbname=secret["dbname"],
            sslmode="require",
        ) as connection:
            return connection.execute(query).fetchall()

    def master_key(self) -> str:
        return self.client("secretsmanager").get_secret_value(SecretId=self.outputs()["masterKeySecretArn"])[
            "SecretString"
        ]


def http(method: str, url: str, key: str | None = None, body: Any = None, timeout: float = 60) -> Answer:
    """One request; a refusal is an answer, not an exception."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return Answer(
                response.status, {k.lower(): v for k, v in response.headers.items()}, response.read().decode()
            )
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode())


def chat(url: str, key: str, model: str = "claude-haiku-4-5", **extra: Any) -> Answer:
    """A chat completion through `url`."""
    message = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **extra}
    return http("POST", f"{url}/v1/chat/completions", key, message)
