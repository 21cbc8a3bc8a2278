"""Does a command of the documents exist, with these words and flags? Asked of what would run it."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import subprocess
from functools import cache

import botocore.session
from botocore import xform_name

from litellm_admin.cli.commands import BY_NAME, flags_of
from localcloud import cli as localcloud_cli
from ops import cli as ops_cli
from ops import paths
from tests.docs.documents import ROOT

# Of the AWS CLI itself: https://docs.aws.amazon.com/cli/latest/reference/#global-options
AWS_OPTIONS = {
    "region",
    "profile",
    "output",
    "query",
    "endpoint-url",
    "no-cli-pager",
    "cli-input-json",
    "cli-binary-format",
}
# High-level commands that have no operation of their own name.
AWS_OWN = {("s3", "mb"), ("s3", "cp"), ("s3", "ls"), ("logs", "tail"), ("configure", "sso"), ("sso", "login")}


class Wrong(Exception):
    """The command doesn't exist as it is written."""


def check(words: list[str]) -> None:
    """Raises Wrong when what would run the command doesn't know it."""
    head = words[0].removeprefix(".venv/bin/")
    if head == "make":
        _make(words[1:])
    elif head == "pulumi":
        _pulumi(words[1:])
    elif head == "aws":
        _aws(words[1:])
    elif head in ("scripts/litellm-users.sh", "litellm-users.sh"):
        _litellm_users(words[1:])
    elif head == "python" and words[1:2] == ["-m"]:
        _module(words[2], words[3:])


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def variables() -> frozenset[str]:
    """What the Makefile reads: `$(NAME)` of make's own, `$${NAME…}` of the environment."""
    found = re.findall(r"\$\(([A-Z_]+)\)|\$\$\{([A-Z_]+)", (ROOT / "Makefile").read_text())
    return frozenset(one or other for one, other in found)


def _make(arguments: list[str]) -> None:
    for one in arguments:
        if one.startswith("-"):
            continue
        name, equals, _ = one.partition("=")
        if equals and name not in variables():
            raise Wrong(f"the Makefile reads no {name}")
        if not equals and one not in targets():
            raise Wrong(f"the Makefile has no target {one}")


def _pulumi(arguments: list[str]) -> None:
    names: list[str] = []
    for one in arguments:
        if one.startswith("-") or not re.fullmatch(r"[a-z-]+", one):
            break
        if _help((*names, one)) is None:
            break
        names.append(one)
    if not names:
        raise Wrong(f"pulumi has no command {arguments[0]}")
    known = _help(tuple(names)) or ""
    for flag in (one.partition("=")[0] for one in arguments if one.startswith("-")):
        if not re.search(rf"(^|[\s,]){re.escape(flag)}\b", known):
            raise Wrong(f"pulumi {' '.join(names)} has no {flag}")


@cache
def _help(names: tuple[str, ...]) -> str | None:
    """What `pulumi NAMES --help` says; None when there is no such command."""
    path = os.pathsep.join((str(paths.engine_dir() / "bin"), os.environ["PATH"]))
    engine = shutil.which("pulumi", path=path)
    assert engine
    done = subprocess.run([engine, *names, "--help"], capture_output=True, text=True, timeout=60, check=False)
    usage = re.search(r"^Usage:\s+pulumi ([^\n]*)", done.stdout, re.MULTILINE)
    also = re.search(r"^Aliases:\s+([^\n]*)", done.stdout, re.MULTILINE)
    last = {names[-1], *(also[1].split(", ") if also else [])}
    known = usage and any(usage[1].startswith(" ".join((*names[:-1], one))) for one in last)
    return done.stdout if known else None


def _aws(arguments: list[str]) -> None:
    service, operation, *rest = arguments
    if (service, operation) in AWS_OWN:
        return
    service = {"s3api": "s3"}.get(service, service)
    try:
        model = botocore.session.get_session().get_service_model(service)
    except Exception as error:  # botocore has its own for each way of not knowing one
        raise Wrong(f"aws has no service {service}") from error
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":
        return
    if operation not in names:
        raise Wrong(f"aws {service} has no {operation}")
    shape = model.operation_model(names[operation]).input_shape
    members = {xform_name(name, "-") for name in shape.members} if shape else set()
    for flag in (one.partition("=")[0] for one in rest if one.startswith("--")):
        plain = flag.removeprefix("--")
        if plain not in members | AWS_OPTIONS and plain.removeprefix("no-") not in members:
            raise Wrong(f"aws {service} {operation} has no {flag}")


def _litellm_users(arguments: list[str]) -> None:
    """Running text names a command and leaves out what it needs; what it names must exist."""
    name, *rest = arguments
    if name not in BY_NAME:
        raise Wrong(f"litellm-users.sh has no command {name}")
    known = {flag.name for flag in flags_of(BY_NAME[name])} | {"--help"}
    for flag in (one.partition("=")[0] for one in rest if one.startswith("--")):
        if flag not in known:
            raise Wrong(f"litellm-users.sh {name} has no {flag}")


def _module(module: str, arguments: list[str]) -> None:
    if module == "ops":
        _parse(ops_cli.parser(), arguments)
    elif module == "localcloud":
        _parse(localcloud_cli._parser(), arguments)


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(arguments)
    except SystemExit as ended:
        if ended.code:
            raise Wrong(said.getvalue().strip().splitlines()[-1]) from None
