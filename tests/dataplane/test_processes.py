"""Children die with their parent, stop when asked, and are found when nobody is left to ask."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud import processes
from localcloud.home import REPOSITORY

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
FAMILY = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True); time.sleep(60)",
]
PARENT = """
import sys, time
from pathlib import Path
from localcloud import processes
child = processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"],
                        home=Path(sys.argv[1]), env={}, output=Path(sys.argv[1]) / "log")
print(child.pid, flush=True)
time.sleep(60)
"""


def start(tmp_path: Path, argv: list[str], **more) -> processes.Child:
    more.setdefault("output", tmp_path / "log")
    return processes.start("test", argv, home=tmp_path, env=more.pop("env", {}), **more)


def gone(pid: int) -> bool:
    return not processes.alive(pid)


def said(path: Path) -> bool:
    return path.exists() and bool(path.read_text().strip())


def test_output_goes_to_a_file_that_only_the_owner_reads(tmp_path: Path) -> None:
    child = start(tmp_path, [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"])
    assert child.wait(10) == 0
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_lines_arrive_whole_and_before_the_end_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    child = start(tmp_path, [sys.executable, "-c", "print('a\\nb', end='')"], output=lines.append)
    assert asyncio.run(child.exited()) == 0
    assert lines == ["a", "b"]


def test_exit_code_and_signal_are_told_apart(tmp_path: Path) -> None:
    assert start(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"]).wait(10) == 3
    child = start(tmp_path, SLEEPER)
    assert processes.wait_until(lambda: said(tmp_path / "log"), 10)
    assert child.stop() == -signal.SIGTERM


def test_the_environment_is_the_given_one_and_the_marks(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os; print(*sorted(k for k in os.environ if not k.startswith('LC_')))"
    start(tmp_path, [sys.executable, "-c", code], env={"ONLY": "this"}, output=lines.append).wait(10)
    assert lines == ["LOCALCLOUD_CHILD_NAME LOCALCLOUD_CHILD_OF LOCALCLOUD_HOME ONLY"]


def test_a_process_that_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = start(tmp_path, STUBBORN)
    assert processes.wait_until(lambda: said(tmp_path / "log"), 10)
    began = time.monotonic()
    assert child.stop(grace=0.3) == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - began < 3


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    child = start(tmp_path, FAMILY)
    assert processes.wait_until(lambda: said(tmp_path / "log"), 10)
    grandchild = int((tmp_path / "log").read_text())
    assert not gone(grandchild)
    child.stop()
    assert processes.wait_until(lambda: gone(grandchild), 3)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(processes.StartError, match="no-such-program: there is no such program"):
        start(tmp_path, ["no-such-program"])


def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent, pid = _parent(tmp_path)
    assert not gone(pid)
    parent.kill()
    parent.communicate()
    if not sys.platform.startswith("linux"):  # no other system offers death with the parent
        assert processes.reap(tmp_path) == 1
    assert processes.wait_until(lambda: gone(pid), 5)


def test_orphans_of_one_home_are_found_and_those_of_another_spared(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir(), other.mkdir()
    left = start(mine, STUBBORN)
    spared = start(other, SLEEPER)
    assert processes.wait_until(lambda: said(mine / "log") and said(other / "log"), 10)
    assert [process.pid for process in processes.marked(mine)] == [left.pid]
    [described] = processes.described(mine)
    assert (described["name"], described["pid"]) == ("test", left.pid) and described["memory_bytes"] > 0
    assert processes.reap(mine, grace=0.3) == 1
    assert gone(left.pid) and not gone(spared.pid)
    assert processes.reap(mine) == 0
    spared.stop()


def test_reaping_spares_the_caller_and_whoever_called_it(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from localcloud import processes; print(processes.reap(Path({str(tmp_path)!r})))"
    env = {**os.environ, processes.MARK: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr


def test_secrets_are_masked_longest_first() -> None:
    assert processes.mask("password is sk-12345 and sk-1", ["sk-1", "sk-12345"]) == "password is ******** and ********"


def test_tail_reads_the_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {n}\n" for n in range(5000)))
    assert processes.tail(tmp_path / "log", 2) == ["line 4998", "line 4999"]
    assert processes.tail(tmp_path / "missing", 2) == []


def test_memory_of_a_process_is_told_in_bytes(tmp_path: Path) -> None:
    child = start(tmp_path, [sys.executable, "-c", "b = b'x' * 40_000_000; import time; time.sleep(60)"])
    assert processes.wait_until(lambda: processes.resident(child.pid) > 40_000_000, 10)
    child.stop()
    assert processes.resident(child.pid) == 0


def _parent(home: Path) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())
