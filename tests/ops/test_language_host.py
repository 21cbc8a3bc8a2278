"""Plain `pulumi` on our own language host, with a dynamic resource by our own launcher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from pulumi.runtime.proto import language_pb2

from ops.engine import language_host, launchers
from tests.ops.conftest import Project

pytestmark = pytest.mark.timeout(300)  # each call of the engine is seconds on a busy machine


def test_plain_pulumi_runs_a_program(project: Project) -> None:
    project.pulumi("stack", "init")
    previewed = project.pulumi("preview")
    assert "+ 3 to create" in previewed.stdout
    created = project.pulumi("up", "--yes", "--skip-preview", "-c", "greeting=good morning")
    assert f"working in {project.folder}" in created.stdout
    assert json.loads(project.pulumi("stack", "output", "--json").stdout)["value"] == "good morning"
    assert "~ value" in project.pulumi("preview", "--diff", "-c", "greeting=good evening").stdout
    assert "~ 2 updated" in project.pulumi("up", "--yes", "--skip-preview").stdout  # `-c` is kept
    assert "- 3 deleted" in project.pulumi("destroy", "--yes", "--skip-preview").stdout


def test_an_exception_names_its_place(project: Project) -> None:
    (project.folder / "__main__.py").write_text("import pulumi\nraise ValueError('no such option: egres')\n")
    project.pulumi("stack", "init")
    failed = project.pulumi("preview", check=False)
    assert failed.returncode != 0
    assert "no such option: egres" in failed.stdout
    assert "__main__.py" in failed.stdout


def test_the_program_sees_what_python_folder_would_give_it(project: Project) -> None:
    (project.folder / "__main__.py").write_text(
        "import sys, os\nprint('argv', sys.argv, 'first', sys.path[0], 'name', __name__, 'file', __file__)\n"
    )
    project.pulumi("stack", "init")
    said = project.pulumi("preview").stdout
    assert f"argv ['{project.folder}']" in said
    assert f"first {project.folder}" in said
    assert "name __main__" in said
    assert "language_host" not in said


def test_main_may_be_in_another_folder(project: Project) -> None:
    (project.folder / "src").mkdir()
    (project.folder / "src" / "__main__.py").write_text(
        "import os\nprint('from', os.path.abspath(__file__), os.getcwd())\n"
    )
    text = (project.folder / "Pulumi.yaml").read_text()
    (project.folder / "Pulumi.yaml").write_text(f"main: src\n{text}")
    project.pulumi("stack", "init")
    assert f"from {project.folder}/src/__main__.py {project.folder}/src" in project.pulumi("preview").stdout


def test_it_ends_with_its_engine(project: Project) -> None:
    """The engine interrupts it when done; killed, it can't, and the host must notice by itself."""
    (project.folder / "__main__.py").write_text("import time\ntime.sleep(60)\n")
    project.pulumi("stack", "init")
    engine = subprocess.Popen(
        ["pulumi", "preview", "--stack", "dev", "--non-interactive"],
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    host = _wait_for(lambda: _hosts_of(engine.pid))
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    psutil.wait_procs(host, timeout=10)
    assert not any(process.is_running() for process in host)


def _hosts_of(pid: int) -> list[psutil.Process]:
    return [
        p for p in psutil.Process(pid).children(recursive=True) if any("language_host" in word for word in p.cmdline())
    ]


def _wait_for(look, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came in time")


def test_launchers_are_executable_and_quote_their_paths(tmp_path, monkeypatch) -> None:
    clone = tmp_path / "a clone's folder"
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    launchers.write(tmp_path / "bin", repo=clone)
    for name in launchers.NAMES:
        said = subprocess.run(
            [tmp_path / "bin" / name, "127.0.0.1:1", "b c"], capture_output=True, text=True, check=True
        )
        assert said.stdout.endswith("127.0.0.1:1 b c\n")


def test_only_what_the_machine_lacks_is_written(tmp_path) -> None:
    engine = tmp_path / "machine" / "pulumi"
    engine.parent.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (engine.parent / name).write_text("#!/bin/sh\n")
        (engine.parent / name).chmod(0o755)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "pulumi").symlink_to(engine)
    lacking = {"pulumi-resource-pulumi-python", "pulumi-analyzer-policy-python"}
    assert set(launchers.missing(engine, "")) == lacking
    assert set(launchers.missing(tmp_path / "link" / "pulumi", "")) == lacking, "beside what a link points at counts"
    assert set(launchers.missing(engine, os.fspath(tmp_path))) == lacking


def test_a_plugin_in_a_folder_is_run_and_passed_on(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\nprint('on port', sys.argv[1], os.environ['TOLD'], flush=True)\n"
        "print('oh', file=sys.stderr)\nsys.exit(3)\n"
    )
    request = language_pb2.RunPluginRequest(
        pwd=str(tmp_path),
        args=["127.0.0.1:1"],
        env=["TOLD=so"],
        info=language_pb2.ProgramInfo(root_directory=str(tmp_path), program_directory=str(tmp_path)),
    )
    told = list(language_host.passed_on(language_host.start_plugin(request, "127.0.0.1:2")))
    assert [r.stdout for r in told if r.WhichOneof("output") == "stdout"] == [b"on port 127.0.0.1:1 so\n"]
    assert [r.stderr for r in told if r.WhichOneof("output") == "stderr"] == [b"oh\n"]
    assert told[-1].exitcode == 3
