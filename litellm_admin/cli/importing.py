"""`import-csv`: the users of a CSV file, such as a class of thirty, and a key for each if wanted.

The whole file is checked before anything is made. Whoever is there already is left as is, so a run that broke off is
run again. A new key is written out at once, because nobody can tell it later.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from litellm_admin.cli import keys, lookup, output, users, values
from litellm_admin.cli.context import Context
from litellm_admin.cli.errors import DONE, REFUSED, UNREACHABLE, Stopped, UsageError
from litellm_admin.cli.output import Answer, Cell, Column, count, table
from litellm_admin.errors import AdminError, Refused, Taken
from litellm_admin.models import user_id_of

_COLUMNS: dict[str, Callable[[str], Any]] = {
    "email": values.email,
    "alias": values.name,
    "budget": values.money,
    "duration": values.period,
    "models": lambda text: values.models(text.replace(";", ",")),
    "role": values.role,
    "tpm_limit": values.limit,
    "rpm_limit": values.limit,
    "key_alias": values.alias,
}
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Row:
    """A line of the file: what `create-user` would be given, and the alias of the key to make, if any."""

    line: int
    email: str
    given: Namespace
    key_alias: str | None


@dataclass
class Outcome:
    """What became of a row: `created`, `there` (left as is), `failed` with the reason, or `not tried`; the same for its
    key."""

    row: Row
    user: str = ""
    key: str = ""
    reason: str = ""
    user_id: str = ""
    unreachable: bool = False


def import_csv(context: Context, given: Namespace) -> Answer:
    rows = parsed(_read(given.operands[0]), given)
    lookup.check_models(context, sorted({name for row in rows for name in row.given.models or ()}))
    with_keys = any(row.key_alias for row in rows)
    if with_keys and context.json and not given.keys_out and not context.dry_run:
        raise UsageError("With --json new keys need a place of their own: give --keys-out FILE.")
    if context.dry_run:
        return _answer(context, [_would(context, row) for row in rows])
    with _keys_out(given.keys_out, with_keys) as write:
        done = list(_imported(context, rows, write))
    answer = _answer(context, done)
    if with_keys and given.keys_out is None:
        # standard output has the keys and nothing else
        output.say(answer.text, sys.stderr)
        return Answer(answer.data, "", answer.code)
    return answer


def parsed(text: str, given: Namespace) -> list[Row]:
    """The file's rows. Flags fill what a row leaves empty.

    Raises:
        UsageError: with every mistake, by line.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(reader, list[str]())]
    _check_header(header)
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        if len(cells) > len(header):
            problems.append(f"line {line}: {len(cells)} values for {len(header)} columns (quote a value with commas)")
            continue
        found, wrong = _values(dict(zip(header, cells, strict=False)), line)
        problems += wrong
        if wrong:
            continue
        email = found["email"].lower()
        if before := seen.get(email):
            problems.append(f"line {line}: {found['email']} is in line {before} already")
        seen.setdefault(email, line)
        rows.append(_row(line, found, given))
    if problems:
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise UsageError(f"The file has mistakes, and nothing was made: {'; '.join(problems[:MOST_PROBLEMS])}{more}.")
    if not rows:
        raise UsageError("The file has no users: below the line of column names a line for each.")
    return rows


def _check_header(header: Sequence[str]) -> None:
    known = ", ".join(_COLUMNS)
    if "email" not in header:
        raise UsageError(f"The file's first line must name its columns, email among them; there are {known}.")
    if strange := [name for name in header if name not in _COLUMNS]:
        raise UsageError(f"The file has a column {strange[0] or 'without a name'}; there are {known}.")
    if double := sorted({name for name in header if header.count(name) > 1}):
        raise UsageError(f"The file has the column {double[0]} twice.")


def _values(cells: dict[str, str], line: int) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = dict.fromkeys(_COLUMNS)
    wrong: list[str] = []
    for name, cell in cells.items():
        text = cell.strip()
        if not text and name != "email":
            continue
        try:
            found[name] = _COLUMNS[name](text)
        except ValueError as error:
            wrong.append(f"line {line}: {name} is {text!r}: {error}")
    if "email" in cells and found["email"] is None and not wrong:
        wrong.append(f"line {line}: email is missing")
    return found, wrong


def _row(line: int, found: dict[str, Any], given: Namespace) -> Row:
    for name in ("budget", "duration", "models"):
        if found[name] is None:
            found[name] = getattr(given, name)
    alias = found.pop("key_alias") or (found["email"].lower() if given.with_keys else None)
    return Row(line, found["email"], Namespace(**found), alias)


