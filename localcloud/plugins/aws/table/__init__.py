"""The table: one row a resource type, a file a group of services."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from localcloud.plugins.aws.rows import COMPUTED, LOCAL, REPLACE, Row, mapping, text
from localcloud.plugins.serve import Refusal
from localcloud.plugins.values import own_type

_FILES = (
    "vpc",
    "network",
    "endpoints",
    "firewall",
    "database",
    "aurora",
    "caching",
    "secret",
    "storage",
    "identity",
    "containers",
    "capacity",
    "autoscaling",
    "balancing",
    "listening",
    "edge",
    "naming",
    "images",
    "waf",
    "delivery",
    "functions",
    "watching",
    "budgets",
    "scheduling",
)
_FOLDER = "localcloud/plugins/aws/table"


def _complete(row: Row) -> Row:
    """The row with the properties that every such type has in pulumi-aws 7."""
    common = {"tags": mapping(LOCAL)} if row.tags else {}
    if row.regional:
        # what is in another region is another resource
        common["region"] = text(LOCAL | REPLACE | COMPUTED)
    return replace(row, inputs={**row.inputs, **common})


def _load() -> tuple[dict[str, Row], dict[str, str]]:
    rows: dict[str, Row] = {}
    files: dict[str, str] = {}
    for name in _FILES:
        for row in import_module(f"{__name__}.{name}").ROWS:
            rows[row.token] = _complete(row)
            files[row.token] = f"{_FOLDER}/{name}.py"
    return rows, files


ROWS, _WHERE = _load()


def row_of(token: str) -> Row:
    """The row of a resource type. Raises Refusal naming the type when the table has none."""
    token = own_type(token)
    row = ROWS.get(token)
    if row is None:
        raise Refusal(
            f"the local cloud has no resource type {token}; add a row to {_FOLDER}/ (it has {len(ROWS)} types), "
            "or keep the resource out of local stacks"
        )
    return row


def where(token: str) -> str:
    """The file whose row describes the type."""
    return _WHERE[own_type(token)]
