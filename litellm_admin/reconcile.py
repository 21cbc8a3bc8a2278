"""Many changes at once, planned from lists of all that LiteLLM has. `roster` says what an entry is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from litellm_admin.client import MOST_USERS, Client
from litellm_admin.ensure import delete_team, keep_keys, taken_user
from litellm_admin.ensure_keys import taken_key
from litellm_admin.errors import AdminError, Failed, Unreachable
from litellm_admin.models import MANAGED_BY, ObservedKey, ObservedTeam, ObservedUser, UserSpec, token_of
from litellm_admin.plan import Action, is_anothers, is_ours, plan_key, plan_user
from litellm_admin.roster import Entries, Gone, Ids, KeyEntry, Tell, make_keys, make_teams, raise_all

# After a failure in doubt the lists are read again, and what is still missing is tried again.
_ROUNDS = 3
# Deleting a hundred keys takes LiteLLM a second or two; the relay waits for some fifty.
_KEYS_AT_ONCE = 100
# The relay forwards a megabyte; how long a body is there isn't quite how long it is here.
_LONGEST_BODY = 700_000


@dataclass(frozen=True)
class _Seen:
    """What LiteLLM had when the run began."""

    users: list[ObservedUser]
    teams: list[ObservedTeam]
    keys: list[ObservedKey]


@dataclass
class _Plan:
    """Calls to make, each with the entry's name for a message."""

    creates: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    updates: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    taken: list[AdminError] = field(default_factory=list[AdminError])

    def add(self, name: str, action: Action) -> None:
        if action.kind == "create":
            self.creates.append((name, action.body))
        elif action.kind == "update":
            self.updates.append((name, action.body))


def reconcile(
    client: Client, wanted: Entries, changed: Entries, gone: Gone, ids: Ids, managed_by: str, tell: Tell
) -> Ids:
    """Makes the `changed` entries of those that are `wanted` so, and makes others go: those in `gone`, and what
    `managed_by` made in a run that failed and nobody wants any more. `ids` are all that are known.

    Nothing is changed if something is in the way that isn't to be adopted.

    Raises:
        AdminError: `Failures` if several entries failed. Nothing goes as long as something else failed.
    """
    tell("reading what is there")
    seen = _Seen(client.list_users(), client.list_teams(), client.list_keys())
    # what is in the way is told at once, before anything is changed
    taken = _plan_users(changed.users, seen.users, ids, managed_by)[0].taken
    raise_all([*taken, *_taken_keys(changed.keys, seen.keys)])
    ids = _make_users(client, changed.users, seen.users, ids, managed_by, tell)
    ids = make_teams(client, changed.teams, ids, managed_by, tell)
    turned = [entry for entry in changed.keys if entry.formers or entry.stale]
    ids = make_keys(client, turned, ids, managed_by, tell)
    plain = [entry for entry in changed.keys if entry not in turned]
    ids = _make_keys(client, plain, client.list_keys() if turned else seen.keys, ids, managed_by, tell)
    _remove(client, wanted, gone, seen, ids, managed_by, tell)
    return ids


# -- users


def _make_users(
    client: Client, specs: Sequence[UserSpec], seen: list[ObservedUser], ids: Ids, managed_by: str, tell: Tell
) -> Ids:
    found: dict[str, str] = {}
    for last in _rounds():
        plan, found = _plan_users(specs, seen, ids, managed_by)
        raise_all(plan.taken)
        errors = [*_create_users(client, plan.creates, tell), *_post(client, "/user/update", plan.updates, tell)]
        if not errors:
            break
        if last:
            raise_all(errors)
        seen = client.list_users()
    return Ids({**ids.users, **found}, ids.teams, ids.tokens)


