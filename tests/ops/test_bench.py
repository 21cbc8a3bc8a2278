"""What `make bench` judges by, and what it weighs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import cli
from bench.bare import NotReady, _process, _wait_until_ready
from bench.cloud import HOME_VARIABLE, CommandFailed, LocalCloud
from bench.edge import LENGTHS, SHAPES
from bench.report import chain_check, checks, guard_checks, seeding_checks, seeding_table, spread, stream_check
from bench.seeding import Seeding


def test_a_value_is_judged_by_its_ratio_to_the_floor() -> None:
    up, memory = checks(bare=[15.0, 16.0, 30.0], up=[31.9, 32.0, 32.1], memory=[1_700_000_000, 1_810_000_000])
    assert up.passed
    assert up.line() == "pass  warm `make up` / LiteLLM's own bare start: 32.00 s / 16.00 s = 2.00 (limit 2.00)"
    assert not memory.passed, "the largest counts"
    assert memory.line().startswith("FAIL  memory of the whole local cloud")
    assert not checks(bare=[16.0], up=[32.1], memory=[1])[0].passed
    assert spread("warm `make up`", [3.0, 1.0]) == "      warm `make up`              2.0 s  (1.0, 3.0)"


def test_the_guard_may_cost_a_few_readings_of_the_path_and_grow_with_it() -> None:
    """A guard that looked at each character once for each other would cost 64 times as much for eight times as much."""
    assert [check.passed for check in guard_checks(dearest=100, once=20, growth=8)] == [True, True]
    assert [check.passed for check in guard_checks(dearest=201, once=20, growth=64)] == [False, False]
    assert all(len(shape(length)) == length for shape in SHAPES.values() for length in LENGTHS)


def test_the_chain_and_a_stream_are_judged() -> None:
    assert chain_check(direct=10, chain=19).passed and not chain_check(direct=10, chain=21).passed
    assert stream_check(silence=25, patience=120).passed
    assert not stream_check(silence=61, patience=120).passed, "half of what the edge waits"
    assert not stream_check(silence=float("inf"), patience=120).passed, "a stream that is cut"


def test_seeding_is_judged_by_a_bare_client_and_by_its_calls() -> None:
    good = Seeding(1000, 13.0, 4.0, 2.5, 16.0, 1006, 34, 5.0, 0, 5.2, 2, 12.9)
    assert [check.passed for check in seeding_checks(good)] == [True] * 5
    bad = Seeding(1000, 13.0, 4.0, 2.5, 17.0, 1006, 34, 10.1, 1, 5.2, 3, 13.1)
    assert [check.passed for check in seeding_checks(bad)] == [False] * 5
    assert seeding_checks(good)[0].line() == (
        "pass  `pulumi up` of 1,000 users and 1,000 keys / a bare client: 16.00 s / 13.00 s = 1.23 (limit 1.30)"
    )
    head, line = seeding_table([good])
    assert len(head) == len(line)
    assert line.split()[:5] == ["1,000", "13.0", "s", "16.0", "s"]


def test_the_slowest_command_of_each_way_is_judged() -> None:
    slow, fast = [0.8, 1.2, 1.3], [0.2, 0.3, 9.0]
    waits = cli.Waits([0.02], [0.1, 0.2, 0.4], {"relay": {"whoami": fast, "models": slow}, "url": {"whoami": fast}})
    start, relay, url = cli.checks(waits)
    assert start.passed
    assert relay.line().startswith("FAIL  slowest command by relay (models) / what it may take: 1.20 s / 1.00 s")
    assert url.passed
    assert "      models (relay)             1200 ms (800, 1200, 1300)" in cli.lines(waits)


def test_memory_is_that_of_the_processes_of_this_home_only(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path / "home")
    program = "x = bytearray(60_000_000); print('ready', flush=True); input()"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, HOME_VARIABLE: str(home)},
            stdin=-1,
            stdout=-1,
            text=True,
        )
        for home in (tmp_path / "home", tmp_path / "other")
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        [found] = cloud.memory()
        assert found.resident > 60_000_000
    finally:
        for child in children:
            child.communicate("\n")


def test_a_start_that_ends_too_soon_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        _process([sys.executable, "-c", "raise SystemExit('no such database')"], {}, tmp_path, out) as process,
        pytest.raises(NotReady, match="no such database"),
    ):
        _wait_until_ready(process, "http://127.0.0.1:1/health/readiness", log)


def test_what_was_said_to_the_outer_make_is_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "n -- ARGS=--runs\\ 1 STACK=poc")
    monkeypatch.setenv("ARGS", "--runs 1")
    with pytest.raises(CommandFailed, match="No rule to make target 'no-such-target'"):
        LocalCloud(tmp_path).make("no-such-target")
    assert LocalCloud(tmp_path).make("help") > 0


def test_a_make_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="No rule to make target 'no-such-target'"):
        LocalCloud(tmp_path).make("no-such-target")
