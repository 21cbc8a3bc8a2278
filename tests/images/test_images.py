"""Which images there are, and how a container becomes a process of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.images import (
    CannotPullContainer,
    CannotStartContainer,
    ContainerContext,
    litellm,
    litellm_engine,
    ports,
    python,
    resolve,
    rewrite_local,
)
from localcloud.images.litellm_engine import Choice
from localcloud.processes import wait_until

MINOR = f"3.{sys.version_info.minor}"


def context(tmp_path: Path, *command: str, entrypoint: tuple[str, ...] = (), **env: str) -> ContainerContext:
    return ContainerContext(list(entrypoint), list(command), env, tmp_path / "task", tmp_path / "log")


@pytest.fixture
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set-up's folder with the least that makes the LiteLLM image count as there."""
    monkeypatch.setenv("LOCALCLOUD_SETUP", str(tmp_path / "setup"))
    (tmp_path / "setup" / "litellm" / "bin").mkdir(parents=True)
    (tmp_path / "setup" / "litellm" / "bin" / "litellm").touch()
    (tmp_path / "setup" / "prisma").mkdir()
    Choice("wasm", "a test", "/opt/node/bin/node").save()
    return tmp_path / "setup"


@pytest.mark.parametrize(
    "image",
    [
        litellm.REFERENCE,
        f"ghcr.io/berriai/litellm-database:v{litellm.locked_version()}",
        f"ghcr.io/berriai/litellm-non_root:v{litellm.locked_version()}",
        f"{litellm.REFERENCE}@sha256:{'0' * 64}",
        f"123456789012.dkr.ecr.us-west-1.amazonaws.com/ghcr/berriai/litellm:v{litellm.locked_version()}",
        f"localhost:5000/berriai/litellm:v{litellm.locked_version()}",
    ],
)
@pytest.mark.usefixtures("set_up")
def test_litellm_goes_by_its_names_in_any_registry(image: str) -> None:
    assert resolve(image).name == litellm.REFERENCE


@pytest.mark.parametrize("tag", ["3", MINOR, f"{MINOR}-slim", f"{MINOR}.4-bookworm", "3-slim"])
def test_python_in_this_machines_version(tag: str) -> None:
    assert resolve(f"public.ecr.aws/docker/library/python:{tag}").name == python.REFERENCE


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/berriai/litellm:v1.108.6",
        "ghcr.io/berriai/litellm:latest",
        "ghcr.io/berriai/litellm",
        f"ghcr.io/berriai/litellm@sha256:{'0' * 64}",
        "ghcr.io/other/notlitellm:v1.108.7",
        "public.ecr.aws/docker/library/python:2.7",
        "public.ecr.aws/docker/library/python:3.8-slim",
        "nginx:latest",
        "Not An Image",
        "",
    ],
)
@pytest.mark.usefixtures("set_up")
def test_any_other_image_is_refused_with_the_names_of_those_that_there_are(image: str) -> None:
    with pytest.raises(CannotPullContainer) as refusal:
        resolve(image)
    assert image.split("@")[0] in str(refusal.value)
    assert litellm.REFERENCE in str(refusal.value)
    assert python.REFERENCE in str(refusal.value)


def test_litellm_before_set_up_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_SETUP", str(tmp_path))
    with pytest.raises(CannotPullContainer, match="run `make setup`"):
        resolve(litellm.REFERENCE)


@pytest.mark.parametrize(
    ("command", "env", "asked"),
    [
        (["--port", "4000"], {}, 4000),
        (["--port=8080", "--num_workers", "1"], {}, 8080),
        (["--port", "1", "--port", "4001"], {"PORT": "5"}, 4001),
        ([], {"PORT": "4002"}, 4002),
        ([], {}, 4000),
    ],
)
def test_litellm_listens_on_a_free_loopback_port(
    set_up: Path, tmp_path: Path, command: list[str], env: dict, asked: int
) -> None:
    made = resolve(litellm.REFERENCE).prepare(context(tmp_path, *command, **env))
    (real,) = made.ports.values()
    assert made.ports == {asked: real}
    arguments = made.argv[made.argv.index(str(litellm._START)) + 1 :]
    assert ports.find_option(arguments, "--port").value == str(real)
    assert ports.find_option(arguments, "--host").value == "127.0.0.1"
    assert made.argv[0] == str(set_up / "litellm" / "bin" / "python")


def test_a_host_that_the_task_asks_for_is_loopback_here(set_up: Path, tmp_path: Path) -> None:
    made = resolve(litellm.REFERENCE).prepare(context(tmp_path, "--host", "0.0.0.0", HOST="0.0.0.0"))
    assert ports.find_option(made.argv, "--host").value == made.env["HOST"] == "127.0.0.1"
    assert "0.0.0.0" not in made.argv


