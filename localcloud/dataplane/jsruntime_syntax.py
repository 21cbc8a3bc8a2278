"""Is a CloudFront Function written in what runtime 2.0 understands? A check of its tokens, not a parser.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html lists it: ES
5.1, let and const, arrow functions, rest parameters, template literals, ``**``, async and await. QuickJS takes more
(classes, destructuring, for-of, spread, generators, ``?.``, ``??`` …); a function that used it would work here alone.
"""

from __future__ import annotations

import re

# An operator or keyword after which a slash begins a regular expression, not a division.
_BEFORE_REGEX = re.compile(
    r"(?:[(,=:\[!&|?{};+\-*%~^<>]|\breturn|\btypeof|\bcase|\bin|\bof|\bdelete|\bvoid|\bthrow|^)$"
)
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>[A-Za-z_$][\w$]*)|(?P<number>\d[\w.]*)|(?P<dots>\.\.\.)|(?P<optional>\?\.(?!\d))
    |(?P<nullish>\?\?=?)|(?P<logical>&&=|\|\|=)|(?P<arrow>=>)|(?P<punct>.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[A-Za-z]*")
_WORDS = {
    "class": "classes",
    "yield": "generators",
    "import": "modules (import)",
    "export": "modules (export)",
    "super": "classes",
    "with": "with",
}


class UnsupportedSyntax(Exception):
    """The code uses syntax that isn't documented for runtime 2.0; the text names it and its line."""


def check_syntax(name: str, code: str) -> None:
    """Raise UnsupportedSyntax for the first thing in ``code`` that runtime 2.0 isn't documented to understand."""
    tokens = _tokens(code)
    for index, (kind, text, at) in enumerate(tokens):
        wrong = _wrong(tokens, index, kind, text)
        if wrong is not None:
            line = code.count("\n", 0, at) + 1
            raise UnsupportedSyntax(
                f"function {name}, line {line}: {wrong} isn't in JavaScript runtime 2.0's documentation"
            )


def _wrong(tokens: list[tuple[str, str, int]], index: int, kind: str, text: str) -> str | None:
    before = tokens[index - 1][1] if index else ""
    after = tokens[index + 1][1] if index + 1 < len(tokens) else ""
    if kind == "word":
        if before == "." or after == ":":
            return None  # a property's name
        if text in _WORDS:
            return _WORDS[text]
        if text == "of" and tokens[index - 1][0] == "word" and _in_for(tokens, index):
            return "for-of"
        if text in ("var", "let", "const") and after in ("{", "["):
            return "destructuring"
        if text == "function" and after == "*":
            return "generators"
    if kind == "optional":
        return "optional chaining (?.)"
    if kind in ("nullish", "logical"):
        return f"the operator {text}"
    if kind == "dots" and not _is_rest_parameter(tokens, index):
        return "spread (...)"
    return None


def _in_for(tokens: list[tuple[str, str, int]], index: int) -> bool:
    """Whether ``of`` follows ``for ( [var|let|const] name``."""
    words = [text for _, text, _ in tokens[max(0, index - 4) : index]]
    return (words[-2:-1] == ["("] and words[-3:-2] == ["for"]) or (
        words[-2:-1] in (["var"], ["let"], ["const"]) and words[-4:-2] == ["for", "("]
    )


def _is_rest_parameter(tokens: list[tuple[str, str, int]], index: int) -> bool:
    """``...name)`` followed by a body or an arrow."""
    following = [text for _, text, _ in tokens[index + 2 : index + 4]]
    return tokens[index + 1][0] == "word" and following[:1] == [")"] and following[1:] in (["{"], ["=>"])


def _tokens(code: str) -> list[tuple[str, str, int]]:
    """Kind, text and offset of every token, without spaces, comments and the text of literals."""
    found: list[tuple[str, str, int]] = []
    at = 0
    while at < len(code):
        if code[at] == "`":
            at = _template(code, at, found)
            continue
        regex = _REGEX.match(code, at) if code[at] == "/" and _BEFORE_REGEX.search(_previous(found)) else None
        if regex is not None:
            found.append(("regex", "/", at))
            at = regex.end()
            continue
        token = _TOKEN.match(code, at)
        assert token is not None  # the last alternative takes any character
        if token.lastgroup not in ("space", "comment"):
            text = '""' if token.lastgroup == "string" else token.group()
            found.append((str(token.lastgroup), text, at))
        at = token.end()
    return found


def _previous(found: list[tuple[str, str, int]]) -> str:
    return found[-1][1] if found else ""


def _template(code: str, start: int, found: list[tuple[str, str, int]]) -> int:
    """Take a template literal that begins at ``start``, with the tokens of its expressions; returns where it ends."""
    at = start + 1
    while at < len(code) and code[at] != "`":
        if code.startswith("${", at):
            depth, inner = 1, at + 2
            while inner < len(code) and depth:
                depth += {"{": 1, "}": -1}.get(code[inner], 0)
                inner += 1
            found.extend((kind, text, at + 2 + offset) for kind, text, offset in _tokens(code[at + 2 : inner - 1]))
            at = inner
        else:
            at += 2 if code[at] == "\\" else 1
    found.append(("string", '""', start))
    return at + 1
