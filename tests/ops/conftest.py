"""A tiny Pulumi project of its own, run by the real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.engine import launchers, record
from ops.paths import REPO

PROGRAM = """\
import os

import pulumi
from things import Thing

config = pulumi.Config()
first = Thing("first", config.get("greeting") or "hello", config.get_float("seconds") or 0)
Thing("second", first.value, config.get_float("seconds") or 0)
print(f"working in {os.getcwd()}, told by sk-0123456789abcdefWXYZ")
pulumi.export("value", first.value)
pulumi.export("keys", pulumi.Output.secret({"dev": "sk-0123456789abcdefWXYZ"}))
"""
THINGS = """\
import time

from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult


class Things(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        if props["value"] == "bad":
            raise ValueError("the value 'bad' is not allowed: choose another")
        time.sleep(props["seconds"])
        return CreateResult("thing", props)

    def update(self, id, old, new):
        return UpdateResult(new)


class Thing(Resource, module="tiny", name="Thing"):
    def __init__(self, name, value, seconds):
        super().__init__(Things(), name, {"value": value, "seconds": seconds})
"""


@dataclass(frozen=True)
class Project:
    """`env` is all that a shell needs to run plain `pulumi` in `folder`."""

    folder: Path
    env: dict[str, str]
    backend: Path

    def run(self, *argv: str, check: bool = True, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            argv, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check:
            assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def pulumi(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("pulumi", *argv, "--stack", "dev", "--non-interactive", check=check)

    def ops_command(self, *argv: str) -> list[str]:
        verb, *rest = argv
        return [sys.executable, "-m", "ops", verb, "--stack", "dev", "--work-dir", str(self.folder), *rest]

    def ops(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(*self.ops_command(*argv), check=check)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder, backend, bin_ = tmp_path / "project", tmp_path / "state", tmp_path / "bin"
    for each in (folder, backend, tmp_path / "home"):
        each.mkdir()
    launchers.write(bin_)  # ours, also where the machine's engine brings its own
    (folder / "Pulumi.yaml").write_text(
        "name: tiny\nruntime: {name: python, options: {toolchain: pip}}\nconfig:\n  greeting: {default: hello}\n"
    )
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "things.py").write_text(THINGS)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_"))},
        "PATH": f"{bin_}{os.pathsep}{record.path_with_engine()}",
        "PYTHONPATH": str(REPO),
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    return Project(folder, env, backend)
