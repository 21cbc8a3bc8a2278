"""How long an admin waits for `litellm-users.sh`: its start, and every command that makes one call, on a warm gateway.

The floor is a bare start of the same Python. `python -m bench.cli` measures this alone.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.cloud import CommandFailed, LocalCloud
from bench.report import Check
from ops.paths import REPO

SCRIPT = REPO / "scripts" / "litellm-users.sh"
START_LIMIT = 0.3  # seconds
COMMAND_LIMIT = 1.0
RUNS = 5
COMMANDS = (
    "whoami",
    "list-users",
    "list-keys",
    "get-user lead@example.com",
    "models",
    "spend",
    "create-user --email bench@example.com --budget 5",
    "update-budget --user-id bench@example.com --budget 6",
    "create-key --alias bench-key --user-id bench@example.com",
    "block-key bench-key",
    "unblock-key bench-key",
    "delete-key bench-key",
    "delete-user bench@example.com",
)


@dataclass(frozen=True)
class Waits:
    """Seconds: of a bare Python, of `help`, and of each command by each way."""

    floor: list[float]
    start: list[float]
    commands: dict[str, dict[str, list[float]]]


def measure(cloud: LocalCloud) -> Waits:
    """On the local cloud, which is up."""
    aws = {name: value for name, value in cloud.exports().items() if name.startswith("AWS_")}
    ways = {
        "relay": aws,
        "url": {"LITELLM_URL": cloud.outputs()["adminUrl"], "LITELLM_MASTER_KEY": cloud.master_key()},
    }
    plain = {"PATH": os.defpath}
    floor = [_run([sys.executable, "-c", "pass"], plain) for _ in range(RUNS)]
    start = [_run([str(SCRIPT), "help"], plain) for _ in range(RUNS)]
    commands: dict[str, dict[str, list[float]]] = {}
    for way, given in ways.items():
        seen: dict[str, list[float]] = {}
        # a round to warm up: the relay's first start is not what is measured
        for number in range(RUNS + 1):
            for line in COMMANDS:
                took = _run([str(SCRIPT), *shlex.split(line)], {**plain, **given})
                if number:
                    seen.setdefault(line.split()[0], []).append(took)
        commands[way] = seen
    return Waits(floor, start, commands)


def lines(waits: Waits) -> list[str]:
    """The figures, for a reader."""
    found = [_spread("bare Python", waits.floor), _spread("litellm-users.sh help", waits.start)]
    for way, seen in waits.commands.items():
        found += [_spread(f"{command} ({way})", times) for command, times in seen.items()]
    return found


def _spread(what: str, seconds: Sequence[float]) -> str:
    each = ", ".join(f"{value * 1000:.0f}" for value in sorted(seconds))
    return f"      {what:<24} {median(seconds) * 1000:6.0f} ms ({each})"


def checks(waits: Waits) -> list[Check]:
    """Medians; of the commands the slowest."""
    found = [
        Check("start of litellm-users.sh / what it may take", median(waits.start), START_LIMIT, 1.0, "s"),
    ]
    for way, seen in waits.commands.items():
        name, times = max(seen.items(), key=lambda item: median(item[1]))
        what = f"slowest command by {way} ({name}) / what it may take"
        found.append(Check(what, median(times), COMMAND_LIMIT, 1.0, "s"))
    return found


def _run(command: Sequence[str], env: Mapping[str, str]) -> float:
    began = time.monotonic()
    done = subprocess.run(
        list(command), cwd=REPO, env=dict(env), text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    took = time.monotonic() - began
    if done.returncode:
        raise CommandFailed(f"{shlex.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=REPO / ".local") as folder:
        with LocalCloud(Path(folder) / "cloud") as cloud:
            cloud.make("up")
            waits = measure(cloud)
    print("\n".join(lines(waits)))
    found = checks(waits)
    print("\n".join(check.line() for check in found))
    return 0 if all(check.passed for check in found) else 1


if __name__ == "__main__":
    sys.exit(main())
