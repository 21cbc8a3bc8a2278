"""Figures, their floors and limits, as lines for a reader. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.seeding import Seeding

UP_LIMIT = 2.0  # times LiteLLM's own bare start
MEMORY_LIMIT = 1.8e9  # bytes resident, the whole local cloud
GUARD_LIMIT = 10.0  # times decoding a path once and looking at it once; the guard decodes up to four times
CHAIN_LIMIT = 2.0  # times LiteLLM's own answer
SEEDING_LIMIT = 1.3  # times what a bare client takes
SEEDING_SIZE = 1000  # users, and as many keys
UNCHANGED_LIMIT = 10.0  # seconds of an `up` that changes nobody


@dataclass(frozen=True)
class Check:
    """A measured value against what it is compared with. It passes if value / floor is at most `limit`."""

    what: str
    value: float
    floor: float
    limit: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.value / self.floor

    @property
    def passed(self) -> bool:
        return self.ratio <= self.limit

    def line(self) -> str:
        verdict = "pass" if self.passed else "FAIL"
        return (
            f"{verdict}  {self.what}: {self.value:.2f} {self.unit} / {self.floor:.2f} {self.unit}"
            f" = {self.ratio:.2f} (limit {self.limit:.2f})"
        )


def guard_checks(dearest: float, once: float, growth: float) -> list[Check]:
    """Microseconds a call; `growth`: how many times dearer eight times the path is."""
    return [
        Check("the guard for the dearest path / decoding and reading a path once", dearest, once, GUARD_LIMIT, "µs"),
        Check("the guard's growth from 128 to 1,024 characters / the path's growth", growth, 8.0, 1.25, "times"),
    ]


def chain_check(direct: float, chain: float) -> Check:
    """Milliseconds of one request."""
    return Check("a request through edge and door / straight to LiteLLM", chain, direct, CHAIN_LIMIT, "ms")


def stream_check(silence: float, patience: float) -> Check:
    """Seconds."""
    return Check("a slow stream's longest silence / what the edge waits", silence, patience, 0.5, "s")


def checks(bare: Sequence[float], up: Sequence[float], memory: Sequence[int]) -> list[Check]:
    """Medians for times (seconds), the largest for memory (bytes)."""
    return [
        Check("warm `make up` / LiteLLM's own bare start", median(up), median(bare), UP_LIMIT, "s"),
        Check("memory of the whole local cloud / what it may take", max(memory) / 1e9, MEMORY_LIMIT / 1e9, 1.0, "GB"),
    ]


def seeding_checks(one: Seeding) -> list[Check]:
    """Of one size. Taking all out has the floor of seeding: nobody waits longer for the end than for the beginning."""
    size = f"{one.count:,} users and {one.count:,} keys"
    return [
        Check(f"`pulumi up` of {size} / a bare client", one.up, one.floor, SEEDING_LIMIT, "s"),
        Check(f"`pulumi up` without a change of {size} / its limit", one.unchanged, UNCHANGED_LIMIT, 1.0, "s"),
        Check("its calls of LiteLLM / one", one.unchanged_calls, 1, 0.0, "calls"),
        Check("calls of an `up` that changes one user / one", one.one_user_calls, 1, 2.0, "calls"),
        Check(f"`pulumi up` that takes {size} out / a bare client's seeding", one.emptied, one.floor, 1.0, "s"),
    ]


def seeding_table(sizes: Sequence[Seeding]) -> list[str]:
    """The growth: a line for each size."""
    columns = ("n + n", "bare", "up", "ratio", "engine", "calls", "relayed", "same", "one user", "take out", "bare")
    rows = [
        (
            *(f"{one.count:,}", f"{one.floor:.1f} s", f"{one.up:.1f} s", f"{one.up / one.floor:.2f}"),
            *(f"{one.engine:.1f} s", str(one.up_calls), str(one.invocations), f"{one.unchanged:.1f} s"),
            *(f"{one.one_user:.1f} s", f"{one.emptied:.1f} s", f"{one.floor_delete:.1f} s"),
        )
        for one in sizes
    ]
    return ["      " + "".join(f"{cell:>10}" for cell in row) for row in (columns, *rows)]


def spread(what: str, values: Sequence[float]) -> str:
    """`LiteLLM's bare start   16.2 s  (15.9, 16.2, 17.0)`."""
    return f"      {what:<24} {median(values):6.1f} s  ({', '.join(f'{value:.1f}' for value in sorted(values))})"
