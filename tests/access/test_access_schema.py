from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.access_schema import SCHEMA, json_schema

ACCESS = sorted((Path(__file__).parent.parent.parent / "access").glob("*.yaml"))


class _Editor(yaml.SafeLoader):
    """Reads a day as text, as editors do."""


_Editor.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)


def valid(text: str) -> bool:
    return jsonschema.Draft202012Validator(json.loads(json_schema())).is_valid(yaml.load(text, _Editor))


def test_the_schema_for_editors_is_up_to_date() -> None:
    assert SCHEMA.read_text() == json_schema(), "run: .venv/bin/python -m components.access_schema"


@pytest.mark.parametrize("file", ACCESS, ids=lambda path: path.name)
def test_every_access_file_names_the_schema_and_fits_it(file: Path) -> None:
    text = file.read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert (file.parent / "schema.json") == SCHEMA
    assert valid(text)


@pytest.mark.parametrize(
    "entry",
    [
        "budget: -1",
        "budget: '5'",
        "models: []",
        "duration: 2w",
        "role: boss",
        "tpm_limit: 1.5",
        "x: 1",
        "metadata: {managed_by: me}",
        "alias: ''",
    ],
)
def test_an_editor_underlines_what_would_be_refused(entry: str) -> None:
    assert not valid(f"users: [{{email: dev@example.com, {entry}}}]")


@pytest.mark.parametrize(
    "entry", ["budget: 0", "duration: monthly", "duration: 30d", "models: [m]", "metadata: {a: [1]}"]
)
def test_and_nothing_else(entry: str) -> None:
    keys = "keys: [{alias: ci, owner: dev@example.com, expires: 2027-01-31}]"
    assert valid(f"users: [{{email: dev@example.com, {entry}}}]\n{keys}")


def test_every_field_is_described() -> None:
    def fields(node: Any) -> Any:
        if isinstance(node, dict):
            yield from node.get("properties", {}).values()
            for inner in node.values():
                yield from fields(inner)

    found = list(fields(json.loads(json_schema())))
    assert len(found) > 15
    assert all(field["description"] for field in found)
