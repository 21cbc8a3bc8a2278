"""What an access file may say: the one description that validation and the editors' schema are made from."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from litellm_admin import durations
from litellm_admin.models import DEFAULT_KEY_TYPE, DEFAULT_ROLE, KEY_TYPES, MANAGED_BY, ROLES
from litellm_admin.shapes import is_list, is_mapping, is_object

# Of names and values. Nobody needs so many, and YAML's aliases can make a small file say billions.
MOST_METADATA = 1000

SCHEMA = Path(__file__).parent.parent / "access" / "schema.json"

EMAIL = re.compile(
    r"[^\s@,;<>\"]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
# LiteLLM's own optional rule, so that switching it on never refuses an alias of ours; it fits AWS's names of secrets
# too.
# litellm/proxy/management_endpoints/key_management_endpoints.py: _KEY_ALIAS_PATTERN
_KEY_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-/.@]{0,126}[A-Za-z0-9]")


_OVERLAP = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
MOST_OVERLAP = 90 * 86_400
"""The longest overlap in seconds: whoever needs more needs a second key."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("it must be text; put it in quotes")
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise ValueError("it must be text without line breaks and without spaces around it")
    return value


def _email(value: Any) -> str:
    if not isinstance(value, str) or not EMAIL.fullmatch(value) or len(value) > 254 or not value.isprintable():
        raise ValueError("it must be an e-mail address such as dev@example.com")
    return value


def _key_alias(value: Any) -> str:
    if not isinstance(value, str) or not _KEY_ALIAS.fullmatch(value) or ".." in value:
        raise ValueError(
            "an alias has 2 to 128 letters, digits and any of _ - / . @ (as text, so quote a number), "
            "and begins and ends with a letter or digit"
        )
    return value


def _members(value: Any) -> tuple[str, ...]:
    if not is_list(value):
        raise ValueError("it must be a list of e-mail addresses")
    for email in value:
        if not isinstance(email, str) or not EMAIL.fullmatch(email):
            raise ValueError(f"{email!r} in it is no e-mail address such as dev@example.com")
    emails = [email.lower() for email in value]
    if double := sorted({email for email in emails if emails.count(email) > 1}):
        raise ValueError(f"it names {double[0]} twice")
    return tuple(value)


def _role(value: Any) -> str:
    if value not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return value


def _key_type(value: Any) -> str:
    if value not in KEY_TYPES:
        raise ValueError(f"a key's type is one of {', '.join(KEY_TYPES)}")
    return value


def _rotate(value: Any) -> str:
    """A date or a number is as good a mark as a word: all that counts is that it is another one than before."""
    if isinstance(value, (date, int)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > 100:
        raise ValueError("it is a mark such as a date or a number; to have another value made, write another mark")
    return value.strip()


def _overlap(value: Any) -> int:
    hint = "it is how long the former value goes on working, such as 12h or 7d, and at most 90d"
    found = _OVERLAP.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= MOST_OVERLAP:
        raise ValueError(hint)
    return seconds


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is true or false")
    return value


def _models(value: Any) -> tuple[str, ...]:
    if not is_list(value) or not all(isinstance(name, str) for name in value):
        raise ValueError("it must be a list of model names")
    if not value:
        raise ValueError("LiteLLM takes an empty list as all models; name some, or leave the key out for all")
    if double := sorted({name for name in value if value.count(name) > 1}):
        raise ValueError(f"it names {double[0]} twice")
    return tuple(value)


def _budget(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError("a budget is a number of dollars of at least 0")
    return float(value)


def _duration(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(durations.HINT)
    return durations.canonical(value)


def _limit(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError("a limit is a whole number of at least 0")
    return value


def _expires(value: Any) -> datetime:
    """A day counts to its end, so the key's last day is the one that is written."""
    hint = (
        "it must be a day such as 2027-03-31 (the last on which the key works) or a time such as 2027-03-31T18:00:00Z"
    )
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(hint) from None
    try:
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, date):
            return datetime.combine(value + timedelta(days=1), time(), UTC)
    except OverflowError:
        pass
    raise ValueError(hint)


def _metadata(value: Any) -> dict[str, Any]:
    if not is_mapping(value) or not all(isinstance(key, str) for key in value):
        raise ValueError("it must be a mapping from names to values")
    if MANAGED_BY in value:
        raise ValueError(f"{MANAGED_BY} is set by the stack; leave it out")
    if "logging" in value:
        raise ValueError(
            "`logging` holds credentials of LiteLLM's callbacks; set those in LiteLLM's config, not in this file"
        )
    if not _storable(value):
        raise ValueError(
            "it may hold text, numbers of at most 15 digits, true, false, null, lists and mappings, "
            f"{MOST_METADATA} values in all; put a date in quotes"
        )
    return value


def _storable(value: Any) -> bool:
    """Whether JSON, Pulumi (whose numbers are doubles) and Postgres (whose text has no NUL) all keep the value as it
    is."""
    waiting = [value]
    for _ in range(MOST_METADATA):
        if not waiting:
            return True
        match waiting.pop():
            case None | bool():
                continue
            case str(text) if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
                continue
            case int(number) | float(number) if abs(number) < 1e15:
                continue
            case items if is_list(items):
                waiting += items
            case items if is_mapping(items) and all(isinstance(key, str) for key in items):
                waiting += [*items, *items.values()]
            case _:
                return False
    return not waiting


def _field(description: str, default: Any = None, **more: Any) -> Any:
    return Field(default, description=description, **more)


# A field's type, its check (whose message ends a sentence), and what editors are told.
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
Email = Annotated[str, BeforeValidator(_email), WithJsonSchema({"type": "string", "format": "email", "maxLength": 254})]
KeyAlias = Annotated[
    str, BeforeValidator(_key_alias), WithJsonSchema({"type": "string", "pattern": f"^{_KEY_ALIAS.pattern}$"})
]
Role = Annotated[str, BeforeValidator(_role), WithJsonSchema({"enum": list(ROLES)})]
KeyType = Annotated[str, BeforeValidator(_key_type), WithJsonSchema({"enum": list(KEY_TYPES)})]
Rotate = Annotated[
    str,
    BeforeValidator(_rotate),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1, "maxLength": 100}, {"type": "integer"}]}),
]
Overlap = Annotated[int, BeforeValidator(_overlap), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[mhd]$"})]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Models = Annotated[
    tuple[str, ...],
    BeforeValidator(_models),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}),
]
Members = Annotated[
    tuple[str, ...],
    BeforeValidator(_members),
    WithJsonSchema({"type": "array", "items": {"type": "string", "format": "email"}, "uniqueItems": True}),
]
Budget = Annotated[float, BeforeValidator(_budget), WithJsonSchema({"type": "number", "minimum": 0})]
Duration = Annotated[
    str,
    BeforeValidator(_duration),
    WithJsonSchema(
        {"anyOf": [{"enum": list(durations.WORDS)}, {"type": "string", "pattern": "^[0-9]{1,9}(mo|[smhd])$"}]}
    ),
]
Limit = Annotated[int, BeforeValidator(_limit), WithJsonSchema({"type": "integer", "minimum": 0})]
Expires = Annotated[
    datetime, BeforeValidator(_expires), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"})
]
Metadata = Annotated[
    dict[str, Any],
    BeforeValidator(_metadata),
    WithJsonSchema({"type": "object", "not": {"anyOf": [{"required": [MANAGED_BY]}, {"required": ["logging"]}]}}),
]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: Models = _field("The models that may be called, by their names in the stack's config. Left out: all.", ())
    budget: Budget = _field(
        "US dollars that may be spent in each `duration` (in all, if there is none). Left out: no limit."
    )
    duration: Duration = _field(
        "The budget's period: daily, weekly, monthly, or LiteLLM's form such as 12h, 30d or 1mo."
    )
    tpm_limit: Limit = _field("Tokens a minute. Left out: no limit.")
    rpm_limit: Limit = _field("Requests a minute. Left out: no limit.")
    metadata: Metadata = _field("Anything to remember with it, such as a cost centre.", {})
    adopt: Flag = _field(
        "Take over one that is in LiteLLM already and that this stack didn't make. Else that is an error.", False
    )


