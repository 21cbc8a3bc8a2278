"""The Makefile's glue, with a Python that only notes how it was called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.paths import REPO

# Notes each call; fails on those that match a line of the file `fail`; answers `outputs` and `env`.
PYTHON = """\
#!/bin/sh
echo "$*" >> calls
case "$*" in
  *"localcloud outputs"*) echo '{"gatewayUrl": "http://127.0.0.1:1"}';;
  *"localcloud env"*) echo "export A=1";;
  *"summary"*) echo "summary of $(cat)";;
esac
! echo "$*" | grep -qxF -f fail
"""


@dataclass(frozen=True)
class Clone:
    folder: Path

    def make(self, *argv: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "LOCALCLOUD_", "MFLAGS"))
        }
        env["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{env['PATH']}"
        done = subprocess.run(
            ["make", *argv], cwd=cwd or self.folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert (done.returncode != 0) == bool(code), done.stdout + done.stderr
        return done

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def fail(self, *calls: str) -> None:
        (self.folder / "fail").write_text("".join(f"{call}\n" for call in calls))

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    clone = Clone(tmp_path)
    shutil.copy(REPO / "Makefile", tmp_path)
    clone.write("ops/setup.sh", 'echo "setup $*" >> calls; echo "set-up: at work" >&2\n')
    clone.write(".venv/bin/python", PYTHON)
    clone.write("bin/pulumi", '#!/bin/sh\necho "pulumi $*" >> calls\n')
    clone.fail()
    return clone


def test_make_alone_lists_every_target(clone: Clone) -> None:
    listed = clone.make().stdout
    targets = re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)) == set(targets)
    assert clone.calls() == []


def test_up_stands_up_and_tells(clone: Clone) -> None:
    told = clone.make("up").stdout
    assert clone.calls() == [
        "setup ",
        "-m localcloud run -- .venv/bin/python -m ops up --stack local --yes",
        "-m localcloud outputs --json --show-secrets",
        "-m ops summary --stack local --outputs -",
    ]
    assert told == 'summary of {"gatewayUrl": "http://127.0.0.1:1"}\n'
    clone.make("up", "SHOW_KEYS=1")
    assert clone.calls()[-1].endswith("--show-keys")


def test_a_failed_up_is_a_failure_and_tells_no_address(clone: Clone) -> None:
    clone.fail("-m localcloud run -- .venv/bin/python -m ops up --stack local --yes")
    assert clone.make("up", code=1).stdout == ""


def test_a_stack_on_aws_is_pulumis_own_matter(clone: Clone) -> None:
    clone.make("up", "STACK=poc")
    clone.make("down", "STACK=poc")
    clone.make("preview", "STACK=poc", "ARGS=--diff")
    assert [call for call in clone.calls() if call.startswith("pulumi")] == [
        "pulumi up --stack poc",
        "pulumi destroy --stack poc",
        "pulumi preview --stack poc --diff",
    ]
    assert clone.calls()[0] == "setup python engine launchers", "no local cloud is set up for it"
    assert not any("localcloud" in call for call in clone.calls())


def test_down_destroys_and_wipes(clone: Clone) -> None:
    (clone.folder / ".local" / "cloud").mkdir(parents=True)
    clone.make("down")
    assert clone.calls()[1:] == [
        "-m localcloud status",
        "-m localcloud run -- .venv/bin/python -m ops unlock --stop --stack local",
        "-m localcloud run -- .venv/bin/python -m ops destroy --stack local --yes",
        "-m localcloud stop --wipe",
    ]


def test_down_wipes_whatever_a_destroy_could_not_do(clone: Clone) -> None:
    (clone.folder / ".local" / "cloud").mkdir(parents=True)
    clone.fail("-m localcloud run -- .venv/bin/python -m ops destroy --stack local --yes")
    assert "removing what is left, by force" in clone.make("down").stderr
    assert clone.calls()[-1] == "-m localcloud stop --wipe"


def test_down_with_a_dead_daemon_starts_nothing(clone: Clone) -> None:
    (clone.folder / ".local" / "cloud").mkdir(parents=True)
    clone.fail("-m localcloud status")
    clone.make("down")
    assert clone.calls()[1:] == ["-m localcloud status", "-m localcloud stop --wipe"]


def test_down_that_cannot_wipe_fails(clone: Clone) -> None:
    (clone.folder / ".local" / "cloud").mkdir(parents=True)
    clone.fail("-m localcloud stop --wipe")
    clone.make("down", code=1)


def test_down_in_a_fresh_clone_sets_nothing_up(clone: Clone) -> None:
    assert clone.make("down").stdout == "nothing is up\n"
    assert clone.calls() == []


def test_env_prints_exports_and_nothing_else(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert clone.make("env").stdout == "export A=1\n"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    said = clone.make("--no-print-directory", "-C", str(clone.folder), "env", cwd=elsewhere)
    assert said.stdout == "export A=1\n"
    assert "set-up: at work" in said.stderr


def test_a_key_for_a_shell(clone: Clone) -> None:
    clone.make("-s", "key", "ALIAS=dev-environment")
    assert clone.calls()[-1] == "-m localcloud run -- .venv/bin/python -m ops key --stack local dev-environment"


def test_what_previews_has_an_account_of_its_own_and_leaves_nothing(clone: Clone) -> None:
    clone.make("cost", "STACK=poc", "ARGS=--json")
    assert clone.calls() == [
        "setup python engine launchers",
        "-m localcloud run -- .venv/bin/python -m ops cost --stack poc --json",
        "-m localcloud stop --wipe",
    ]


def test_a_reports_exit_code_is_makes_own_and_the_account_goes_all_the_same(clone: Clone) -> None:
    clone.fail("-m localcloud run -- .venv/bin/python -m ops preview-report --stack poc --base main")
    clone.make("preview-report", "STACK=poc", "BASE=main", code=1)
    assert clone.calls()[-1] == "-m localcloud stop --wipe"


def test_sleep_and_wake_of_a_stack_on_aws_need_no_local_cloud(clone: Clone) -> None:
    clone.make("sleep", "STACK=poc")
    clone.make("wake", "STACK=poc")
    assert not any("localcloud" in call for call in clone.calls())
    assert "-m ops wake --stack poc" in clone.calls()[-1]
