from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.cli import values
from litellm_admin.cli.values import CLEAR


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["claude-haiku-4-5"]', ("claude-haiku-4-5",)),
        ('["a", "b","a"]', ("a", "b")),
        ("a,b", ("a", "b")),
        (" a , b ", ("a", "b")),
        ("a", ("a",)),
        ("all", ()),
    ],
)
def test_models_are_json_or_a_list_with_commas(text: str, found: tuple[str, ...]) -> None:
    assert values.models(text) == found


@pytest.mark.parametrize(
    "text", ["[", '["a"', "{}", '{"a": 1}', "[1]", "[]", '["a", ""]', "a,,b", "", " ", '"a"', "[null]"]
)
def test_other_models_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"model|JSON"):
        values.models(text)


@pytest.mark.parametrize(
    ("text", "amount"), [("50", 50), ("12.5", 12.5), ("$50", 50), ("0", 0), ("1e3", 1000), ("$0.01", 0.01)]
)
def test_money_is_dollars(text: str, amount: float) -> None:
    assert values.money(text) == amount


@pytest.mark.parametrize("text", ["", "-1", "abc", "nan", "inf", "1_000", "50 dollars", "$", "1,000", "€5", "0x10"])
def test_other_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number of dollars"):
        values.money(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [("monthly", "1mo"), ("weekly", "7d"), ("daily", "1d"), ("30d", "30d"), ("1mo", "1mo"), ("Monthly", "1mo")],
)
def test_periods_are_the_guides_words_or_litellms_form(text: str, form: str) -> None:
    assert values.period(text) == form


@pytest.mark.parametrize("text", ["", "yearly", "30", "d", "0d", "-1d", "1y", "99999mo"])
def test_other_periods_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        values.period(text)


@pytest.mark.parametrize("text", ["a", "a@b", "@b.co", "a b@c.de", "a@b.co,c@d.ef", "a@-b.co", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        values.email(text)


@pytest.mark.parametrize("text", ["a", "-a", "a-", "a b", "a..b", "ä", "x" * 129])
def test_what_the_access_file_wouldnt_take_is_no_alias(text: str) -> None:
    with pytest.raises(ValueError, match="an alias has"):
        values.alias(text)


def test_a_key_expires_after_a_time_or_at_the_end_of_a_day() -> None:
    now = datetime.now(UTC)
    assert abs(values.expiry("30d") - now - timedelta(days=30)) < timedelta(minutes=1)
    assert abs(values.expiry("12h") - now - timedelta(hours=12)) < timedelta(minutes=1)
    tomorrow = (now + timedelta(days=1)).date()
    assert values.expiry(tomorrow.isoformat()) == datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC) + (
        timedelta(days=1)
    )
    for text in ("2020-01-01", "2027-02-30", "soon", "30", ""):
        with pytest.raises(ValueError):
            values.expiry(text)


def test_days_are_named_or_counted() -> None:
    today = datetime.now(UTC).date()
    assert values.day("today") == values.day("0d") == today
    assert values.day("yesterday") == values.day("1d") == today - timedelta(days=1)
    assert values.day("month") == today.replace(day=1)
    assert values.day("2026-11-01").isoformat() == "2026-11-01"
    for text in ("", "2026-11", "2026-13-01", "last week", "-1d", "20261101x"):
        with pytest.raises(ValueError, match="it must be a day"):
            values.day(text)


def test_none_takes_a_value_away() -> None:
    convert = values.clearable(values.money)
    assert convert("none") is convert("None") is CLEAR
    assert convert("5") == 5
    with pytest.raises(ValueError, match="or none"):
        convert("five")


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_a_sentences_end(text: str) -> None:
    convert: Any
    for convert in (
        values.email,
        values.alias,
        values.name,
        values.role,
        values.money,
        values.period,
        values.limit,
        values.models,
        values.expiry,
        values.wait,
        values.day,
    ):
        try:
            convert(text)
        except ValueError as error:
            said = str(error)
            assert said
            assert "\n" not in said
            assert not said.endswith(".")
