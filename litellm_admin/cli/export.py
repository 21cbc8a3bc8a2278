"""`export`: what is there, as an access file that `pulumi up` takes.

What the stack manages stands as it is; what nobody manages says `adopt: true`, so that the stack takes it over and
changes nothing but who manages it. What can't be managed as code is told in a comment, and not left out silently.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from litellm_admin import durations
from litellm_admin.cli import values
from litellm_admin.cli.context import Context
from litellm_admin.cli.errors import Stopped
from litellm_admin.cli.output import Answer, count, period_of
from litellm_admin.cli.shapes import Shape, by_owner
from litellm_admin.cli.shapes import key as key_shape
from litellm_admin.cli.shapes import user as user_shape
from litellm_admin.models import (
    ALL_MODELS,
    DEFAULT_KEY_TYPE,
    DEFAULT_ROLE,
    MANAGED_BY,
    PROXY_ADMIN_ID,
    ROLES,
    ROUTES,
    ObservedKey,
    ObservedTeam,
    ObservedUser,
)
from litellm_admin.plan import LITELLM_METADATA, stack_of
from litellm_admin.shapes import is_list, is_object

# Where LiteLLM keeps the keys of people who are logged in at its own UI.
_UI_TEAM = "litellm-dashboard"

Seen = ObservedUser | ObservedTeam | ObservedKey
Text = list[str]
"""Lines of an entry, or of a comment on why there is none."""


class _LeftOut(Exception):
    """It can't be an entry; the text says why."""


def export(context: Context, given: Namespace) -> Answer:
    client = context.client
    users, teams, keys = client.list_users(), client.list_teams(), client.list_keys()
    stack = context.way.facts.name if context.way.facts else None
    text = access_file(users, teams, keys, stack, only_unmanaged=given.unmanaged)
    owned = by_owner(keys)
    data = {
        "users": [user_shape(user, owned.get(user.user_id, ())) for user in users],
        "keys": [key_shape(key) for key in keys],
        "access_file": text,
    }
    if given.output is None:
        return Answer(data, text.rstrip("\n"))
    _write(given.output, text)
    found = f"{count(len(users), 'user')}, {count(len(teams), 'team')} and {count(len(keys), 'key')}"
    return Answer(data, f"wrote {found} to {given.output}")


def access_file(
    users: Sequence[ObservedUser],
    teams: Sequence[ObservedTeam],
    keys: Sequence[ObservedKey],
    stack: str | None,
    *,
    only_unmanaged: bool = False,
) -> str:
    """The YAML text: teams and keys by alias, users by e-mail. `stack` is the one that takes the file, such as
    `llm-gateway/poc`; None where nobody knows, and then whatever a stack manages counts as its own."""
    writer = _Writer(users, teams, stack, only_unmanaged)
    lines = ["# yaml-language-server: $schema=schema.json", "# Exported from the gateway by litellm-users.sh."]
    lines += _section("teams", [writer.team(team) for team in sorted(teams, key=lambda team: team.alias or "")])
    lines += ["", *_section("users", [writer.user(user) for user in sorted(users, key=_email)])]
    lines += ["", *_section("keys", [writer.key(key) for key in sorted(keys, key=lambda key: key.alias or "")])]
    return "\n".join(lines) + "\n"


def _email(user: ObservedUser) -> str:
    return (user.email or "").lower()


