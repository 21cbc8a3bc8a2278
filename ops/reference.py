"""`docs/configuration.md` and the arguments of the component `LlmGateway` from the config schema in `Pulumi.yaml`, so
that they can't drift apart."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from ops import paths

PAGE = Path("docs") / "configuration.md"
ARGUMENTS = Path("components") / "llm_gateway_args.py"
OF_A_STACK = ("ttl", "expiresAt", "renewal")
ARGUMENTS_HEAD = '''"""What the component `LlmGateway` takes. Generated from Pulumi.yaml: `python -m ops reference`."""

# No `from __future__ import annotations`: a component's host reads the types.
from typing import Any, NotRequired, TypedDict


class LlmGatewayArgs(TypedDict):
    """As the stack's config; plain values, since all of them are checked before anything is created."""

'''
_PYTHON = {"string": "str", "integer": "int", "boolean": "bool", "object": "dict[str, Any]"}
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


def arguments(repo: Path = paths.REPO) -> str:
    """The module's text. Each option is an argument but those of a stack's lifetime: a component has none of its own.

    Raises:
        KeyError: an option has no type or no description.
    """
    schema = yaml.safe_load((repo / "Pulumi.yaml").read_text())
    options = {name: option for name, option in schema["config"].items() if name not in OF_A_STACK}
    return ARGUMENTS_HEAD + "\n".join(_argument(name, option) for name, option in options.items())


def write(repo: Path = paths.REPO) -> list[Path]:
    """Writes both and tells where."""
    (repo / PAGE).write_text(page(repo))
    (repo / ARGUMENTS).write_text(arguments(repo))
    return [repo / PAGE, repo / ARGUMENTS]


def _argument(name: str, option: dict[str, Any]) -> str:
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
    is_list = option["type"] == "array"
    kind = f"list[{_PYTHON[option['items']['type']]}]" if is_list else _PYTHON[option["type"]]
    if "default" in option:
        kind = f"NotRequired[{kind}]"
    text = textwrap.fill(_sentence(option), 112, break_long_words=False, break_on_hyphens=False).replace("\n", "\n    ")
    return f'    {snake}: {kind}\n    """{text}"""\n'


def _sentence(option: dict[str, Any]) -> str:
    text = " ".join(option["description"].split())
    return text[0].upper() + text[1:]


def _row(name: str, option: dict[str, Any]) -> str:
    kind = option["type"] if option["type"] != "array" else f"list of {option['items']['type']}s"
    default = f"`{json.dumps(option['default'])}`" if "default" in option else "must be set"
    if option.get("default") in ("", [], {}):
        default = "not set"
    text = _sentence(option).replace("|", "\\|")
    return f"| `{name}` | {kind} | {default} | {text} |"