def test_nothing_of_this_machines_user_shows_in_a_container(
    set_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    made = resolve(litellm.REFERENCE).prepare(context(tmp_path, LITELLM_MODE="PRODUCTION"))
    assert {"AWS_PROFILE", "HTTPS_PROXY"}.isdisjoint(made.env)
    assert made.env["LITELLM_MODE"] == "PRODUCTION"
    assert made.env["HOME"] == str(made.cwd) == str(tmp_path / "task")
    assert Path(made.env["TMPDIR"]).is_relative_to(made.cwd)
    assert made.env["PATH"].split(os.pathsep)[:2] == [str(set_up / "prisma" / "bin"), str(set_up / "litellm" / "bin")]


def test_the_task_may_ask_for_the_current_price_map(set_up: Path, tmp_path: Path) -> None:
    image = resolve(litellm.REFERENCE)
    assert image.prepare(context(tmp_path)).env["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    asked = context(tmp_path, LITELLM_LOCAL_MODEL_COST_MAP="False")
    assert image.prepare(asked).env["LITELLM_LOCAL_MODEL_COST_MAP"] == "False"


def test_the_native_engine_is_used_as_the_image_uses_it(set_up: Path, tmp_path: Path) -> None:
    Choice("native", "a test", "/opt/node/bin/node").save()
    env = resolve(litellm.REFERENCE).prepare(context(tmp_path)).env
    assert "PRISMA_QUERY_ENGINE_BINARY" not in env
    assert env["PRISMA_BINARY_CACHE_DIR"] == str(set_up / "prisma" / "native")
    assert env["PATH"].split(os.pathsep)[:2] == ["/opt/node/bin", str(set_up / "litellm" / "bin")]


@pytest.mark.parametrize(
    ("entrypoint", "command", "told"),
    [
        (("/bin/sh", "-c"), ("litellm",), 'exec: "/bin/sh"'),
        ((), ("--port", "many"), "litellm's --port is not a port: 'many'"),
        ((), ("--port", "70000"), "not a port"),
    ],
)
@pytest.mark.usefixtures("set_up")
def test_what_litellms_image_cannot_run_here_is_refused(
    tmp_path: Path, entrypoint: tuple[str, ...], command: tuple[str, ...], told: str
) -> None:
    with pytest.raises(CannotStartContainer, match=told):
        resolve(litellm.REFERENCE).prepare(context(tmp_path, *command, entrypoint=entrypoint))


def test_secrets_are_not_in_what_is_printed_of_a_container(set_up: Path, tmp_path: Path) -> None:
    ctx = context(tmp_path, LITELLM_MASTER_KEY="sk-hidden")
    assert "sk-hidden" not in repr(ctx) + repr(resolve(litellm.REFERENCE).prepare(ctx))


def test_the_python_image_serves_on_its_real_port(tmp_path: Path) -> None:
    made = python.Python().prepare(context(tmp_path, "python", "-m", "http.server", "8080"))
    assert list(made.ports) == [8080]
    with subprocess.Popen(made.argv, env=made.env, cwd=made.cwd, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{made.ports[8080]}/"
        try:
            assert wait_until(lambda: answers(url), 10)
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=1).status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "env", "asked", "word"),
    [
        (["app.py", "--port=9000"], {}, 9000, "--port={}"),
        (["-m", "http.server"], {}, 8000, "{}"),
        (["app.py"], {"PORT": "7000"}, 7000, None),
    ],
)
def test_the_python_image_understands_three_ways_to_name_a_port(
    tmp_path: Path, command: list[str], env: dict, asked: int, word: str | None
) -> None:
    made = python.Python().prepare(context(tmp_path, "python3", *command, **env))
    real = made.ports[asked]
    assert made.argv[0] == sys.executable
    assert (word.format(real) in made.argv) if word else (made.env["PORT"] == str(real))


def test_the_python_image_runs_python_only(tmp_path: Path) -> None:
    with pytest.raises(CannotStartContainer, match='exec: "bash"'):
        python.Python().prepare(context(tmp_path, "bash"))
    assert python.Python().prepare(context(tmp_path, "-c", "1", entrypoint=("python",))).ports == {}


def test_a_health_check_finds_the_real_port() -> None:
    check = [
        "CMD-SHELL",
        "python -c \"urlopen('http://localhost:4000/health')\" || curl http://127.0.0.1:4000 [::1]:4000 0.0.0.0:4000",
    ]
    told = rewrite_local(check, {4000: 51234})
    assert told == [
        "CMD-SHELL",
        "python -c \"urlopen('http://127.0.0.1:51234/health')\" || "
        "curl http://127.0.0.1:51234 127.0.0.1:51234 127.0.0.1:51234",
    ]


@given(port=st.integers(1, 65535).filter(lambda port: port != 4000), host=st.sampled_from(["localhost", "127.0.0.1"]))
def test_other_ports_and_other_hosts_stay(port: int, host: str) -> None:
    words = [f"{host}:{port}", f"my{host}:4000", f"db.{host}:4000", f"{host}:40000", f"my-{host}:4000", "4000"]
    assert rewrite_local(words, {4000: 51234}) == words


class TestEngine:
    """Native where it can be downloaded, else WebAssembly; and it says why."""

    def test_the_native_one_where_it_can_be_downloaded(self) -> None:
        choice = litellm_engine.decide("node", lambda: None, None)
        assert (choice.kind, choice.reason) == ("native", "binaries.prisma.sh can be reached")

    def test_else_the_webassembly_one_with_the_reason(self) -> None:
        choice = litellm_engine.decide("node", lambda: "no route to host", None)
        assert (choice.kind, choice.reason) == ("wasm", "binaries.prisma.sh can't be reached (no route to host)")

    @pytest.mark.parametrize("kind", ["native", "wasm"])
    def test_a_wish_is_granted_without_looking(self, kind: str) -> None:
        assert litellm_engine.decide("node", lambda: pytest.fail("looked"), kind).kind == kind

    def test_a_wish_for_neither_is_refused(self) -> None:
        with pytest.raises(ValueError, match="LOCALCLOUD_PRISMA must be native or wasm, not 'rust'"):
            litellm_engine.decide("node", lambda: None, "rust")

    def test_a_site_that_does_not_answer_is_out_of_reach(self) -> None:
        assert "refused" in litellm_engine.reachable("http://127.0.0.1:9/")

    def test_a_choice_is_kept(self, set_up: Path) -> None:
        assert litellm_engine.chosen() == Choice("wasm", "a test", "/opt/node/bin/node")
        (set_up / "prisma" / "engine.json").write_text("{")
        assert litellm_engine.chosen() is None
        assert not litellm_engine.ready()
