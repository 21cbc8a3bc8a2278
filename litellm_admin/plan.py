"""What must be asked of LiteLLM so that what it has becomes what is wanted. Pure: no clock, no network.

Where LiteLLM's API does something else than one would expect, the note stands here, beside the way around it
(all seen on 1.108.7; `tests/litellm_admin/test_live_*.py` holds each of them against the real proxy).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from litellm_admin import durations
from litellm_admin.models import (
    ALL_MODELS,
    MANAGED_BY,
    ROUTES,
    KeySpec,
    ObservedKey,
    ObservedTeam,
    ObservedUser,
    TeamSpec,
    UserSpec,
)

# LiteLLM takes a lifetime, not a moment, so what it stores is off by the time that a call takes.
EXPIRY_TOLERANCE = timedelta(minutes=2)

# Metadata entries that LiteLLM itself puts there, for its own fields, a team's default budget and SCIM. They are no
# drift and survive an update.
# litellm/proxy/_types.py: LiteLLM_ManagementEndpoint_MetadataFields, …_Premium, LiteLLM_Reserved_Metadata_Fields
LITELLM_METADATA = frozenset(
    [
        "model_rpm_limit",
        "model_tpm_limit",
        "model_itpm_limit",
        "model_otpm_limit",
        "default_estimated_output_tokens",
        "default_estimated_output_tokens_per_model",
        "mcp_rpm_limit",
        "tag_rpm_limit",
        "rpm_limit_type",
        "tpm_limit_type",
        "enforced_params",
        "temp_budget_increase",
        "temp_budget_expiry",
        "allowed_vector_store_indexes",
        "disable_global_guardrails",
        "guardrails",
        "policies",
        "tags",
        "team_member_key_duration",
        "team_member_budget_id",
        "prompts",
        "logging",
        "secret_manager_settings",
        "allowed_passthrough_routes",
        "denied_passthrough_routes",
        "service_account_id",
        "scim_active",
        "scim_metadata",
    ]
)


@dataclass(frozen=True)
class Change:
    """One field that differs: `before` is what LiteLLM has, `after` what is wanted."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Action:
    """One call, or none. `body` is what to post; `changes` says why, field by field (empty for a create)."""

    kind: Literal["create", "update", "nothing"]
    body: Mapping[str, Any]
    changes: tuple[Change, ...] = ()


NOTHING = Action("nothing", {})


def plan_user(spec: UserSpec, managed_by: str, observed: ObservedUser | None) -> Action:
    """The call that makes `observed` (None: there is none) the user of `spec`.

    `/user/update` creates a user that isn't there, with nothing but the fields of the update. So an update is only
    planned for a user that was seen."""
    if observed is None:
        return Action("create", _new_user(spec, managed_by))
    changes = user_changes(spec, managed_by, observed)
    if not changes:
        return NOTHING
    body = dict(_user_field(change, observed.metadata) for change in changes)
    return Action("update", {"user_id": observed.user_id, **body}, changes)


def plan_team(spec: TeamSpec, managed_by: str, observed: ObservedTeam | None) -> Action:
    """The call that makes `observed` (None: there is none) the team of `spec`, but for its members: these have calls of
    their own (`plan_members`)."""
    if observed is None:
        return Action("create", _new_team(spec, managed_by))
    changes = team_changes(spec, managed_by, observed)
    if not changes:
        return NOTHING
    body = dict(_team_field(change, observed.metadata) for change in changes)
    return Action("update", {"team_id": observed.team_id, **body}, changes)


