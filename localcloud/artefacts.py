"""What set-up makes once for a clone: folders built from pinned inputs, stamped when whole, rebuilt on a change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localcloud.home import REPOSITORY

_STAMP = ".built.json"
_NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
_TAIL_LINES = 15

Inputs = Mapping[str, str]
Say = Callable[[str], None]


class SetupError(Exception):
    """A step of the set-up failed; the message says which, and how its command ended."""


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, flush=True)


def digest(files: Sequence[Path]) -> dict[str, str]:
    """Path (relative to the clone, where it is inside) → hash of the content."""

    def name(file: Path) -> str:
        return str(file.relative_to(REPOSITORY)) if file.is_relative_to(REPOSITORY) else str(file)

    return {name(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def built(folder: Path, inputs: Inputs) -> bool:
    """Whether ``folder`` holds what was built from just these inputs, to the end."""
    try:
        return json.loads((folder / _STAMP).read_text()) == dict(inputs)
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False


def build(title: str, folder: Path, inputs: Inputs, make: Callable[[Path], None], tell: Say = say) -> bool:
    """Have ``folder`` built by ``make`` unless it is already; returns whether anything was done.

    An interrupted or failed run leaves no stamp, so that the next one starts from an empty folder.
    """
    if built(folder, inputs):
        return False
    tell(f"{title} …")
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    draft = folder / f"{_STAMP}.part"
    draft.write_text(json.dumps(dict(inputs), indent=1, sort_keys=True))
    draft.replace(folder / _STAMP)
    tell(f"{title}: done in {time.monotonic() - began:.0f} s")
    return True


def run(command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return its output. Raises ``SetupError`` with the last lines when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except FileNotFoundError:
        raise SetupError(f"there is no program {words[0]} on PATH") from None
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        last = "\n".join(output.strip().splitlines()[-_TAIL_LINES:])
        raise SetupError(f"{Path(words[0]).name} {' '.join(words[1:3])} … ended with {done.returncode}:\n{last}")
    return output


def npm_ci(source: Path, folder: Path) -> None:
    """Install just what the lock in ``source`` says into ``folder``; no package's own scripts are run."""
    for name in _NPM_FILES:
        shutil.copy(source / name, folder / name)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)


def npm_inputs(source: Path) -> dict[str, str]:
    """What ``npm_ci`` depends on."""
    return digest([source / name for name in _NPM_FILES])


def node() -> Path:
    """Node.js on PATH. Raises ``SetupError`` when there is none, or one older than version 18."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise SetupError("Node.js with its npm is missing: install version 18 or newer")
    version = run([found, "--version"]).strip()
    if int(version.lstrip("v").split(".")[0]) < 18:
        raise SetupError(f"Node.js {version} is too old: install version 18 or newer")
    return Path(found).resolve()


def main(steps: Callable[[], object]) -> int:
    """Run a set-up module as a program: its exit code, with a failure told as one message."""
    os.umask(0o022)  # Postgres may run as another user, who must be able to read its programs
    try:
        steps()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
