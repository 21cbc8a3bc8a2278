"""`rotate-key`: a new key with the old one's settings.

LiteLLM's own `/key/regenerate` needs its enterprise licence, so a new key is made and the old one ends. Aliases are
unique, and whoever looks for the alias shall find the new key: the old one steps aside first, and steps back if the
new one can't be made.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from litellm_admin.cli import lookup, shapes
from litellm_admin.cli.changes import done
from litellm_admin.cli.context import Context
from litellm_admin.cli.errors import Stopped
from litellm_admin.cli.keys import SHOWN_ONCE, make, new_value, owner_of
from litellm_admin.cli.output import Answer
from litellm_admin.errors import AdminError, NotFound
from litellm_admin.models import MANAGED_BY, ROUTES, ObservedKey
from litellm_admin.plan import lifetime, stack_of

# What /key/generate takes under the name under which it is stored. `spend` goes over too: a rotated key has no more
# budget than before.
_CARRIED = (
    "user_id",
    "team_id",
    "agent_id",
    "organization_id",
    "project_id",
    "budget_id",
    "models",
    "aliases",
    "spend",
    "max_budget",
    "budget_duration",
    "budget_limits",
    "budget_fallbacks",
    "model_max_budget",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "max_parallel_requests",
    "permissions",
    "config",
    "router_settings",
    "allowed_cache_controls",
    "access_group_ids",
    "policies",
    "metadata",
    "blocked",
)
LONGEST_ALIAS = 128


def rotate(context: Context, given: Namespace) -> Answer:
    seen = lookup.key(context, given.operands[0])
    _refuse_managed(seen)
    end = "is deleted at once" if given.grace == 0 else f"works for {_length(given.grace)} more"
    if context.dry_run:
        return Answer(
            done("rotate", True, key=None, alias=seen.alias, old_key=shapes.key(seen)),
            f"would rotate {lookup.named(seen)}; the old key {end}",
        )
    context.confirm(f"Rotate {lookup.named(seen)}? The old key {end}.")
    value = new_value()
    made = _replace(context, seen, value)
    old = _end(context, seen, given.grace)
    shape = shapes.key(made, owner_of(context, made))
    style = context.style
    text = f"rotated {lookup.named(made)}; the old key {end}\n\n{shapes.key_fields(shape, style)}"
    data = done("rotate", False, key=value, key_id=made.token, alias=made.alias, old_key=old)
    return Answer(data, f"{text}\n\n{style.paint(value, 'bold')}\n{SHOWN_ONCE}")


def settings(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The body of /key/generate for a key with the settings of `row`, without value and alias."""
    body = {name: row[name] for name in _CARRIED if row.get(name) not in (None, [], {}, False)}
    routes = tuple(row.get("allowed_routes") or ())
    if routes == ROUTES["llm_api"]:
        body["key_type"] = "llm_api"
    elif routes:
        body["allowed_routes"] = list(routes)
    if row.get("expires"):
        body["duration"] = lifetime(_moment(row["expires"]), now)
    return body


def _replace(context: Context, seen: ObservedKey, value: str) -> ObservedKey:
    row = context.client.key_settings(seen.token)
    if row is None:
        raise NotFound(404, "no key", f"{lookup.named(seen)} has just been deleted by somebody else.")
    body = {**settings(row, datetime.now(UTC)), "key": value}
    if not seen.alias:
        return make(context, body)
    context.client.update_key({"key": seen.token, "key_alias": aside(seen.alias, seen.token, datetime.now(UTC))})
    try:
        return make(context, {**body, "key_alias": seen.alias})
    except AdminError:
        context.client.update_key({"key": seen.token, "key_alias": seen.alias})
        raise


def aside(alias: str, token: str, now: datetime) -> str:
    """The old key's alias from now on: `dev-laptop.old-20261125-3f2a91`."""
    suffix = f".old-{now:%Y%m%d}-{token[:6]}"
    return alias[: LONGEST_ALIAS - len(suffix)] + suffix


def _end(context: Context, seen: ObservedKey, grace: int) -> dict[str, Any] | None:
    if grace == 0:
        context.client.delete_key(seen.token)
        return None
    ends = datetime.now(UTC) + timedelta(seconds=grace)
    if seen.expires is None or seen.expires > ends:
        context.client.update_key({"key": seen.token, "duration": f"{grace}s"})
    left = context.client.get_key(seen.token)
    return shapes.key(left) if left else None


def _refuse_managed(seen: ObservedKey) -> None:
    """Its value is the stack's: a key made here would be in the way of the next `pulumi up`, and its outputs would
    show a key that is dead."""
    if stack := stack_of(seen.metadata.get(MANAGED_BY)):
        raise Stopped(
            f"{lookup.named(seen)} is managed as code by {stack}, which generates its value: rotate it there, not here."
        )


def _moment(value: Any) -> datetime:
    time = datetime.fromisoformat(str(value))
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _length(seconds: int) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {name}{'' if number == 1 else 's'}"
    raise AssertionError("every number of seconds is one of seconds")