class TeamEntry(_Entry):
    """A team. Its models, budget and limits hold for all keys in it together."""

    alias: KeyAlias = _field("The team's name; it identifies the team.", ...)
    members: Members = _field("E-mails of `users`. A user may also name its `team`.", ())


class UserEntry(_Entry):
    """A person."""

    email: Email = _field("The address; it identifies the user, whatever its case.", ...)
    alias: Text = _field("A name to show, such as the person's.")
    role: Role = _field("What the user may administer in LiteLLM.", DEFAULT_ROLE)
    team: KeyAlias = _field("The alias of one of `teams` that the user is a member of.")


class KeyEntry(_Entry):
    """A virtual key. Its value is generated by the stack and is one of the stack's secret outputs."""

    alias: KeyAlias = _field("The key's name; it identifies the key.", ...)
    owner: Email = _field(
        "The e-mail of one of `users`. The key then counts against that user's budget too, and goes when the user goes."
    )
    expires: Expires = _field(
        "The last day on which the key works (UTC), such as 2027-03-31, or a time with its zone. Left out: never."
    )
    team: KeyAlias = _field("The alias of one of `teams`, whose models, budget and limits then hold for the key too.")
    key_type: KeyType = _field("What the key may call: models (llm_api), or else.", DEFAULT_KEY_TYPE)
    rotate: Rotate = _field("Any mark, such as a date. Another mark than before: the key gets another value.")
    overlap: Overlap = _field(
        "How long the former value goes on working once `rotate` has changed, such as 12h or 7d. Left out: not at all.",
        0,
    )
    publish: Flag = _field(
        "Keep the value in a secret of its own in Secrets Manager, with an IAM policy that allows reading just that.",
        False,
    )


class AccessFile(BaseModel):
    """Who may use the gateway: teams, users and virtual keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teams: list[TeamEntry] = Field(
        default_factory=list[TeamEntry], description="Groups of users and keys with a common budget."
    )
    users: list[UserEntry] = Field(default_factory=list[UserEntry], description="The people.")
    keys: list[KeyEntry] = Field(
        default_factory=list[KeyEntry],
        description="Keys for applications and environments, or for a person with `owner`.",
    )


def json_schema() -> str:
    """The schema for editors, as the text of `access/schema.json`."""
    schema = _clean(AccessFile.model_json_schema())
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Access to the LLM gateway", **schema}
    return json.dumps(schema, indent=2) + "\n"


def _clean(node: Any) -> Any:
    """Without pydantic's titles and empty defaults, which would only clutter what an editor shows."""
    if is_object(node):
        return {
            key: _clean(value)
            for key, value in node.items()
            if not (key == "title" or (key == "default" and not value))
        }
    return [_clean(item) for item in node] if is_list(node) else node


if __name__ == "__main__":
    SCHEMA.write_text(json_schema())
