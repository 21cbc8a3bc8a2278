"""What the documents point to is there, and every command in them exists as it is written."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops import reference
from tests.docs import documents, grammar
from tests.docs.documents import ROOT, Command

PAGES = documents.pages()


@pytest.mark.parametrize("page", PAGES, ids=documents.name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for line, link in documents.links(page):
        parts = urlsplit(link)
        if parts.scheme:
            if parts.scheme != "https" or not parts.netloc:
                wrong.append(f"{line}: {link} is no https address")
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            wrong.append(f"{line}: {link} leads nowhere")
        elif parts.fragment and parts.fragment not in documents.anchors(target):
            wrong.append(f"{line}: {target.name} has no heading for #{parts.fragment}")
    assert not wrong


# With an ellipsis it is a name for a family of commands, not one to type.
COMMANDS = [command for page in PAGES for command in documents.commands(page) if "…" not in command.text]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.where} {command.text[:40]}")
def test_commands_exist_as_written(command: Command) -> None:
    for words in documents.words(command.text):
        grammar.check(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("make upp", "no target upp"),
        ("make up STAK=poc", "reads no STAK"),
        ("pulumi upp", "no command upp"),
        ("pulumi up --stak poc", "no --stak"),
        ("aws s3api create-buckets --bucket b", "no create-buckets"),
        ("aws s3api create-bucket --bukket b", "no --bukket"),
        ("python -m ops costs --stack poc", "invalid choice"),
        ("python -m localcloud statuss", "invalid choice"),
        ("scripts/litellm-users.sh create-usr --email a@example.com", "no command create-usr"),
        ("scripts/litellm-users.sh create-user --emil a@example.com", "create-user has no --emil"),
        ("echo $(make upp)", "no target upp"),
    ],
)
def test_a_wrong_command_is_found(text: str, said: str) -> None:
    *_, words = documents.words(text)
    with pytest.raises(grammar.Wrong, match=said):
        grammar.check(words)


def test_shell_blocks_are_shell() -> None:
    for page in PAGES:
        for block in documents.blocks(page):
            if block.info.split(" ")[0] == "sh":
                done = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
                assert not done.returncode, f"{block.file}:{block.line}: {done.stderr}"


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        if not page.exists():
            continue  # test_links_lead_somewhere has it
        for _, link in documents.links(page):
            target = (page.parent / urlsplit(link).path).resolve()
            todo += sorted(target.glob("*.md")) if target.is_dir() else [target] if target.suffix == ".md" else []
    assert not [documents.name(page) for page in PAGES if page not in seen]


def test_the_configuration_reference_is_what_the_schema_says() -> None:
    said = (ROOT / reference.PAGE).read_text()
    assert said == reference.page(), "run: python -m ops reference"
