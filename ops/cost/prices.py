"""The price table: a file a region, with source and date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml

from ops.errors import CannotRun

FOLDER = Path(__file__).parent / "tables"
HOURS_A_MONTH = 730


@dataclass(frozen=True)
class Prices:
    """Prices in USD by their id, such as `nat-hour`. `estimated` are those that nobody has looked up."""

    region: str
    date: str
    source: str
    usd: Mapping[str, Decimal]
    estimated: frozenset[str]

    def of(self, id: str) -> Decimal | None:
        """None for a price that the table lacks."""
        return self.usd.get(id)


def regions(folder: Path = FOLDER) -> list[str]:
    """The regions that have a table."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def load(region: str, folder: Path = FOLDER) -> Prices:
    """A region's table.

    Raises:
        CannotRun: it has none.
    """
    file = folder / f"{region}.yaml"
    if region not in regions(folder):
        raise CannotRun(
            f"there are no prices for {region}, only for {', '.join(regions(folder))}: take one of them with"
            f" --prices, or fetch the region's with `make prices REGION={region}`"
        )
    table = yaml.safe_load(file.read_text())
    usd = {id: Decimal(str(price)) for id, price in table["prices"].items()}
    estimated: list[str] | str = table.get("estimated") or []
    return Prices(
        table["region"],
        str(table["date"]),
        table["source"],
        usd,
        frozenset(usd if estimated == "all" else estimated),
    )