def _imported(context: Context, rows: Sequence[Row], write: Callable[[list[str]], None]) -> Iterator[Outcome]:
    """Once the gateway can't be reached, the rest isn't tried."""
    reached = True
    for row in context.progress(rows, "user", len(rows)):
        if not reached:
            yield Outcome(row, "not tried")
            continue
        outcome = _import(context, row, write)
        reached = not outcome.unreachable
        yield outcome


def _import(context: Context, row: Row, write: Callable[[list[str]], None]) -> Outcome:
    outcome = Outcome(row, user_id=user_id_of(row.email))
    try:
        outcome.user_id = users.make(context, users.new_user(row.email, row.given)).user_id
        outcome.user = "created"
    except Taken:
        known = context.client.find_users(row.email)
        outcome.user, outcome.user_id = "there", known[0].user_id if known else outcome.user_id
    except AdminError as error:
        outcome.user, outcome.reason, outcome.unreachable = "failed", str(error), not isinstance(error, Refused)
        return outcome
    if row.key_alias:
        _make_key(context, row, outcome, write)
    return outcome


def _make_key(context: Context, row: Row, outcome: Outcome, write: Callable[[list[str]], None]) -> None:
    value = keys.new_value()
    body: dict[str, Any] = {
        "key": value,
        "key_alias": row.key_alias,
        "key_type": "llm_api",
        "user_id": outcome.user_id,
        "models": [],
    }
    try:
        keys.make(context, body)
    except Taken:
        outcome.key = "there"
    except AdminError as error:
        outcome.key, outcome.reason, outcome.unreachable = "failed", str(error), not isinstance(error, Refused)
    else:
        outcome.key = "created"
        write([row.email, str(row.key_alias), value])


def _would(context: Context, row: Row) -> Outcome:
    known = context.client.find_users(row.email)
    key = "" if not row.key_alias else "there" if context.client.find_key(row.key_alias) else "created"
    return Outcome(row, "there" if known else "created", key, user_id=known[0].user_id if known else "")


@contextmanager
def _keys_out(path: str | None, with_keys: bool) -> Generator[Callable[[list[str]], None]]:
    """Writes a line for each key as soon as it is made: to a file that only its owner can read, or to standard
    output."""
    if not with_keys:
        yield _refuse
        return
    if path is None:
        yield _writer(sys.stdout)
        return
    try:
        # x: a file that is there may hold keys that nobody else has
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Stopped(f"{path} is there already: choose another file, or move that one away.") from None
    except OSError as error:
        raise Stopped(f"{path} can't be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield _writer(file)


def _writer(file: Any) -> Callable[[list[str]], None]:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["email", "key_alias", "key"])

    def write(row: list[str]) -> None:
        rows.writerow(row)
        file.flush()

    return write


def _refuse(row: list[str]) -> None:
    raise AssertionError("no row wants a key")


def _answer(context: Context, done: Sequence[Outcome]) -> Answer:
    failed = any("failed" in (outcome.user, outcome.key) for outcome in done)
    lost = any(outcome.unreachable for outcome in done)
    data = {
        "dry_run": context.dry_run,
        "users": [
            {
                "line": outcome.row.line,
                "email": outcome.row.email,
                "user_id": outcome.user_id,
                "user": outcome.user,
                "key_alias": outcome.row.key_alias,
                "key": outcome.key or None,
                "reason": outcome.reason or None,
            }
            for outcome in done
        ],
    }
    return Answer(data, _text(context, done), UNREACHABLE if lost else REFUSED if failed else DONE)


def _text(context: Context, done: Sequence[Outcome]) -> str:
    words = {"created": "would create" if context.dry_run else "created", "there": "there already, left as is"}
    colours = {"created": ("green",), "failed": ("red",)}
    rows = [
        [
            str(outcome.row.line),
            Cell(outcome.row.email, ("bold",)),
            Cell(words.get(outcome.user, outcome.user), colours.get(outcome.user, ())),
            Cell(words.get(outcome.key, outcome.key) or "–", colours.get(outcome.key, ())),
            outcome.reason,
        ]
        for outcome in done
    ]
    columns = [Column("line", right=True), Column("user"), Column("outcome"), Column("key"), Column("reason")]
    made = sum(outcome.user == "created" for outcome in done)
    made_keys = sum(outcome.key == "created" for outcome in done)
    verb = "would create" if context.dry_run else "created"
    summary = f"{verb} {count(made, 'user')} and {count(made_keys, 'key')} of {count(len(done), 'line')}"
    return f"{table(columns, rows, context.style)}\n\n{summary}"


def _read(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.read()
        # utf-8-sig: spreadsheets put a byte order mark in front
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise UsageError(f"{path} isn't UTF-8: save it as CSV UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from None
