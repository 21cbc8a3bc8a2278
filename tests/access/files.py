"""Access files of a test's own, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.access_file import AccessSpec, load_access

MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5")
HAIKU, SONNET = MODELS
USER = "users:\n  - email: dev@example.com\n    "


def load(
    tmp_path: Path, text: str, models: tuple[str, ...] = MODELS, database: str = "rds"
) -> tuple[AccessSpec, list[str]]:
    file = tmp_path / "access" / "poc.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    spec, problems = load_access(file, models, database)
    assert not problems or spec == AccessSpec(), "nothing is half accepted"
    return spec, [str(problem) for problem in problems]


def only(tmp_path: Path, text: str, **more: Any) -> str:
    _, problems = load(tmp_path, text, **more)
    assert len(problems) == 1, problems
    return problems[0]
