"""Everything that the report says, before it is written. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops import advisories
from ops.cost.estimate import Estimate
from ops.plan import Finding, Planned
from ops.report import meaning, people

TASK = "aws:ecs/taskDefinition:TaskDefinition"
SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Facts:
    """`base` names the commit that counts as deployed; `before` is None for a stack that it doesn't have."""

    stack: str
    base: str
    planned: Sequence[Planned]
    findings: Sequence[Finding]
    before: Estimate | None
    after: Estimate
    configured_image: str = ""

    @property
    def changes(self) -> list[Planned]:
        """What differs, with each team, user and key by itself."""
        return [p for p in people.one_by_one(self.planned) if p.op != "same"]

    @property
    def losses(self) -> list[Planned]:
        """What loses data that no further update brings back."""
        return [p for p in self.changes if meaning.loses_data(p)]

    @property
    def broken(self) -> list[Finding]:
        """Findings that stop an update."""
        return [f for f in self.findings if f.level == "mandatory"]

    @property
    def images(self) -> list[str]:
        """The images that will run; while the task's definition isn't known, the one that is configured."""
        found: set[str] = set()
        for planned in self.planned:
            document = planned.inputs.get("containerDefinitions") if planned.type == TASK and planned.stays else None
            found |= set(_images(document))
        return sorted(found or {self.configured_image} - {""})

    @property
    def known_holes(self) -> list[tuple[str, advisories.Advisory]]:
        return [(image, advisory) for image in self.images for advisory in advisories.advisories(image)]

    @property
    def blocked(self) -> bool:
        """Should this not be merged without somebody's word?"""
        return bool(self.broken or self.losses or self.known_holes)


def _images(document: object) -> list[str]:
    try:
        containers: list[dict[str, Any]] = json.loads(document) if isinstance(document, str) else []
    except ValueError:  # not known before the update
        return []
    return [str(container["image"]) for container in containers if "image" in container]
