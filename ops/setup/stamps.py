"""What set-up has done: a stamp a step, written last, that names the inputs it was done with."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

Inputs = Mapping[str, str]


def digest(files: Iterable[Path], root: Path) -> dict[str, str]:
    """File → hash of its content. A missing file is an input too: its appearance means doing the step again."""
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
        for file in files
    }


def valid(stamp: Path, inputs: Inputs) -> bool:
    """Was the step finished with exactly these inputs?"""
    try:
        return json.loads(stamp.read_text())["inputs"] == dict(inputs)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write(stamp: Path, inputs: Inputs) -> None:
    """In one move, so that a stamp is whole or not there."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    fresh = stamp.with_name(f"{stamp.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"inputs": dict(inputs)}, indent=1, sort_keys=True) + "\n")
    fresh.replace(stamp)


def remove(stamp: Path) -> None:
    """Before a step begins: from now on, until its end, it counts as not done."""
    with contextlib.suppress(FileNotFoundError):
        stamp.unlink()
