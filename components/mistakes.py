"""Mistakes in the config as sentences: which key, what it is, what to change."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel


class Located(ValueError):
    """A mistake that names its key itself."""

    def __init__(self, key: str, text: str) -> None:
        self.key = key
        super().__init__(text)


def at(key: str, text: str) -> Located:
    """A mistake of several settings together, reported at `key`."""
    return Located(key, text)


def either(values: tuple[Any, ...]) -> str:
    """`a, b or c`."""
    *most, last = [str(value) for value in values]
    return f"{', '.join(most)} or {last}" if most else last


def sentence(detail: Any, owners: Mapping[str, type[BaseModel]]) -> str:
    """pydantic's error as `key is …; what to change.` `owners` are the models that hold options: the settings' own
    under an empty name, and those of options that have options themselves."""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(where, owners)
        case "missing":
            return f"{where} is missing; set it."
        case "literal_error":
            return f"{where} is {given!r}; it must be {context['expected']}."
        case "value_error" if isinstance(context["error"], Located):
            return f"{context['error'].key} {context['error']}."
        case "value_error":
            return f"{where} is {given!r}, but {_plain(str(context['error']))}."
        case "string_pattern_mismatch":
            return f"{where} is {given!r}, which isn't of the form that it needs; see its description in Pulumi.yaml."
        case (
            "int_type"
            | "bool_type"
            | "string_type"
            | "tuple_type"
            | "list_type"
            | "model_type"
            | "dict_type"
            | "float_type"
        ):
            return f"{where} is {given!r}; it must be {_kind(detail['type'])}."
        case _:
            return f"{where} is {given!r}; {detail['msg'][0].lower()}{detail['msg'][1:]}."


def _unknown(where: str, owners: Mapping[str, type[BaseModel]]) -> str:
    own = where.rpartition(".")[2]
    owner = owners["" if "." not in where else where.partition(".")[0].partition("[")[0]]
    names = [to_camel(name) for name in owner.model_fields]
    near = difflib.get_close_matches(own, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(sorted(names))}."
    return f"{where} is no option of this stack; {hint}"


def _plain(text: str) -> str:
    return text.rstrip(".").replace(
        "has host bits set", "has bits set behind the network's part; write the network's first address"
    )


def _kind(error_type: str) -> str:
    return {
        "int_type": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "string_type": "text",
        "dict_type": "an object",
        "model_type": "an object",
    }.get(error_type, "a list")
