from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.durations import canonical, same


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("monthly", "1mo"),
        ("weekly", "7d"),
        ("daily", "1d"),
        (" Monthly ", "1mo"),
        ("30s", "30s"),
        ("30m", "30m"),
        ("030d", "30d"),
        ("1MO", "1mo"),
    ],
)
def test_words_and_litellms_own_form_become_what_litellm_stores(text: str, stored: str) -> None:
    assert canonical(text) == stored


@pytest.mark.parametrize(
    "text", ["", "month", "1", "d", "-1d", "1.5d", "1 d", "2w", "1y", "0d", "999999999mo", "1mo1d", "٣d", "1d\n2"]
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="a period"):
        canonical(text)


@given(st.integers(1, 100), st.sampled_from(["s", "m", "h", "d", "mo"]))
def test_the_stored_form_stays_as_it_is(count: int, unit: str) -> None:
    text = f"{count}{unit}"
    assert canonical(text) == text == canonical(canonical(text))


@given(st.text())
def test_no_text_does_anything_but_pass_or_raise_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert canonical(canonical(text)) == canonical(text)


def test_periods_are_compared_by_what_they_mean() -> None:
    assert same("monthly", "1mo")
    assert same(None, None)
    assert same("nonsense", "nonsense")
    assert not same("30d", "1mo")
    assert not same(None, "1mo")
    assert not same("24h", "1d")
