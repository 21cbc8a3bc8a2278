"""Which build of Prisma's query engine LiteLLM runs on here, and the environment that makes it so.

``native``: the one its image has. prisma-client-py downloads it from binaries.prisma.sh, and nothing is replaced.
``wasm``: where that can't be reached, the WebAssembly build of the same engine from npm (localcloud/prisma).
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from localcloud.home import setup_dir

Kind = Literal["native", "wasm"]

FOLDER = "prisma"  # in the set-up's folder
FORCE_VARIABLE = "LOCALCLOUD_PRISMA"
# The engine of prisma-client-py 0.11.0 (prisma/_config.py), which is therefore LiteLLM's.
NATIVE_COMMIT = "ac9d7041ed77bcc8a8dbd2ab6616b39013829574"
PROBE = f"https://binaries.prisma.sh/all_commits/{NATIVE_COMMIT}/debian-openssl-3.0.x/query-engine.gz.sha256"
_PROBE_SECONDS = 4.0


@dataclass(frozen=True)
class Choice:
    """The engine, and why it is that one (a sentence for people)."""

    kind: Kind
    reason: str
    node: str  # the Node.js that set-up found

    def save(self) -> None:
        _file().write_text(json.dumps(asdict(self)))


def reachable(url: str = PROBE) -> str | None:
    """None when the download site answers in time, else what was wrong."""
    try:
        with urllib.request.urlopen(url, timeout=_PROBE_SECONDS) as answer:
            return None if answer.status == 200 else f"status {answer.status}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def decide(node: str, probe: Callable[[], str | None], forced: str | None) -> Choice:
    """Which engine to set up. ``forced`` is what ``LOCALCLOUD_PRISMA`` says. ``ValueError`` when that is neither."""
    if forced:
        if forced not in ("native", "wasm"):
            raise ValueError(f"{FORCE_VARIABLE} must be native or wasm, not {forced!r}")
        return Choice("native" if forced == "native" else "wasm", f"{FORCE_VARIABLE} says so", node)
    trouble = probe()
    if trouble is None:
        return Choice("native", "binaries.prisma.sh can be reached", node)
    return Choice("wasm", f"binaries.prisma.sh can't be reached ({trouble})", node)


def chosen() -> Choice | None:
    """What set-up chose; None before it has run."""
    try:
        return Choice(**json.loads(_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


def ready() -> bool:
    return chosen() is not None


def path() -> list[Path]:
    """Folders that come first on the container's PATH."""
    choice = chosen()
    assert choice is not None, "set-up has not run"
    return [launchers()] if choice.kind == "wasm" else [Path(choice.node).parent]


def launchers() -> Path:
    """Where set-up puts the stand-ins for ``prisma`` and ``query-engine``."""
    return setup_dir() / FOLDER / "bin"


def environment(kind: Kind | None = None) -> dict[str, str]:
    """Variables for prisma-client-py and for Prisma's own programs (as a rule, for the engine that set-up chose)."""
    choice = chosen()
    common = {
        "PRISMA_USE_GLOBAL_NODE": "true",
        "PRISMA_USE_NODEJS_BIN": "false",
        "PRISMA_HIDE_UPDATE_MESSAGE": "true",
        "CHECKPOINT_DISABLE": "1",  # Prisma's own telemetry
    }
    if (kind or (choice.kind if choice else "wasm")) == "native":
        return {**common, "PRISMA_BINARY_CACHE_DIR": str(setup_dir() / FOLDER / "native")}
    return {
        **common,
        "PRISMA_BINARY_CACHE_DIR": str(setup_dir() / FOLDER),
        "PRISMA_QUERY_ENGINE_BINARY": str(launchers() / "query-engine"),
        "PRISMA_SCHEMA_ENGINE_BINARY": str(
            launchers() / "query-engine"
        ),  # `prisma generate` only sees that it is there
        "PRISMA_ENGINES_CHECKSUM_IGNORE_MISSING": "1",
        "LOCALCLOUD_PRISMA_CACHE": str(setup_dir() / FOLDER / "cache"),
    }


def _file() -> Path:
    return setup_dir() / FOLDER / "engine.json"


def forced() -> str | None:
    """What the person who runs set-up wants, if anything."""
    return os.environ.get(FORCE_VARIABLE)
