"""Known holes of LiteLLM's versions, as a table. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int, int]

# Versions below have holes that are reachable through a gateway.
SAFE_LITELLM: Version = (1, 84, 0)


@dataclass(frozen=True)
class Advisory:
    """`fixed`: the first version without it. `only`: just these versions have it."""

    id: str
    what: str
    fixed: Version | None = SAFE_LITELLM
    only: tuple[Version, ...] = ()

    def concerns(self, version: Version) -> bool:
        return version in self.only if self.only else self.fixed is not None and version < self.fixed


TABLE = (
    Advisory("CVE-2026-35029", "a change of the config runs code"),
    Advisory("CVE-2026-42208", "SQL injection before authentication"),
    Advisory("CVE-2026-47101", "a user gives itself more rights"),
    Advisory("CVE-2026-47102", "a key gives itself more rights"),
    Advisory("CVE-2026-40217", "a guardrail's code runs outside of its sandbox"),
    Advisory("CVE-2026-49468", "the Host header gets around the authentication"),
    Advisory("malware on PyPI", "the published package steals credentials", None, ((1, 82, 7), (1, 82, 8))),
)


def version_of(image: str) -> Version | None:
    """The version in an image's tag, as in `ghcr.io/berriai/litellm:v1.108.7`; None for a digest or another tag."""
    found = re.search(r":v?(\d+)\.(\d+)\.(\d+)", image.partition("@")[0].rpartition("/")[2])
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def advisories(image: str) -> list[Advisory]:
    """What is known of the LiteLLM in `image`; nothing for another program, or for a version that isn't told."""
    version = version_of(image)
    if version is None or "litellm" not in image:
        return []
    return [advisory for advisory in TABLE if advisory.concerns(version)]
