"""`access/<stack>.yaml` → users and keys. Every mistake is reported at once, each as a sentence with file, line and
key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from components.access_schema import EMAIL, AccessFile, KeyEntry, UserEntry
from litellm_admin.models import KeySpec, UserSpec

# What is shown of a wrong value.
_LONGEST = 60


@dataclass(frozen=True)
class AccessSpec:
    """Who has access."""

    users: tuple[UserSpec, ...] = ()
    keys: tuple[KeySpec, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A mistake in an access file. `line` is None where the whole file is meant."""

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


def load_access(path: Path, models: Sequence[str], database: str) -> tuple[AccessSpec, list[Problem]]:
    """Reads the file and holds it against the configured `models` (names) and `database` (`none`, or a kind of
    database).

    Raises nothing: what is wrong is in the second value, and the first is then empty. A file that is missing or empty
    is a mistake too (unless there is no database), because deploying it would delete everybody's keys; `users: []` says
    that on purpose."""
    file = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        missing = Problem(file, None, "is missing; create it (`users: []` if nobody shall have access yet).")
        return AccessSpec(), [] if database == "none" else [missing]
    except (OSError, UnicodeDecodeError) as error:
        return AccessSpec(), [
            Problem(file, None, f"can't be read ({type(error).__name__}); it must be a text file in UTF-8.")
        ]
    reader = _Reader(file, text)
    spec = reader.read(models, database)
    return (AccessSpec() if reader.problems else spec), sorted(reader.problems, key=lambda problem: problem.line or 0)


