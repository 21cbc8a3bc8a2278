"""Teams, users and keys: as they shall be (`…Spec`) and as LiteLLM has them (`Observed…`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ROLES: tuple[str, ...] = ("internal_user", "internal_user_viewer", "proxy_admin", "proxy_admin_viewer")
"""LiteLLM's roles of a user. They decide what the user may administer, not which models may be called."""
DEFAULT_ROLE = "internal_user"

ALL_MODELS = "all-proxy-models"
"""LiteLLM's own name for every model. An empty list means the same, but a user's list can't be emptied by an update."""

MANAGED_BY = "managed_by"
"""The metadata entry that names what manages a team, user or key: a stack such as `llm-gateway/poc`, or its roster as
`llm-gateway/poc#roster`."""

ROUTES: Mapping[str, tuple[str, ...]] = {
    "llm_api": ("llm_api_routes",),
    "management": ("management_routes",),
    "read_only": ("info_routes",),
    "default": (),
}
"""A key's type → the `allowed_routes` that LiteLLM stores for it. `default` may call whatever its owner may."""
KEY_TYPES: tuple[str, ...] = tuple(ROUTES)
DEFAULT_KEY_TYPE = "llm_api"
"""Such a key calls models and administers nothing."""

PROXY_ADMIN_ID = "default_user_id"
"""The user that stands for the master key. LiteLLM makes it an admin of every team that is made with that key."""

# UUID namespaces of this project's own, so that nobody else's uuid5 of an e-mail or alias gives the same ids.
_USERS = "6f0c1f0e-6a53-5d0c-9c43-5a2c2f0f5b1d"
_TEAMS = "b0a3d0c5-3c0e-5d59-8f0e-2f1f6a1f7a42"


@dataclass(frozen=True)
class UserSpec:
    """A user as it shall be.

    `models` empty means all models. `budget` is in US dollars per `duration` (for ever without one); `duration` is in
    LiteLLM's form (`durations.canonical`). Limits are tokens and requests per minute. `adopt`: one that is there and
    that this stack didn't make is taken over; else it is an error.
    """

    email: str
    alias: str | None = None
    role: str = DEFAULT_ROLE
    models: tuple[str, ...] = ()
    budget: float | None = None
    duration: str | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    adopt: bool = False

    @property
    def user_id(self) -> str:
        """The id under which this project creates the user: the same for every spelling of the e-mail, so that a create
        that is repeated after a lost answer meets its own user."""
        return user_id_of(self.email)


@dataclass(frozen=True)
class TeamSpec:
    """A team as it shall be. `members` are e-mails of users. Its models, budget and limits hold for the keys that are
    in the team. The rest as with `UserSpec`."""

    alias: str
    members: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    budget: float | None = None
    duration: str | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    adopt: bool = False

    @property
    def team_id(self) -> str:
        """The id under which this project creates the team. LiteLLM would take any number of teams of one alias, so
        the id is what makes a repeated create meet its own team."""
        return team_id_of(self.alias)


@dataclass(frozen=True)
class KeySpec:
    """A virtual key as it shall be.

    `owner` is the e-mail of a user and `team` the alias of a team, whose budgets then count too. `expires` is the
    moment (UTC) from which the key no longer works. Another `rotate` means another value; the former one then goes on
    working for `overlap` seconds. The rest as with `UserSpec`.
    """

    alias: str
    owner: str | None = None
    models: tuple[str, ...] = ()
    budget: float | None = None
    duration: str | None = None
    expires: datetime | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    team: str | None = None
    key_type: str = DEFAULT_KEY_TYPE
    rotate: str | None = None
    overlap: int = 0
    adopt: bool = False


@dataclass(frozen=True)
class ObservedTeam:
    """A team as LiteLLM has it. `members` are user ids, without its admins of LiteLLM's own making."""

    team_id: str
    alias: str | None
    members: tuple[str, ...]
    models: tuple[str, ...]
    budget: float | None
    duration: str | None
    tpm_limit: int | None
    rpm_limit: int | None
    metadata: Mapping[str, Any]
    blocked: bool
    spend: float
    resets: datetime | None


