"""The difference of two versions of LiteLLM, as far as the gateway is concerned. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.advisories import TABLE, Advisory, Version

_PARAMETER = re.compile(r"\{[A-Za-z_]\w*(:path)?\}")
# Below these a new route is like its neighbours; anything else is for a person to class.
_MANAGEMENT = (
    "/user", "/key", "/team", "/model", "/spend", "/global", "/organization", "/customer", "/budget", "/config",
    "/health", "/credentials", "/guardrails", "/policies", "/sso", "/ui", "/settings", "/management", "/tag",
)  # fmt: skip


@dataclass(frozen=True)
class Probed:
    """What `probe.py` says of one version."""

    version: str
    routes: frozenset[tuple[str, str]]
    """(method, path)"""
    migrations: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Probed:
        pairs = {(method, route["path"]) for route in told["routes"] for method in route["methods"]}
        return cls(told["version"], frozenset(pairs), told["migrations"])


@dataclass(frozen=True)
class Difference:
    """`added` by class. `opened`: paths of the allow-list that a new route would answer. `lost`: those that nothing
    answers any more. `destructive`: migrations that touch data that is there."""

    old: str
    new: str
    added: Mapping[str, tuple[str, ...]]
    removed: tuple[str, ...]
    opened: Mapping[str, tuple[str, ...]]
    lost: tuple[str, ...]
    migrations: tuple[str, ...]
    withdrawn: tuple[str, ...]
    destructive: Mapping[str, tuple[str, ...]]
    advisories_old: tuple[Advisory, ...]
    advisories_new: tuple[Advisory, ...]

    @property
    def needs_a_person(self) -> bool:
        """Is there something that must be looked at before the pin moves?"""
        return bool(
            self.opened
            or self.lost
            or self.added.get(UNCLASSED)
            or self.withdrawn
            or self.destructive
            or self.advisories_new
        )


UNCLASSED = "to be classed"


def compare(old: Probed, new: Probed, allowed: Iterable[str], classes: Mapping[str, str]) -> Difference:
    """`allowed`: the literal paths that the public may call. `classes`: path of a known route → its class."""
    added, removed = new.routes - old.routes, old.routes - new.routes
    by_class: dict[str, list[str]] = {}
    for method, path in sorted(added, key=lambda pair: (pair[1], pair[0])):
        by_class.setdefault(_class(path, classes), []).append(f"{method} {path}")
    allowed = list(allowed)
    # a route whose pattern holds the literal: an allowed path may be answered by something else than before
    opened = {
        literal: tuple(sorted(f"{m} {p}" for m, p in added if _matches(p, literal)))
        for literal in allowed
        if any(_matches(p, literal) for _, p in added)
    }
    fresh = tuple(sorted(new.migrations.keys() - old.migrations.keys()))
    return Difference(
        old=old.version,
        new=new.version,
        added={name: tuple(paths) for name, paths in sorted(by_class.items())},
        removed=tuple(f"{m} {p}" for m, p in sorted(removed, key=lambda pair: (pair[1], pair[0]))),
        opened=opened,
        lost=tuple(sorted(path for path in allowed if not any(_matches(p, path) for _, p in new.routes))),
        migrations=fresh,
        withdrawn=tuple(sorted(old.migrations.keys() - new.migrations.keys())),
        destructive={name: tuple(new.migrations[name]) for name in fresh if new.migrations[name]},
        advisories_old=_advisories(old.version),
        advisories_new=_advisories(new.version),
    )


def _class(path: str, classes: Mapping[str, str]) -> str:
    if path in classes:  # another method of a known path
        return classes[path]
    if path.startswith(_MANAGEMENT):
        return "management"
    return UNCLASSED


def _matches(pattern: str, literal: str) -> bool:
    parts: list[str] = []
    end = 0
    for found in _PARAMETER.finditer(pattern):
        parts += [re.escape(pattern[end : found.start()]), ".*" if found[1] else "[^/]+"]
        end = found.end()
    parts.append(re.escape(pattern[end:]))
    return re.fullmatch("".join(parts), literal) is not None


def _advisories(version: str) -> tuple[Advisory, ...]:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    parsed: Version | None = (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None
    return tuple(advisory for advisory in TABLE if parsed and advisory.concerns(parsed))


def render(found: Difference) -> str:
    """For a person."""
    lines = [f"LiteLLM {found.old} → {found.new}", ""]
    lines.append(f"routes: {sum(map(len, found.added.values()))} new, {len(found.removed)} gone")
    for name, paths in found.added.items():
        lines += [f"  new, {name}:", *(f"    {path}" for path in paths)]
    lines += ["  gone:", *(f"    {path}" for path in found.removed)] if found.removed else []
    for literal, paths in found.opened.items():
        lines.append(f"  LOOK: the public path {literal} would be answered by {', '.join(paths)}")
    lines += [f"  LOOK: nothing answers the public path {path} any more" for path in found.lost]
    lines += ["", f"migrations: {len(found.migrations)} new"]
    lines += [f"    {name}{_touches(found.destructive.get(name, ()))}" for name in found.migrations]
    lines += [f"  LOOK: the migration {name} is gone; there is no way back to {found.old}" for name in found.withdrawn]
    lines += ["", "advisories:"]
    lines += [f"  LOOK: {found.new} has {a.id}: {a.what}" for a in found.advisories_new]
    mended = [a for a in found.advisories_old if a not in found.advisories_new]
    lines += [f"  {found.new} no longer has {a.id}: {a.what}" for a in mended]
    lines += [] if found.advisories_new or mended else ["  none known, of either"]
    lines += ["", "Look at what is marked before the pin moves." if found.needs_a_person else "Nothing to look at."]
    return "\n".join(lines)


def _touches(statements: Sequence[str]) -> str:
    return f"   LOOK: {', '.join(sorted(set(statements)))}" if statements else ""
