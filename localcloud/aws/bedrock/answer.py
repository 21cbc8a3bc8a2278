"""What the stand-in for a model answers. Pure: the same prompt gets the same answer.

It says which model it stands for and repeats the end of what it was told. Where the caller offers tools, it calls the
one that it must (or the first), once, with arguments that fit its schema, and answers with text when it has the result.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_ECHO = 200  # characters of the prompt that are repeated
_LETTERS_A_TOKEN = 4  # a rule of thumb for English text
_DEFAULT_LIMIT = 4096

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]


@dataclass(frozen=True)
class Tool:
    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Prompt:
    """A request in any of the APIs' forms. `said`: the text of the last message; `size`: letters of all that was
    sent; `tool`: the tool to call now, if any."""

    said: str
    size: int
    limit: int = _DEFAULT_LIMIT
    stops: tuple[str, ...] = ()
    tool: Tool | None = None


@dataclass(frozen=True)
class Answer:
    """`pieces`: the text, a token each; or a call of `tool` with `arguments`."""

    pieces: tuple[str, ...]
    reason: StopReason
    input_tokens: int
    output_tokens: int
    tool: str | None = None
    arguments: str = ""

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def answer(title: str, prompt: Prompt) -> Answer:
    """What a model called `title` answers."""
    counted = tokens(prompt.size)
    if prompt.tool is not None:
        arguments = json.dumps(example(prompt.tool.schema))
        return Answer((), "tool_use", counted, tokens(len(arguments)) + 8, prompt.tool.name, arguments)
    text = f"Hello from the local cloud. I stand in for {title}. You said: {prompt.said.strip()[-_ECHO:]}".rstrip()
    reason: StopReason = "end_turn"
    cut = [place for stop in prompt.stops if (place := text.find(stop)) >= 0]
    if cut:
        text, reason = text[: min(cut)], "stop_sequence"
    pieces = re.findall(r"\s*\S{1,6}", text)
    if len(pieces) > prompt.limit:
        pieces, reason = pieces[: prompt.limit], "max_tokens"
    return Answer(tuple(pieces), reason, counted, max(1, len(pieces)))


def tokens(letters: int) -> int:
    """About how many tokens a text of so many letters has."""
    return max(1, math.ceil(letters / _LETTERS_A_TOKEN))


def example(schema: Mapping[str, Any]) -> Any:
    """A small value that fits a JSON schema's type, enum, required members and bounds."""
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example(properties.get(name, {"type": "string"})) for name in schema.get("required", [])}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}))] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None}.get(kind, "example")
