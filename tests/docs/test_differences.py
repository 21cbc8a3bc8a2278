"""docs/local-cloud.md says how the local cloud differs from AWS: each difference with its source, and tests that show
it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs import documents
from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "local-cloud.md"
COLUMNS = ["on AWS", "here", "source", "test"]
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def rows(text: str) -> list[tuple[int, list[str]]]:
    """The cells of every row of the tables below `What differs`, with the line's number."""
    found, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            inside = line == "## What differs"
        if inside and line.startswith("|") and not set(line) <= set("|-: "):
            found.append((number, [cell.strip() for cell in line.strip("|").split(" | ")]))
    return found


@cache
def defined_in(file: Path) -> frozenset[str]:
    """The names of a file's tests, `Class.test` for those of a class."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition(".")[2].startswith("test_"))


def wrong_with(cells: list[str]) -> str | None:
    """Why a row doesn't prove its difference; None when it does."""
    if len(cells) != len(COLUMNS) or not all(cells):
        return f"it has {len(cells)} cells; it needs {', '.join(COLUMNS)}"
    *_, source, named = cells
    if not _LINK.search(source):
        return "it links no source"
    links = _LINK.findall(named)
    if not links or _LINK.sub("", named).strip(", "):
        return "it must name its tests, each as a link to its file, and nothing else"
    for name, link in links:
        file = (PAGE.parent / link).resolve()
        if not file.is_relative_to(ROOT / "tests") or not file.is_file():
            return f"{link} is no file of tests"
        if not re.fullmatch(r"`[\w.]+`", name) or name.strip("`") not in defined_in(file):
            return f"{link} has no test {name}"
    return None


def test_every_difference_has_a_source_and_tests_that_exist() -> None:
    found = rows(PAGE.read_text())
    differences = [(number, cells) for number, cells in found if cells != COLUMNS]
    assert len(differences) > 40, "the tables have gone, or are read wrongly"
    assert len(found) - len(differences) == PAGE.read_text().count("\n### "), "a table in each room, with its columns"
    wrong = [f"{documents.name(PAGE)}:{number}: {why}" for number, cells in differences if (why := wrong_with(cells))]
    assert not wrong


GOOD = ["DNS resolves", "it doesn't", "[DNS](https://example.com/)", "[`test_every_form_of_a_host`]({})"]
HOPS = "../tests/dataplane/test_hops.py"


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([*GOOD[:3], GOOD[3].format(HOPS)], None),
        (GOOD[:3], "it has 3 cells"),
        ([*GOOD[:2], "somewhere", GOOD[3].format(HOPS)], "links no source"),
        ([*GOOD[:3], "none"], "must name its tests"),
        ([*GOOD[:3], f"{GOOD[3].format(HOPS)} and others"], "must name its tests"),
        ([*GOOD[:3], GOOD[3].format("../tests/dataplane/test_jumps.py")], "is no file of tests"),
        ([*GOOD[:3], GOOD[3].format("../README.md#x")], "is no file of tests"),
        ([*GOOD[:3], GOOD[3].format("../tests/dataplane/test_rds.py")], "has no test `test_every_form_of_a_host`"),
        ([*GOOD[:3], f"[`forms`]({HOPS})"], "has no test `forms`"),
    ],
)
def test_a_row_that_proves_nothing_is_found(cells: list[str], why: str | None) -> None:
    found = wrong_with(cells)
    assert found is None if why is None else why in (found or "")


def test_rows_are_those_of_the_section_alone() -> None:
    table = "| on AWS | here |\n|---|---|\n| c | d |\n"
    text = f"## Before\n| a | b |\n## What differs\n\n### Room\n{table}## After\n| e | f |"
    assert [cells for _, cells in rows(text)] == [["on AWS", "here"], ["c", "d"]]
