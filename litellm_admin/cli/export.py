"""`export`: what is there, as an access file that `pulumi up` takes.

What can't be managed as code (an entry without an e-mail or alias, a key of a team) is told in a comment and not left
out silently. A key that nobody made as code gets a new value from the stack, so the comment says to delete it first.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from litellm_admin.cli import values
from litellm_admin.cli.context import Context
from litellm_admin.cli.errors import Stopped
from litellm_admin.cli.output import Answer, count, period_of
from litellm_admin.cli.shapes import Shape, by_owner
from litellm_admin.cli.shapes import key as key_shape
from litellm_admin.cli.shapes import user as user_shape
from litellm_admin.models import ALL_MODELS, DEFAULT_ROLE, LLM_ROUTES, MANAGED_BY, ROLES, ObservedKey, ObservedUser
from litellm_admin.plan import LITELLM_METADATA


def export(context: Context, given: Namespace) -> Answer:
    users, keys = context.client.list_users(), context.client.list_keys()
    text = access_file(users, keys, context.way.facts.name if context.way.facts else None)
    owned = by_owner(keys)
    data = {
        "users": [user_shape(user, owned.get(user.user_id, ())) for user in users],
        "keys": [key_shape(key) for key in keys],
        "access_file": text,
    }
    if given.output is None:
        return Answer(data, text.rstrip("\n"))
    _write(given.output, text)
    return Answer(data, f"wrote {count(len(users), 'user')} and {count(len(keys), 'key')} to {given.output}")


def access_file(users: Iterable[ObservedUser], keys: Iterable[ObservedKey], stack: str | None) -> str:
    """The YAML text. Users by e-mail, keys by alias."""
    emails = {user.user_id: user.email for user in users if user.email}
    lines = ["# yaml-language-server: $schema=schema.json", "# Exported from the gateway by litellm-users.sh."]
    lines += _section("users", [_user(user) for user in sorted(users, key=lambda user: (user.email or "").lower())])
    lines += [""]
    lines += _section("keys", [_key(key, emails, stack) for key in sorted(keys, key=lambda key: key.alias or "")])
    return "\n".join(lines) + "\n"


def _section(title: str, entries: list[list[str]]) -> list[str]:
    body = [line for entry in entries for line in entry]
    if not any(line.startswith("  - ") for line in body):
        return [f"{title}: []", *body]
    return [f"{title}:", *body]


def _user(user: ObservedUser) -> list[str]:
    if not user.email:
        return [_left_out(f"user {user.user_id}", "it has no e-mail")]
    try:
        values.email(user.email)
    except ValueError:
        return [_left_out(f"user {user.user_id}", "its e-mail is no address")]
    role = user.role if user.role in ROLES and user.role != DEFAULT_ROLE else None
    return _entry({"email": user.email, "alias": user.alias, "role": role, **_allowance(user)})


def _key(key: ObservedKey, emails: Mapping[str, str], stack: str | None) -> list[str]:
    name = f"key {key.alias or key.token[:8] + '…'}"
    if not key.alias:
        return [_left_out(name, "it has no alias")]
    try:
        values.alias(key.alias)
    except ValueError:
        return [_left_out(name, "its alias has characters that an access file doesn't take")]
    if key.owner_id and key.owner_id not in emails:
        return [_left_out(name, f"its owner {key.owner_id} has no e-mail")]
    if key.expires is not None and key.expires <= datetime.now(UTC):
        return [_left_out(name, "it is expired")]
    notes = []
    if key.metadata.get(MANAGED_BY) is None or (stack and key.metadata[MANAGED_BY] != stack):
        notes.append(f"made by hand: the stack generates a new value; run `delete-key {key.alias}` before `pulumi up`")
    if key.routes != (LLM_ROUTES,):
        notes.append("may do more than call models; managed as code it may not")
    if key.blocked:
        notes.append("is blocked, and stays so only if it isn't made anew")
    expires = f"{key.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if key.expires else None
    shape = {"alias": key.alias, "owner": emails.get(key.owner_id or ""), **_allowance(key), "expires": expires}
    return [*(f"  # {note}" for note in notes), *_entry(shape)]


def _allowance(seen: ObservedUser | ObservedKey) -> Shape:
    everything = not seen.models or ALL_MODELS in seen.models or "*" in seen.models
    metadata = {
        name: value
        for name, value in seen.metadata.items()
        if name not in LITELLM_METADATA and name != MANAGED_BY and value is not None
    }
    return {
        "budget": _number(seen.budget),
        "duration": None if seen.duration is None else period_of(seen.duration),
        "models": None if everything else list(dict.fromkeys(seen.models)),
        "tpm_limit": seen.tpm_limit,
        "rpm_limit": seen.rpm_limit,
        "metadata": metadata or None,
    }


def _number(amount: float | None) -> float | int | None:
    return int(amount) if amount is not None and amount.is_integer() else amount


def _entry(shape: Mapping[str, Any]) -> list[str]:
    """JSON is YAML too, so that no text needs rules of quoting."""
    lines = [f"{name}: {_scalar(value)}" for name, value in shape.items() if value is not None]
    return [f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]


def _scalar(value: Any) -> str:
    if isinstance(value, list) and all(_simple(item) for item in value):
        return f"[{', '.join(value)}]"
    if isinstance(value, str) and _simple(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _simple(text: Any) -> bool:
    """Whether YAML reads it as this text without quotes: it begins with a letter and has nothing special in it."""
    plain = isinstance(text, str) and text[:1].isalpha() and text.isascii()
    return bool(
        plain
        and all(letter.isalnum() or letter in "-_./@" for letter in text)
        and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
    )


def _left_out(what: str, why: str) -> str:
    return f"  # left out: {what}, because {why}".replace("\n", " ")


def _write(path: str, text: str) -> None:
    if os.path.exists(path):
        raise Stopped(f"{path} is there already: choose another file, or move that one away.")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Stopped(f"{path} can't be written: {error.strerror}.") from None
