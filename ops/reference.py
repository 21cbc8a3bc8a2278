"""`docs/configuration.md` from the config schema in `Pulumi.yaml`, so that the two can't drift apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ops import paths

PAGE = Path("docs") / "configuration.md"
HEAD = """# Configuration

Generated from [Pulumi.yaml](../Pulumi.yaml) by `python -m ops reference`; a test holds the two together.

An option stands in `Pulumi.<stack>.yaml` as `{project}:<option>`, or is set with
`pulumi config set --stack poc <option> <value>` (lists and objects are easier written into the file, as YAML).
`aws:region` is needed too. All mistakes are reported at once, with the file and the option to change, before anything
is created. Shipped stack files: {files}.

| option | type | default | what it is |
|---|---|---|---|
"""


def page(repo: Path = paths.REPO) -> str:
    """The page's text.

    Raises:
        KeyError: an option has no type or no description.
    """
    schema = yaml.safe_load((repo / "Pulumi.yaml").read_text())
    files = ", ".join(f"[{file.name}](../{file.name})" for file in sorted(repo.glob("Pulumi.*.yaml")))
    rows = [_row(name, option) for name, option in schema["config"].items()]
    return HEAD.format(project=schema["name"], files=files) + "\n".join(rows) + "\n"


def write(repo: Path = paths.REPO) -> Path:
    """Writes the page and tells where."""
    target = repo / PAGE
    target.write_text(page(repo))
    return target


def _row(name: str, option: dict[str, Any]) -> str:
    kind = option["type"] if option["type"] != "array" else f"list of {option['items']['type']}s"
    default = f"`{json.dumps(option['default'])}`" if "default" in option else "must be set"
    if option.get("default") in ("", [], {}):
        default = "not set"
    text = " ".join(option["description"].split()).replace("|", "\\|")
    return f"| `{name}` | {kind} | {default} | {text[0].upper()}{text[1:]} |"
