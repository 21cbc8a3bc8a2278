"""Strategies for specs, and for users and keys as LiteLLM may have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from litellm_admin.models import (
    ALL_MODELS,
    KEY_TYPES,
    ROLES,
    KeySpec,
    ObservedKey,
    ObservedUser,
    TeamSpec,
    UserSpec,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "nova")

emails = st.sampled_from(["lead@example.com", "Dev@example.com", "dev@Example.com", "intern@example.com"])
budgets = st.none() | st.floats(0, 1e9, allow_nan=False)
durations = st.none() | st.sampled_from(["1d", "7d", "30d", "1mo", "12h"])
limits = st.none() | st.integers(0, 2**53 - 1)
model_lists = st.lists(st.sampled_from(MODELS), unique=True).map(tuple)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
metadata = st.dictionaries(
    st.sampled_from(["team", "cost", "tags"]),
    st.integers(-(10**15), 10**15)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
    | st.lists(st.booleans(), max_size=2),
    max_size=3,
)
times = st.none() | st.integers(-100, 10_000).map(lambda hours: NOW + timedelta(hours=hours))
aliases = st.none() | st.sampled_from(["Ann", "Ben"])


def _shared() -> dict[str, Any]:
    return {
        "models": model_lists,
        "budget": budgets,
        "duration": durations,
        "tpm_limit": limits,
        "rpm_limit": limits,
        "metadata": metadata,
    }


users = st.builds(UserSpec, email=emails, alias=aliases, role=st.sampled_from(ROLES), **_shared())
teams = st.builds(TeamSpec, alias=st.sampled_from(["core", "Ops"]), **_shared())
keys = st.builds(
    KeySpec,
    alias=st.sampled_from(["dev", "prod"]),
    owner=st.none(),
    team=st.none(),
    key_type=st.sampled_from(KEY_TYPES),
    expires=times,
    **_shared(),
)
owners = st.none() | st.sampled_from(["user-1", "user-2"])

_observed = {
    **_shared(),
    "models": st.lists(st.sampled_from([*MODELS, ALL_MODELS, "*"]), max_size=3).map(tuple),
    "spend": st.floats(0, 10),
    "resets": st.none(),
}
observed_users = st.builds(
    ObservedUser,
    user_id=st.just("user-1"),
    email=st.none() | emails,
    alias=aliases | st.just(""),
    role=st.none() | st.sampled_from(ROLES),
    **_observed,
)
observed_keys = st.builds(
    ObservedKey,
    token=st.just("0" * 64),
    alias=st.none() | st.sampled_from(["dev", "other"]),
    owner_id=owners,
    expires=times,
    routes=st.sampled_from([(), ("llm_api_routes",), ("management_routes",)]),
    team_id=st.none() | st.just("team-1"),
    created=st.none(),
    blocked=st.booleans(),
    **_observed,
)
