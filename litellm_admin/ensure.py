"""Makes a team or user so, or makes it go, whatever was there before: look, plan, do, and look again where the outcome
is in doubt. `ensure_keys` does the same for keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from litellm_admin.client import Client
from litellm_admin.errors import AdminError, Conflict, Failed, Refused, Taken, Unreachable
from litellm_admin.models import MANAGED_BY, ObservedKey, ObservedTeam, ObservedUser, TeamSpec, UserSpec
from litellm_admin.plan import Action, is_anothers, is_ours, plan_members, plan_team, plan_user

# After these a create may have taken effect: its answer was lost, or it met what an earlier try had made.
IN_DOUBT = (Conflict, Failed, Unreachable)
# Members in one call: each costs LiteLLM some queries, in one transaction.
MOST_MEMBERS = 100


def ensure_user(client: Client, spec: UserSpec, managed_by: str, user_id: str | None = None) -> str:
    """Creates or updates the user (two calls; one if nothing differs) and returns its id. `user_id` is the id that it
    is known by already; by default the one that belongs to its e-mail, where one that this stack didn't make is only
    taken over if the spec says `adopt`.

    Raises:
        Taken: if there is such a user that isn't to be adopted.
        AdminError: if LiteLLM can't be reached or refuses.
    """
    known, user_id = user_id is not None, user_id or spec.user_id
    seen = client.get_user(user_id)
    if seen is None:
        try:
            client.create_user({**plan_user(spec, managed_by, None).body, "user_id": user_id})
        except IN_DOUBT as error:
            seen = client.get_user(user_id)
            if seen is None:
                seen = _same_email(client, spec, known, error)
        else:
            return user_id
    if not known and not spec.adopt and not is_ours(seen, managed_by):
        raise taken_user(spec, seen)
    do(plan_user(spec, managed_by, seen), client.update_user)
    return seen.user_id


def ensure_team(
    client: Client, spec: TeamSpec, member_ids: Iterable[str], managed_by: str, team_id: str | None = None
) -> str:
    """Creates or updates the team, gives it exactly these members (users that exist) and returns its id. `team_id` as
    with a user.

    Raises:
        Taken: if there is a team with that alias that isn't to be adopted.
        AdminError: if LiteLLM can't be reached or refuses.
    """
    known, team_id = team_id is not None, team_id or spec.team_id
    seen = client.get_team(team_id) or (None if known else _same_alias(client, spec))
    if seen is None:
        try:
            client.create_team({**plan_team(spec, managed_by, None).body, "team_id": team_id})
        except IN_DOUBT as error:
            seen = client.get_team(team_id)
            if seen is None:
                raise error from None
    if seen is not None:
        if not known and not spec.adopt and not is_ours(seen, managed_by):
            raise taken_team(spec, [seen])
        do(plan_team(spec, managed_by, seen), client.update_team)
        team_id = seen.team_id
    set_members(client, team_id, member_ids, seen, managed_by)
    return team_id


def set_members(
    client: Client, team_id: str, member_ids: Iterable[str], seen: ObservedTeam | None, managed_by: str
) -> None:
    """Gives the team exactly these members. `seen` is the team as it was looked at last; None if it was just made."""
    wanted = tuple(member_ids)
    add, remove = plan_members(wanted, seen)
    for start in range(0, len(add), MOST_MEMBERS):
        part = add[start : start + MOST_MEMBERS]
        try:
            client.add_members(team_id, part)
        except (Refused, Unreachable):
            # an answer was lost, or somebody was faster: then all of them are in it, which LiteLLM refuses
            now = client.get_team(team_id)
            if missing := plan_members(part, now)[0]:
                client.add_members(team_id, missing)
    for user_id in remove:
        keep_keys(client, client.list_keys(user_id, team_id), "team_id", managed_by)
        try:
            client.remove_member(team_id, user_id)
        except (Refused, Unreachable):
            now = client.get_team(team_id)
            if now is not None and user_id in now.members:
                raise


def delete_user(client: Client, user_id: str, managed_by: str) -> bool:
    """Deletes the user and the keys that others made for it. False if it is gone already, or was handed over to
    something else that manages it now. Keys that the stack still has are kept: if they are to go, they went before."""
    seen = client.get_user(user_id)
    if seen is None or is_anothers(seen, managed_by):
        return False
    keep_keys(client, client.list_keys(user_id), "user_id", managed_by)
    return client.delete_user(user_id)


def delete_team(client: Client, team_id: str, managed_by: str) -> bool:
    """Deletes the team and the keys that others made in it; the rest as with a user."""
    seen = client.get_team(team_id)
    if seen is None or is_anothers(seen, managed_by):
        return False
    keep_keys(client, client.list_keys(team_id=team_id), "team_id", managed_by)
    return client.delete_team(team_id)


def keep_keys(client: Client, keys: Sequence[ObservedKey], field: str, managed_by: str) -> None:
    """Takes the stack's own keys out of the team or away from the owner that is about to take them along. Where they
    belong is put right when their own turn comes."""
    for key in keys:
        if is_ours(key, managed_by):
            client.update_key({"key": key.token, field: None})


def do(action: Action, update: Callable[[dict[str, Any]], None]) -> None:
    """Carries out an update, if it is one."""
    if action.kind == "update":
        update(dict(action.body))


def _same_email(client: Client, spec: UserSpec, known: bool, error: AdminError) -> ObservedUser:
    """Another user who has the e-mail, if that is why the create was refused. Raises what LiteLLM said if there is
    none, and `Taken` if it can't be meant."""
    if not isinstance(error, Conflict):
        raise error from None
    others = client.find_users(spec.email)
    if not others:
        raise error from None
    if len(others) > 1:
        ids = ", ".join(user.user_id for user in others)
        raise Taken(f"{spec.email} has {len(others)} users in LiteLLM ({ids}): delete all but one of them there.")
    if known:
        raise Taken(
            f"{spec.email} belongs to another user in LiteLLM now, {others[0].user_id}: "
            "run `pulumi refresh`, and then `pulumi up` with `adopt: true`."
        )
    return others[0]


def _same_alias(client: Client, spec: TeamSpec) -> ObservedTeam | None:
    found = client.find_teams(spec.alias)
    if len(found) > 1:
        raise taken_team(spec, found)
    return found[0] if found else None


def taken_user(spec: UserSpec, seen: ObservedUser) -> Taken:
    """The user is there, and somebody else made it."""
    return Taken(
        f"{spec.email} is in LiteLLM already, as user {seen.user_id}, {whose(seen)}: set `adopt: true` on that entry "
        "to take it over, delete that user there, or take the e-mail out of the access file."
    )


def taken_team(spec: TeamSpec, seen: Sequence[ObservedTeam]) -> Taken:
    """The alias is there, and somebody else made it, or several have it."""
    if len(seen) > 1:
        ids = ", ".join(team.team_id for team in seen)
        return Taken(f"{len(seen)} teams in LiteLLM have the alias {spec.alias} ({ids}): delete or rename all but one.")
    return Taken(
        f"The team {spec.alias} is in LiteLLM already, as {seen[0].team_id}, {whose(seen[0])}: set `adopt: true` on "
        "that entry to take it over, delete or rename that team there, or choose another alias in the access file."
    )


def whose(seen: ObservedTeam | ObservedUser | ObservedKey) -> str:
    """Who manages what is in the way, as the end of a sentence."""
    other = seen.metadata.get(MANAGED_BY)
    return f"which {other} manages" if isinstance(other, str) and other else "which this stack didn't make"
