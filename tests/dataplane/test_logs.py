"""What a program writes: kept in a file of its own, masked, told again when it fails, never piling up."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from localcloud.dataplane.logs import LogSink, is_telling, keep_newest


def test_secrets_are_masked_and_the_file_is_the_owners(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "a.log")
    sink.hide(["sk-secret"])
    sink("my key is sk-secret.")
    sink.close()
    assert (tmp_path / "a.log").read_text() == "my key is ********.\n"
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) == 0o600


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "a.log")
    sink.close()
    sink.close()
    assert not (tmp_path / "a.log").exists()


def test_the_cause_is_told_though_a_long_trace_follows_it(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "a.log")
    for line in [
        "starting",
        "ERROR - Error retrieving nothing.yaml: NoSuchKey",
        "ERROR:    Traceback (most recent call last):",
    ]:
        sink(line)
    for number in range(300):
        sink(f'  File "x.py", line {number}, in error_handler')
    sink("Exception: Unable to load config.")
    sink("bye")
    sink.close()
    assert sink.last_words() == [
        "ERROR - Error retrieving nothing.yaml: NoSuchKey",
        "Exception: Unable to load config.",
        "bye",
    ]


def test_without_a_failure_in_words_the_last_lines_tell(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "a.log")
    assert sink.last_words() == []
    for line in ["one", "", "two", "three", "x" * 1000]:
        sink(line)
    sink.close()
    assert sink.last_words() == ["one", "two", "three", "x" * 400]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ValueError: no good", True),
        ("connection refused by 10.0.0.4", True),
        ("    raise ValueError()  # error", False),
        ("Traceback (most recent call last): error", False),
        ("INFO: started", False),
        ("", False),
    ],
)
def test_lines_that_speak_of_a_failure(line: str, expected: bool) -> None:
    assert is_telling(line) is expected


def test_only_the_newest_logs_of_a_service_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"task-web-{number}.log"
        path.touch()
        os.utime(path, (number, number))
    (tmp_path / "task-other-9.log").touch()
    keep_newest(tmp_path, "task-web-?.log", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["task-other-9.log", "task-web-3.log", "task-web-4.log"]
