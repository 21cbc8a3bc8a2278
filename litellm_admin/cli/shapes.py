"""Users and keys as they are shown: the JSON that programs rely on (docs/litellm-users.md), and tables of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from litellm_admin.cli.output import Cell, Column, Style, count, dollars, fields, models_of, moment, period_of, table
from litellm_admin.models import MANAGED_BY, ObservedKey, ObservedUser
from litellm_admin.plan import stack_of

Shape = dict[str, Any]
MOST_MODELS = 2


def user(seen: ObservedUser, keys: Sequence[ObservedKey] = ()) -> Shape:
    """A user. `last_used_at` is when one of the user's keys was last used."""
    used = [key.last_used for key in keys if key.last_used]
    return {
        "user_id": seen.user_id,
        "email": seen.email,
        "alias": seen.alias,
        "role": seen.role,
        **_allowance(seen),
        "keys": len(keys),
        "last_used_at": _iso(max(used, default=None)),
        "managed_by": _managed_by(seen.metadata),
        "metadata": dict(seen.metadata),
    }


def key(seen: ObservedKey, owners: Mapping[str, str | None] | None = None, now: datetime | None = None) -> Shape:
    """A key, without its value, which nobody knows but its holder. `owners` are the users' e-mails by id."""
    return {
        "key_id": seen.token,
        "alias": seen.alias,
        "user_id": seen.owner_id,
        "email": (owners or {}).get(seen.owner_id or ""),
        "status": status(seen, now or datetime.now(UTC)),
        **_allowance(seen),
        "expires_at": _iso(seen.expires),
        "last_used_at": _iso(seen.last_used),
        "managed_by": _managed_by(seen.metadata),
        "metadata": dict(seen.metadata),
    }


def status(seen: ObservedKey, now: datetime) -> str:
    """`blocked`, `expired`, `over_budget` (of its own budget) or `active`."""
    if seen.blocked:
        return "blocked"
    if seen.expires is not None and seen.expires <= now:
        return "expired"
    return "over_budget" if seen.budget is not None and seen.spend >= seen.budget else "active"


def in_order(keys: Iterable[Shape]) -> list[Shape]:
    """By alias; those without one come last."""
    return sorted(keys, key=lambda shape: (shape["alias"] or "~", shape["key_id"]))


def by_owner(keys: Iterable[ObservedKey]) -> dict[str, list[ObservedKey]]:
    found: dict[str, list[ObservedKey]] = {}
    for seen in keys:
        found.setdefault(seen.owner_id or "", []).append(seen)
    return found


def _allowance(seen: ObservedUser | ObservedKey) -> Shape:
    return {
        "models": list(seen.models),
        "budget": seen.budget,
        "spent": seen.spend,
        "remaining": None if seen.budget is None else round(seen.budget - seen.spend, 10),
        "period": seen.duration,
        "resets_at": _iso(seen.resets),
        "tpm_limit": seen.tpm_limit,
        "rpm_limit": seen.rpm_limit,
    }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _managed_by(metadata: Mapping[str, Any]) -> str | None:
    return stack_of(metadata.get(MANAGED_BY))


# -- for people

_MONEY = (Column("budget", right=True), Column("spent", right=True), Column("remaining", right=True), Column("period"))


def users_table(users: Sequence[Shape], style: Style) -> str:
    if not users:
        return "There are no users yet; create-user adds one."
    columns = [
        Column("user"),
        Column("user id"),
        *_MONEY,
        Column("models"),
        Column("keys", right=True),
        Column("last used"),
    ]
    rows = [
        [
            Cell(shape["email"] or shape["alias"] or "–", ("bold",)),
            shape["user_id"],
            *_money(shape),
            models_of(shape["models"], MOST_MODELS),
            str(shape["keys"]),
            moment(shape["last_used_at"], "never"),
        ]
        for shape in users
    ]
    return f"{table(columns, rows, style)}\n\n{count(len(users), 'user')}"


def keys_table(keys: Sequence[Shape], style: Style) -> str:
    if not keys:
        return "There are no keys yet; create-key makes one."
    columns = [
        Column("key"),
        Column("id"),
        Column("user"),
        Column("status"),
        *_MONEY,
        Column("models"),
        Column("expires"),
        Column("last used"),
    ]
    rows = [
        [
            Cell(shape["alias"] or "–", ("bold",)),
            f"{shape['key_id'][:8]}…",
            shape["email"] or shape["user_id"] or "–",
            status_cell(shape["status"]),
            *_money(shape),
            models_of(shape["models"], MOST_MODELS),
            moment(shape["expires_at"], "never"),
            moment(shape["last_used_at"], "never"),
        ]
        for shape in keys
    ]
    return f"{table(columns, rows, style)}\n\n{count(len(keys), 'key')}"


def user_fields(shape: Shape, style: Style) -> str:
    return fields(
        [
            ("user", Cell(shape["email"] or "–", ("bold",))),
            ("user id", shape["user_id"]),
            *([("name", shape["alias"])] if shape["alias"] else []),
            ("role", shape["role"] or "–"),
            *_allowance_fields(shape),
            ("last used", moment(shape["last_used_at"], "never")),
            *_managed_field(shape),
        ],
        style,
    )


def key_fields(shape: Shape, style: Style) -> str:
    return fields(
        [
            ("key", Cell(shape["alias"] or "–", ("bold",))),
            ("key id", shape["key_id"]),
            ("user", shape["email"] or shape["user_id"] or "–"),
            ("status", status_cell(shape["status"])),
            *_allowance_fields(shape),
            ("expires", moment(shape["expires_at"], "never")),
            ("last used", moment(shape["last_used_at"], "never")),
            *_managed_field(shape),
        ],
        style,
    )


def status_cell(status: str) -> Cell:
    return Cell(status.replace("_", " "), ("green",) if status == "active" else ("red",))


def _money(shape: Shape) -> list[Cell | str]:
    return [dollars(shape["budget"]), dollars(shape["spent"]), remaining_cell(shape), period_of(shape["period"])]


def remaining_cell(shape: Shape) -> Cell:
    left = shape["remaining"]
    if left is None:
        return Cell("–")
    tight = left <= 0 or left < 0.1 * shape["budget"]
    return Cell(dollars(left), ("red",) if left <= 0 else ("yellow",) if tight else ())


def _allowance_fields(shape: Shape) -> list[tuple[str, Cell | str]]:
    found: list[tuple[str, Cell | str]] = [
        ("models", models_of(shape["models"])),
        ("budget", dollars(shape["budget"], "none")),
        ("spent", dollars(shape["spent"])),
    ]
    if shape["budget"] is not None:
        found += [("remaining", remaining_cell(shape)), ("period", period_of(shape["period"]).replace("–", "for ever"))]
        found += [("renewed at", moment(shape["resets_at"]))] if shape["resets_at"] else []
    limits = [("tokens a minute", shape["tpm_limit"]), ("requests a minute", shape["rpm_limit"])]
    return found + [(name, f"{value:,}") for name, value in limits if value is not None]


def _managed_field(shape: Shape) -> list[tuple[str, Cell | str]]:
    return [("managed by", shape["managed_by"])] if shape["managed_by"] else []
