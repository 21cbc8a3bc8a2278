"""`models` and `whoami`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from litellm_admin.cli.context import Context
from litellm_admin.cli.output import Answer, Cell, Column, count, dollars, fields, table
from litellm_admin.shapes import object_at
from litellm_admin.transport import RelayTransport


def models(context: Context, given: Namespace) -> Answer:
    found = sorted((_model(row) for row in context.client.list_models()), key=lambda model: model["name"])
    columns = [
        Column("model"),
        Column("served by"),
        Column("$ per 1M input", right=True),
        Column("$ per 1M output", right=True),
        Column("context", right=True),
    ]
    rows = [
        [
            Cell(model["name"], ("bold",)),
            model["served_by"] or "–",
            dollars(model["input_price"]),
            dollars(model["output_price"]),
            f"{model['context']:,}" if model["context"] else "–",
        ]
        for model in found
    ]
    return Answer({"models": found}, f"{table(columns, rows, context.style)}\n\n{count(len(found), 'model')}")


def _model(row: Mapping[str, Any]) -> dict[str, Any]:
    """Prices are dollars for a million tokens, `context` tokens."""
    info = object_at(row, "model_info")
    return {
        "name": row["model_name"],
        "served_by": object_at(row, "litellm_params").get("model"),
        "input_price": _per_million(info.get("input_cost_per_token")),
        "output_price": _per_million(info.get("output_cost_per_token")),
        "context": info.get("max_input_tokens"),
    }


def _per_million(price: Any) -> float | None:
    return round(float(price) * 1_000_000, 6) if isinstance(price, (int, float)) else None


def whoami(context: Context, given: Namespace) -> Answer:
    about = context.client.about()
    way, door, transport = context.way, context.way.used, context.way.transport()
    assert door is not None, "the call above went by a door"
    caller = transport.caller() if isinstance(transport, RelayTransport) else None
    data = {
        "way": door.kind,
        "by": door.name,
        "caller": caller,
        "reads_only": door.reads_only,
        "stack": way.facts.name if way.facts else None,
        "region": way.facts.region if way.facts else None,
        "litellm_version": about.get("litellm_version"),
        "database": about.get("db") == "connected",
    }
    names = {
        "url": "LITELLM_URL and a key",
        "relay": "the relay, by IAM",
        "direct": "the admin door, with the master key",
    }
    rows: list[tuple[str, Cell | str]] = [
        ("you", Cell(caller or "whoever holds the key", ("bold",))),
        ("may", "look" if door.reads_only else "administer"),
        ("way in", names[door.kind]),
        ("by", door.name),
    ]
    if data["stack"]:
        rows.append(("stack", f"{data['stack']} in {data['region']}"))
    rows.append(
        ("gateway", f"LiteLLM {data['litellm_version']}, database {'connected' if data['database'] else 'none'}")
    )
    return Answer(data, fields(rows, context.style))
