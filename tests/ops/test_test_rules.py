"""The rules that `tests/rules.py` holds all tests to, on a test run of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ops.paths import REPO


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    shutil.copy(REPO / "tests" / "rules.py", tmp_path / "tests" / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    return tmp_path


def run(suite: Path, *flags: str, **files: str) -> tuple[int, str]:
    for name, text in files.items():
        target = suite / "tests" / f"{name.replace('__', '/')}.py"
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "--continue-on-collection-errors", *flags],
        cwd=suite,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


WAYS_NOT_TO_RUN = {
    "test_marked": "import pytest\n@pytest.mark.skip(reason='later')\ndef test_a(): pass\n",
    "test_called": "import pytest\ndef test_a(): pytest.skip('later')\n",
    "test_module": "import pytest\npytest.skip('later', allow_module_level=True)\n",
    "test_import": "import pytest\nnothing = pytest.importorskip('no_such_module_here')\n",
    "test_xfail": "import pytest\n@pytest.mark.xfail(reason='later')\ndef test_a(): assert False\n",
}


def test_none_is_skipped(suite: Path) -> None:
    code, said = run(suite, **WAYS_NOT_TO_RUN)
    assert code != 0
    for name in WAYS_NOT_TO_RUN:
        assert re.search(rf"^(FAILED|ERROR) tests/{name}\.py.* - no test may be skipped", said, re.MULTILINE), said
    assert "skipped" not in said.splitlines()[-1]


def test_cheap_rooms_come_first(suite: Path) -> None:
    test = "def test_it(): pass\n"
    code, said = run(suite, live__test_a=test, aws__test_b=test, engine__test_c=test, components__test_d=test)
    assert code == 0
    ran = [line.split("/")[1] for line in said.splitlines() if "PASSED" in line]
    assert ran == ["components", "aws", "engine", "live"]


WORKERS = ("-n", "2")


def test_what_is_expensive_stays_on_one_worker_and_the_longest_begins(suite: Path) -> None:
    slow = "import time\ndef test_it(): time.sleep(0.3)\ndef test_again(): pass\n"
    rooms = ("live__test_a", "live__test_b", "relay__test_live_c", "access__test_live_d", "edge__test_i")
    files = dict.fromkeys((*rooms, *(f"aws__test_{letter}" for letter in "efgh")), slow)
    code, said = run(suite, *WORKERS, **files)
    assert code == 0, said
    ran = re.findall(r"^\[(gw\d)\] .*PASSED tests/(\w+)/test_(?:live_)?(\w)\.py", said, re.MULTILINE)
    assert len(ran) == 18
    assert len({worker for worker, room, _ in ran if room == "live"}) == 1
    assert len({worker for worker, _, name in ran if name in "cdi"}) == 1
    assert len({worker for worker, _, _ in ran}) == 2
    first = {worker: room for worker, room, _ in reversed(ran)}
    assert "live" in first.values()


@pytest.mark.parametrize("flags", [(), WORKERS], ids=["alone", "workers"])
def test_what_is_counted_is_told_at_the_end(suite: Path, flags: tuple[str, ...]) -> None:
    shutil.copy(REPO / "tests" / "counts.py", suite / "tests" / "counts.py")
    test = "from tests.counts import counts\ndef test_it(request): counts(request.config).append('{} leaks')\n"
    code, said = run(suite, "-p", "tests.counts", *flags, test_one=test.format(0), test_two=test.format(1))
    assert code == 0, said
    assert re.search(r"^=+ counted =+$", said, re.MULTILINE), said
    assert sorted(re.findall(r"^\d leaks$", said, re.MULTILINE)) == ["0 leaks", "1 leaks"]


@pytest.mark.parametrize("flags", [(), WORKERS], ids=["alone", "workers"])
def test_a_process_left_behind_is_ended_and_fails_the_run(suite: Path, flags: tuple[str, ...]) -> None:
    code, said = run(
        suite,
        *flags,
        test_one="import subprocess\ndef test_a():\n    subprocess.Popen(['sleep', '61.7'], start_new_session=True)\n",
    )
    assert code != 0
    assert "left behind by the tests" in said
    assert not any(process.info["cmdline"] == ["sleep", "61.7"] for process in psutil.process_iter(["cmdline"]))
