"""The stack's outputs, with each AWS host name replaced by the loopback address that answers for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud import control
from localcloud.aws.addresses import localise

_SECRET = "[secret]"  # how the engine writes a value that it keeps to itself


class OutputsError(Exception):
    """The outputs can't be read; the message says why."""


def read(project: Path, env: Mapping[str, str], endpoint: str, stack: str, show_secrets: bool) -> dict[str, Any]:
    """Outputs of ``stack``, from the engine, in the environment ``env``. Raises ``OutputsError``."""
    pulumi = shutil.which("pulumi", path=env["PATH"])
    if pulumi is None:
        raise OutputsError("there is no pulumi on PATH and none was set up: run `make setup`")
    command = [pulumi, "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    done = subprocess.run(
        command + (["--show-secrets"] if show_secrets else []),
        cwd=project,
        env=dict(env),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise OutputsError(done.stderr.strip() or f"{' '.join(command)} ended with code {done.returncode}")
    return localise(json.loads(done.stdout), hosts(endpoint))


def hosts(endpoint: str) -> dict[str, str]:
    """URL on AWS → URL on loopback, from the simulated API. Raises ``OutputsError`` when it doesn't answer."""
    try:
        return control.ask(endpoint, "/_localcloud/hosts")
    except (OSError, RuntimeError) as error:
        raise OutputsError(f"the simulated AWS at {endpoint} doesn't tell its addresses: {error}") from None


def render(outputs: Mapping[str, Any]) -> str:
    """The outputs for people: a line each, maps indented below their name."""
    if not outputs:
        return "no outputs"
    lines = []
    for name, value in sorted(outputs.items()):
        if isinstance(value, Mapping):
            lines.append(f"{name}:")
            lines += [f"  {key}: {_plain(item)}" for key, item in sorted(value.items())]
        else:
            lines.append(f"{name}: {_plain(value)}")
    if any(_SECRET in line for line in lines):
        lines.append("(secret values: --show-secrets)")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
