"""One key: why is it refused? The guide's "Invalid API Key" and "Budget exceeded", told apart and explained."""

from __future__ import annotations

from datetime import UTC, datetime

from litellm_admin.cli import lookup
from litellm_admin.cli.context import Context
from litellm_admin.cli.doctor.findings import Finding, Step, note
from litellm_admin.cli.output import dollars, models_of, moment
from litellm_admin.cli.shapes import status
from litellm_admin.errors import AdminError, NotFound
from litellm_admin.models import ObservedKey, ObservedUser


def look(context: Context, told: str) -> Step:
    """What LiteLLM knows of the key and its owner."""
    step = Step("key")
    try:
        seen = lookup.key(context, told)
        owner = context.client.get_user(seen.owner_id) if seen.owner_id else None
    except NotFound:
        return step.fail(
            Finding(
                "Invalid API Key: the gateway doesn't know this key. It is deleted, mistyped, or another gateway's.",
                "See list-keys, or make a new one with create-key.",
            )
        )
    except AdminError as error:
        return step.fail(Finding(str(error)))
    found = judge(seen, owner, datetime.now(UTC))
    if found:
        return step.fail(*found)
    step.findings.append(note(f"{lookup.named(seen)} is good, for models: {models_of(seen.models)}"))
    return step


def judge(seen: ObservedKey, owner: ObservedUser | None, now: datetime) -> list[Finding]:
    """Every reason for which LiteLLM refuses the key."""
    name = lookup.named(seen)
    told = seen.alias or seen.token
    found: list[Finding] = []
    match status(seen, now):
        case "blocked":
            found.append(Finding(f"{name} is blocked.", f"Let it work again: unblock-key {told}"))
        case "expired":
            expired = moment(seen.expires.isoformat() if seen.expires else None)
            found.append(
                Finding(
                    f"Invalid API Key: {name} expired at {expired} (UTC).",
                    f"Let it work longer: update-key {told} --expires 30d. Or make a new one with create-key.",
                )
            )
        case "over_budget":
            found.append(_budget(name, seen.spend, seen.budget, f"update-key {told} --budget DOLLARS"))
        case _:
            pass  # LiteLLM refuses nobody for it
    if owner is not None and owner.budget is not None and owner.spend >= owner.budget:
        whose = f"{lookup.named(owner)}, whose key it is,"
        raising = f"update-budget --user-id {owner.user_id} --budget DOLLARS"
        found.append(_budget(whose, owner.spend, owner.budget, raising))
    return found


def _budget(who: str, spent: float, budget: float | None, raising: str) -> Finding:
    return Finding(
        f"Budget exceeded: {who} has spent {dollars(spent)} of {dollars(budget)}.",
        f"Raise it: {raising}. Or wait until it is renewed.",
    )
