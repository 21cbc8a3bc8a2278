"""Image references: ``[registry/]repository[:tag][@sha256:digest]``, as in a task definition."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Reference:
    name: str  # registry and repository
    tag: str | None
    digest: str | None

    def ends_with(self, repository: str) -> bool:
        """Whether it is this repository, in whatever registry (a pull-through cache keeps the path, too)."""
        return self.name == repository or self.name.endswith(f"/{repository}")


def parse(image: str) -> Reference:
    """Raises ``ValueError`` when it is no image reference."""
    match = _REFERENCE.fullmatch(image)
    if match is None:
        raise ValueError(f"not an image reference: {image!r}")
    return Reference(match["name"], match["tag"], match["digest"])
