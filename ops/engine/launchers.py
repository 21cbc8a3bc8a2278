"""Scripts that the engine starts by name and that an engine built from its module doesn't bring. Standard library
only."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from ops.paths import REPO, venv_python

NAMES = ("pulumi-language-python", "pulumi-resource-pulumi-python", "pulumi-analyzer-policy-python")


def script(name: str, repo: Path = REPO) -> str:
    """The text of one launcher. The language host is run by path, with `-P`: neither its folder nor the current one may
    come before the program's own on the module path. The other two must find the project's modules: they run in its
    folder."""
    python = shlex.quote(str(venv_python(repo)))
    command = {
        "pulumi-language-python": f"-P -u {shlex.quote(str(repo / 'ops' / 'engine' / 'language_host.py'))}",
        "pulumi-resource-pulumi-python": "-u -m pulumi.dynamic",
        "pulumi-analyzer-policy-python": "-u -m pulumi.policy",
    }[name]
    return f'#!/bin/sh\nexec {python} {command} "$@"\n'


def missing(command: Path, path: str) -> list[str]:
    """Those that stand neither beside the engine `command` nor on `path`."""
    beside = os.pathsep.join((str(command.resolve().parent), str(command.parent), path))
    return [name for name in NAMES if shutil.which(name, path=beside) is None]


def write(folder: Path, names: list[str] | tuple[str, ...] = NAMES, repo: Path = REPO) -> None:
    """Write executable launchers into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        target = folder / name
        target.write_text(script(name, repo))
        target.chmod(0o755)
