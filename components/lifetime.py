"""Lifetime: until when a stack is meant to exist. `python -m ops sweep` destroys what has outlived it.

A dynamic resource, because the moment of creation must be kept somewhere that every backend has: the state. It is made
first and needs nothing, so it is there even when the rest of the first update fails. The provider holds no state and
lives in an importable module, so it is pickled by reference.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=366)


def span(ttl: str) -> timedelta:
    """`36h`, `7d`, `2w` as a time span.

    Raises:
        ValueError: it is none, or nothing, or more than a year.
    """
    found = re.fullmatch(r"(\d+)([hdw])", ttl)
    if not found:
        raise ValueError("must be a number of hours, days or weeks, such as 36h, 7d or 2w")
    result = timedelta(**{_UNITS[found[2]]: min(int(found[1]), 10_000)})
    if not timedelta() < result <= LONGEST:
        raise ValueError("must be more than nothing and at most a year")
    return result


def moment(text: str) -> datetime:
    """A date (its end, UTC) or a time with its zone.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date such as 2026-12-24, or a time such as 2026-12-24T18:00:00+01:00") from None
    if found.tzinfo is None:
        raise ValueError("has no time zone; write one, such as 2026-12-24T18:00:00+01:00 or …Z")
    return found.astimezone(UTC)


class _Expiry(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        began = datetime.now(UTC)
        return CreateResult("lifetime", {**props, "began": _text(began), "expires": _expires(began, props)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [name for name in ("ttl", "expires_at", "renewal") if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(changed))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        renewed = _olds.get("renewal") != _news.get("renewal")
        began = datetime.now(UTC) if renewed else datetime.fromisoformat(_olds["began"])
        return UpdateResult({**_news, "began": _text(began), "expires": _expires(began, _news)})


def _expires(began: datetime, props: dict[str, Any]) -> str:
    return _text(moment(props["expires_at"]) if props["expires_at"] else began + span(props["ttl"]))


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")


class Lifetime(Resource, module="lifetime", name="Lifetime"):
    """`ttl` runs from the creation, and anew from an update with another `renewal`; `expires_at` is a fixed moment.
    `expires` is when, in ISO 8601."""

    expires: pulumi.Output[str]

    def __init__(self, name: str, ttl: str, expires_at: str, renewal: str) -> None:
        inputs = {"ttl": ttl, "expires_at": expires_at, "renewal": renewal, "began": None, "expires": None}
        super().__init__(_Expiry(), name, inputs)
