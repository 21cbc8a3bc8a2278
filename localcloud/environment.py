"""The environment in which `aws`, boto3 and plain `pulumi` talk to the simulated account, and to nothing else."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from localcloud.aws.account import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from localcloud.home import HOME_VARIABLE, REPOSITORY, Home, setup_dir, write_private

# Known to everybody: the state describes a simulated account and lies in a folder that is closed to others.
PASSPHRASE = "llm-gateway-local"
_PLUGINS = ("aws", "random")
_LOOPBACK = ("127.0.0.1", "localhost")


def exports(home: Home, endpoint: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables to set. ``base`` is the environment that they are added to (for PATH and the like)."""
    path = [str(home.bin), str(setup_dir() / "engine" / "bin")]
    return {
        HOME_VARIABLE: str(home.path),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # No profile of the person's own can come in, with its credentials or its endpoints.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PULUMI_BACKEND_URL": home.state.as_uri(),
        "PULUMI_HOME": str(home.pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": _in_front(path, base.get("PATH", os.defpath)),
        "PYTHONPATH": _in_front([str(REPOSITORY)], base.get("PYTHONPATH", "")),
        # A proxy of the person's must never see a call to loopback.
        "NO_PROXY": _with_loopback(base.get("NO_PROXY", "")),
        "no_proxy": _with_loopback(base.get("no_proxy", "")),
    }


def unsets(base: Mapping[str, str] = os.environ) -> list[str]:
    """Variables of ``base`` that would lead elsewhere: the person's own AWS settings, and other passphrases."""
    ours = exports(Home.find(), "")
    foreign = [name for name in base if name.startswith("AWS_") and name not in ours]
    return sorted(foreign) + [name for name in ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_ACCESS_TOKEN") if name in base]


def complete(home: Home, endpoint: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment for a program that is run in it."""
    dropped = set(unsets(base))
    return {name: value for name, value in base.items() if name not in dropped} | exports(home, endpoint, base)


def clean(base: Mapping[str, str]) -> dict[str, str]:
    """``base`` without anything of the person's own AWS settings; for the daemon, which needs none."""
    kept = {name: value for name, value in base.items() if not name.startswith("AWS_")}
    return kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def as_shell(home: Home, endpoint: str) -> str:
    """Lines for ``eval`` in a POSIX shell."""
    lines = [f"unset {name}" for name in unsets()]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in exports(home, endpoint).items()]
    return "\n".join(lines)


def write_launchers(home: Home) -> None:
    """Put the provider plugins where the engine looks for them: an executable of a fixed name on PATH."""
    for plugin in _PLUGINS:
        write_private(
            home.bin / f"pulumi-resource-{plugin}",
            "#!/bin/sh\n"
            f"export PYTHONPATH={shlex.quote(str(REPOSITORY))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
            f'exec {shlex.quote(sys.executable)} -m localcloud.plugins.{plugin} "$@"\n',
            executable=True,
        )


def _in_front(paths: list[str], before: str) -> str:
    """``paths`` ahead of what was there, each once, so that a second ``eval`` changes nothing."""
    rest = [part for part in before.split(os.pathsep) if part and part not in paths]
    return os.pathsep.join([*paths, *rest])


def _with_loopback(before: str) -> str:
    parts = [part.strip() for part in before.split(",") if part.strip()]
    return ",".join([*parts, *(name for name in _LOOPBACK if name not in parts)])
