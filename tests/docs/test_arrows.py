"""Which room may import which: the arrows of docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

ROOMS = frozenset({"components", "litellm_admin", "localcloud", "ops", "policies", "bench", "tests"})
# A room's own modules are always allowed; these as well. A name with a dot allows just that module and what is in it.
MAY_IMPORT = {
    "components": ["litellm_admin"],
    "litellm_admin": [],
    "localcloud": [],
    "ops": ["components.allow_list", "components.litellm_routes"],
    "policies": ["ops.advisories", "ops.cost", "ops.plan", "ops.shapes"],
}
# litellm_admin is for people who have neither the stack nor its environment.
NOT_IN_LITELLM_ADMIN = ["pulumi", "pulumi_aws", "litellm"]


def imported(file: Path) -> set[str]:
    """The modules that a module imports, at its top or within a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, rooms: list[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_knows_only_what_it_may(room: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in (ROOT / room).rglob("*.py")
        for module in imported(file)
        if module.partition(".")[0] in ROOMS and not within(module, [room, *MAY_IMPORT[room]])
    }
    assert not wrong


def test_the_admin_tool_needs_neither_pulumi_nor_litellm() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in (ROOT / "litellm_admin").rglob("*.py")
        for module in imported(file)
        if within(module, NOT_IN_LITELLM_ADMIN)
    }
    assert not wrong
