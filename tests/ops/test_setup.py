"""Set-up: done once, again when something changed, never half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ops.paths import REPO
from ops.setup import stamps

# A set-up with two steps that write down that they ran. The second needs the first, and sleeps when there is a file
# `slow`.
SCRIPT = """\
import sys
from pathlib import Path
from ops.setup import stamps
from ops.setup.progress import Progress
from ops.setup.runner import Runner, Step, StepFailed

here = Path(sys.argv[1])

def first(work):
    work.run(sys.executable, "-c", "print('the log of first')")
    if (here / "broken").exists():
        raise StepFailed("the registry is on fire")
    (here / "first").write_text((here / "lock").read_text())
    note("first")

def second(work):
    half = work.scratch / "second"
    half.write_text("half")
    if (here / "slow").exists():
        work.run(sys.executable, "-c", "import time; time.sleep(120)")
    half.rename(here / "second")
    note("second")

def note(name):
    with (here / "ran").open("a") as ran:
        ran.write(name + " ")

def step(name, do, inputs, needs=()):
    return Step(name, name, here / "setup" / f"{name}.json", inputs, (here / name).exists, do, "try again", needs)

steps = [
    step("first", first, lambda: stamps.digest([here / "lock"], here)),
    step("second", second, dict, needs=("first",)),
]
try:
    sys.exit(0 if Runner(steps, here / "setup", Progress(heartbeat=0.3)).run() else 1)
except KeyboardInterrupt:
    sys.exit(130)
"""


def begin(here: Path) -> subprocess.Popen[str]:
    (here / "lock").touch()
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(here)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def set_up(here: Path) -> tuple[int, str]:
    process = begin(here)
    out, err = process.communicate(timeout=60)
    assert out == "", "stdout belongs to the command that follows"
    return process.returncode, err


def ran(here: Path) -> str:
    return (here / "ran").read_text().strip() if (here / "ran").exists() else ""


def test_once_and_then_silently_nothing(tmp_path: Path) -> None:
    code, said = set_up(tmp_path)
    assert code == 0
    assert "first: started" in said
    assert "second: done in" in said
    assert set_up(tmp_path) == (0, "")
    assert ran(tmp_path) == "first second"


def test_again_when_an_input_changes_and_only_that_step(tmp_path: Path) -> None:
    set_up(tmp_path)
    (tmp_path / "lock").write_text("other versions")
    set_up(tmp_path)
    assert ran(tmp_path) == "first second first"
    assert (tmp_path / "first").read_text() == "other versions"


def test_again_when_a_result_is_gone(tmp_path: Path) -> None:
    set_up(tmp_path)
    (tmp_path / "second").unlink()
    set_up(tmp_path)
    assert ran(tmp_path) == "first second second"


def test_a_failure_shows_its_log_and_what_to_do_and_is_no_success_later(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    code, said = set_up(tmp_path)
    assert code == 1
    assert "first: FAILED after" in said
    assert "the registry is on fire" in said
    assert "the log of first" in said
    assert "try again" in said
    assert ran(tmp_path) == "", "what needs it was not tried"
    (tmp_path / "broken").unlink()
    assert set_up(tmp_path)[0] == 0
    assert ran(tmp_path) == "first second"


def test_interrupted_it_leaves_nothing_half_way_and_no_process(tmp_path: Path) -> None:
    (tmp_path / "slow").touch()
    process = begin(tmp_path)
    children = _sleeping(process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "interrupted" in said
    assert "still at work on second" in said, "a heartbeat told what it was waiting for"
    assert not any(child.is_running() for child in children)
    assert not (tmp_path / "second").exists()
    assert list((tmp_path / "setup" / "tmp").iterdir()) == []
    (tmp_path / "slow").unlink()
    assert set_up(tmp_path)[0] == 0
    assert ran(tmp_path) == "first second", "what was done before stays done"


def test_killed_its_children_are_waited_for(tmp_path: Path) -> None:
    """Two of them writing into one environment would break it."""
    (tmp_path / "slow").touch()
    process = begin(tmp_path)
    [child] = _sleeping(process)
    process.kill()
    process.communicate()
    (tmp_path / "slow").unlink()
    after = begin(tmp_path)
    time.sleep(1)
    assert after.poll() is None
    child.kill()
    said = after.communicate(timeout=30)[1]
    assert "another set-up of this clone is at work: waiting for it" in said
    assert after.returncode == 0
    assert ran(tmp_path) == "first second"


def test_two_at_once_do_it_once(tmp_path: Path) -> None:
    both = [begin(tmp_path), begin(tmp_path)]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert ran(tmp_path) == "first second"


def test_a_stamp_that_was_cut_short_counts_for_nothing(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp.json"
    stamps.write(stamp, {"lock": "1"})
    assert stamps.valid(stamp, {"lock": "1"})
    assert not stamps.valid(stamp, {"lock": "2"})
    assert not stamps.valid(stamp, {"lock": "1", "more": "1"})
    stamp.write_text(stamp.read_text()[:9])
    assert not stamps.valid(stamp, {"lock": "1"})
    stamp.unlink()
    assert not stamps.valid(stamp, {})


def _sleeping(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The child of the slow step, once it is there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [
            c
            for c in psutil.Process(process.pid).children(recursive=True)
            if "time.sleep(120)" in " ".join(c.cmdline())
        ]
        if found:
            time.sleep(0.7)  # two heartbeats
            return found
        time.sleep(0.05)
    raise AssertionError("the slow step did not start")
