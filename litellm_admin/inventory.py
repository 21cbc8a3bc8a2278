"""What is in LiteLLM and no stack manages, as entries of an access file: the first step of bringing it under
management.

    python -m litellm_admin.inventory --relay llm-gateway-poc-relay --region us-west-1
    LITELLM_MASTER_KEY=sk-… python -m litellm_admin.inventory --url http://admin-door:8080

Prints YAML. Each entry says `adopt: true` and all that LiteLLM has, so that adopting it changes nothing but who manages
it; what an access file can't say stands beside it as a comment. No value of a key is printed: LiteLLM has none.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from litellm_admin import durations
from litellm_admin.client import Client
from litellm_admin.errors import AdminError
from litellm_admin.models import (
    ALL_MODELS,
    DEFAULT_KEY_TYPE,
    DEFAULT_ROLE,
    MANAGED_BY,
    PROXY_ADMIN_ID,
    ROUTES,
    ObservedKey,
    ObservedTeam,
    ObservedUser,
)
from litellm_admin.plan import LITELLM_METADATA
from litellm_admin.transport import DirectTransport, RelayTransport

# Where LiteLLM keeps the keys of people who are logged in at its own UI.
_UI_TEAM = "litellm-dashboard"

Entry = tuple[dict[str, Any], list[str]]
"""What the access file says, and comments on what it can't."""


def render(users: Sequence[ObservedUser], teams: Sequence[ObservedTeam], keys: Sequence[ObservedKey]) -> str:
    """The YAML text."""
    emails = {user.user_id: user.email for user in users if user.email}
    aliases = {team.team_id: team.alias for team in teams if team.alias}
    double = Counter((user.email or "").lower() for user in users)
    twice = Counter(team.alias for team in teams)
    sections = {
        "teams": [_team(team, emails, twice) for team in teams if _unmanaged(team)],
        "users": [_user(user, double) for user in users if _unmanaged(user) and user.user_id != PROXY_ADMIN_ID],
        "keys": [_key(key, emails, aliases) for key in keys if _unmanaged(key) and key.team_id != _UI_TEAM],
    }
    return "".join(_section(name, entries) for name, entries in sections.items())


def _unmanaged(seen: ObservedUser | ObservedTeam | ObservedKey) -> bool:
    return not seen.metadata.get(MANAGED_BY)


def _user(user: ObservedUser, double: Mapping[str, int]) -> Entry:
    comments = []
    if not user.email:
        comments.append(f"user {user.user_id} has no e-mail: give it one in LiteLLM first")
    elif double[user.email.lower()] > 1:
        comments.append(f"{user.email} has {double[user.email.lower()]} users: delete all but one in LiteLLM first")
    role = {} if user.role in (None, DEFAULT_ROLE) else {"role": user.role}
    return {"email": user.email, "alias": user.alias, **role, **_shared(user, comments)}, comments


def _team(team: ObservedTeam, emails: Mapping[str, str], twice: Mapping[str | None, int]) -> Entry:
    comments = []
    if not team.alias:
        comments.append(f"team {team.team_id} has no alias: give it one in LiteLLM first")
    elif twice[team.alias] > 1:
        comments.append(f"{twice[team.alias]} teams have the alias {team.alias}: rename all but one in LiteLLM first")
    nameless = [id_ for id_ in team.members if id_ not in emails]
    if nameless:
        comments.append(f"members without an e-mail would leave the team: {', '.join(nameless)}")
    members = sorted(emails[id_] for id_ in team.members if id_ in emails)
    return {"alias": team.alias, "members": members, **_shared(team, comments)}, comments


def _key(key: ObservedKey, emails: Mapping[str, str], aliases: Mapping[str, str]) -> Entry:
    comments = []
    if not key.alias:
        comments.append(f"key {key.token[:8]}… has no alias: give it one in LiteLLM first")
    if key.owner_id and key.owner_id != PROXY_ADMIN_ID and key.owner_id not in emails:
        comments.append(f"its owner {key.owner_id} has no e-mail, and wouldn't own it any more")
    if key.team_id and key.team_id not in aliases:
        comments.append(f"its team {key.team_id} has no alias, and wouldn't hold it any more")
    kinds = [kind for kind, routes in ROUTES.items() if routes == key.routes]
    if not kinds:
        comments.append(f"it may call {', '.join(key.routes)}; as llm_api it would call models only")
    kind = kinds[0] if kinds else DEFAULT_KEY_TYPE
    entry = {
        "alias": key.alias,
        "owner": emails.get(key.owner_id or ""),
        "team": aliases.get(key.team_id or ""),
        "key_type": None if kind == DEFAULT_KEY_TYPE else kind,
        "expires": key.expires.isoformat() if key.expires else None,
        **_shared(key, comments),
    }
    return entry, comments


def _shared(seen: ObservedUser | ObservedTeam | ObservedKey, comments: list[str]) -> dict[str, Any]:
    everything = ALL_MODELS in seen.models or "*" in seen.models
    duration = seen.duration
    try:
        duration = durations.canonical(duration) if duration else None
    except ValueError as error:
        comments.append(f"its period {duration} is none here: {error}")
        duration = None
    metadata = {name: value for name, value in seen.metadata.items() if name not in LITELLM_METADATA}
    return {
        "models": [] if everything else list(seen.models),
        "budget": seen.budget,
        "duration": duration,
        "tpm_limit": seen.tpm_limit,
        "rpm_limit": seen.rpm_limit,
        "metadata": metadata,
        "adopt": True,
    }


def _section(name: str, entries: Iterable[Entry]) -> str:
    text = "".join(_entry(*entry) for entry in entries)
    return f"{name}:\n{text}" if text else f"{name}: []\n"


def _entry(entry: Mapping[str, Any], comments: Iterable[str]) -> str:
    given = [f"{name}: {_yaml(value)}" for name, value in entry.items() if value not in (None, [], {})]
    return "".join([*(f"  # {comment}\n" for comment in comments), "  - ", "\n    ".join(given), "\n"])


def _yaml(value: Any) -> str:
    """JSON's lists, mappings and most scalars are YAML's too."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_yaml(name)}: {_yaml(item)}' for name, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_yaml, value))}]"
        case float():
            number, e, exponent = repr(value).partition("e")
            return f"{number if '.' in number else f'{number}.0'}{e}{exponent}"
        case str():
            # YAML takes nothing unprintable, and doesn't join surrogates
            letters = json.dumps(value, ensure_ascii=False)
            return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in letters)
        case _:
            return json.dumps(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m litellm_admin.inventory", description=(__doc__ or "").partition("\n\n")[0]
    )
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--relay", help="the relay's function name (the stack's output relayFunctionName)")
    way.add_argument("--url", help="the admin door, with the master key in LITELLM_MASTER_KEY")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"), help="where the relay is")
    given = parser.parse_args(arguments)
    if given.relay and not given.region:
        parser.error("--region is needed with --relay, or AWS_REGION in the environment")
    if given.url and not os.environ.get("LITELLM_MASTER_KEY"):
        parser.error("LITELLM_MASTER_KEY is needed in the environment with --url")
    transport = (
        RelayTransport(given.relay, given.region)
        if given.relay
        else DirectTransport(given.url, os.environ["LITELLM_MASTER_KEY"])
    )
    client = Client(transport)
    try:
        sys.stdout.write(render(client.list_users(), client.list_teams(), client.list_keys()))
    except AdminError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
