"""Ports: a container listens on any port it likes, a process here on a free loopback port that stands for it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nothing on loopback listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def rewrite_local(command: Sequence[str], ports: Mapping[int, int]) -> list[str]:
    """A command run inside the container (a health check), with the container's own addresses made this machine's.

    ``localhost:4000``, ``127.0.0.1:4000``, ``0.0.0.0:4000`` and ``[::1]:4000`` become ``127.0.0.1:`` and the real port.
    """

    def real(match: re.Match[str]) -> str:
        port = ports.get(int(match["port"]))
        return match[0] if port is None else f"{LOOPBACK}:{port}"

    own = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(?P<port>\d{1,5})(?!\d)")
    return [own.sub(real, word) for word in command]


@dataclass(frozen=True)
class Option:
    """A value on a command line: where it stands, and how it is written there."""

    index: int
    value: str
    prefix: str  # "--port=" when name and value are one word


def find_option(arguments: Sequence[str], name: str) -> Option | None:
    """The last ``--name VALUE`` or ``--name=VALUE`` (the one that counts), or None."""
    found = None
    for index, word in enumerate(arguments):
        if word.startswith(f"{name}="):
            found = Option(index, word.removeprefix(f"{name}="), f"{name}=")
        elif word == name and index + 1 < len(arguments):
            found = Option(index + 1, arguments[index + 1], "")
    return found


def set_option(arguments: Sequence[str], name: str, value: str) -> list[str]:
    """The arguments with ``--name`` set to ``value``, added at the end when it isn't there."""
    option = find_option(arguments, name)
    if option is None:
        return [*arguments, name, value]
    return [*arguments[: option.index], f"{option.prefix}{value}", *arguments[option.index + 1 :]]


def port_number(text: str, where: str) -> int:
    """A port number. Raises ``ValueError`` that names where it stands."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{where} is not a port: {text!r}")
    return int(text)