class _Reader:
    """One reading of one file; collects its problems."""

    def __init__(self, file: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._file, self._text = file, text
        self._root: yaml.Node | None = None
        self._broken = False

    def read(self, models: Sequence[str], database: str) -> AccessSpec:
        document = self._parse()
        if self._broken:
            return AccessSpec()
        if document is None:
            self._report((), "is empty; write `users: []` if nobody shall have access yet.")
            return AccessSpec()
        if not isinstance(document, dict):
            self._report((), "must be a mapping with the keys `users` and `keys`.")
            return AccessSpec()
        users, keys = self._entries(document, "users", UserEntry), self._entries(document, "keys", KeyEntry)
        for name in document.keys() - AccessFile.model_fields.keys():
            self._report((name,), f"{name} is no key of an access file; {_did_you_mean(name, AccessFile.model_fields)}")
        if database == "none":
            self._refuse_without_database(document)
        self._check_models(document, models)
        self._check_unique(document, "users", "email", str.lower)
        self._check_unique(document, "keys", "alias", str)
        self._check_owners(document)
        return AccessSpec(
            tuple(UserSpec(**user.model_dump()) for user in users),
            tuple(KeySpec(**key.model_dump()) for key in keys),
        )

    # -- YAML

    def _parse(self) -> Any:
        try:
            loader = yaml.SafeLoader(self._text)
            self._root = loader.get_single_node()
            if self._root is None:
                return None
            self.problems += [Problem(self._file, line, text) for line, text in _doubles(self._root)]
            return loader.construct_document(self._root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._no_yaml(mark.line + 1 if mark else None, error.problem or error.context)
        # a character that YAML forbids, a number such as 1:99:99 that isn't one, or thousands of brackets
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self._no_yaml(None, error)
        return None

    def _no_yaml(self, line: int | None, reason: object) -> None:
        self._broken = True
        self.problems.append(Problem(self._file, line, f"is no valid YAML: {_plain(str(reason)).rstrip('.')}."))

    def _report(self, path: Sequence[str | int], text: str) -> None:
        self.problems.append(Problem(self._file, self._line(path) if path else None, _plain(text)))

    def _line(self, path: Sequence[str | int]) -> int:
        """Where `path` stands: the line of its key or item, or of the nearest thing around it that exists."""
        node, line = self._root, 1
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            line, node = found
        return line

    def _shown(self, path: Sequence[str | int], value: Any) -> str:
        """The value as it stands in the file, and how YAML reads it where that isn't evident (`no` is false)."""
        node = self._root
        for step in path:
            found = _step(node, step)
            node = found[1] if found else None
        if not isinstance(node, yaml.ScalarNode):
            return _cut(_kind(value))
        if value is None or (isinstance(value, bool) and node.value not in ("true", "false")):
            read = "nothing" if value is None else str(value).lower()
            return f"{_cut(node.value) or 'empty'}, which YAML reads as {read}"
        return _cut(node.value) if node.value else "empty"

    # -- entries

    def _entries(self, document: dict, section: str, model: type[UserEntry] | type[KeyEntry]) -> list[Any]:
        rows = document.get(section, [])
        if not isinstance(rows, list):
            self._report(
                (section,),
                f"{section} is {self._shown((section,), rows)}; it must be a list, and `[]` if there are none.",
            )
            return []
        good = []
        for index, row in enumerate(rows):
            try:
                good.append(model.model_validate(row))
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    self._entry_problem(model, section, index, row, detail)
        return good

    def _entry_problem(self, model: type, section: str, index: int, row: Any, detail: Any) -> None:
        where = (section, index, *detail["loc"])
        key = f"{section}[{index}]" + "".join(f".{part}" for part in detail["loc"])
        match detail["type"]:
            case "value_error":
                self._report(where, f"{key} is {self._shown(where, detail['input'])}; {detail['ctx']['error']}.")
            case "missing":
                self._report(where, f"{key} is missing; add it.")
            case "extra_forbidden" | "invalid_key":
                known = model.model_fields  # type: ignore[attr-defined]
                self._report(
                    where, f"{key} is no key of an entry in {section}; {_did_you_mean(detail['loc'][-1], known)}"
                )
            case _:
                identity = "email" if section == "users" else "alias"
                self._report(
                    where, f"{key} is {self._shown(where, row)}; it must be a mapping such as `{identity}: …`."
                )

    # -- rules across entries

    def _refuse_without_database(self, document: dict) -> None:
        for section in ("users", "keys"):
            if document.get(section):
                self._report(
                    (section,),
                    f"{section} need a database, and this stack has none: set llm-gateway:database to rds, "
                    f"or remove {section} (without one the gateway has a master key, and neither users nor keys).",
                )

    def _check_models(self, document: dict, models: Sequence[str]) -> None:
        for section, index, row in _rows(document, "users", "keys"):
            named = row.get("models")
            for place, name in enumerate(named if isinstance(named, list) else []):
                if isinstance(name, str) and name not in models:
                    near = difflib.get_close_matches(name, models, n=1)
                    hint = f"did you mean {near[0]}? The" if near else "the"
                    text = f"names {_cut(name)}, which isn't configured; {hint} models are {', '.join(models)}."
                    self._report((section, index, "models", place), f"{section}[{index}].models {text}")

    def _check_unique(self, document: dict, section: str, field: str, identity: Callable[[str], str]) -> None:
        first: dict[str, int] = {}
        for _, index, row in _rows(document, section):
            name = row.get(field)
            if not isinstance(name, str):
                continue
            before = first.setdefault(identity(name), index)
            if before != index:
                text = f"is {_cut(name)}, as in {section}[{before}]; every one may be there once."
                self._report((section, index, field), f"{section}[{index}].{field} {text}")

    def _check_owners(self, document: dict) -> None:
        users = [row.get("email") for _, _, row in _rows(document, "users")]
        emails = {email.lower() for email in users if isinstance(email, str)}
        for _, index, row in _rows(document, "keys"):
            owner = row.get("owner")
            # one that is no e-mail is told already
            if isinstance(owner, str) and EMAIL.fullmatch(owner) and owner.lower() not in emails:
                near = difflib.get_close_matches(owner.lower(), sorted(emails), n=1)
                hint = f"did you mean {near[0]}?" if near else "add that user, or leave the owner out."
                text = f"keys[{index}].owner is {owner}, who isn't among the users; {hint}"
                self._report(("keys", index, "owner"), text)


def _rows(document: dict, *sections: str) -> Iterator[tuple[str, int, dict]]:
    for section in sections:
        rows = document.get(section)
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, dict):
                yield section, index, row


def _step(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line and node of one key or item."""
    if isinstance(node, yaml.MappingNode):
        # of two equal keys the last, as PyYAML does
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _doubles(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping. YAML forbids them, and PyYAML quietly takes the last."""
    waiting, visited = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                waiting.append(value)
                if isinstance(key, yaml.ScalarNode):
                    line = key.start_mark.line + 1
                    if key.value in lines:
                        yield (
                            line,
                            f"{_cut(key.value)} is here a second time, after line {lines[key.value]}; merge the two.",
                        )
                    lines.setdefault(key.value, line)


def _did_you_mean(name: object, known: Any) -> str:
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}."


def _kind(value: Any) -> str:
    """What a mapping or list is called; its content may be huge, because YAML's aliases multiply."""
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if value else "an empty list"


def _plain(text: str) -> str:
    """One printable line: what stands in the file must not steer the terminal that shows it."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _cut(text: str) -> str:
    line = _plain(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
