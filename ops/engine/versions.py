"""Which versions of the engine will do. Standard library only."""

from __future__ import annotations

import re

MINIMUM = (3, 253, 0)
"""Oldest engine that this project was seen to run on, and the one that builds from its module
(`engine_module/go.mod`)."""

BUILT = "3.253.0"
"""Version in `engine_module/go.mod`."""

INSTALLED = "3.272.0"
"""Version installed from the official site: that of the SDK in `requirements/stack.in`."""

Version = tuple[int, int, int]


def parse(text: str) -> Version | None:
    """`v3.253.0`, `3.253.0-alpha.1+dirty`, `go1.26` … → numbers; None where there is no version in it."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def render(version: Version) -> str:
    return ".".join(map(str, version))


def usable(version: Version) -> bool:
    """New enough, and of the major version that the SDK speaks to."""
    return version >= MINIMUM and version[0] == MINIMUM[0]
