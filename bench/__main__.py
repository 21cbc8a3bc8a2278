"""`make bench`: measures, prints, and fails if a limit is exceeded. Writes no file that stays."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import cli
from bench.bare import BareLiteLLM, NotReady
from bench.cloud import CommandFailed, LocalCloud
from bench.report import SEEDING_SIZE, Check, checks, seeding_checks, seeding_table, spread
from bench.seeding import Gateway, Seeding
from ops.paths import REPO


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="how often each is measured, turn by turn (2)")
    parser.add_argument("--part", choices=("all", "start", "seeding"), default="all", help="what is measured (all)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1000, 3000], help="users, and as many keys")
    args = parser.parse_args()
    machine = f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    print(f"{time.strftime('%Y-%m-%d')}  {machine}")
    (REPO / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=REPO / ".local"))
    try:
        results = measure(folder, args.runs) if args.part in ("all", "start") else []
        results += measure_seeding(folder, args.sizes) if args.part in ("all", "seeding") else []
        for check in results:
            print(check.line())
        return 0 if all(check.passed for check in results) else 1
    except (NotReady, CommandFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, runs: int) -> list[Check]:
    """Turn by turn, so that a machine that gets busier is unfair to neither."""
    bare: list[float] = []
    up: list[float] = []
    memory: list[int] = []
    with BareLiteLLM(folder / "bare") as litellm, LocalCloud(folder / "cloud") as cloud:
        for number in range(runs):
            bare.append(litellm.start())
            up.append(cloud.make("up"))
            processes = cloud.memory()
            memory.append(sum(each.resident for each in processes))
            if number == runs - 1:
                waits = cli.measure(cloud.home)
            cloud.make("down")
    print(spread("LiteLLM's bare start", bare))
    print(spread("warm `make up`", up))
    for each in processes:
        print(f"      {each.name:<40} {each.resident / 1e6:6.0f} MB")
    print("\n".join(cli.lines(waits)))
    return [*checks(bare, up, memory), *cli.checks(waits)]


def measure_seeding(folder: Path, sizes: Sequence[int]) -> list[Check]:
    """The gateway stands for all sizes; the checks are those of the size that the limits are for."""
    done: list[Seeding] = []
    with LocalCloud(folder / "seeding") as cloud:
        cloud.make("up")
        gateway = Gateway(cloud, folder / "program")
        for size in sizes:
            done.append(gateway.measure(size))
            print(seeding_table(done)[-1] if len(done) > 1 else "\n".join(seeding_table(done)), flush=True)
    return [check for one in done if one.count == SEEDING_SIZE for check in seeding_checks(one)]


if __name__ == "__main__":
    sys.exit(main())
