"""How values are shown: aligned tables for people, JSON for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from litellm_admin.durations import WORDS

_PERIODS = {form: word for word, form in WORDS.items()}
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
GAP = "  "


@dataclass(frozen=True)
class Answer:
    """What a command found or did: `data` for programs, `text` for people. `code` is the exit code, where it isn't 0
    though all went well technically (a doctor who found something)."""

    data: Any
    text: str
    code: int = 0


@dataclass(frozen=True)
class Style:
    """Colours, or none."""

    colour: bool = False

    def paint(self, text: str, *kinds: str) -> str:
        if not self.colour or not kinds or not text:
            return text
        return f"\033[{';'.join(_CODES[kind] for kind in kinds)}m{text}\033[0m"


def style_of(stream: TextIO) -> Style:
    """Colour on a terminal only, and not where NO_COLOR says so (https://no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(wanted and stream.isatty())


@dataclass(frozen=True)
class Cell:
    """A value in a table, with how it is painted."""

    text: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    title: str
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]], style: Style, total: bool = False) -> str:
    """Columns as wide as their widest cell. With `total` the last row is set apart."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cells = [[Cell(plain(cell.text), cell.kinds) for cell in row] for row in cells]
    widths = [
        max(len(column.title), *(_width(row[place].text) for row in cells), 0) for place, column in enumerate(columns)
    ]
    head = [Cell(column.title.upper(), ("dim",)) for column in columns]
    lines = [_line(columns, widths, head, style)]
    for number, row in enumerate(cells):
        if total and number == len(cells) - 1:
            lines.append(style.paint(GAP.join("─" * width for width in widths), "dim"))
        lines.append(_line(columns, widths, row, style))
    return "\n".join(lines)


def _line(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell], style: Style) -> str:
    parts: list[str] = []
    for place, (column, width, cell) in enumerate(zip(columns, widths, row, strict=True)):
        fill = " " * (width - _width(cell.text))
        painted = style.paint(cell.text, *cell.kinds)
        last = place == len(columns) - 1
        parts.append(fill + painted if column.right else painted + ("" if last else fill))
    return GAP.join(parts).rstrip()


def fields(pairs: Sequence[tuple[str, Cell | str]], style: Style) -> str:
    """One thing: a line a field, names aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    lines: list[str] = []
    for name, value in pairs:
        cell = value if isinstance(value, Cell) else Cell(value)
        lines.append(
            f"{style.paint(name, 'dim')}{' ' * (width - len(name))}{GAP}{style.paint(plain(cell.text), *cell.kinds)}"
        )
    return "\n".join(lines)


def plain(text: str) -> str:
    """Without anything that would steer a terminal: names in LiteLLM are anybody's."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(bool(unicodedata.combining(letter)) for letter in text)


# -- values


def dollars(amount: float | None, none: str = "–") -> str:
    """`$1,234.50`; small change in full: `$0.0042`."""
    if amount is None:
        return none
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if 0 < amount < 0.01:
        return f"{sign}${amount:.6f}".rstrip("0") if amount >= 0.000001 else f"{sign}<$0.000001"
    return f"{sign}${amount:,.2f}"


def period_of(duration: str | None) -> str:
    """`1mo` → `monthly`; a budget without a period counts for ever."""
    return "–" if duration is None else _PERIODS.get(duration, duration)


def models_of(models: Sequence[str], most: int | None = None) -> str:
    if not models or "all-proxy-models" in models or "*" in models:
        return "all"
    shown = list(models if most is None else models[:most])
    more = len(models) - len(shown)
    return ", ".join(shown) + (f" +{more}" if more else "")


def moment(text: str | None, none: str = "–") -> str:
    """An ISO time of ours, to the minute: `2026-11-25 14:03`."""
    return none if text is None else text[:16].replace("T", " ")


def count(number: int, thing: str) -> str:
    """`1 user`, `3 users`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def as_json(data: Any) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False)


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints, whatever the terminal's character set."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=stream)
