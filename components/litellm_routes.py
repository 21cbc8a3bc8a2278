"""What a path would open: the routes of the pinned LiteLLM, classed, in `litellm_routes.txt`. Pure.

LiteLLM looks a request up as Starlette does: it takes the first route whose pattern matches the decoded path and that
knows the method. https://www.starlette.io/routing/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_suffix(".txt")
INFERENCE, UPSTREAM, MANAGEMENT = "inference", "upstream", "management"
MOUNT, WEBSOCKET = "MOUNT", "WEBSOCKET"
_PARAMETER = re.compile(r"\{[A-Za-z_]\w*(:path)?\}")


@dataclass(frozen=True)
class Route:
    """One line of the file. `methods` are HTTP's, or `MOUNT` (a whole application, whatever the method) or
    `WEBSOCKET`."""

    kind: str
    methods: tuple[str, ...]
    path: str

    def __str__(self) -> str:
        return f"{'/'.join(self.methods)} {self.path}"

    @property
    def template(self) -> str:
        """The path as LiteLLM itself names the route once it is chosen: parameters without their type."""
        path = _PARAMETER.sub(lambda found: found[0].replace(":path", ""), self.path)
        return f"{path}/{{path}}" if MOUNT in self.methods else path

    def matches(self, path: str) -> bool:
        """Whether the route takes a decoded path, whatever the method."""
        return _pattern(self).match(path) is not None


@cache
def _pattern(route: Route) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for found in _PARAMETER.finditer(route.path):
        parts += [re.escape(route.path[end : found.start()]), ".*" if found[1] else "[^/]+"]
        end = found.end()
    parts.append(re.escape(route.path[end:]))
    # A mount is sought with the slash that follows it; without, LiteLLM sends the client there.
    return re.compile(f"^{''.join(parts)}{'(/.*)?' if MOUNT in route.methods else ''}$")


@cache
def version() -> str:
    """The LiteLLM that the file describes, such as `1.108.7`."""
    found = re.match(r"# LiteLLM (\S+):", DATA.read_text())
    assert found is not None, f"{DATA} doesn't begin with its version"
    return found[1]


@cache
def routes() -> tuple[Route, ...]:
    """Every route, in the order in which LiteLLM tries them."""
    lines = (line.split() for line in DATA.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(Route(kind, tuple(methods.split(",")), path) for kind, methods, path in lines)


def opened_by(path: str) -> dict[str, Route]:
    """Method → the route that a literal path leads to."""
    found: dict[str, Route] = {}
    for route in routes():
        if route.matches(path):
            for method in route.methods:
                found.setdefault(method, route)
            if MOUNT in route.methods:
                break  # it takes what is left of the methods
    return found
