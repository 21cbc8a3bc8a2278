"""Set-up builds once, again when something has changed, and again when it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud import artefacts
from localcloud.artefacts import SetupError, build, built
from localcloud.images import litellm, litellm_engine, litellm_setup
from localcloud.postgres import setup as postgres_setup


@pytest.fixture
def said() -> list[str]:
    return []


def make(folder: Path) -> None:
    (folder / "made").write_text("x")


def test_the_second_run_does_nothing(tmp_path: Path, said: list[str]) -> None:
    assert build("Thing", tmp_path / "a", {"in": "1"}, make, said.append)
    assert not build("Thing", tmp_path / "a", {"in": "1"}, lambda folder: pytest.fail("built again"), said.append)
    assert [line.rstrip("0123456789s ") for line in said] == ["Thing …", "Thing: done in"]


def test_a_changed_input_builds_it_from_nothing(tmp_path: Path, said: list[str]) -> None:
    folder = tmp_path / "a"
    build("Thing", folder, {"in": "1"}, make, said.append)
    (folder / "old").touch()
    assert build("Thing", folder, {"in": "2"}, make, said.append)
    assert not (folder / "old").exists()
    assert built(folder, {"in": "2"})


def test_an_interrupted_build_does_not_count(tmp_path: Path, said: list[str]) -> None:
    def interrupted(folder: Path) -> None:
        make(folder)
        raise KeyboardInterrupt

    folder = tmp_path / "a"
    with pytest.raises(KeyboardInterrupt):
        build("Thing", folder, {"in": "1"}, interrupted, said.append)
    assert not built(folder, {"in": "1"})
    assert build("Thing", folder, {"in": "1"}, make, said.append)


def test_a_stamp_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".built.json").write_text('{"in": ')
    assert not built(tmp_path, {"in": "1"})


def test_a_failed_command_is_told_with_its_last_lines() -> None:
    with pytest.raises(SetupError, match=r"(?s)sh -c .* ended with 3:\nlast words"):
        artefacts.run(["sh", "-c", "echo last words; exit 3"])
    with pytest.raises(SetupError, match="there is no program nowhere"):
        artefacts.run(["nowhere"])


def test_node_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="install version 18 or newer"):
        artefacts.node()


def test_an_old_node_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v16.20.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SetupError, match=r"v16\.20\.0 is too old"):
        artefacts.node()


def test_a_failure_is_one_message_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        raise SetupError("the sentence")

    assert artefacts.main(failing) == 1
    assert capsys.readouterr().err == "error: the sentence\n"


def test_set_up_is_up_to_date() -> None:
    """What the other tests here run on is what the locks and the sources say now."""
    node = artefacts.node()
    stamp = json.loads((litellm.venv() / ".built.json").read_text())
    assert stamp == litellm_setup._venv_inputs()
    folder = litellm.setup_dir() / litellm_engine.FOLDER
    assert built(folder, litellm_setup._prisma_inputs(node))
    assert not postgres_setup.install()


@pytest.mark.parametrize("folder", ["localcloud/prisma", "localcloud/prisma/native", "localcloud/postgres"])
def test_npm_locks_hold_hashes_and_no_address(folder: str) -> None:
    lock = (litellm.REPOSITORY / folder / "package-lock.json").read_text()
    packages = {name: package for name, package in json.loads(lock)["packages"].items() if name}
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "resolved" not in lock
    assert "http" not in lock


class TestNativeEngine:
    """Where Prisma's site answers but its engines don't come, the image is set up with the WebAssembly engine."""

    @pytest.fixture
    def fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> litellm_engine.Choice:
        def no_engines(kind: str, node: str) -> None:
            raise SetupError("prisma generate … ended with 1:\nError: request to binaries.prisma.sh failed")

        monkeypatch.delenv(litellm_engine.FORCE_VARIABLE, raising=False)
        monkeypatch.setattr(artefacts, "npm_ci", lambda source, folder: None)
        monkeypatch.setattr(litellm_setup, "_generate", no_engines)
        return litellm_engine.Choice("native", "binaries.prisma.sh can be reached", "node")

    def test_it_falls_back_and_says_why(
        self, fails: litellm_engine.Choice, tmp_path: Path, capsys: pytest.CaptureFixture
    ) -> None:
        choice = litellm_setup._native_or_else(tmp_path, fails)
        assert choice.kind == "wasm"
        assert "request to binaries.prisma.sh failed" in choice.reason
        assert "WebAssembly engine instead" in capsys.readouterr().out

    def test_it_fails_when_only_the_native_one_is_wanted(
        self, fails: litellm_engine.Choice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(litellm_engine.FORCE_VARIABLE, "native")
        with pytest.raises(SetupError, match="binaries"):
            litellm_setup._native_or_else(tmp_path, fails)
