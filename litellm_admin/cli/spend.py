"""`spend`: what was spent in a range of days, by user, key, model or day.

From LiteLLM's daily records, which only grow: unlike a user's or key's `spent` they are not set back when a budget
begins anew.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litellm_admin.cli import lookup
from litellm_admin.cli.context import Context
from litellm_admin.cli.errors import UsageError
from litellm_admin.cli.output import Answer, Cell, Column, dollars, table
from litellm_admin.shapes import object_at

_COUNTS = {
    "requests": "api_requests",
    "failed_requests": "failed_requests",
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
}


@dataclass
class Line:
    """One user, key, model or day. `id` tells it apart, `name` is what people know it as."""

    id: str
    name: str
    spend: float = 0.0
    requests: int = 0
    failed_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, metrics: Mapping[str, Any]) -> None:
        self.spend += float(metrics.get("spend") or 0)
        for ours, theirs in _COUNTS.items():
            setattr(self, ours, getattr(self, ours) + int(metrics.get(theirs) or 0))


def report(context: Context, given: Namespace) -> Answer:
    since, until = given.since or datetime.now(UTC).date().replace(day=1), given.until or datetime.now(UTC).date()
    if since > until:
        raise UsageError(f"--since is {since} and --until {until}: the first day must not be after the last.")
    only: dict[str, str | int] = {}
    if given.user_id:
        only["user_id"] = lookup.user(context, given.user_id).user_id
    if given.key:
        only["api_key"] = lookup.key(context, given.key).token
    days = context.client.daily_activity(since.isoformat(), until.isoformat(), only)
    lines = summed(days, given.by)
    if given.by == "user" and lines:
        emails = {user.user_id: user.email for user in context.client.list_users()}
        for line in lines:
            line.name = emails.get(line.id) or line.name
    lines.sort(key=(lambda line: line.id) if given.by == "day" else (lambda line: (-line.spend, line.name)))
    total = Line("", "total")
    for line in lines:
        _merge(total, line)
    data = {
        "by": given.by,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "rows": [_shape(given.by, line) for line in lines],
        "total": {name: value for name, value in _shape("", total).items() if name not in ("id", "name")},
    }
    return Answer(data, _text(context, given.by, lines, total, f"{since} to {until}"))


def summed(days: Iterable[Mapping[str, Any]], by: str) -> list[Line]:
    """The days' parts, added up by what was asked for."""
    lines: dict[str, Line] = {}
    for day in days:
        for id, name, metrics in _parts(day, by):
            lines.setdefault(id, Line(id, name)).add(metrics)
    return list(lines.values())


def _parts(day: Mapping[str, Any], by: str) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    breakdown = object_at(day, "breakdown")
    match by:
        case "day":
            yield day["date"], day["date"], day["metrics"]
        case "model":
            for name, of_model in _either(breakdown, "model_groups", "models").items():
                yield name, name, of_model["metrics"]
        case "key":
            for token, of_key in object_at(breakdown, "api_keys").items():
                yield token, object_at(of_key, "metadata").get("key_alias") or f"{token[:8]}…", of_key["metrics"]
        case _:
            for user_id, of_user in object_at(breakdown, "entities").items():
                yield user_id, user_id or "no user", of_user["metrics"]


def _either(breakdown: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The names that clients call models by; else the providers' own."""
    nothing: Mapping[str, Any] = {}
    return next((found for name in names if (found := breakdown.get(name))), nothing)


def _merge(total: Line, line: Line) -> None:
    total.spend += line.spend
    for name in _COUNTS:
        setattr(total, name, getattr(total, name) + getattr(line, name))


def _shape(by: str, line: Line) -> dict[str, Any]:
    ids = {"user": {"user_id": line.id}, "key": {"key_id": line.id}}.get(by, {})
    counts = {name: getattr(line, name) for name in _COUNTS}
    return {**ids, "name": line.name, "spend": round(line.spend, 10), **counts}


def _text(context: Context, by: str, lines: list[Line], total: Line, when: str) -> str:
    if not lines:
        return f"Nothing was spent from {when}."
    columns = [
        Column(by),
        Column("spent", right=True),
        Column("requests", right=True),
        Column("failed", right=True),
        Column("input tokens", right=True),
        Column("output tokens", right=True),
    ]
    rows = [
        [
            Cell(line.name, ("bold",)),
            dollars(line.spend),
            *(f"{getattr(line, name):,}" for name in _COUNTS),
        ]
        for line in [*lines, total]
    ]
    return f"{table(columns, rows, context.style, total=True)}\n\n{when} (UTC)"