def _plan_users(
    specs: Iterable[UserSpec], seen: Iterable[ObservedUser], ids: Ids, managed_by: str
) -> tuple[_Plan, dict[str, str]]:
    """The calls, and the ids that the users have then."""
    by_id: dict[str, ObservedUser] = {}
    by_email: defaultdict[str, list[ObservedUser]] = defaultdict(list)
    for user in seen:
        by_id[user.user_id] = user
        by_email[(user.email or "").strip().lower()].append(user)
    plan = _Plan()
    found: dict[str, str] = {}
    for spec in specs:
        email = spec.email.lower()
        known = ids.users.get(email)
        user = by_id.get(known or spec.user_id)
        if user is None and by_email[email]:
            user = by_email[email][0]
            if known or len(by_email[email]) > 1 or not (spec.adopt or is_ours(user, managed_by)):
                plan.taken.append(taken_user(spec, user))
                continue
        elif user is not None and not known and not spec.adopt and not is_ours(user, managed_by):
            plan.taken.append(taken_user(spec, user))
            continue
        action = plan_user(spec, managed_by, user)
        found[email] = user.user_id if user else (known or spec.user_id)
        body = {**action.body, "user_id": found[email]}
        plan.add(spec.email, Action(action.kind, body, action.changes))
    return plan, found


def _create_users(client: Client, creates: Sequence[tuple[str, Mapping[str, Any]]], tell: Tell) -> list[AdminError]:
    errors: list[AdminError] = []
    done = 0
    for part in _parts(creates):
        try:
            said = client.create_users([body for _, body in part])
        except (Failed, Unreachable) as error:
            errors.append(error)  # in doubt, all of them
        else:
            errors += [
                AdminError(f"LiteLLM didn't make the user {name}: {why}")
                for (name, _), why in zip(part, said, strict=True)
                if why
            ]
        done += len(part)
        tell(f"users: {done:,} of {len(creates):,}")
    return errors


