"""Budget periods: the words that people write and the form that LiteLLM stores."""

from __future__ import annotations

import re

# LiteLLM 1.108.7 takes some of these words too, but as other periods: `monthly` as 30 days counted from any day and
# `daily` as 24 hours. `1mo`, `7d` and `1d` begin on the 1st, on Monday and at midnight.
# litellm/litellm_core_utils/duration_parser.py
WORDS: dict[str, str] = {"daily": "1d", "weekly": "7d", "monthly": "1mo"}

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "mo": 31 * 86_400}
_FORM = re.compile(r"([0-9]{1,9})(mo|[smhd])")
# A period that outlives the stack is a slip of the pen; LiteLLM itself only stops where its date arithmetic overflows.
MAX_SECONDS = 10 * 366 * 86_400

HINT = "a period is daily, weekly or monthly, or a number with s, m, h, d or mo such as 12h, 30d or 1mo"


def canonical(text: str) -> str:
    """`text` in the form that LiteLLM stores: `monthly` → `1mo`, `030d` → `30d`.

    Raises:
        ValueError: if it is no period, nothing or longer than ten years; the message says what a period is.
    """
    word = text.strip().lower()
    if word in WORDS:
        return WORDS[word]
    form = _FORM.fullmatch(word)
    if not form:
        raise ValueError(HINT)
    count, unit = int(form[1]), form[2]
    if count == 0:
        raise ValueError("a period lasts longer than nothing")
    if count * _SECONDS[unit] > MAX_SECONDS:
        raise ValueError("a period lasts ten years at most")
    return f"{count}{unit}"


def same(one: str | None, other: str | None) -> bool:
    """Whether two periods, as LiteLLM may hold them, mean the same."""
    return _known(one) == _known(other)


def _known(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return canonical(text)
    except ValueError:
        return text
