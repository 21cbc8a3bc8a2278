"""What flags may say: texts from the command line, turned into values. Every error ends a sentence that has begun with
the flag and what it was given."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from litellm_admin import durations
from litellm_admin.errors import AdminError
from litellm_admin.models import ROLES
from litellm_admin.shapes import is_list

NONE = "none"
"""Takes a budget, a limit or an expiry away in the `update-…` commands."""
ALL = "all"
"""Every model."""


class Clear:
    """What `none` and `all` become: the value shall be taken away."""


CLEAR = Clear()

_EMAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+")
# As for keys in the access file, so that what is made here can be managed there.
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-/.@]{0,126}[A-Za-z0-9]")


def email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or len(text) > 254:
        raise ValueError("it must be an e-mail address such as dev@example.com")
    return text


def alias(text: str) -> str:
    if not _ALIAS.fullmatch(text) or ".." in text:
        raise ValueError(
            "an alias has 2 to 128 letters, digits and any of _ - / . @, and begins and ends with a letter or digit"
        )
    return text


def name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("it must be a printable text that isn't empty")
    return text.strip()


def stack(text: str) -> str:
    """`poc`, or `PROJECT/STACK`."""
    from litellm_admin.stack import parameter_name

    try:
        parameter_name(text)
    except AdminError:
        raise ValueError("it must be the name of a stack, such as poc or llm-gateway/poc") from None
    return text


def role(text: str) -> str:
    if text not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return text


def money(text: str) -> float:
    """`50`, `12.50`, `$50`."""
    try:
        amount = float(text.removeprefix("$"))
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount) or amount < 0 or "_" in text:
        raise ValueError("it must be a number of dollars of at least 0, such as 50")
    return amount


def period(text: str) -> str:
    """`monthly` → `1mo`."""
    return durations.canonical(text)


def limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise ValueError("it must be a whole number of at least 0")
    return int(text)


def models(text: str) -> tuple[str, ...]:
    """`["a", "b"]` or `a,b`. Which models there are is the gateway's to say."""
    if text.strip() == ALL:
        return ()
    found: Any
    if text.lstrip().startswith(("[", "{", '"')):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValueError(f"it is no valid JSON ({_reason(error)}); {_MODELS}") from None
    else:
        found = [part.strip() for part in text.split(",")]
    if not is_list(found) or not all(isinstance(item, str) and item.strip() for item in found):
        raise ValueError(f"it must name models; {_MODELS}")
    if not found:
        raise ValueError(f"an empty list would mean every model; say {ALL} if that is meant")
    return tuple(dict.fromkeys(item.strip() for item in found))


_MODELS = """write '["claude-haiku-4-5"]', or claude-haiku-4-5,claude-sonnet-4-5"""


def _reason(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "not JSON"


def clearable(convert: Any) -> Any:
    """`convert`, or CLEAR for `none`."""

    def converted(text: str) -> Any:
        if text.strip().lower() == NONE:
            return CLEAR
        try:
            return convert(text)
        except ValueError as error:
            raise ValueError(f"{error}, or none") from None

    return converted


def expiry(text: str) -> datetime:
    """The moment from which a key no longer works: after `30d`, or at the end of the day `2027-03-31` (UTC)."""
    now = datetime.now(UTC)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            found = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        else:
            found = now + timedelta(seconds=_seconds(text))
    except (ValueError, OverflowError):
        raise ValueError("it must be a time from now such as 12h, 30d or 3mo, or a day such as 2027-03-31") from None
    if found <= now:
        raise ValueError("that day is over")
    return found


def wait(text: str) -> int:
    """Seconds of a time such as `24h`; 0 for `0`."""
    try:
        return 0 if text == "0" else _seconds(text)
    except ValueError:
        raise ValueError("it must be a time such as 30m, 24h or 7d, or 0") from None


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})(mo|[smhd])", durations.canonical(text))
    assert found
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "mo": 30 * 86_400}[found[2]]


def day(text: str) -> date:
    """`2026-11-25`, `today`, `yesterday`, `7d` (that long ago), or `month` (the first of this month). In UTC, as
    LiteLLM books."""
    today = datetime.now(UTC).date()
    match text:
        case "today":
            return today
        case "yesterday":
            return today - timedelta(days=1)
        case "month":
            return today.replace(day=1)
        case _:
            pass
    try:
        if ago := re.fullmatch(r"([0-9]{1,4})d", text):
            return today - timedelta(days=int(ago[1]))
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("it must be a day such as 2026-11-01, today, yesterday, month or 7d") from None
