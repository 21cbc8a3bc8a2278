"""The official Python image: runs this machine's own interpreter, as the command says. For small side containers.

A program in it should listen on ``$PORT`` or take ``--port``; ``python -m http.server`` is understood as well. It gets
``HOST=127.0.0.1``: what binds to all addresses regardless does so on this machine, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from localcloud.images import base
from localcloud.images.contract import CannotStartContainer, ContainerContext, ContainerProcess
from localcloud.images.ports import LOOPBACK, find_option, free_port, port_number, set_option
from localcloud.images.reference import Reference

_REPOSITORY = "docker/library/python"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
REFERENCE = f"public.ecr.aws/{_REPOSITORY}:{_VERSION}"
_INTERPRETERS = ("python", "python3", f"python{_VERSION}")
_HTTP_SERVER = ["-m", "http.server"]


class Python:
    """``python`` in a container of its own."""

    name = REFERENCE

    def prepare(self, ctx: ContainerContext) -> ContainerProcess:
        program, *arguments = [*ctx.entrypoint, *ctx.command] or ["python3"]
        if program not in _INTERPRETERS:
            raise CannotStartContainer(f'exec: "{program}": this machine runs only python in {REFERENCE}')
        env = base.environment(ctx, Path(sys.executable).parent)
        try:
            arguments, ports = _listen(arguments, env)
        except ValueError as error:
            raise CannotStartContainer(str(error)) from None
        return ContainerProcess([sys.executable, *arguments], env, ctx.workdir, ports)


def find(reference: Reference) -> Python | None:
    """This image, when the reference means it in this machine's version (3, 3.x, 3.x.y, with -slim and the like)."""
    if not (reference.ends_with(_REPOSITORY) or reference.name == "python"):
        return None
    version = (reference.tag or "latest").split("-")[0]
    fits = version in ("3", "latest", _VERSION) or version.startswith(f"{_VERSION}.")
    return Python() if fits else None


def _listen(arguments: list[str], env: dict[str, str]) -> tuple[list[str], dict[int, int]]:
    """Arguments and (in place) environment with the real port; container port → real port. Raises ``ValueError``."""
    real = free_port()
    if arguments[:2] == _HTTP_SERVER:
        rest = arguments[2:]
        asked = port_number(rest[0], "http.server's argument") if rest and rest[0].isdecimal() else 8000
        others = rest[1:] if rest and rest[0].isdecimal() else rest
        return [*_HTTP_SERVER, str(real), *set_option(others, "--bind", LOOPBACK)], {asked: real}
    option = find_option(arguments, "--port")
    if option is not None:
        asked = port_number(option.value, "--port")
        return set_option(arguments, "--port", str(real)), {asked: real}
    if "PORT" in env:
        asked = port_number(env["PORT"], "the environment's PORT")
        env["PORT"] = str(real)
        return arguments, {asked: real}
    return arguments, {}
