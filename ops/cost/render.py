"""An estimate for people, and the difference of two."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ops.cost.estimate import Estimate, Line


def text(estimate: Estimate, title: str) -> str:
    """The estimate as a table, component by component, with totals and what it rests on."""
    lines = [title, ""]
    for usage, heading in ((False, "fixed"), (True, "by use")):
        chosen = [line for line in estimate.lines if line.usage is usage]
        total = estimate.usage if usage else estimate.fixed
        lines.append(f"  {heading:<66}{total:>9}")
        lines += [_row(line) for line in chosen if line.usd or not usage]
        lines.append("")
    lines.append(f"  {'USD a month':<66}{estimate.total:>9}")
    lines += ["", *(f"  NOT IN IT: {name}" for name in estimate.unknown), _source(estimate)]
    return "\n".join(lines)


def _row(line: Line) -> str:
    what = f"{line.count} × {line.what}" if line.count > 1 else line.what
    mark = "≈" if line.estimated else " "
    return f"    {line.component:<15}{what:<33}{'':<13}{mark}{line.usd:>9}  {line.basis}"


def _source(estimate: Estimate) -> str:
    prices = estimate.prices
    marked = any(line.estimated for line in estimate.lines)
    return (
        f"  Prices: {prices.region}, {prices.source}, {prices.date}; USD without taxes, discounts and free tiers"
        f"{'; ≈ is an estimate' if marked else ''}. Models in Bedrock are billed by token and not in it."
    )


def as_json(estimate: Estimate) -> dict[str, Any]:
    return {
        "region": estimate.prices.region,
        "date": estimate.prices.date,
        "fixed": str(estimate.fixed),
        "usage": str(estimate.usage),
        "total": str(estimate.total),
        "unknown": list(estimate.unknown),
        "lines": [
            {
                "component": line.component,
                "what": line.what,
                "count": line.count,
                "usd": str(line.usd),
                "basis": line.basis,
                "usage": line.usage,
                "estimated": line.estimated,
            }
            for line in estimate.lines
        ],
    }


def difference(before: Estimate | None, after: Estimate) -> list[tuple[str, str, Decimal, Decimal]]:
    """Component, what, USD before and after, of every line that differs."""
    old = _sums(before) if before else {}
    new = _sums(after)
    keys = sorted(old.keys() | new.keys())
    rows = [(*key, old.get(key, Decimal(0)), new.get(key, Decimal(0))) for key in keys]
    return [row for row in rows if row[2] != row[3]]


def _sums(estimate: Estimate) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for line in estimate.lines:
        key = (line.component, line.what)
        sums[key] = sums.get(key, Decimal(0)) + line.usd
    return sums
