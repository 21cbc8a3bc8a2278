"""A roster's properties, unpacked: what they mean for `litellm_admin.roster`, what differs, and what a refresh finds.
Pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from components.litellm import base
from components.litellm.base import Props, key_spec, known, team_spec, user_spec
from components.litellm.drift import members, with_drift
from components.litellm.ring import generations
from litellm_admin.models import MANAGED_BY, ObservedKey, ObservedTeam, ObservedUser, team_id_of, token_of, user_id_of
from litellm_admin.plan import KeyWish, key_changes, team_changes, user_changes
from litellm_admin.roster import Entries, Gone, Held, Ids, KeyEntry, key_entry
from litellm_admin.shapes import object_at
from litellm_admin.values import Generation, derive

# What is found out, so that it is in the outputs only: the generation of each key's value, generation → token of each
# key's values that work, what the root secret was (its hash), and the ids of users and teams that were adopted.
FOUND = ("generations", "tokens", "root_hash", "adopted_users", "adopted_teams")
_INPUTS = ("relay", "region", "managed_by", "released")
_USER = ("email", "alias", "role", "models", "budget", "duration", "tpm_limit", "rpm_limit", "metadata")
_TEAM = ("alias", "members", "models", "budget", "duration", "tpm_limit", "rpm_limit", "metadata")
_KEY = (
    *("alias", "owner", "team", "key_type", "expires", "rotate", "overlap", "routes"),
    *("models", "budget", "duration", "tpm_limit", "rpm_limit", "metadata"),
)
# `managed_by` is only there once a refresh found it changed by hand
_FIELDS = {"user": (*_USER, "managed_by"), "team": (*_TEAM, "managed_by"), "key": (*_KEY, "managed_by")}


# -- names


def user_name(email: str) -> str:
    return f"user:{email.lower()}"


def team_name(alias: str) -> str:
    return f"team:{alias}"


def key_name(alias: str) -> str:
    return f"key:{alias}"


def names(props: Mapping[str, Any]) -> list[str]:
    """The entries' names."""
    return [name for name, value in props.items() if name.partition(":")[0] in _FIELDS and isinstance(value, dict)]


def is_input(name: str) -> bool:
    return name in _INPUTS or name.partition(":")[0] in _FIELDS


# -- what differs


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Names of entries that are new or differ. A preview doesn't know the ring while any key comes or turns; the same
    `rotate` has the same generation."""
    turned = _turned(olds, news)
    return [name for name in names(news) if name in turned or not _same(name, olds.get(name), news[name])]


def gone(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Names of entries that aren't there any more, and have no resources of their own."""
    stays = {*names(news), *(news.get("released") or ())}
    return [name for name in names(olds) if name not in stays]


