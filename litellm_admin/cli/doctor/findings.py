"""What was found on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# Compares the stack with what really exists and puts it right. Users and keys are left out: they are read through the
# gateway, and a refresh that can't read them fails.
REPAIR = "pulumi up --refresh --exclude '**dynamic/litellm**'"

Status = Literal["ok", "warning", "broken", "skipped"]


@dataclass(frozen=True)
class Finding:
    """`what` is so, and `remedy` says what to do about it. `broken` tells a cause from a note."""

    what: str
    remedy: str = ""
    broken: bool = True


def note(what: str) -> Finding:
    return Finding(what, broken=False)


@dataclass
class Step:
    """One part of the way."""

    name: str
    status: Status = "ok"
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, *found: Finding) -> None:
        """What AWS says besides. A part that answers and has a fault is a warning."""
        self.findings += found
        if self.status == "ok" and any(finding.broken for finding in found):
            self.status = "warning"

    def fail(self, *found: Finding) -> Step:
        self.status = "broken"
        self.findings += found
        return self

    def skip(self, why: str) -> Step:
        self.status = "skipped"
        self.findings.append(note(why))
        return self
