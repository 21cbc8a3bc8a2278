"""The local cloud as people start it: `make up` in a home of its own, and the memory of what then runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ops.paths import REPO

HOME_VARIABLE = "LOCALCLOUD_HOME"


class CommandFailed(Exception):
    """A `make` failed; the message has its output."""


@dataclass(frozen=True)
class Memory:
    """A process and its resident set size in bytes."""

    name: str
    resident: int


class LocalCloud:
    """Use as a context manager: nothing of it is left afterwards."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> LocalCloud:
        self.make("down")
        return self

    def __exit__(self, *_: object) -> None:
        self.make("down")

    def make(self, target: str) -> float:
        """Run it and return the seconds that it took. Raises CommandFailed."""
        began = time.monotonic()
        done = subprocess.run(
            ["make", target],
            cwd=REPO,
            env=self.env(),
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode:
            raise CommandFailed(f"make {target} failed:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
        return seconds

    def env(self) -> dict[str, str]:
        """The environment of whatever is to meet this local cloud."""
        # What was said to the make that runs us (`ARGS`, its flags) is not for others.
        outer = ("MAKE", "MFLAGS", "ARGS", "STACK", "SHOW_KEYS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        return {**kept, HOME_VARIABLE: str(self.home)}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, with loopback addresses and the keys' values."""
        return json.loads(self.localcloud("outputs", "--json", "--show-secrets"))

    def exports(self) -> dict[str, str]:
        """The environment in which tools talk to the simulated account."""
        return json.loads(self.localcloud("env", "--json"))

    def master_key(self) -> str:
        """LiteLLM's, from Secrets Manager."""
        import boto3

        exports = self.exports()
        client = boto3.client(
            "secretsmanager",
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        )
        return str(client.get_secret_value(SecretId=self.outputs()["masterKeySecretArn"])["SecretString"])

    def behave(self, kind: str, seconds: float) -> None:
        """Tell the stand-ins for Bedrock's models how to behave."""
        self.localcloud("bedrock", kind, "--seconds", str(seconds))

    def litellm(self) -> str:
        """Where the task's LiteLLM itself listens. Raises CommandFailed when none runs."""
        for process in psutil.process_iter():
            if self.owns(process):
                for each in [process, *process.children(recursive=True)]:
                    words = each.cmdline()
                    if any(word.endswith("litellm_start.py") for word in words) and "--port" in words:
                        return f"http://127.0.0.1:{words[words.index('--port') + 1]}"
        raise CommandFailed("no LiteLLM runs")

    def localcloud(self, *arguments: str, cwd: Path = REPO) -> str:
        """What `python -m localcloud …` prints. Raises CommandFailed."""
        command = [sys.executable, "-m", "localcloud", *arguments]
        env = {**self.env(), "PYTHONPATH": str(REPO)}
        done = subprocess.run(command, cwd=cwd, env=env, text=True, capture_output=True, check=False)
        if done.returncode:
            raise CommandFailed(f"localcloud {' '.join(arguments)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def memory(self) -> list[Memory]:
        """Every process of the local cloud, the largest first, with its resident set size: what `ps` calls RSS. Pages
        that several share are counted for each of them, so the sum is no less than what is really taken."""
        found: dict[int, Memory] = {}
        for process in psutil.process_iter():
            if self.owns(process):
                # Their children as well: Postgres' write their title over their environment.
                for each in [process, *process.children(recursive=True)]:
                    found[each.pid] = Memory(_name(each), each.memory_info().rss)
        return sorted(found.values(), key=lambda each: -each.resident)

    def owns(self, process: psutil.Process) -> bool:
        """Whether it is one of this local cloud's."""
        try:
            return process.pid != os.getpid() and process.environ().get(HOME_VARIABLE) == str(self.home)
        except psutil.Error:
            return False


def _name(process: psutil.Process) -> str:
    words = [Path(word).name for word in process.cmdline()[:4] if not word.startswith("-")]
    return " ".join(words)[:40] or process.name()