def _same(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    return old is not None and not base.changed(_FIELDS[name.partition(":")[0]], old, new)


def _turned(olds: Mapping[str, Any], news: Mapping[str, Any]) -> set[str]:
    """Names of keys whose value is another one."""
    if not known(news.get("ring")) or not known(news.get("root")):
        return set()
    before = object_at(olds, "generations")
    other_root = olds.get("root_hash") not in (None, _hash(news["root"]))
    return {key_name(alias) for alias, one in _ring(news).items() if other_root or before.get(alias) != one.generation}


# -- what it means


def entries(olds: Mapping[str, Any], news: Mapping[str, Any], now: datetime) -> Entries:
    """All entries of `news`. `olds` tells what is known of their keys."""
    users = tuple(user_spec(news[name]) for name in names(news) if name.startswith("user:"))
    teams = tuple(team_spec(news[name]) for name in names(news) if name.startswith("team:"))
    ring, root = _ring(news), b64decode(news["root"])
    keys = [key_spec(news[name]) for name in names(news) if name.startswith("key:")]
    same_root = olds.get("root_hash") in (None, _hash(news["root"]))

    def entry(spec: Any) -> KeyEntry:
        generation = ring[spec.alias]
        tokens = object_at(object_at(olds, "tokens"), spec.alias)
        value_of = _value_of(root, spec.alias)
        # where the root secret is another one, no value is what it was
        held = Held(tokens, token_of(value_of(generation.generation)) if same_root else "")
        return key_entry(spec, generation.generation, dict(generation.until(spec.overlap)), value_of, held, now)

    return Entries(users, teams, tuple(entry(spec) for spec in keys))


def _value_of(root: bytes, alias: str) -> Callable[[str], str]:
    return lambda generation: derive(root, alias, generation)


def ids(props: Mapping[str, Any]) -> Ids:
    """LiteLLM's ids of all entries."""
    adopted_users, adopted_teams = object_at(props, "adopted_users"), object_at(props, "adopted_teams")
    current, tokens = object_at(props, "generations"), object_at(props, "tokens")
    users = [name.partition(":")[2] for name in names(props) if name.startswith("user:")]
    teams = [name.partition(":")[2] for name in names(props) if name.startswith("team:")]
    return Ids(
        {email: adopted_users.get(email, user_id_of(email)) for email in users},
        {alias: adopted_teams.get(alias, team_id_of(alias)) for alias in teams},
        {alias: held[current[alias]] for alias, held in tokens.items() if current.get(alias) in held},
    )


def gone_ids(props: Mapping[str, Any], leaving: Iterable[str]) -> Gone:
    """LiteLLM's ids of the entries with these names."""
    found, tokens = ids(props), object_at(props, "tokens")
    kinds: dict[str, list[str]] = {"user": [], "team": [], "key": []}
    for name in leaving:
        kind, _, own = name.partition(":")
        kinds[kind].append(own)
    return Gone(
        tuple(found.users[email] for email in kinds["user"]),
        tuple(found.teams[alias] for alias in kinds["team"]),
        tuple(token for alias in kinds["key"] for token in object_at(tokens, alias).values()),
    )


def outs(olds: Mapping[str, Any], news: Mapping[str, Any], wanted: Entries, done: Iterable[str], found: Ids) -> Props:
    """The state once the entries in `done` were made so."""
    ring, before, done = _ring(news), object_at(olds, "tokens"), set(done)
    tokens: dict[str, Any] = {}
    for entry in wanted.keys:
        alias = entry.spec.alias
        made = {**entry.former_tokens, ring[alias].generation: found.tokens[alias]}
        tokens[alias] = made if key_name(alias) in done else before[alias]
    users, teams = [user.email.lower() for user in wanted.users], [team.alias for team in wanted.teams]
    return {
        **base.kept(_INPUTS, news),
        **{name: _stored(news[name]) for name in names(news)},
        "generations": {entry.spec.alias: ring[entry.spec.alias].generation for entry in wanted.keys},
        "tokens": tokens,
        "root_hash": _hash(news["root"]),
        "adopted_users": {email: found.users[email] for email in users if found.users[email] != user_id_of(email)},
        "adopted_teams": {alias: found.teams[alias] for alias in teams if found.teams[alias] != team_id_of(alias)},
    }


def _stored(entry: Mapping[str, Any]) -> Props:
    return {name: value for name, value in entry.items() if value is not None and name != "adopt"}


def _ring(news: Mapping[str, Any]) -> dict[str, Generation]:
    return generations(object_at(news, "ring"))


def _hash(root: str) -> str:
    """It tells nothing of a root secret, which is random."""
    return token_of(root)


# -- what a refresh finds


def observed(
    props: Mapping[str, Any],
    users: Sequence[ObservedUser],
    teams: Sequence[ObservedTeam],
    keys: Sequence[ObservedKey],
) -> Props:
    """The state as LiteLLM has it: without what is gone, with what was changed by hand, and with what a run that failed
    left behind: the next one makes that go."""
    known_ids, managed_by = ids(props), props["managed_by"]
    found: Props = {**props}
    emails = {id_: email for email, id_ in known_ids.users.items()}
    aliases = {id_: alias for alias, id_ in known_ids.teams.items()}
    by_id = {user.user_id: user for user in users}
    for email, id_ in known_ids.users.items():
        name = user_name(email)
        seen = by_id.get(id_)
        _put(found, name, seen and with_drift(props[name], user_changes(user_spec(props[name]), managed_by, seen)))
    teams_by_id = {team.team_id: team for team in teams}
    for alias, id_ in known_ids.teams.items():
        name = team_name(alias)
        _put(found, name, _team(props[name], teams_by_id.get(id_), known_ids, emails, managed_by))
    by_token = {key.token: key for key in keys}
    for name in [name for name in names(props) if name.startswith("key:")]:
        alias = name.partition(":")[2]
        seen = by_token.get(known_ids.tokens.get(alias, ""))
        _put(found, name, _key(props[name], seen, known_ids, {**emails, **aliases}, managed_by))
        if seen is None:
            found["generations"] = _without(found["generations"], alias)
            found["tokens"] = _without(found["tokens"], alias)
    _strays(found, known_ids, users, teams, keys)
    return found


def _team(
    entry: Props, seen: ObservedTeam | None, known_ids: Ids, emails: Mapping[str, str], managed_by: str
) -> Props | None:
    if seen is None:
        return None
    spec = team_spec(entry)
    found = with_drift(entry, team_changes(spec, managed_by, seen))
    wanted = {known_ids.users.get(email.lower(), user_id_of(email)) for email in spec.members}
    if set(seen.members) != wanted:
        found["members"] = members(seen.members, spec.members, emails)
    return found


def _key(
    entry: Props, seen: ObservedKey | None, known_ids: Ids, ours: Mapping[str, str], managed_by: str
) -> Props | None:
    if seen is None:
        return None
    spec = key_spec(entry)
    owner_id = known_ids.users.get(spec.owner.lower(), user_id_of(spec.owner)) if spec.owner else None
    team_id = known_ids.teams.get(spec.team, team_id_of(spec.team)) if spec.team else None
    wish = KeyWish(spec, owner_id, team_id, managed_by, "")
    found = with_drift(entry, key_changes(wish, seen, datetime.now(UTC)), ours)
    return {name: value for name, value in found.items() if name not in ("owner_id", "team_id")}


def _strays(
    found: Props,
    known_ids: Ids,
    users: Sequence[ObservedUser],
    teams: Sequence[ObservedTeam],
    keys: Sequence[ObservedKey],
) -> None:
    mine = {*known_ids.users.values(), *known_ids.teams.values()}
    mine |= {token for held in object_at(found, "tokens").values() for token in held.values()}
    strays = [one for one in (*users, *teams, *keys) if one.metadata.get(MANAGED_BY) == found["managed_by"]]
    for one in strays:
        match one:
            case ObservedUser() if one.user_id not in mine:
                email = (one.email or one.user_id).lower()
                found[user_name(email)] = {"email": email}
                found["adopted_users"] = {**object_at(found, "adopted_users"), email: one.user_id}
            case ObservedTeam() if one.team_id not in mine:
                alias = one.alias or one.team_id
                found[team_name(alias)] = {"alias": alias}
                found["adopted_teams"] = {**object_at(found, "adopted_teams"), alias: one.team_id}
            case ObservedKey() if one.token not in mine:
                alias = f"{one.alias} ({one.token[:8]})"
                found[key_name(alias)] = {"alias": alias}
                found["tokens"] = {**object_at(found, "tokens"), alias: {"": one.token}}
            case _:
                pass  # ours, and known


def _put(found: Props, name: str, entry: Props | None) -> None:
    if entry is None:
        del found[name]
    else:
        found[name] = entry


def _without(held: Mapping[str, Any], alias: str) -> Props:
    return {name: value for name, value in (held or {}).items() if name != alias}
