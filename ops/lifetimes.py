"""Which stacks have outlived their purpose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.shapes import object_at

LIFETIME = "pulumi-python:dynamic/lifetime:Lifetime"


@dataclass(frozen=True)
class Standing:
    """A stack as its state tells it. `expires` is None for one that lives until somebody ends it."""

    name: str
    resources: int
    expires: datetime | None
    protected: bool

    def expired(self, now: datetime) -> bool:
        return self.expires is not None and not self.protected and now >= self.expires

    def sentence(self, now: datetime) -> str:
        """What is to be done with it, and why."""
        if self.protected:
            return f"{self.name}: protected, stays"
        if self.expires is None:
            return f"{self.name}: no lifetime, stays"
        when = self.expires.strftime("%Y-%m-%d %H:%M UTC")
        return f"{self.name}: {'expired' if self.expired(now) else 'lives until'} {when}"


def standing(name: str, resources: Iterable[Mapping[str, Any]]) -> Standing:
    """From a stack's state. A single protected resource protects the whole stack."""
    there = [item for item in resources if not item.get("delete")]
    lifetime = next((object_at(item, "outputs") for item in there if item["type"] == LIFETIME), dict[str, Any]())
    return Standing(name, len(there), _moment(lifetime.get("expires")), any(item.get("protect") for item in there))


def _moment(text: Any) -> datetime | None:
    """A state that can't be read as a time says nothing, and what says nothing is not destroyed."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
