"""The examples as their users have them: in a folder of their own, beside the package, on an account of their own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.cloud import ROOT, Cloud

EXAMPLES = ROOT / "examples"
INSTALLS_WITHIN = 600  # seconds, from a registry far away


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """What examples/javascript needs, installed once a clone and lock file."""
    source = EXAMPLES / "javascript"
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = ROOT / ".local" / "cache" / f"examples-{digest}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALLS_WITHIN,
            check=False,
        )
        assert not done.returncode, done.stderr[-3000:]
        (folder / "done").touch()
    return folder / "node_modules"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with copies of the examples, in which the engine may write, and the package where they look for it."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules", "venv"))
    (tmp_path / "package").symlink_to(ROOT / "package")
    return tmp_path / "examples"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A simulated account on which nothing is yet. Whatever happens, no process and no file of it stays."""
    cloud = Cloud("examples")
    cloud.localcloud("stop", "--wipe")
    try:
        yield cloud
    finally:
        cloud.localcloud("stop", "--wipe")