class _Writer:
    """Entries of one file; it knows who has which e-mail, and which names there are twice."""

    def __init__(
        self, users: Sequence[ObservedUser], teams: Sequence[ObservedTeam], stack: str | None, only_unmanaged: bool
    ) -> None:
        self._emails = {user.user_id: user.email for user in users if user.email}
        self._aliases = {team.team_id: team.alias for team in teams if team.alias}
        self._users, self._teams = Counter(map(_email, users)), Counter(team.alias for team in teams)
        self._stack, self._only_unmanaged = stack, only_unmanaged

    def user(self, user: ObservedUser) -> Text:
        if user.user_id == PROXY_ADMIN_ID or self._silent(user):
            return []
        try:
            self._refuse_anothers(user)
            if not user.email:
                raise _LeftOut("it has no e-mail")
            _checked(values.email, user.email, "its e-mail is no address")
            if self._users[_email(user)] > 1:
                raise _LeftOut(f"{user.email} has {self._users[_email(user)]} users; delete all but one first")
        except _LeftOut as why:
            return [_left_out(f"user {user.user_id}", why)]
        role = user.role if user.role in ROLES and user.role != DEFAULT_ROLE else None
        notes: list[str] = []
        shape = {"email": user.email, "alias": user.alias, "role": role, **self._shared(user, notes)}
        return _entry(shape, notes)

    def team(self, team: ObservedTeam) -> Text:
        if self._silent(team):
            return []
        try:
            self._refuse_anothers(team)
            if not team.alias:
                raise _LeftOut("it has no alias")
            _checked(values.alias, team.alias, "its alias has characters that an access file doesn't take")
            if self._teams[team.alias] > 1:
                raise _LeftOut(f"{self._teams[team.alias]} teams have the alias {team.alias}; rename all but one first")
        except _LeftOut as why:
            return [_left_out(f"team {team.team_id}", why)]
        nameless = [id_ for id_ in team.members if id_ not in self._emails]
        notes = [f"members without an e-mail would leave the team: {', '.join(nameless)}"] if nameless else []
        members = sorted(self._emails[id_] for id_ in team.members if id_ in self._emails)
        shape = {"alias": team.alias, "members": members or None, **self._shared(team, notes)}
        return _entry(shape, notes)

    def key(self, key: ObservedKey) -> Text:
        if key.team_id == _UI_TEAM or self._silent(key):
            return []
        owner = None if key.owner_id == PROXY_ADMIN_ID else key.owner_id
        try:
            self._refuse_anothers(key)
            if not key.alias:
                raise _LeftOut("it has no alias")
            _checked(values.alias, key.alias, "its alias has characters that an access file doesn't take")
            if owner and owner not in self._emails:
                raise _LeftOut(f"its owner {owner} has no e-mail")
            if key.team_id and key.team_id not in self._aliases:
                raise _LeftOut(f"its team {key.team_id} has no alias")
            if key.expires is not None and key.expires <= datetime.now(UTC):
                raise _LeftOut("it is expired")
        except _LeftOut as why:
            return [_left_out(f"key {key.alias or key.token[:8] + '…'}", why)]
        notes: list[str] = []
        kind = next((kind for kind, routes in ROUTES.items() if routes == key.routes), None)
        if kind is None:
            notes.append(f"it may call {', '.join(key.routes)}; as code it would call models only")
        shape = {
            "alias": key.alias,
            "owner": self._emails.get(owner or ""),
            "team": self._aliases.get(key.team_id or ""),
            "key_type": None if kind in (None, DEFAULT_KEY_TYPE) else kind,
            "expires": f"{key.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if key.expires else None,
            **self._shared(key, notes),
        }
        return _entry(shape, notes)

    def _silent(self, seen: Seen) -> bool:
        return self._only_unmanaged and stack_of(seen.metadata.get(MANAGED_BY)) is not None

    def _refuse_anothers(self, seen: Seen) -> None:
        manager = stack_of(seen.metadata.get(MANAGED_BY))
        if manager and self._stack and manager != self._stack:
            raise _LeftOut(f"{manager} manages it")

    def _shared(self, seen: Seen, notes: list[str]) -> Shape:
        everything = not seen.models or ALL_MODELS in seen.models or "*" in seen.models
        own = (*LITELLM_METADATA, MANAGED_BY)
        metadata = {name: value for name, value in seen.metadata.items() if name not in own and value is not None}
        duration = None
        try:
            duration = period_of(durations.canonical(seen.duration)) if seen.duration else None
        except ValueError as error:
            notes.append(f"its period {seen.duration} is none here: {error}")
        return {
            "budget": _number(seen.budget),
            "duration": duration,
            "models": None if everything else list(dict.fromkeys(seen.models)),
            "tpm_limit": seen.tpm_limit,
            "rpm_limit": seen.rpm_limit,
            "metadata": metadata or None,
            "adopt": None if stack_of(seen.metadata.get(MANAGED_BY)) else True,
        }


def _checked(check: Any, text: str, otherwise: str) -> None:
    try:
        check(text)
    except ValueError:
        raise _LeftOut(otherwise) from None


# -- YAML


def _section(title: str, entries: Iterable[Text]) -> Text:
    body = [line for entry in entries for line in entry]
    if not any(line.startswith("  - ") for line in body):
        return [f"{title}: []", *body]
    return [f"{title}:", *body]


def _entry(shape: Mapping[str, Any], notes: Iterable[str]) -> Text:
    lines = [f"{name}: {_yaml(value)}" for name, value in shape.items() if value is not None]
    comments = [f"  # {_one_line(note)}" for note in notes]
    return [*comments, *(f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines))]


def _number(amount: float | None) -> float | int | None:
    return int(amount) if amount is not None and amount.is_integer() and abs(amount) < 1e15 else amount


def _yaml(value: Any) -> str:
    """JSON's lists, mappings and most scalars are YAML's too."""
    match value:
        case _ if is_object(value):
            return f"{{{', '.join(f'{_yaml(str(name))}: {_yaml(item)}' for name, item in value.items())}}}"
        case _ if is_list(value):
            return f"[{', '.join(map(_yaml, value))}]"
        case float():
            # YAML 1.1 wants a dot in a number with an exponent
            number, e, exponent = repr(value).partition("e")
            return f"{number if '.' in number else f'{number}.0'}{e}{exponent}"
        case str() if _simple(value):
            return value
        case str():
            # YAML takes nothing unprintable, and doesn't join surrogates
            letters = json.dumps(value, ensure_ascii=False)
            return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in letters)
        case _:
            return json.dumps(value)


def _simple(text: str) -> bool:
    """Whether YAML reads it as this text without quotes: it begins with a letter and has nothing special in it."""
    return (
        text[:1].isalpha()
        and text.isascii()
        and all(letter.isalnum() or letter in "-_./@" for letter in text)
        and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    )


def _left_out(what: str, why: object) -> str:
    return f"  # {_one_line(f'left out: {what}, because {why}')}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _write(path: str, text: str) -> None:
    if os.path.exists(path):
        raise Stopped(f"{path} is there already: choose another file, or move that one away.")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Stopped(f"{path} can't be written: {error.strerror}.") from None
