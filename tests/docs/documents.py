"""The project's Markdown: its links, its anchors and its commands."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a reader types a command of; everything else in backticks is a name.
COMMANDS = ("make", "pulumi", "aws", "python", "scripts/litellm-users.sh", "litellm-users.sh", "sh", "git", "gh", "npm")
_LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *)```(.*)$")


@dataclass(frozen=True)
class Command:
    """A command line of a document. `block` is the info string of the block that it stands in, "" in running text."""

    file: str
    line: int
    text: str
    block: str

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string and its text."""

    file: str
    line: int
    info: str
    text: str


def pages() -> list[Path]:
    """Every Markdown file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists())


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    start, info, lines = 0, "", []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and not start:
            start, info, lines = number, fence[2].strip(), []
        elif fence and not fence[2].strip():
            found.append(Block(name(page), start, info, "\n".join(lines)))
            start = 0
        elif start:
            lines.append(line)
    assert not start, f"{name(page)}:{start}: a block that doesn't end"
    return found


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Lines outside of fenced blocks."""
    inside = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def links(page: Path) -> list[tuple[int, str]]:
    return [(number, a or b) for number, line in prose(page) for a, b in _LINK.findall(re.sub(r"`[^`]*`", "", line))]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found: dict[str, int] = {}
    for _, line in prose(page):
        if heading := re.match(r"#{1,6} +(.*)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").strip().lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    repeated = {f"{slug}-{number}" for slug, count in found.items() for number in range(1, count + 1)}
    return repeated | set(found)


def commands(page: Path) -> list[Command]:
    """Those of shell blocks, and of running text in backticks."""
    found = [
        Command(name(page), block.line + number, text, block.info)
        for block in blocks(page)
        if block.info.split(" ")[0] == "sh"
        for number, text in _logical_lines(block.text)
    ]
    for number, line in prose(page):
        for text in re.findall(r"`([^`]+)`", line):
            if text.split(" ")[0] in COMMANDS and " " in text:
                found.append(Command(name(page), number, text, ""))
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, without comments; a here-document belongs to its command."""
    pending, first, until = "", 0, None
    for number, line in enumerate(text.splitlines(), 1):
        if until is not None:
            until = None if line.strip() == until else until
            continue
        pending, first = (pending + line.strip(), first) if pending else (line.strip(), number)
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        if here := re.search(r"<<-?\s*'?(\w+)'?", pending):
            until, pending = here[1], pending[: here.start()]
        if pending and not pending.startswith("#"):
            yield first, pending
        pending = ""


def words(text: str) -> list[list[str]]:
    """The simple commands of a line, each as its words: pipes, lists and `$(…)` are taken apart, `NAME=value` before a
    command and redirections are left out."""
    inner = re.findall(r"\$\(([^()]+)\)", text)
    outer = re.sub(r"\$\([^()]+\)", "VALUE", text)
    lexer = shlex.shlex(outer, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    tokens = iter(lexer)
    for token in tokens:
        if set(token) <= {"|", "&", ";"}:
            found.append([])
        elif set(token) <= {"<", ">"}:
            next(tokens, None)
        elif found[-1] or not re.match(r"^\w+=", token):
            found[-1].append(token)
    return [one for one in found if one] + [one for text in inner for one in words(text)]
