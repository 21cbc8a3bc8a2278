"""What an `update-…` command changes: only what was given, and only where it differs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litellm_admin import durations
from litellm_admin.cli.errors import UsageError
from litellm_admin.cli.output import dollars, models_of, period_of
from litellm_admin.cli.values import Clear
from litellm_admin.models import ObservedKey, ObservedUser
from litellm_admin.plan import same_amount, same_models

_TITLES = {"duration": "period", "owner_id": "user", "tpm_limit": "tokens a minute", "rpm_limit": "requests a minute"}


@dataclass(frozen=True)
class Edit:
    """One field's change, with the values as LiteLLM has and gets them (None: without)."""

    field: str
    before: Any
    after: Any


def told(given: Namespace, names: Iterable[str]) -> dict[str, Any]:
    """What was given of these.

    Raises:
        UsageError: if nothing was.
    """
    found = {name: value for name in names if (value := getattr(given, name, None)) is not None}
    if not found:
        raise UsageError("Nothing to change was given: name at least one flag, such as --budget.")
    return found


def edited(seen: ObservedUser | ObservedKey, given: Namespace, names: Iterable[str]) -> list[Edit]:
    """The edits that make `seen` what was given."""
    found: list[Edit] = []
    for name, value in told(given, names).items():
        before, after = getattr(seen, name), None if isinstance(value, Clear) else value
        if not _same(name, before, after):
            found.append(Edit(name, before, after))
    return found


def done(action: str, dry_run: bool, edits: Sequence[Edit] = (), **more: Any) -> dict[str, Any]:
    """The JSON of a command that changes something."""
    changes = [{"field": edit.field, "before": _plain(edit.before), "after": _plain(edit.after)} for edit in edits]
    return {"action": action, "dry_run": dry_run, "changes": changes, **more}


def edits_text(what: str, edits: Sequence[Edit], dry_run: bool) -> str:
    """`changed user dev@…` and a line for each field."""
    if not edits:
        return f"{what} is that already; nothing to change"
    lines = [
        f"  {_TITLES.get(edit.field, edit.field)}: {_shown(edit.field, edit.before)} → {_shown(edit.field, edit.after)}"
        for edit in edits
    ]
    return "\n".join([f"{'would change' if dry_run else 'changed'} {what}", *lines])


def _same(name: str, before: Any, after: Any) -> bool:
    match name:
        case "models":
            return same_models(tuple(before), tuple(after))
        case "budget":
            return same_amount(before, after)
        case "duration":
            return durations.same(before, after)
        case _:
            return before == after


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [*value] if isinstance(value, tuple) else value


def _shown(name: str, value: Any) -> str:
    match name, value:
        case "models", _:
            return models_of(value or ())
        case _, None:
            return "none"
        case "budget", _:
            return dollars(value)
        case "duration", _:
            return period_of(value)
        case _, datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        case _:
            return str(value)