@dataclass(frozen=True)
class ObservedUser:
    """A user as LiteLLM has it. `spend` is in dollars in the running period, which ends at `resets`."""

    user_id: str
    email: str | None
    alias: str | None
    role: str | None
    models: tuple[str, ...]
    budget: float | None
    duration: str | None
    tpm_limit: int | None
    rpm_limit: int | None
    metadata: Mapping[str, Any]
    spend: float
    resets: datetime | None


@dataclass(frozen=True)
class ObservedKey:
    """A key as LiteLLM has it. `token` is the SHA-256 of its value, which LiteLLM uses as the key's id; the value
    itself is not stored anywhere. `routes` empty means every route that the owner may call."""

    token: str
    alias: str | None
    owner_id: str | None
    models: tuple[str, ...]
    budget: float | None
    duration: str | None
    expires: datetime | None
    tpm_limit: int | None
    rpm_limit: int | None
    metadata: Mapping[str, Any]
    routes: tuple[str, ...]
    blocked: bool
    spend: float
    resets: datetime | None
    team_id: str | None = None
    created: datetime | None = None
    last_used: datetime | None = None


def user_id_of(email: str) -> str:
    """The id of the user with this e-mail (case and surrounding spaces don't matter)."""
    # uuid costs a few milliseconds of start-up, which a command that needs no id shouldn't pay
    import uuid

    return str(uuid.uuid5(uuid.UUID(_USERS), email.strip().lower()))


def team_id_of(alias: str) -> str:
    """The id of the team with this alias."""
    import uuid  # late, as above

    return str(uuid.uuid5(uuid.UUID(_TEAMS), alias))


def token_of(value: str) -> str:
    """The id of the key with this value: its SHA-256, as LiteLLM computes it (`litellm.proxy._types.hash_token`)."""
    import hashlib  # late, as above

    return hashlib.sha256(value.encode()).hexdigest()


def observed_user(row: Mapping[str, Any]) -> ObservedUser:
    """One user from `/v2/user/info` or `/user/list`."""
    return ObservedUser(
        user_id=row["user_id"],
        email=row.get("user_email"),
        alias=row.get("user_alias") or None,
        role=row.get("user_role"),
        models=tuple(row.get("models") or ()),
        budget=_number(row.get("max_budget")),
        duration=row.get("budget_duration"),
        tpm_limit=row.get("tpm_limit"),
        rpm_limit=row.get("rpm_limit"),
        metadata=row.get("metadata") or {},
        spend=float(row.get("spend") or 0),
        resets=moment(row.get("budget_reset_at")),
    )


def observed_team(row: Mapping[str, Any]) -> ObservedTeam:
    """One team from `/v2/team/list`, or the `team_info` of `/team/info`."""
    members = (member.get("user_id") for member in row.get("members_with_roles") or ())
    return ObservedTeam(
        team_id=row["team_id"],
        alias=row.get("team_alias") or None,
        members=tuple(member for member in members if member and member != PROXY_ADMIN_ID),
        models=tuple(row.get("models") or ()),
        budget=_number(row.get("max_budget")),
        duration=row.get("budget_duration"),
        tpm_limit=row.get("tpm_limit"),
        rpm_limit=row.get("rpm_limit"),
        metadata=row.get("metadata") or {},
        blocked=bool(row.get("blocked")),
        spend=float(row.get("spend") or 0),
        resets=moment(row.get("budget_reset_at")),
    )


def observed_key(row: Mapping[str, Any], token: str | None = None) -> ObservedKey:
    """One key from `/key/list` (full objects) or the `info` of `/key/info`, which leaves the `token` out."""
    return ObservedKey(
        token=token or row["token"],
        alias=row.get("key_alias"),
        owner_id=row.get("user_id") or None,
        models=tuple(row.get("models") or ()),
        budget=_number(row.get("max_budget")),
        duration=row.get("budget_duration"),
        expires=moment(row.get("expires")),
        tpm_limit=row.get("tpm_limit"),
        rpm_limit=row.get("rpm_limit"),
        metadata=row.get("metadata") or {},
        routes=tuple(row.get("allowed_routes") or ()),
        blocked=bool(row.get("blocked")),
        spend=float(row.get("spend") or 0),
        resets=moment(row.get("budget_reset_at")),
        team_id=row.get("team_id") or None,
        created=moment(row.get("created_at")),
        last_used=moment(row.get("last_active")),
    )


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 time as UTC; one without a zone is UTC already."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