def _parts(creates: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterable[Sequence[tuple[str, Mapping[str, Any]]]]:
    """As many users as one call takes, and the relay forwards."""
    part: list[tuple[str, Mapping[str, Any]]] = []
    length = 0
    for create in creates:
        size = len(json.dumps(create[1]))
        if part and (len(part) == MOST_USERS or length + size > _LONGEST_BODY):
            yield part
            part, length = [], 0
        part.append(create)
        length += size
    if part:
        yield part


# -- keys


def _make_keys(
    client: Client, entries: Sequence[KeyEntry], seen: list[ObservedKey], ids: Ids, managed_by: str, tell: Tell
) -> Ids:
    tokens: dict[str, str] = {}
    for last in _rounds():
        raise_all(_taken_keys(entries, seen))
        plan, tokens = _plan_keys(entries, seen, ids, managed_by)
        errors = _post(client, "/key/update", plan.updates, tell)
        errors += _post(client, "/key/generate", plan.creates, tell)
        # LiteLLM looks for an alias before it inserts. If others wrote meanwhile, the lists tell whether two got one
        if not errors and (not plan.creates or client.count_keys() == len(seen) + len(plan.creates)):
            break
        if errors and last:
            raise_all(errors)
        seen = client.list_keys()
        raise_all(_give_way(client, entries, tokens, seen))
    return Ids(ids.users, ids.teams, {**ids.tokens, **tokens})


def _plan_keys(
    entries: Iterable[KeyEntry], seen: Iterable[ObservedKey], ids: Ids, managed_by: str
) -> tuple[_Plan, dict[str, str]]:
    """The calls, and the tokens that the keys have then."""
    by_token, by_alias = _indexed(seen)
    plan, now = _Plan(), datetime.now(UTC)
    tokens: dict[str, str] = {}
    for entry in entries:
        alias, token = entry.spec.alias, entry.token or token_of(entry.value)
        key = by_token.get(token) or (by_alias[alias][0] if entry.spec.adopt and by_alias[alias] else None)
        tokens[alias] = key.token if key else token_of(entry.value)
        plan.add(alias, plan_key(ids.wish(entry, managed_by), key, now))
    return plan, tokens


def _taken_keys(entries: Iterable[KeyEntry], seen: Iterable[ObservedKey]) -> list[AdminError]:
    """Aliases that belong to keys which aren't to be adopted."""
    by_token, by_alias = _indexed(seen)
    taken: list[AdminError] = []
    for entry in entries:
        others = [key for key in by_alias[entry.spec.alias] if key.token not in entry.tokens]
        there = (entry.token or token_of(entry.value)) in by_token
        if others and (there or not entry.spec.adopt or len(others) > 1):
            taken.append(taken_key(entry.spec, others[0]))
    return taken


def _give_way(
    client: Client, entries: Iterable[KeyEntry], tokens: Mapping[str, str], seen: Iterable[ObservedKey]
) -> list[AdminError]:
    """Where two got one alias, the elder stays: ours goes if it is the younger."""
    by_token, by_alias = _indexed(seen)
    errors: list[AdminError] = []
    for entry in entries:
        mine = by_token.get(tokens.get(entry.spec.alias, ""))
        elder = by_alias[entry.spec.alias][:1]
        if mine and mine.alias == entry.spec.alias and elder != [mine]:
            client.delete_keys([mine.token])
            errors.append(taken_key(entry.spec, elder[0]))
    return errors


def _indexed(seen: Iterable[ObservedKey]) -> tuple[dict[str, ObservedKey], dict[str, list[ObservedKey]]]:
    """By token, and by alias with the eldest first."""
    by_token: dict[str, ObservedKey] = {}
    by_alias: defaultdict[str, list[ObservedKey]] = defaultdict(list)
    for key in sorted(seen, key=lambda key: (key.created or datetime.max.replace(tzinfo=UTC), key.token)):
        by_token[key.token] = key
        by_alias[key.alias or ""].append(key)
    return by_token, by_alias


# -- what goes


def _remove(client: Client, wanted: Entries, gone: Gone, seen: _Seen, ids: Ids, managed_by: str, tell: Tell) -> None:
    """Only what was there and hasn't been handed over to something else."""
    mine = {token for entry in wanted.keys for token in (*entry.tokens, ids.tokens.get(entry.spec.alias, ""))}
    doomed = [key.token for key in seen.keys if _goes(key, key.token, gone.tokens, mine, managed_by)]
    for start in range(0, len(doomed), _KEYS_AT_ONCE):
        client.delete_keys(doomed[start : start + _KEYS_AT_ONCE])
        tell(f"keys to delete: {min(start + _KEYS_AT_ONCE, len(doomed)):,} of {len(doomed):,}")
    teams = {ids.teams.get(spec.alias, "") for spec in wanted.teams}
    for team in seen.teams:
        if _goes(team, team.team_id, gone.team_ids, teams, managed_by):
            delete_team(client, team.team_id, managed_by)
    users = {ids.users.get(spec.email.lower(), "") for spec in wanted.users}
    leaving = [user.user_id for user in seen.users if _goes(user, user.user_id, gone.user_ids, users, managed_by)]
    # LiteLLM takes a user's keys along. Those of this roster have found their places by now; others of the stack stay
    others = [key for key in seen.keys if key.owner_id in leaving and key.token not in {*mine, *doomed}]
    keep_keys(client, others, "user_id", managed_by)
    _delete_users(client, leaving, tell)


def _goes(seen: Any, id_: str, gone: Iterable[str], wanted: Iterable[str], managed_by: str) -> bool:
    if id_ in wanted:
        return False
    return seen.metadata.get(MANAGED_BY) == managed_by or (id_ in gone and not is_anothers(seen, managed_by))


def _delete_users(client: Client, user_ids: Sequence[str], tell: Tell) -> None:
    for start in range(0, len(user_ids), MOST_USERS):
        part = user_ids[start : start + MOST_USERS]
        failed = [(id_, why) for id_, why in zip(part, client.delete_users(part), strict=True) if why]
        raise_all(AdminError(f"LiteLLM didn't delete the user {id_}: {why}") for id_, why in failed)
        tell(f"users to delete: {start + len(part):,} of {len(user_ids):,}")


def _post(client: Client, path: str, calls: Sequence[tuple[str, Mapping[str, Any]]], tell: Tell) -> list[AdminError]:
    """Posts each body. Its errors."""
    done = 0
    what = "keys" if path.startswith("/key") else "users"

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell(f"{what}: {done:,} of {len(calls):,}")

    return [error for error in client.post_each(path, [body for _, body in calls], count) if error is not None]


def _rounds() -> Iterable[bool]:
    """For each round, whether it is the last."""
    return (number + 1 == _ROUNDS for number in range(_ROUNDS))
