"""The command line and the daemon behind it: started once, stopped for good, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from localcloud import processes
from tests.dataplane.cloud import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path / "home")
    yield cloud
    cloud("stop", "--wipe")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for the tests that only ask."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud") / "home")
    cloud("start")
    yield cloud
    cloud("stop", "--wipe")


def answers(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as sock:
        return sock.connect_ex((address.hostname or "", address.port or 0)) == 0


def test_start_is_idempotent_and_stop_leaves_nothing(cloud: Cloud) -> None:
    cloud("start")
    first = cloud.daemon()
    assert "was running already" in cloud("start").stderr
    assert cloud.daemon() == first
    assert answers(first["endpoint"]) and answers(first["control"])
    assert stat.S_IMODE((cloud.home / "daemon.json").stat().st_mode) == 0o600
    assert cloud("stop").stderr.strip() == "stopped"
    assert not processes.alive(first["pid"])
    assert not answers(first["endpoint"]) and not answers(first["control"])
    assert not (cloud.home / "daemon.json").exists()
    assert cloud("stop").stderr.strip() == "nothing was running"
    cloud("stop", "--wipe")
    assert not cloud.home.exists()


def test_five_starts_at_once_make_one_daemon(cloud: Cloud) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: cloud("start"), range(5)))
    home = str(cloud.home)
    daemons = [p for p in psutil.process_iter() if _is_daemon(p, home)]
    assert [daemon.pid for daemon in daemons] == [cloud.daemon()["pid"]]


def test_two_homes_side_by_side_know_nothing_of_each_other(cloud: Cloud, running: Cloud) -> None:
    cloud("start")
    cloud.client("ssm").put_parameter(Name="whose", Value="mine", Type="String")
    assert running.client("ssm").describe_parameters()["Parameters"] == []
    cloud("stop")
    assert answers(running.daemon()["endpoint"])


def test_a_killed_daemon_is_noticed_and_replaced(cloud: Cloud) -> None:
    cloud("start")
    first = cloud.daemon()
    os.kill(first["pid"], signal.SIGKILL)
    assert processes.wait_until(lambda: not answers(first["endpoint"]), 5)
    assert "no local cloud runs in" in cloud("status", code=3).stderr
    cloud("start")
    assert cloud.daemon()["pid"] != first["pid"]


def test_a_daemon_that_hangs_is_killed_with_its_children(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud("start")
    pid = cloud.daemon()["pid"]
    orphan = processes.start(
        "orphan", ["sleep", "60"], home=cloud.home, env={"PATH": os.environ["PATH"]}, output=cloud.home / "o"
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        monkeypatch.setattr("localcloud.lifecycle._STOP_SECONDS", 0.5)
        from localcloud import lifecycle
        from localcloud.home import Home

        assert lifecycle.stop(Home(cloud.home), wipe=False, say=print) is True
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)
    assert not processes.alive(pid) and orphan.wait(1) is not None


def test_a_signal_to_the_daemon_ends_it_cleanly(cloud: Cloud) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        cloud("start")
        pid = cloud.daemon()["pid"]
        os.kill(pid, number)
        assert processes.wait_until(lambda pid=pid: not processes.alive(pid), 10)
        assert not (cloud.home / "daemon.json").exists()
        assert (cloud.home / "log" / "daemon.log").read_text().rstrip().endswith("stopped")


def test_somebody_elses_folder_is_neither_used_nor_wiped(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    cloud = Cloud(tmp_path)
    assert "has other files in it" in cloud("start", code=1).stderr
    assert "has other files in it" in cloud("stop", "--wipe", code=1).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_status_tells_what_runs_and_what_it_takes(running: Cloud) -> None:
    status = json.loads(running("status", "--json").stdout)
    assert status["pid"] == running.daemon()["pid"] and status["endpoint"] == running.daemon()["endpoint"]
    assert status["memory_bytes"] >= status["processes"][0]["memory_bytes"] > 20_000_000
    for kind in ("databases", "services", "tasks", "functions", "load_balancers", "distributions", "blocked"):
        assert status[kind] == [], kind
    text = running("status").stdout
    assert status["endpoint"] in text and "resident in all" in text


def test_run_passes_on_the_environment_the_exit_code_and_the_interrupt(running: Cloud) -> None:
    shown = running("run", "--", "sh", "-c", "echo $AWS_ENDPOINT_URL; command -v pulumi-resource-aws; exit 7", code=7)
    endpoint, plugin = shown.stdout.split()
    assert endpoint == running.daemon()["endpoint"] and plugin == str(running.home / "bin" / "pulumi-resource-aws")
    assert "no such program" in running("run", "--", "no-such-program", code=127).stderr
    assert "run needs a command" in running("run", code=2).stderr
    command = running.command("run", "--", "sleep", "60")
    child = subprocess.Popen(command, env=running.env, start_new_session=True)
    assert processes.wait_until(lambda: psutil.Process(child.pid).name() == "sleep", 10)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(5) == -signal.SIGINT
    assert answers(running.daemon()["endpoint"])


def test_env_can_be_evaluated_and_hides_the_persons_own_account(running: Cloud) -> None:
    running.env |= {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "real", "AWS_ENDPOINT_URL_S3": "https://s3.real"}
    script = f'eval "$({" ".join(running.command("env"))})" && env'
    lines = subprocess.run(["sh", "-c", script], env=running.env, capture_output=True, text=True, check=True).stdout
    seen = dict(line.partition("=")[::2] for line in lines.splitlines())
    assert seen["AWS_ENDPOINT_URL"] == running.daemon()["endpoint"]
    assert seen["PULUMI_BACKEND_URL"] == f"file://{running.home}/state"
    assert seen["PATH"].split(":")[0] == str(running.home / "bin")
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & seen.keys()
    assert seen["AWS_CONFIG_FILE"] == seen["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_logs_are_listed_shown_and_followed(running: Cloud) -> None:
    assert running("logs").stdout.startswith("daemon ")
    assert "ready after" in running("logs", "daem").stdout
    assert "there is no log 'nothing'; there are: daemon" in running("logs", "nothing", code=1).stderr
    path = running.home / "log" / "noise.log"
    path.write_text("before\n")
    follower = subprocess.Popen(
        running.command("logs", "noise", "--follow"), env=running.env, stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None and follower.stdout.readline() == "before\n"
    with path.open("a") as file:
        file.write("after\n")
    assert follower.stdout.readline() == "after\n"
    follower.send_signal(signal.SIGINT)
    assert follower.wait(5) == 130
    follower.stdout.close()
    path.unlink()


def test_outputs_without_a_stack_say_so(running: Cloud) -> None:
    said = running("outputs", code=1).stderr
    assert "no stack named 'local' found" in said or "no pulumi on PATH" in said
    assert "no local cloud runs in" in Cloud(running.home.parent / "other")("outputs", code=3).stderr


def test_the_daemon_starts_quickly_and_small(cloud: Cloud) -> None:
    began = time.monotonic()
    cloud("start")
    took = time.monotonic() - began
    status = json.loads(cloud("status", "--json").stdout)
    assert took < 10, f"{took:.1f} s"
    assert status["memory_bytes"] < 150 << 20


def _is_daemon(process: psutil.Process, home: str) -> bool:
    try:
        return "localcloud.daemon" in process.cmdline() and process.environ().get("LOCALCLOUD_HOME") == home
    except psutil.Error:
        return False