def plan_members(wanted: Iterable[str], observed: ObservedTeam | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The user ids to add to a team and those to take out of it.

    Members are added only once their users are known to exist: `/team/member_add` makes a user without an e-mail of an
    id that it doesn't know. And it answers 400 if all of them are in the team already."""
    want, have = set(wanted), set(observed.members if observed else ())
    return tuple(sorted(want - have)), tuple(sorted(have - want))


@dataclass(frozen=True)
class KeyWish:
    """A key as it shall be, down to LiteLLM's ids: those of its owner and team, and its value. `spend` is what a new
    one begins with, in dollars: the spend of the value that it replaces, so that a rotation doesn't refill a budget."""

    spec: KeySpec
    owner_id: str | None
    team_id: str | None
    managed_by: str
    value: str = field(repr=False)
    spend: float = 0.0


def plan_key(wish: KeyWish, observed: ObservedKey | None, now: datetime) -> Action:
    """The call that makes `observed` (None: there is none) the key that is wished for.

    `/key/generate` with a value that is taken answers 200, echoes what it was sent and changes nothing. So a create is
    only planned for a value that was looked for and not found."""
    if observed is None:
        return Action("create", _new_key(wish, now))
    changes = key_changes(wish, observed, now)
    if not changes:
        return NOTHING
    body = dict(_key_field(change, observed.metadata, now) for change in changes)
    return Action("update", {"key": observed.token, **body}, changes)


def user_changes(spec: UserSpec, managed_by: str, observed: ObservedUser) -> tuple[Change, ...]:
    """Where the user differs from the spec. Defaults that LiteLLM fills in are no difference."""
    found = [
        _differs("email", observed.email, spec.email, observed.email == spec.email),
        _differs("alias", observed.alias, spec.alias, (observed.alias or None) == (spec.alias or None)),
        _differs("role", observed.role, spec.role, observed.role == spec.role),
        *_shared_changes(spec, managed_by, observed),
    ]
    return tuple(change for change in found if change)


def team_changes(spec: TeamSpec, managed_by: str, observed: ObservedTeam) -> tuple[Change, ...]:
    """Where the team differs from the spec, but for its members. Whether it is blocked is left alone, as with a key."""
    found = [
        _differs("alias", observed.alias, spec.alias, observed.alias == spec.alias),
        *_shared_changes(spec, managed_by, observed),
    ]
    return tuple(change for change in found if change)


def key_changes(wish: KeyWish, observed: ObservedKey, now: datetime) -> tuple[Change, ...]:
    """Where the key differs from the wish. Whether it is blocked is left alone: that is done by hand, in a hurry and
    for a reason, and the next deployment shouldn't undo it."""
    spec, routes = wish.spec, ROUTES[wish.spec.key_type]
    found = [
        _differs("alias", observed.alias, spec.alias, observed.alias == spec.alias),
        _differs("owner", observed.owner_id, wish.owner_id, observed.owner_id == wish.owner_id),
        _differs("team", observed.team_id, wish.team_id, observed.team_id == wish.team_id),
        _differs("expires", observed.expires, spec.expires, same_expiry(observed.expires, spec.expires, now)),
        _differs("routes", observed.routes, routes, observed.routes == routes),
        *_shared_changes(spec, wish.managed_by, observed),
    ]
    return tuple(change for change in found if change)


def stack_of(managed_by: object) -> str | None:
    """The stack in a `managed_by`: `llm-gateway/poc` of `llm-gateway/poc#roster`. None if there is none."""
    return managed_by.partition("#")[0] if isinstance(managed_by, str) and managed_by else None


def is_ours(observed: ObservedTeam | ObservedUser | ObservedKey, managed_by: str) -> bool:
    """Whether the stack of `managed_by` made it, or adopted it, as one of its resources or by its roster."""
    return stack_of(observed.metadata.get(MANAGED_BY)) == stack_of(managed_by)


def is_anothers(observed: ObservedTeam | ObservedUser | ObservedKey, managed_by: str) -> bool:
    """Whether something else says that it manages it: another stack, or this stack by another resource, to which it was
    handed over. Then it isn't `managed_by`'s to delete. One that nothing says it manages may be: somebody may have
    replaced the metadata by hand."""
    said = observed.metadata.get(MANAGED_BY)
    return bool(said) and said != managed_by


def same_models(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two lists let the same models through. Order doesn't matter; empty, `*` and `all-proxy-models` are all
    models."""
    return _models(one) == _models(other)


def same_amount(one: float | None, other: float | None) -> bool:
    """Whether two amounts are the same money. LiteLLM's database gives back 16 digits of a number, not all 17."""
    return one == other if one is None or other is None else math.isclose(one, other, rel_tol=1e-12)


def same_expiry(one: datetime | None, other: datetime | None, now: datetime) -> bool:
    """Whether two moments of expiry come to the same: within the tolerance, or both over."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= EXPIRY_TOLERANCE or (one <= now and other <= now)


def managed_metadata(metadata: Mapping[str, Any], managed_by: str) -> dict[str, Any]:
    """The metadata that is stored: the spec's and the name of the stack. It is never empty, which helps, because
    `/user/update` ignores an empty one."""
    return {**metadata, MANAGED_BY: managed_by}


def lifetime(expires: datetime, now: datetime) -> str:
    """The `duration` after which a key expires at `expires`: whole seconds, at least one, for what is over is over."""
    return f"{max(1, math.ceil((expires - now).total_seconds()))}s"


def _models(models: tuple[str, ...]) -> frozenset[str] | None:
    return None if not models or ALL_MODELS in models or "*" in models else frozenset(models)


def _shared_changes(
    spec: TeamSpec | UserSpec | KeySpec, managed_by: str, observed: ObservedTeam | ObservedUser | ObservedKey
) -> list[Change | None]:
    wanted = managed_metadata(spec.metadata, managed_by)
    has = {key: value for key, value in observed.metadata.items() if key not in LITELLM_METADATA or key in wanted}
    return [
        _differs("models", observed.models, spec.models, same_models(observed.models, spec.models)),
        _differs("budget", observed.budget, spec.budget, same_amount(observed.budget, spec.budget)),
        _differs("duration", observed.duration, spec.duration, durations.same(observed.duration, spec.duration)),
        _differs("tpm_limit", observed.tpm_limit, spec.tpm_limit, observed.tpm_limit == spec.tpm_limit),
        _differs("rpm_limit", observed.rpm_limit, spec.rpm_limit, observed.rpm_limit == spec.rpm_limit),
        _differs("metadata", has, wanted, has == wanted),
    ]


def _differs(field: str, before: Any, after: Any, same: bool) -> Change | None:
    return None if same else Change(field, before, after)


# spec field → LiteLLM's, where the value goes over as it is; null unsets all but the e-mail and the role, which are
# always set
_SHARED = {"budget": "max_budget", "duration": "budget_duration", "tpm_limit": "tpm_limit", "rpm_limit": "rpm_limit"}
_USER = {**_SHARED, "email": "user_email", "role": "user_role"}
_KEY = {**_SHARED, "alias": "key_alias", "owner": "user_id", "team": "team_id"}
_TEAM = {**_SHARED, "alias": "team_alias"}


def _new_user(spec: UserSpec, managed_by: str) -> dict[str, Any]:
    body = {
        "user_id": spec.user_id,
        "user_alias": spec.alias,
        "models": list(spec.models),
        "metadata": managed_metadata(spec.metadata, managed_by),
        # else LiteLLM makes a key of its own, without alias or budget, that nobody has seen or wants
        "auto_create_key": False,
        **{theirs: getattr(spec, ours) for ours, theirs in _USER.items()},
    }
    return _given(body)


def _new_team(spec: TeamSpec, managed_by: str) -> dict[str, Any]:
    body = {
        "team_id": spec.team_id,
        "team_alias": spec.alias,
        "models": list(spec.models),
        "metadata": managed_metadata(spec.metadata, managed_by),
        **{theirs: getattr(spec, ours) for ours, theirs in _SHARED.items()},
    }
    return _given(body)


def _new_key(wish: KeyWish, now: datetime) -> dict[str, Any]:
    spec = wish.spec
    body = {
        "key": wish.value,
        "key_alias": spec.alias,
        "key_type": spec.key_type,
        "user_id": wish.owner_id,
        "team_id": wish.team_id,
        "models": list(spec.models),
        "duration": lifetime(spec.expires, now) if spec.expires else None,
        "metadata": managed_metadata(spec.metadata, wish.managed_by),
        "spend": wish.spend or None,
        **{theirs: getattr(spec, ours) for ours, theirs in _SHARED.items()},
    }
    return _given(body)


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls: `/user/new` answers 500 to `models: null`."""
    return {key: value for key, value in body.items() if value is not None}


def _user_field(change: Change, observed: Mapping[str, Any]) -> tuple[str, Any]:
    match change.field:
        case "alias":
            return "user_alias", change.after or ""  # null is ignored
        case "models":
            return "models", list(change.after) or [ALL_MODELS]  # an empty list is ignored
        case "metadata":
            return "metadata", _replaced(observed, change.after)
        case field:
            return _USER[field], change.after


def _team_field(change: Change, observed: Mapping[str, Any]) -> tuple[str, Any]:
    match change.field:
        case "models":
            return "models", list(change.after)  # null is an error of the server
        case "metadata":
            return "metadata", _replaced(observed, change.after)
        case field:
            return _TEAM[field], change.after


def _key_field(change: Change, observed: Mapping[str, Any], now: datetime) -> tuple[str, Any]:
    match change.field:
        case "models":
            return "models", list(change.after)  # here an empty list is what empties, and null is refused
        case "expires":
            return "duration", lifetime(change.after, now) if change.after else "-1"
        case "routes":
            return "allowed_routes", list(change.after)
        case "metadata":
            return "metadata", _replaced(observed, change.after)
        case field:
            return _KEY[field], change.after


def _replaced(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`metadata` replaces what is stored, so LiteLLM's own entries must be sent back."""
    return {**{key: value for key, value in observed.items() if key in LITELLM_METADATA}, **wanted}
