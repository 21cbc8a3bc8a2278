"""What must fit together in an access file: names that are there, and there once. Pure; works on the raw document, so
that these mistakes are told together with those within entries."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from components.access_schema import EMAIL
from litellm_admin.shapes import is_list

# What is shown of a wrong value.
_LONGEST = 60

Report = Callable[[Sequence[str | int], str], None]
"""(path of keys and indices, sentence)"""


def check(document: dict[str, Any], models: Sequence[str], database: str, report: Report) -> None:
    """Reports every mistake. `models` are the configured names, `database` is `none` or a kind of database."""
    if database == "none":
        _refuse_without_database(document, report)
    _check_models(document, models, report)
    _check_unique(document, "users", "email", str.lower, report)
    _check_unique(document, "teams", "alias", str, report)
    _check_unique(document, "keys", "alias", str, report)
    _check_people(document, report)
    _check_teams(document, report)
    _check_keys_in_teams(document, report)
    _check_published(document, report)


def _refuse_without_database(document: dict[str, Any], report: Report) -> None:
    for section in ("users", "teams", "keys"):
        if document.get(section):
            report(
                (section,),
                f"{section} need a database, and this stack has none: set llm-gateway:database to rds, "
                f"or remove {section} (without one the gateway has a master key, and neither users nor keys).",
            )


def _check_models(document: dict[str, Any], models: Sequence[str], report: Report) -> None:
    for section, index, row in _rows(document, "users", "teams", "keys"):
        for place, name in enumerate(_list(row.get("models"))):
            if isinstance(name, str) and name not in models:
                near = difflib.get_close_matches(name, models, n=1)
                hint = f"did you mean {near[0]}? The" if near else "the"
                text = f"names {cut(name)}, which isn't configured; {hint} models are {', '.join(models)}."
                report((section, index, "models", place), f"{section}[{index}].models {text}")


def _check_unique(
    document: dict[str, Any], section: str, field: str, identity: Callable[[str], str], report: Report
) -> None:
    first: dict[str, int] = {}
    for _, index, row in _rows(document, section):
        name = row.get(field)
        if not isinstance(name, str):
            continue
        before = first.setdefault(identity(name), index)
        if before != index:
            text = f"is {cut(name)}, as in {section}[{before}]; every one may be there once."
            report((section, index, field), f"{section}[{index}].{field} {text}")


def _check_people(document: dict[str, Any], report: Report) -> None:
    emails = {email.lower() for email in _strings(document, "users", "email")}
    for _, index, row in _rows(document, "keys"):
        _check_person(("keys", index, "owner"), row.get("owner"), emails, "leave the owner out", report)
    for _, index, row in _rows(document, "teams"):
        for place, member in enumerate(_list(row.get("members"))):
            _check_person(("teams", index, "members", place), member, emails, "take it out here", report)


def _check_person(path: Sequence[str | int], email: Any, emails: set[str], otherwise: str, report: Report) -> None:
    # one that is no e-mail is told already
    if isinstance(email, str) and EMAIL.fullmatch(email) and email.lower() not in emails:
        near = difflib.get_close_matches(email.lower(), sorted(emails), n=1)
        hint = f"did you mean {near[0]}?" if near else f"add that user, or {otherwise}."
        verb = "is" if path[2] == "owner" else "names"
        report(path, f"{path[0]}[{path[1]}].{path[2]} {verb} {email}, who isn't among the users; {hint}")


def _check_teams(document: dict[str, Any], report: Report) -> None:
    teams = list(_strings(document, "teams", "alias"))
    for section, index, row in _rows(document, "users", "keys"):
        team = row.get("team")
        if isinstance(team, str) and team not in teams:
            near = difflib.get_close_matches(team, teams, n=1)
            hint = f"did you mean {near[0]}?" if near else "add that team, or leave the team out."
            report((section, index, "team"), f"{section}[{index}].team is {cut(team)}, which isn't a team; {hint}")


def _check_keys_in_teams(document: dict[str, Any], report: Report) -> None:
    """LiteLLM takes such keys from an admin, and then they don't work as they read: an owner who leaves the team takes
    the key along, and a model that the team may not call is refused."""
    members = _members(document)
    models = {row.get("alias"): _list(row.get("models")) for _, _, row in _rows(document, "teams")}
    for _, index, row in _rows(document, "keys"):
        team, owner = row.get("team"), row.get("owner")
        if not isinstance(team, str) or team not in members:
            continue
        if isinstance(owner, str) and owner.lower() not in members[team]:
            text = (
                f"is {cut(owner)}, who isn't a member of the key's team {cut(team)}; add that member, or leave one out."
            )
            report(("keys", index, "owner"), f"keys[{index}].owner {text}")
        for place, name in enumerate(_list(row.get("models"))):
            if models[team] and name not in models[team]:
                text = f"names {cut(str(name))}, which the key's team {cut(team)} may not call; add it there."
                report(("keys", index, "models", place), f"keys[{index}].models {text}")


def _members(document: dict[str, Any]) -> dict[str, set[str]]:
    found = {
        row["alias"]: {member.lower() for member in _list(row.get("members")) if isinstance(member, str)}
        for _, _, row in _rows(document, "teams")
        if isinstance(row.get("alias"), str)
    }
    for _, _, row in _rows(document, "users"):
        team, email = row.get("team"), row.get("email")
        if isinstance(team, str) and isinstance(email, str) and team in found:
            found[team].add(email.lower())
    return found


def _check_published(document: dict[str, Any], report: Report) -> None:
    for _, index, row in _rows(document, "keys"):
        if row.get("publish") is True and row.get("adopt") is True:
            text = (
                "can't be true together with adopt: only its holders know the value of a key that is adopted. "
                "Adopt it, then give it a `rotate` of its own, and publish it once adopt is gone."
            )
            report(("keys", index, "publish"), f"keys[{index}].publish {text}")


def _rows(document: dict[str, Any], *sections: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for section in sections:
        for index, row in enumerate(_list(document.get(section))):
            if isinstance(row, dict):
                yield section, index, row


def _strings(document: dict[str, Any], section: str, field: str) -> Iterable[str]:
    return (row[field] for _, _, row in _rows(document, section) if isinstance(row.get(field), str))


def _list(value: Any) -> list[Any]:
    return value if is_list(value) else []


def plain(text: str) -> str:
    """One printable line: what stands in the file must not steer the terminal that shows it."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def cut(text: str) -> str:
    """The beginning of a text, as one line."""
    line = plain(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
