"""Figures, their floors and limits, as lines for a reader. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

UP_LIMIT = 2.0  # times LiteLLM's own bare start
MEMORY_LIMIT = 1.8e9  # bytes resident, the whole local cloud
GUARD_LIMIT = 10.0  # times decoding a path once and looking at it once; the guard decodes up to four times
CHAIN_LIMIT = 2.0  # times LiteLLM's own answer


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


def spread(what: str, values: Sequence[float]) -> str:
    """`LiteLLM's bare start   16.2 s  (15.9, 16.2, 17.0)`."""
    return f"      {what:<24} {median(values):6.1f} s  ({', '.join(f'{value:.1f}' for value in sorted(values))})"
