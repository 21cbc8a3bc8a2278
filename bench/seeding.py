"""Seeding many users and keys by `pulumi up` on the local gateway, against a bare client in the same run.

The gateway is stood up once. Then, for each size, turn by turn: the bare client seeds and deletes (`seed_floor.py`),
and `seeding_program` with as many users and as many keys is brought up, again without a change, with one user changed,
and with all of them taken out. Every call of LiteLLM is counted at the relay.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.cloud import CommandFailed, LocalCloud
from localcloud.images.litellm import venv
from ops.paths import REPO

STACK = "bench"
RELAY = "llm-gateway-local-relay"


@dataclass(frozen=True)
class Seeding:
    """Seconds, and calls of LiteLLM, for so many users and as many keys. `engine` is an `up` with neither."""

    count: int
    floor: float
    floor_delete: float
    engine: float
    up: float
    up_calls: int
    invocations: int
    unchanged: float
    unchanged_calls: int
    one_user: float
    one_user_calls: int
    emptied: float


class Gateway:
    """The local gateway, and a program that seeds it."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        shutil.copytree(REPO / "bench" / "seeding_program", folder)
        (folder / "access").mkdir()
        (folder / ".venv").symlink_to(REPO / ".venv")
        self._log = cloud.home / "log" / f"function-{RELAY}.log"
        self._run("run", "--", "pulumi", "stack", "init", STACK, "--non-interactive")

    def measure(self, count: int) -> Seeding:
        """Raises CommandFailed."""
        floor = self._floor(count)
        self._write(0)
        engine, *_ = self._up()
        self._write(count, budget=50)
        up, up_calls, invocations = self._up()
        unchanged, unchanged_calls, _ = self._up()
        self._write(count, budget=60)
        one_user, one_user_calls, _ = self._up()
        self._write(0)
        emptied, *_ = self._up()
        return Seeding(
            *(count, floor["seed"], floor["delete"], engine, up, up_calls, invocations),
            *(unchanged, unchanged_calls, one_user, one_user_calls, emptied),
        )

    def _write(self, count: int, budget: int = 50) -> None:
        """`budget` is the first user's."""
        haiku = "models: [claude-haiku-4-5]"
        users = [
            f"{{email: user{n}@example.com, budget: {50 if n else budget}, duration: monthly, {haiku}}}"
            for n in range(count)
        ]
        keys = [f"{{alias: key-{n}, owner: user{n}@example.com, budget: 20, duration: monthly}}" for n in range(count)]
        text = "".join(
            f"{section}:{''.join(f'{chr(10)}  - {entry}' for entry in entries) or ' []'}\n"
            for section, entries in (("users", users), ("keys", keys))
        )
        (self._folder / "access" / "bench.yaml").write_text(text)

    def _up(self) -> tuple[float, int, int]:
        """Seconds, calls of LiteLLM, and invocations of the relay that carried them."""
        before, end = self._invocations(), self._log.stat().st_size
        began = time.monotonic()
        self._run("run", "--", "pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive")
        seconds = time.monotonic() - began
        with self._log.open("rb") as log:
            log.seek(end)
            calls = sum(1 for line in log if b'"audit": "admin-call"' in line)
        return seconds, calls, self._invocations() - before

    def _invocations(self) -> int:
        functions = json.loads(self._run("status", "--json"))["functions"]
        return next(int(one["invocations"]) for one in functions if one["name"] == RELAY)

    def _floor(self, count: int) -> dict[str, float]:
        way = {"url": self._cloud.litellm(), "master_key": self._cloud.master_key()}
        wanted = {**way, "stem": f"floor-{count}", "count": count}
        command = [str(venv() / "bin" / "python"), str(REPO / "bench" / "seed_floor.py")]
        done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"the bare client failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    def _run(self, *arguments: str) -> str:
        return self._cloud.localcloud(*arguments, cwd=self._folder)
