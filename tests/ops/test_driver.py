"""`python -m ops` at its command line, with the real engine."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import psutil
import pytest

from ops import locks
from ops.cli import _key
from ops.errors import CannotRun
from tests.ops.conftest import Project

KEY = "sk-0123456789abcdefWXYZ"

pytestmark = pytest.mark.timeout(300)  # each call of the engine is seconds on a busy machine


def test_an_unknown_key_is_told_with_those_that_are_known() -> None:
    with pytest.raises(CannotRun, match="there is no key 'prod'; there are: dev"):
        _key({"keys": {"dev": KEY}}, "prod")


def test_the_life_of_a_stack(project: Project) -> None:
    up = project.ops("up", "--json")
    assert "up dev: 2 created" in up.stderr
    assert json.loads(up.stdout)["changes"] == {"create": 2}
    assert "told by sk-…WXYZ" in up.stderr, "what a program prints is shown, keys in it are not"

    shown = project.ops("outputs", "--json")
    assert json.loads(shown.stdout) == {"keys": "[secret]", "value": "hello"}
    assert project.ops("key", "dev").stdout == f"{KEY}\n"

    again = project.ops("up", "--expect-no-changes")
    assert "up dev: nothing to change, 2 unchanged" in again.stderr
    (project.folder / "Pulumi.dev.yaml").write_text(
        (project.folder / "Pulumi.dev.yaml").read_text() + "config:\n  tiny:greeting: hi\n"
    )
    preview = project.ops("preview", "--json", "--diff", "--expect-no-changes", check=False)
    assert preview.returncode == 1, "there was something to change"
    assert json.loads(preview.stdout)["changes"] == {"update": 2}
    assert "~ Thing: tiny:Thing first  [value]" in preview.stderr
    assert '"hello" => "hi"' in preview.stderr

    gone = project.ops("destroy")
    assert "destroy dev: 2 deleted" in gone.stderr
    every_word = "".join(done.stdout + done.stderr for done in (up, shown, again, preview, gone))
    assert KEY not in every_word
    assert "using pulumi-" not in every_word, "plugins on PATH are there on purpose"


def test_a_failure_says_why_and_for_what(project: Project) -> None:
    (project.folder / "Pulumi.dev.yaml").write_text("config:\n  tiny:greeting: bad\n")
    failed = project.ops("up", check=False)
    assert failed.returncode == 1
    assert "error: tiny:Thing first: " in failed.stderr
    assert "the value 'bad' is not allowed: choose another" in failed.stderr
    assert "tiny:Thing first FAILED" in failed.stderr
    assert "up dev failed after" in failed.stderr


def test_a_stack_elsewhere_is_not_changed_without_yes(project: Project) -> None:
    env = {**project.env, "PULUMI_BACKEND_URL": "s3://somewhere"}
    refused = subprocess.run(
        project.ops_command("destroy"), cwd=project.folder, env=env, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "say --yes, or use `pulumi destroy --stack dev`" in refused.stderr


def test_what_there_is_not_is_destroyed_already(project: Project) -> None:
    assert "there is no stack 'dev'" in project.ops("destroy").stderr
    asked = project.ops("outputs", check=False)
    assert asked.returncode == 1
    assert "there is no stack 'dev'" in asked.stderr


def test_ctrl_c_lets_the_step_under_way_end_and_keeps_it(project: Project) -> None:
    up = _begin_slow_up(project, seconds=4)
    up.send_signal(signal.SIGINT)
    said = up.communicate(timeout=60)[1]
    assert up.returncode == 130
    assert "what is under way comes to its end" in said
    assert "up dev interrupted" in said
    state = json.loads(next((project.backend / ".pulumi" / "stacks" / "tiny").glob("dev.json")).read_text())
    assert "first" in str(state), "the resource that was being created is known"
    assert not list((project.backend / ".pulumi" / "locks").rglob("*.json"))
    assert "destroy dev: 1 deleted" in project.ops("destroy").stderr


def test_a_killed_engine_leaves_no_lock_that_matters(project: Project) -> None:
    up = _begin_slow_up(project, seconds=60)
    [holder] = locks.holders(project.backend, "dev")
    assert holder.alive
    busy = project.ops("refresh", check=False)
    assert busy.returncode == 1
    assert f"another Pulumi (process {holder.pid}) is at work on stack dev" in busy.stderr
    assert project.ops("unlock").stderr == "", "a lock that is held stays"
    family = psutil.Process(holder.pid).children(recursive=True)
    psutil.Process(holder.pid).kill()
    assert "error: the engine was killed (signal 9)" in up.communicate(timeout=30)[1]
    _end(family)
    assert "its lock is cleared" in project.ops("refresh").stderr


def test_unlock_stop_ends_an_engine_at_work(project: Project) -> None:
    up = _begin_slow_up(project, seconds=3)
    assert "a Pulumi that was at work was ended" in project.ops("unlock", "--stop").stderr
    up.communicate(timeout=30)
    assert up.returncode == 1
    assert locks.holders(project.backend, "dev") == []


def _begin_slow_up(project: Project, seconds: float) -> subprocess.Popen[str]:
    """An `up` that is creating its first resource."""
    (project.folder / "Pulumi.dev.yaml").write_text(f"config:\n  tiny:seconds: {seconds}\n")
    up = subprocess.Popen(
        project.ops_command("up"),
        cwd=project.folder,
        env=project.env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not _creating(project):
        assert time.monotonic() < deadline
        assert up.poll() is None, up.communicate()
        time.sleep(0.1)
    return up


def _creating(project: Project) -> bool:
    """The engine writes down what it is about to do before it does it."""
    files = list((project.backend / ".pulumi" / "stacks" / "tiny").glob("dev.json"))
    return bool(files) and '"creating"' in files[0].read_text()


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        if process.is_running():
            process.kill()
    psutil.wait_procs(processes, timeout=5)
