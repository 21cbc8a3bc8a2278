"""Another stack than the shipped one on this machine: its config, the engine's verbs, waiting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.live.cloud import ROOT, Cloud


def until(what: Callable[[], bool], sentence: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, sentence
        time.sleep(0.5)


@dataclass
class Stood:
    """The stack, up; `folder` is the program with the stack file that made it."""

    cloud: Cloud
    folder: Path
    outputs: dict[str, Any]


def ops(cloud: Cloud, folder: Path, verb: str, check: bool = True) -> str:
    command = [sys.executable, "-m", "ops", verb, "--stack", "local", "--yes", "--work-dir", str(folder)]
    done = cloud.localcloud("run", "--", *command, check=check)
    assert check or done.returncode, f"{verb} should have been refused"
    return done.stdout + done.stderr


def write_stack(folder: Path, name: str, changes: dict[str, Any]) -> None:
    """`folder`'s local stack becomes what `Pulumi.<name>.yaml` says, with `changes` to its config."""
    shipped = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())
    local = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())
    kept = {key: value for key, value in local.items() if key != "config"}
    config = {**shipped["config"], **changes}
    (folder / "Pulumi.local.yaml").write_text(yaml.safe_dump({**kept, "config": config}, sort_keys=False))
