"""LiteLLM's management API for users and keys: typed, complete over all pages, patient within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from litellm_admin.errors import AdminError, Failed, NoDatabase, NotFound, Unreachable, refusal
from litellm_admin.models import ObservedKey, ObservedUser, observed_key, observed_user
from litellm_admin.transport import Query, Response, Transport

T = TypeVar("T")

PAGE = 100
"""The largest page that LiteLLM gives."""

ACTIVITY_PAGE = 250
"""Rows (a day, user, key and model each) in a page of activity: LiteLLM takes 1,000, and their breakdowns would be more
than a relay can hand back."""

# Too many requests; and the answers of a load balancer or relay that has no healthy LiteLLM to hand the call to.
TRY_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class _Page:
    """How a list names its parts: the query parameter for the page's size, and in the answer the rows, their id and the
    count."""

    size: str
    rows: str
    row_id: str
    total: str


_USERS = _Page(size="page_size", rows="users", row_id="user_id", total="total")
_KEYS = _Page(size="size", rows="keys", row_id="token", total="total_count")


@dataclass(frozen=True)
class Patience:
    """How often and how long to try. Every call here may be sent twice: ids are chosen by the caller, so a second
    create meets the first, and updates and deletes say what shall be."""

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    sleep: Callable[[float], None] = time.sleep

    def pause(self, attempt: int, told: float | None) -> None:
        """Waits after failed attempt number `attempt` (from 0), at least as long as the server told."""
        import random

        wait = min(self.longest, self.first * 2**attempt)
        # jitter, so that parallel callers don't come back together
        self.sleep(max(min(told or 0.0, 4 * self.longest), wait * random.uniform(0.5, 1.0)))


class Client:
    """Users and keys of one gateway. Safe to share between threads.

    Every method raises `Unreachable` if no answer came within its patience, and a `Refused` for an answer that isn't
    success."""

    def __init__(self, transport: Transport, patience: Patience | None = None) -> None:
        self._transport = transport
        self._patience = patience or Patience()

    # -- readiness

    def wait_until_ready(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Returns when LiteLLM answers and has its database.

        Raises:
            NoDatabase: if it runs without one.
            AdminError: if it isn't ready within `timeout` seconds; the sentence says what was last seen.
        """
        deadline = clock() + timeout
        for attempt in range(10_000):
            try:
                return self._check_readiness()
            except (Unreachable, Failed) as error:
                if clock() >= deadline:
                    raise AdminError(
                        f"The gateway's admin API wasn't ready within {timeout:.0f} seconds. {error}"
                    ) from None
            self._patience.pause(min(attempt, 5), None)

    def _check_readiness(self) -> None:
        answer = self._transport.request("GET", "/health/readiness")
        if answer.status in TRY_AGAIN:
            raise _unready("GET", "/health/readiness", answer)
        body = self._accepted("GET", "/health/readiness", answer)
        # "connected", or "Not connected" when LiteLLM was started without a database
        if isinstance(body, dict) and body.get("db") != "connected":
            raise NoDatabase(
                answer.status,
                str(body.get("db")),
                "The gateway has no database, so it knows neither users nor keys: set `database: rds`, or remove them.",
            )

    # -- users

    def get_user(self, user_id: str) -> ObservedUser | None:
        """The user with this id, or None."""
        try:
            return self._read("/v2/user/info", {"user_id": user_id}, observed_user)
        except NotFound:
            return None

    def find_users(self, email: str) -> list[ObservedUser]:
        """Every user with this e-mail, in any spelling. LiteLLM looks before it inserts, so a race can leave
        several."""
        wanted = email.strip().lower()
        # the filter is a partial match
        return [user for user in self.list_users(email.strip()) if (user.email or "").strip().lower() == wanted]

    def list_users(self, email_part: str | None = None) -> list[ObservedUser]:
        """All users, or those whose e-mail contains `email_part`."""
        # by id, because the default order (newest first) has no tie-breaker and pages would overlap
        query: dict[str, str | int] = {"sort_by": "user_id", "sort_order": "asc"}
        if email_part:
            query["user_email"] = email_part
        return self._pages("/user/list", query, _USERS, observed_user)

    def create_user(self, body: Mapping[str, Any]) -> None:
        """POST /user/new. `Conflict` if the id or e-mail is taken."""
        self._call("POST", "/user/new", body=body)

    def update_user(self, body: Mapping[str, Any]) -> None:
        """POST /user/update, for a user that is known to exist: LiteLLM would create another."""
        self._call("POST", "/user/update", body=body)

    def delete_user(self, user_id: str) -> bool:
        """Deletes the user and all keys that it owns. False if there was none."""
        try:
            self._call("POST", "/user/delete", body={"user_ids": [user_id]})
        except NotFound:
            return False
        return True

    # -- keys

    def get_key(self, token: str) -> ObservedKey | None:
        """The key with this token (`models.token_of`), or None. LiteLLM goes on answering for a deleted one, as
        `deleted`."""
        try:
            return self._read("/key/info", {"key": token}, lambda body: _live_key(body["info"], token))
        except NotFound:
            return None

    def find_key(self, alias: str) -> ObservedKey | None:
        """The key with exactly this alias, or None."""
        found = [key for key in self._keys({"key_alias": alias}) if key.alias == alias]
        return found[0] if found else None

    def list_keys(self, owner_id: str | None = None) -> list[ObservedKey]:
        """All keys, or those of one user."""
        return self._keys({} if owner_id is None else {"user_id": owner_id})

    def create_key(self, body: Mapping[str, Any]) -> None:
        """POST /key/generate. `Conflict` if the alias is taken."""
        self._call("POST", "/key/generate", body=body)

    def update_key(self, body: Mapping[str, Any]) -> None:
        """POST /key/update. `NotFound` if there is no such key, `Conflict` if a new alias is taken."""
        self._call("POST", "/key/update", body=body)

    def delete_key(self, token: str) -> bool:
        """Deletes the key with this token. False if there was none."""
        try:
            self._call("POST", "/key/delete", body={"keys": [token]})
        except NotFound:
            return False
        return True

    def block_key(self, token: str) -> None:
        """POST /key/block: its calls are refused until it is unblocked."""
        self._call("POST", "/key/block", body={"key": token})

    def unblock_key(self, token: str) -> None:
        """POST /key/unblock."""
        self._call("POST", "/key/unblock", body={"key": token})

    def key_settings(self, token: str) -> Mapping[str, Any] | None:
        """Everything that LiteLLM stores of a key, by its own names; None if there is no such key."""
        try:
            info = self._read("/key/info", {"key": token}, lambda body: dict(body["info"]))
        except NotFound:
            return None
        return None if info.get("status") == "deleted" else info

    # -- what it serves and what it cost

    def about(self) -> Mapping[str, Any]:
        """GET /health/readiness/details: `litellm_version`, `db` and more. LiteLLM tells whoever has a key."""
        return self._read("/health/readiness/details", {}, dict)

    def list_models(self) -> list[Mapping[str, Any]]:
        """GET /v1/model/info: `model_name`, `litellm_params`, `model_info` of every deployment."""
        return self._read("/v1/model/info", {}, lambda body: list(body["data"]))

    def model_names(self) -> list[str]:
        """The names under which models may be called."""
        return sorted({str(model["model_name"]) for model in self.list_models()})

    def daily_activity(self, start: str, end: str, only: Query) -> list[Mapping[str, Any]]:
        """GET /user/daily/activity from day `start` to day `end` (ISO, UTC, both included): per day `date`, `metrics`
        and their `breakdown`. `only` may name a `user_id`, `api_key` or `model`. A day may come in several parts, which
        add up."""
        found: list[Mapping[str, Any]] = []
        for page in range(1, 100_000):
            query = {**only, "start_date": start, "end_date": end, "page": page, "page_size": ACTIVITY_PAGE}
            days, more = self._read(
                "/user/daily/activity", query, lambda body: (list(body["results"]), body["metadata"]["has_more"])
            )
            found += days
            if not more:
                break
        return found

    def _keys(self, query: Query) -> list[ObservedKey]:
        # by token, for the same reason as users by id
        query = {**query, "return_full_object": "true", "sort_by": "token", "sort_order": "asc"}
        return self._pages("/key/list", query, _KEYS, observed_key)

    # -- calls

    def _pages(self, path: str, query: Query, page: _Page, take: Callable[[Any], T]) -> list[T]:
        """The rows of every page. A row that comes or goes meanwhile moves others across a border between pages, where
        they are missed or seen twice; then LiteLLM's count changes or doesn't fit, and the pages are read again, twice
        at most."""
        rows: dict[str, T] = {}
        for _ in range(3):
            rows, counts, number = {}, set[int](), 1
            while not counts or (number - 1) * PAGE < max(counts):
                here = {**query, "page": number, page.size: PAGE}
                count, found = self._read(
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

    def _read(self, path: str, query: Query, take: Callable[[Any], T]) -> T:
        body = self._call("GET", path, query)
        try:
            return take(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AdminError(
                f"GET {path} answered what LiteLLM 1.108 doesn't ({type(error).__name__}): is this the admin door?"
            ) from None

    def _call(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Any:
        attempts = self._patience.attempts
        for attempt in range(attempts):
            try:
                answer = self._transport.request(method, path, query, body)
            except Unreachable:
                if attempt + 1 == attempts:
                    raise
                told = None
            else:
                if answer.status not in TRY_AGAIN:
                    return self._accepted(method, path, answer)
                if attempt + 1 == attempts:
                    raise _unready(method, path, answer)
                told = answer.retry_after
            self._patience.pause(attempt, told)
        raise AssertionError("attempts is at least 1")

    @staticmethod
    def _accepted(method: str, path: str, answer: Response) -> Any:
        if 200 <= answer.status < 300:
            return answer.body
        raise refusal(method, path, answer.status, answer.body)


def _live_key(info: Mapping[str, Any], token: str) -> ObservedKey | None:
    return None if info.get("status") == "deleted" else observed_key(info, token)


def _unready(method: str, path: str, answer: Response) -> AdminError:
    said = refusal(method, path, answer.status, answer.body)
    return (
        said
        if answer.status == 429
        else Unreachable(f"The gateway isn't ready: {said.reason} ({answer.status} at {method} {path}).")
    )
