"""`access/<stack>.yaml` → teams, users and keys. Every mistake is reported at once, each as a sentence with file, line
and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from components import access_rules
from components.access_rules import cut, plain
from components.access_schema import AccessFile, KeyEntry, TeamEntry, UserEntry
from litellm_admin.models import KeySpec, TeamSpec, UserSpec
from litellm_admin.shapes import is_list, is_object

_SECTIONS: dict[str, type[UserEntry] | type[TeamEntry] | type[KeyEntry]] = {
    "users": UserEntry,
    "teams": TeamEntry,
    "keys": KeyEntry,
}


@dataclass(frozen=True)
class AccessSpec:
    """Who has access. `published` are the aliases of keys whose values go to Secrets Manager."""

    users: tuple[UserSpec, ...] = ()
    keys: tuple[KeySpec, ...] = ()
    teams: tuple[TeamSpec, ...] = ()
    published: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.users) + len(self.keys) + len(self.teams)


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
        if not is_object(document):
            self._report((), "must be a mapping with the keys `users`, `teams` and `keys`.")
            return AccessSpec()
        users, teams, keys = (self._entries(document, section, model) for section, model in _SECTIONS.items())
        for name in document.keys() - AccessFile.model_fields.keys():
            self._report((name,), f"{name} is no key of an access file; {_did_you_mean(name, AccessFile.model_fields)}")
        access_rules.check(document, models, database, self._report)
        return _spec(users, teams, keys)

    # -- YAML

    def _parse(self) -> Any:
        try:
            loader = _loader(self._text)
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
        self.problems.append(Problem(self._file, line, f"is no valid YAML: {plain(str(reason)).rstrip('.')}."))

    def _report(self, path: Sequence[str | int], text: str) -> None:
        self.problems.append(Problem(self._file, self._line(path) if path else None, plain(text)))

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
            return cut(_kind(value))
        if value is None or (isinstance(value, bool) and node.value not in ("true", "false")):
            read = "nothing" if value is None else str(value).lower()
            return f"{cut(node.value) or 'empty'}, which YAML reads as {read}"
        return cut(node.value) if node.value else "empty"

    # -- entries

    def _entries(
        self, document: dict[str, Any], section: str, model: type[UserEntry] | type[TeamEntry] | type[KeyEntry]
    ) -> list[Any]:
        rows = document.get(section, [])
        if not is_list(rows):
            self._report(
                (section,),
                f"{section} is {self._shown((section,), rows)}; it must be a list, and `[]` if there are none.",
            )
            return []
        good: list[Any] = []
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


def _spec(users: list[UserEntry], teams: list[TeamEntry], keys: list[KeyEntry]) -> AccessSpec:
    """What the entries say: a team has the members that it names and those that name it."""
    joined: dict[str, list[str]] = {team.alias: list(team.members) for team in teams}
    for user in users:
        if user.team in joined:
            joined[user.team].append(user.email)
    return AccessSpec(
        users=tuple(UserSpec(**user.model_dump(exclude={"team"})) for user in users),
        keys=tuple(KeySpec(**key.model_dump(exclude={"publish"})) for key in keys),
        teams=tuple(
            TeamSpec(**team.model_dump(exclude={"members"}), members=_each_once(joined[team.alias])) for team in teams
        ),
        published=frozenset(key.alias for key in keys if key.publish),
    )


def _each_once(emails: list[str]) -> tuple[str, ...]:
    return tuple({email.lower(): email.lower() for email in emails})


# Nobody nests so deep.
_DEEPEST = 50


def _loader(text: str) -> Any:
    """libyaml's loader, which takes a tenth of the time on a large file. PyYAML's own where there is none, for mistakes
    (so that they are told in the same words everywhere) and for whatever is nested deep: libyaml's composer would end
    the process."""
    fast = getattr(yaml, "CSafeLoader", None)
    return (fast if fast is not None and _is_plain(text, fast) else yaml.SafeLoader)(text)


def _is_plain(text: str, loader: Any) -> bool:
    depth = 0
    try:
        for event in cast(Any, yaml).parse(text, loader):  # without recursion; the function has no types
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return False
    except (yaml.YAMLError, ValueError):
        return False
    return True


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
    waiting, visited = [root], set[int]()
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
                            f"{cut(key.value)} is here a second time, after line {lines[key.value]}; merge the two.",
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
