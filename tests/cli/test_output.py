"""Tables, colours and amounts."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.cli import output
from litellm_admin.cli.output import Cell, Column, Style, table
from tests.cli.running import run
from tests.litellm_admin.fake import FakeLiteLLM


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    text = table([Column("user"), Column("spent", right=True)], [["a", "$1.00"], ["longer", "$100.00"]], Style())
    assert text.splitlines() == ["USER      SPENT", "a         $1.00", "longer  $100.00"]


def test_a_total_is_set_apart() -> None:
    lines = table(
        [Column("x"), Column("n", right=True)], [["a", "1"], ["total", "1"]], Style(), total=True
    ).splitlines()
    assert lines[-2] == "─────  ─"


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=5), st.booleans())
def test_a_row_is_one_line_whatever_is_in_it(rows: list[tuple[str, str]], colour: bool) -> None:
    text = table([Column("a"), Column("b", right=True)], [[Cell(a, ("red",)), b] for a, b in rows], Style(colour))
    assert len(text.split("\n")) == len(rows) + 1
    assert all(letter.isprintable() or letter == "\n" for letter in text.replace("\033", ""))


def test_wide_letters_take_two_columns() -> None:
    assert table([Column("name"), Column("n")], [["李雷", "1"], ["abcd", "2"]], Style()).splitlines()[1] == "李雷  1"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "–"),
        (0, "$0.00"),
        (50, "$50.00"),
        (1234.5, "$1,234.50"),
        (0.0042, "$0.0042"),
        (0.00000001, "<$0.000001"),
        (-3.5, "-$3.50"),
        (9.999, "$10.00"),
    ],
)
def test_small_change_is_shown_in_full(amount: float | None, text: str) -> None:
    assert output.dollars(amount) == text


def test_words_for_what_litellm_stores() -> None:
    assert [output.period_of(form) for form in ("1mo", "7d", "1d", "30d", None)] == [
        "monthly",
        "weekly",
        "daily",
        "30d",
        "–",
    ]
    assert output.models_of([]) == output.models_of(["all-proxy-models"]) == output.models_of(["*"]) == "all"
    assert output.models_of(["a", "b", "c", "d"], 2) == "a, b +2"
    assert (output.count(1, "user"), output.count(1200, "key")) == ("1 user", "1,200 keys")


def coloured(monkeypatch: pytest.MonkeyPatch, *line: str) -> str:
    from litellm_admin.cli.main import main

    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    main(list(line))
    return out.getvalue()


def test_colour_only_on_a_terminal_and_never_with_no_color(
    litellm: FakeLiteLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    run("create-user", "--email", "a@b.co", "--budget", "0")
    assert "\033[" in coloured(monkeypatch, "list-users")
    assert "\033[" not in run("list-users").out
    assert "\033[" not in coloured(monkeypatch, "list-users", "--json")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in coloured(monkeypatch, "list-users")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\033[" not in coloured(monkeypatch, "list-users")


def test_a_terminal_of_another_character_set_is_no_traceback() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    output.say("spent – €", stream)
    stream.flush()
    assert stream.buffer.getvalue() == b"spent ? ?\n"  # type: ignore[attr-defined]
