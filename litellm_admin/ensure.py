"""Makes a user or key so, whatever was there before: look, plan, do, and look again where the outcome is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from litellm_admin.client import Client
from litellm_admin.errors import AdminError, Conflict, Failed, Taken, Unreachable
from litellm_admin.models import KeySpec, ObservedKey, ObservedUser, UserSpec, token_of
from litellm_admin.plan import Action, plan_key, plan_user

# After these a create may have taken effect: its answer was lost, or it met what an earlier try had made.
_IN_DOUBT = (Conflict, Failed, Unreachable)


def ensure_user(client: Client, spec: UserSpec, managed_by: str, user_id: str | None = None) -> str:
    """Creates or updates the user (two calls; one if nothing differs) and returns its id. `user_id` is the id that it
    already has; by default the one that belongs to its e-mail.

    Raises:
        Taken: if the e-mail belongs to a user with another id.
        AdminError: if LiteLLM can't be reached or refuses.
    """
    user_id = user_id or spec.user_id
    seen = client.get_user(user_id)
    action = plan_user(spec, managed_by, seen)
    if action.kind != "create":
        _do(action, client.update_user)
        return user_id
    try:
        client.create_user({**action.body, "user_id": user_id})
    except _IN_DOUBT as error:
        seen = client.get_user(user_id)
        if seen is None:
            raise _user_taken(client, spec, error) from None
        _do(plan_user(spec, managed_by, seen), client.update_user)
    return user_id


def ensure_key(client: Client, spec: KeySpec, owner_id: str | None, managed_by: str, value: str) -> str:
    """Creates or updates the key with this value (two calls; one if nothing differs) and returns its token.

    Raises:
        Taken: if the alias belongs to a key with another value.
        AdminError: if LiteLLM can't be reached or refuses.
    """
    token = token_of(value)

    def planned(seen: ObservedKey | None) -> Action:
        return plan_key(spec, owner_id, managed_by, value, seen, datetime.now(UTC))

    action = planned(client.get_key(token))
    try:
        if action.kind == "create":
            client.create_key(action.body)
        else:
            _do(action, client.update_key)
    except _IN_DOUBT as error:
        seen = client.get_key(token)
        if seen is None or (isinstance(error, Conflict) and seen.alias != spec.alias):
            raise _key_taken(client, spec, token, error) from None
        _do(planned(seen), client.update_key)
    return token


def _do(action: Action, update: Callable[[dict], None]) -> None:
    if action.kind == "update":
        update(dict(action.body))


def _user_taken(client: Client, spec: UserSpec, error: AdminError) -> AdminError:
    """Why the create was refused: another user has the e-mail, or else what LiteLLM said."""
    if not isinstance(error, Conflict):
        return error
    others: list[ObservedUser] = client.find_users(spec.email)
    if not others:
        return error
    return Taken(
        f"{spec.email} is in LiteLLM already, as user {others[0].user_id}, which this stack didn't make: "
        "delete that user there, or take the e-mail out of the access file."
    )


def _key_taken(client: Client, spec: KeySpec, token: str, error: AdminError) -> AdminError:
    if not isinstance(error, Conflict):
        return error
    other = client.find_key(spec.alias)
    if other is None or other.token == token:
        return error
    return Taken(
        f"The alias {spec.alias} is in LiteLLM already, for key {other.token[:8]}…, which this stack didn't make: "
        "delete or rename that key there, or choose another alias in the access file."
    )
