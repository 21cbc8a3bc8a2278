"""All rules on one stack, less what is suppressed for a written reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from policies.checks import edge, encryption, hygiene, identity, network
from policies.model import Policy, Resource, Stack, Violation

SETTINGS = Path(__file__).parent / "settings.yaml"
SHORTEST_REASON = 20


class SettingsError(Exception):
    """`settings.yaml` is wrong; a sentence says what to change."""


@dataclass(frozen=True)
class Suppression:
    """`resource` and `says` are patterns (`*` stands for anything) of a resource's name and of the finding."""

    policy: str
    resource: str
    says: str
    reason: str
    stack: str = "*"

    def covers(self, stack: str, policy: Policy, resource: Resource | None, message: str) -> bool:
        name = resource.name if resource else ""
        return (
            policy.id == self.policy
            and fnmatchcase(stack, self.stack)
            and fnmatchcase(name, self.resource)
            and fnmatchcase(message, self.says)
        )


@dataclass(frozen=True)
class Settings:
    """`ceilings`: USD a month by stack, `default` for all others."""

    ceilings: dict[str, Decimal]
    suppressions: tuple[Suppression, ...]

    def ceiling(self, stack: str) -> Decimal:
        return self.ceilings.get(stack, self.ceilings["default"])


def settings(file: Path = SETTINGS) -> Settings:
    """Reads `settings.yaml`.

    Raises:
        SettingsError: a suppression without a reason worth the name, or of a policy that doesn't exist.
    """
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    known = {policy.id for policy in policies(Decimal(1))}
    suppressions: list[Suppression] = []
    entries: list[dict[str, Any]] = content.get("suppressions") or []
    for entry in entries:
        suppression = Suppression(
            entry.get("policy", ""),
            entry.get("resource", "*"),
            entry.get("says", "*"),
            " ".join(str(entry.get("reason", "")).split()),
            entry.get("stack", "*"),
        )
        if suppression.policy not in known:
            raise SettingsError(f"{file.name}: there is no policy {suppression.policy!r} to suppress")
        if len(suppression.reason) < SHORTEST_REASON:
            raise SettingsError(f"{file.name}: a suppression of {suppression.policy} needs a reason, a whole sentence")
        suppressions.append(suppression)
    ceilings = {stack: Decimal(str(limit)) for stack, limit in content["costCeiling"].items()}
    if "default" not in ceilings:
        raise SettingsError(f"{file.name}: costCeiling needs a default")
    return Settings(ceilings, tuple(suppressions))


def policies(limit: Decimal) -> tuple[Policy, ...]:
    """Every policy of the pack; `limit` is what the stack may cost a month."""
    rooms: Iterable[Sequence[Policy]] = (
        network.POLICIES,
        edge.POLICIES,
        encryption.POLICIES,
        identity.POLICIES,
        hygiene.POLICIES,
        (hygiene.cost_ceiling(limit),),
    )
    return tuple(policy for room in rooms for policy in room)


def violations(stack: Stack, policy: Policy, suppressions: Sequence[Suppression]) -> list[Violation]:
    """What breaks one policy, the suppressed included."""
    found: list[Violation] = []
    for resource, message in policy.check(stack):
        reason = next((s.reason for s in suppressions if s.covers(stack.name, policy, resource, message)), "")
        found.append(Violation(policy, resource, message, reason))
    return found
