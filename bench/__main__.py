"""`make bench`: measures, prints, and fails if a limit is exceeded. Writes no file that stays."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import capacity, cli, edge
from bench.bare import BareLiteLLM, NotReady
from bench.cloud import CommandFailed, LocalCloud, Memory
from bench.report import (
    SEEDING_SIZE,
    Check,
    chain_check,
    checks,
    guard_checks,
    seeding_checks,
    seeding_table,
    spread,
    stream_check,
)
from bench.seeding import Gateway, Seeding
from components.edge import ORIGIN_READ_SECONDS
from ops.paths import REPO

Part = Callable[[Path, argparse.Namespace], list[Check]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--part", choices=("all", *PARTS), default="all", help="what is measured (all)")
    parser.add_argument("--runs", type=int, default=2, help="start: how often each is measured, turn by turn (2)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100, 300, 1000, 3000], help="seeding: users, and as many keys"
    )
    asked = parser.parse_args()
    machine = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    print(f"{time.strftime('%Y-%m-%d')}  {machine}")
    (REPO / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=REPO / ".local"))
    try:
        chosen = [part for name, part in PARTS.items() if asked.part in ("all", name)]
        results = [check for part in chosen for check in part(folder, asked)]
    except (NotReady, CommandFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for check in results:
        print(check.line())
    return 0 if all(check.passed for check in results) else 1


def measure_start(folder: Path, asked: argparse.Namespace) -> list[Check]:
    """Turn by turn, so that a machine that gets busier is unfair to neither."""
    bare: list[float] = []
    up: list[float] = []
    memory: list[int] = []
    processes: list[Memory] = []
    waits: cli.Waits | None = None
    with BareLiteLLM(folder / "bare") as litellm, LocalCloud(folder / "cloud") as cloud:
        for number in range(asked.runs):
            bare.append(litellm.start())
            up.append(cloud.make("up"))
            processes = cloud.memory()
            memory.append(sum(each.resident for each in processes))
            if number == asked.runs - 1:
                waits = cli.measure(cloud)
            cloud.make("down")
    assert waits is not None  # there is at least one run
    print(spread("LiteLLM's bare start", bare))
    print(spread("warm `make up`", up))
    for each in processes:
        print(f"      {each.name:<40} {each.resident / 1e6:6.0f} MB")
    print("\n".join(cli.lines(waits)))
    return [*checks(bare, up, memory), *cli.checks(waits)]


def measure_edge(folder: Path, asked: argparse.Namespace) -> list[Check]:
    """The guard by itself, then the whole chain with the gateway up."""
    cost = edge.guard()
    by_length = ", ".join(f"{n}: {us:.0f} µs" for n, us in cost.by_length.items())
    print(f"      the guard: {cost.open_path:.0f} µs for an open path; the dearest by length: {by_length}", flush=True)
    with LocalCloud(folder / "edge") as cloud:
        cloud.make("up")
        delay, long = edge.latency(cloud), edge.stream(cloud)
    print(f"      the chain adds {delay.chain - delay.direct:.1f} ms to a request")
    print(
        f"      a stream of {long.total:.0f} s: first byte after {long.first:.0f} s, {long.comments} comments,"
        f" {'complete' if long.complete else 'CUT'}"
    )
    return [
        *guard_checks(cost.by_length[1024], cost.once, cost.growth),
        chain_check(delay.direct, delay.chain),
        # a stream that is cut has been silent for good
        stream_check(long.silence if long.complete else float("inf"), ORIGIN_READ_SECONDS),
    ]


def measure_seeding(folder: Path, asked: argparse.Namespace) -> list[Check]:
    """The gateway stands for all sizes; the checks are those of the size that the limits are for."""
    done: list[Seeding] = []
    with LocalCloud(folder / "seeding") as cloud:
        cloud.make("up")
        gateway = Gateway(cloud, folder / "program")
        for size in asked.sizes:
            done.append(gateway.measure(size))
            print(seeding_table(done)[-1] if len(done) > 1 else "\n".join(seeding_table(done)), flush=True)
    return [check for one in done if one.count == SEEDING_SIZE for check in seeding_checks(one)]


def measure_capacity(folder: Path, asked: argparse.Namespace) -> list[Check]:
    """What one LiteLLM carries, against its own server's floor."""
    capacity.measure(folder)
    return []


PARTS: dict[str, Part] = {
    "start": measure_start,
    "edge": measure_edge,
    "seeding": measure_seeding,
    "capacity": measure_capacity,
}

if __name__ == "__main__":
    sys.exit(main())
