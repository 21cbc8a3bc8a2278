"""Sending calls of LiteLLM's management API: patience, pages, many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from litellm_admin.errors import AdminError, Unreachable, refusal
from litellm_admin.transport import Call, Query, Response, Transport

T = TypeVar("T")

PAGE = 100
"""The largest page that LiteLLM gives."""

# Too many requests; and the answers of a load balancer or relay that has no healthy LiteLLM to hand the call to.
TRY_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Page:
    """How a list names its parts: the query parameter for the page's size, and in the answer the rows, their id and the
    count."""

    size: str
    rows: str
    row_id: str
    total: str


@dataclass(frozen=True)
class Patience:
    """How often and how long to try. Every call here may be sent twice: ids are chosen by the caller, so a second
    create meets the first, and updates and deletes say what shall be. No attempt begins after `within` seconds."""

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    within: float = 180.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pause(self, attempt: int, told: float | None) -> None:
        """Waits after failed attempt number `attempt` (from 0), at least as long as the server told."""
        import random

        wait = min(self.longest, self.first * 2**attempt)
        # jitter, so that parallel callers don't come back together
        self.sleep(max(min(told or 0.0, 4 * self.longest), wait * random.uniform(0.5, 1.0)))


class Calls:
    """Calls by one transport. Safe to share between threads.

    Every method raises `Unreachable` if no answer came within its patience, and a `Refused` for an answer that isn't
    success."""

    def __init__(self, transport: Transport, patience: Patience) -> None:
        self.transport, self.patience = transport, patience

    def post_each(
        self, path: str, bodies: Sequence[Mapping[str, Any]], done: Callable[[int], None] = lambda _: None
    ) -> list[AdminError | None]:
        """POSTs each body to `path`, several at once and in no order. For each, None or its error; nothing is raised.
        `done` is told how many came to their end, from any thread."""
        from concurrent.futures import ThreadPoolExecutor

        size = self.transport.batch
        parts = [bodies[start : start + size] for start in range(0, len(bodies), size)]

        def send(part: Sequence[Mapping[str, Any]]) -> list[AdminError | None]:
            errors = self._post_part(path, part)
            done(len(part))
            return errors

        with ThreadPoolExecutor(max(1, min(self.transport.lanes, len(parts)))) as pool:
            return [error for errors in pool.map(send, parts) for error in errors]

    def _post_part(self, path: str, bodies: Sequence[Mapping[str, Any]]) -> list[AdminError | None]:
        errors: list[AdminError | None] = [None] * len(bodies)
        waiting, until = list(range(len(bodies))), self.patience.clock() + self.patience.within
        for attempt in range(self.patience.attempts):
            again: list[int] = []
            told = 0.0
            answers = self.transport.request_each([Call("POST", path, None, bodies[place]) for place in waiting])
            for place, answer in zip(waiting, answers, strict=True):
                errors[place] = answer if isinstance(answer, AdminError) else _refused("POST", path, answer)
                told = max(told, getattr(answer, "retry_after", None) or 0.0)
                if isinstance(answer, Unreachable) or getattr(answer, "status", None) in TRY_AGAIN:
                    again.append(place)
            waiting = again
            if not waiting or attempt + 1 == self.patience.attempts or self.patience.clock() >= until:
                break
            self.patience.pause(attempt, told)
        return errors

    def pages(self, path: str, query: Query, page: Page, take: Callable[[Any], T]) -> list[T]:
        """The rows of every page. A row that comes or goes meanwhile moves others across a border between pages, where
        they are missed or seen twice; then LiteLLM's count changes or doesn't fit, and the pages are read again, twice
        at most."""
        rows: dict[str, T] = {}
        for _ in range(3):
            rows, counts, number = {}, set[int](), 1
            while not counts or (number - 1) * PAGE < max(counts):
                here = {**query, "page": number, page.size: PAGE}
                count, found = self.read(
                    path,
                    here,
                    lambda body: (body[page.total], [(row[page.row_id], take(row)) for row in body[page.rows]]),
                )
                rows.update(found)
                counts.add(count)
                number += 1
            if counts == {len(rows)}:
                break
        return list(rows.values())

    def read(self, path: str, query: Query, take: Callable[[Any], T]) -> T:
        body = self.call("GET", path, query)
        try:
            return take(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AdminError(
                f"GET {path} answered what LiteLLM 1.108 doesn't ({type(error).__name__}): is this the admin door?"
            ) from None

    def call(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Any:
        attempts, until = self.patience.attempts, self.patience.clock() + self.patience.within
        for attempt in range(attempts):
            try:
                answer = self.transport.request(method, path, query, body)
            except Unreachable:
                if attempt + 1 == attempts or self.patience.clock() >= until:
                    raise
                told = None
            else:
                if answer.status not in TRY_AGAIN:
                    return accepted(method, path, answer)
                if attempt + 1 == attempts or self.patience.clock() >= until:
                    raise unready(method, path, answer)
                told = answer.retry_after
            self.patience.pause(attempt, told)
        raise AssertionError("attempts is at least 1")


def accepted(method: str, path: str, answer: Response) -> Any:
    """The body of a success. Raises the error of anything else."""
    if 200 <= answer.status < 300:
        return answer.body
    raise refusal(method, path, answer.status, answer.body)


def _refused(method: str, path: str, answer: Response) -> AdminError | None:
    if answer.status in TRY_AGAIN:
        return unready(method, path, answer)
    return None if 200 <= answer.status < 300 else refusal(method, path, answer.status, answer.body)


def unready(method: str, path: str, answer: Response) -> AdminError:
    """The error for an answer that says to try again."""
    said = refusal(method, path, answer.status, answer.body)
    return (
        said
        if answer.status == 429
        else Unreachable(f"The gateway isn't ready: {said.reason} ({answer.status} at {method} {path}).")
    )
