"""The estimate: resources × prices, per component, fixed and usage-based parts apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ops import urns
from ops.cost.assumptions import Assumptions
from ops.cost.prices import Prices
from ops.cost.rules import PRICED, Part, Whole, is_free
from ops.plan import Planned

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """Equal things of one component, together. `usd` a month; `estimated`: nobody has looked the price up."""

    component: str
    what: str
    count: int
    usd: Decimal
    basis: str
    usage: bool
    estimated: bool

    @property
    def key(self) -> tuple[str, str, bool]:
        return self.component, self.what, self.usage


@dataclass(frozen=True)
class Estimate:
    """`unknown` names what has no price here: types that nobody has priced, and prices that the table lacks."""

    prices: Prices
    lines: tuple[Line, ...]
    unknown: tuple[str, ...]

    @property
    def fixed(self) -> Decimal:
        """USD a month that are due whether anybody uses the gateway or not."""
        return sum((line.usd for line in self.lines if not line.usage), Decimal(0)).quantize(_CENT, ROUND_HALF_UP)

    @property
    def usage(self) -> Decimal:
        """USD a month by the stated assumptions."""
        return sum((line.usd for line in self.lines if line.usage), Decimal(0)).quantize(_CENT, ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        return self.fixed + self.usage


def estimate(planned: Sequence[Planned], prices: Prices, assumed: Assumptions | None = None) -> Estimate:
    """What is there after the planned changes, priced."""
    there = [resource for resource in planned if resource.stays]
    whole = Whole(there, assumed or Assumptions())
    lines: dict[tuple[str, str, str, bool], Line] = {}
    unknown: set[str] = set()
    for resource in there:
        rule = PRICED.get(resource.type)
        if rule is None:
            if resource.type.startswith("aws:") and not is_free(resource.type):
                unknown.add(f"{urns.short_type(resource.type)}: no price is known for this type")
            continue
        for part in rule(resource, whole):
            usd = prices.of(part.price)
            if usd is None:
                unknown.add(f"{urns.label(resource.urn)}: the table of {prices.region} has no price {part.price}")
                continue
            _add(
                lines,
                urns.component(resource.urn),
                part,
                usd * Decimal(str(part.amount)),
                part.price in prices.estimated,
            )
    rounded = [_rounded(line) for _, line in sorted(lines.items())]
    return Estimate(prices, tuple(rounded), tuple(sorted(unknown)))


def _add(
    lines: dict[tuple[str, str, str, bool], Line], component: str, part: Part, usd: Decimal, estimated: bool
) -> None:
    key = (component, part.what, part.basis, part.usage)
    before = lines.get(key)
    count, sum_ = (before.count, before.usd) if before else (0, Decimal(0))
    lines[key] = Line(component, part.what, count + 1, sum_ + usd, part.basis, part.usage, estimated)


def _rounded(line: Line) -> Line:
    usd = line.usd.quantize(_CENT, ROUND_HALF_UP)
    return Line(line.component, line.what, line.count, usd, line.basis, line.usage, line.estimated)
