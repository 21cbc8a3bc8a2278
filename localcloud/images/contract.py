"""What the data plane gives an image, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class CannotPullContainer(Exception):
    """There is no such image here; the message is ECS' ``CannotPullContainerError`` without its name."""


class CannotStartContainer(Exception):
    """The image is here, but not what the task wants to run in it; the message says what is."""


@dataclass(frozen=True)
class ContainerContext:
    """One container of a task, as its task definition has it.

    ``entrypoint`` and ``command`` are the overrides of the image's own (empty: the image's); ``env`` is complete, with
    the secrets, and AWS host names already replaced; ``workdir`` is the container's own folder, its home and its /tmp.
    """

    entrypoint: list[str]
    command: list[str]
    env: dict[str, str] = field(repr=False)  # it holds secrets
    workdir: Path
    log: Path


@dataclass(frozen=True)
class ContainerProcess:
    """What to start. ``ports``: container port → the loopback port that the program really listens on."""

    argv: list[str]
    env: dict[str, str] = field(repr=False)
    cwd: Path
    ports: dict[int, int]


class Image(Protocol):
    """An image that this machine carries."""

    name: str

    def prepare(self, ctx: ContainerContext) -> ContainerProcess:
        """How to run the container. Raises ``CannotStartContainer``."""
        ...
