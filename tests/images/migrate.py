"""The `prisma` command of the WebAssembly mode, run as LiteLLM runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from localcloud.images import litellm, litellm_engine
from tests.images.conftest import Databases


def migrations_root() -> Path:
    """Where LiteLLM's migrations are, and where it changes to for the command."""
    return next(litellm.venv().glob("lib/python*/site-packages/litellm_proxy_extras"))


def prisma(url: str, *arguments: str, root: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    complete = {**os.environ, **litellm_engine.environment("wasm"), "DATABASE_URL": url, **env}
    command = [litellm_engine.launchers() / "prisma", *arguments]
    return subprocess.run(
        command, cwd=root or migrations_root(), env=complete, capture_output=True, text=True, timeout=60, check=False
    )


def migrated(databases: Databases, name: str) -> str:
    """A new database with LiteLLM's tables; its URL."""
    url = databases.create(name)
    done = prisma(url, "migrate", "deploy")
    assert done.returncode == 0, done.stderr
    return url
