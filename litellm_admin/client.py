"""LiteLLM's management API for teams, users and keys: typed, and complete over all pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litellm_admin.calls import PAGE, TRY_AGAIN, Calls, Page, Patience, accepted, unready
from litellm_admin.errors import AdminError, Failed, NoDatabase, NotFound, Unreachable, masked
from litellm_admin.models import (
    ObservedKey,
    ObservedTeam,
    ObservedUser,
    observed_key,
    observed_team,
    observed_user,
)
from litellm_admin.shapes import is_list, is_object
from litellm_admin.transport import Query, Transport

__all__ = ["MOST_USERS", "PAGE", "Client", "Patience"]

MOST_USERS = 500
"""The most users that LiteLLM makes or deletes in one call."""

ACTIVITY_PAGE = 250
"""Rows (a day, user, key and model each) in a page of activity: LiteLLM takes 1,000, and their breakdowns would be more
than a relay can hand back."""

_USERS = Page(size="page_size", rows="users", row_id="user_id", total="total")
_KEYS = Page(size="size", rows="keys", row_id="token", total="total_count")
_TEAMS = Page(size="page_size", rows="teams", row_id="team_id", total="total")


class Client:
    """Teams, users and keys of one gateway. Safe to share between threads.

    Every method raises `Unreachable` if no answer came within its patience, and a `Refused` for an answer that isn't
    success."""

    def __init__(self, transport: Transport, patience: Patience | None = None) -> None:
        self._calls = Calls(transport, patience or Patience())

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
            self._calls.patience.pause(min(attempt, 5), None)

    def _check_readiness(self) -> None:
        answer = self._calls.transport.request("GET", "/health/readiness")
        if answer.status in TRY_AGAIN:
            raise unready("GET", "/health/readiness", answer)
        body = accepted("GET", "/health/readiness", answer)
        # "connected", or "Not connected" when LiteLLM was started without a database
        if is_object(body) and body.get("db") != "connected":
            raise NoDatabase(
                answer.status,
                str(body.get("db")),
                "The gateway has no database, so it knows neither users nor keys: set `database: rds`, or remove them.",
            )

    # -- users

    def get_user(self, user_id: str) -> ObservedUser | None:
        """The user with this id, or None."""
        try:
            return self._calls.read("/v2/user/info", {"user_id": user_id}, observed_user)
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
        return self._calls.pages("/user/list", query, _USERS, observed_user)

    def create_user(self, body: Mapping[str, Any]) -> None:
        """POST /user/new. `Conflict` if the id or e-mail is taken."""
        self._calls.call("POST", "/user/new", body=body)

    def update_user(self, body: Mapping[str, Any]) -> None:
        """POST /user/update, for a user that is known to exist: LiteLLM would create another."""
        self._calls.call("POST", "/user/update", body=body)

    def delete_user(self, user_id: str) -> bool:
        """Deletes the user and all keys that it owns. False if there was none."""
        try:
            self._calls.call("POST", "/user/delete", body={"user_ids": [user_id]})
        except NotFound:
            return False
        return True

    def create_users(self, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
        """POST /management/v1/users/bulk with the bodies of `create_user`, at most `MOST_USERS`. For each, None or why
        LiteLLM didn't make it: a bad row is reported inside of a success."""
        body = self._calls.call("POST", "/management/v1/users/bulk", body={"users": [dict(row) for row in rows]})
        return _row_errors(body, "POST", "/management/v1/users/bulk", len(rows))

    def delete_users(self, user_ids: Sequence[str]) -> list[str | None]:
        """Deletes users and all keys that they own, at most `MOST_USERS`. For each, None or why it is still there; one
        that wasn't there is deleted."""
        path = "/management/v1/users/bulk_delete"
        errors = _row_errors(
            self._calls.call("POST", path, body={"user_ids": list(user_ids)}), "POST", path, len(user_ids)
        )
        # the rows carry no code, so that it goes by LiteLLM's sentence here
        return [None if error and error.endswith("not found") else error for error in errors]

    # -- teams

    def get_team(self, team_id: str) -> ObservedTeam | None:
        """The team with this id, or None."""
        # the list, because /team/info also sends every key and membership of the team
        found = self._calls.pages("/v2/team/list", {"team_id": team_id}, _TEAMS, observed_team)
        return found[0] if found else None

    def find_teams(self, alias: str) -> list[ObservedTeam]:
        """Every team with exactly this alias: LiteLLM takes any number of them."""
        # the filter is a partial match
        found = self._teams({"team_alias": alias})
        return [team for team in found if team.alias == alias]

    def list_teams(self) -> list[ObservedTeam]:
        """All teams."""
        return self._teams({})

    def create_team(self, body: Mapping[str, Any]) -> None:
        """POST /team/new. `Conflict` if the id is taken."""
        self._calls.call("POST", "/team/new", body=body)

    def update_team(self, body: Mapping[str, Any]) -> None:
        """POST /team/update. `NotFound` if there is no such team."""
        self._calls.call("POST", "/team/update", body=body)

    def add_members(self, team_id: str, user_ids: Sequence[str]) -> None:
        """Puts users that are known to exist into a team: LiteLLM would create others. `Refused` (400) if all of them
        are in it."""
        members = [{"role": "user", "user_id": user_id} for user_id in user_ids]
        self._calls.call("POST", "/team/member_add", body={"team_id": team_id, "member": members})

    def remove_member(self, team_id: str, user_id: str) -> None:
        """Takes a user out of a team, and **deletes the keys that it owns in that team**. `Refused` (400) if it isn't
        in it."""
        self._calls.call("POST", "/team/member_delete", body={"team_id": team_id, "user_id": user_id})

    def delete_team(self, team_id: str) -> bool:
        """Deletes the team and all keys that are in it. False if there was none."""
        try:
            self._calls.call("POST", "/team/delete", body={"team_ids": [team_id]})
        except NotFound:
            return False
        return True

    def _teams(self, query: Query) -> list[ObservedTeam]:
        query = {**query, "sort_by": "team_id", "sort_order": "asc"}
        return self._calls.pages("/v2/team/list", query, _TEAMS, observed_team)

    # -- keys

    def get_key(self, token: str) -> ObservedKey | None:
        """The key with this token (`models.token_of`), or None. LiteLLM goes on answering for a deleted one, as
        `deleted`."""
        try:
            return self._calls.read("/key/info", {"key": token}, lambda body: _live_key(body["info"], token))
        except NotFound:
            return None

    def find_key(self, alias: str) -> ObservedKey | None:
        """The key with exactly this alias, or None."""
        found = self.find_keys(alias)
        return found[0] if found else None

    def find_keys(self, alias: str) -> list[ObservedKey]:
        """Every key with exactly this alias, the one with the least token first. LiteLLM looks before it inserts, so a
        race can leave several."""
        return [key for key in self._keys({"key_alias": alias}) if key.alias == alias]

    def list_keys(self, owner_id: str | None = None, team_id: str | None = None) -> list[ObservedKey]:
        """All keys, or those of one user, one team or one user in one team."""
        query = {"user_id": owner_id, "team_id": team_id}
        return self._keys({name: value for name, value in query.items() if value is not None})

    def count_keys(self) -> int:
        """How many keys there are."""
        query = {"page": 1, "size": 1, "sort_by": "token", "sort_order": "asc"}
        return self._calls.read("/key/list", query, lambda body: int(body["total_count"]))

    def create_key(self, body: Mapping[str, Any]) -> None:
        """POST /key/generate. `Conflict` if the alias is taken."""
        self._calls.call("POST", "/key/generate", body=body)

    def update_key(self, body: Mapping[str, Any]) -> None:
        """POST /key/update. `NotFound` if there is no such key, `Conflict` if a new alias is taken."""
        self._calls.call("POST", "/key/update", body=body)

    def delete_key(self, token: str) -> bool:
        """Deletes the key with this token. False if there was none."""
        try:
            self._calls.call("POST", "/key/delete", body={"keys": [token]})
        except NotFound:
            return False
        return True

    def delete_keys(self, tokens: Sequence[str]) -> None:
        """Deletes the keys with these tokens; those that aren't there are deleted."""
        try:
            self._calls.call("POST", "/key/delete", body={"keys": list(tokens)})
        except NotFound:  # not one of them was there
            return

    def block_key(self, token: str) -> None:
        """POST /key/block: its calls are refused until it is unblocked."""
        self._calls.call("POST", "/key/block", body={"key": token})

    def unblock_key(self, token: str) -> None:
        """POST /key/unblock."""
        self._calls.call("POST", "/key/unblock", body={"key": token})

    def key_settings(self, token: str) -> Mapping[str, Any] | None:
        """Everything that LiteLLM stores of a key, by its own names; None if there is no such key."""
        try:
            info = self._calls.read("/key/info", {"key": token}, lambda body: dict(body["info"]))
        except NotFound:
            return None
        return None if info.get("status") == "deleted" else info

    # -- what it serves and what it cost

    def about(self) -> Mapping[str, Any]:
        """GET /health/readiness/details: `litellm_version`, `db` and more. LiteLLM tells whoever has a key."""
        return self._calls.read("/health/readiness/details", {}, dict)

    def list_models(self) -> list[Mapping[str, Any]]:
        """GET /v1/model/info: `model_name`, `litellm_params`, `model_info` of every deployment."""
        return self._calls.read("/v1/model/info", {}, lambda body: list(body["data"]))

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
            days, more = self._calls.read(
                "/user/daily/activity", query, lambda body: (list(body["results"]), body["metadata"]["has_more"])
            )
            found += days
            if not more:
                break
        return found

    def _keys(self, query: Query) -> list[ObservedKey]:
        # by token, for the same reason as users by id
        query = {**query, "return_full_object": "true", "sort_by": "token", "sort_order": "asc"}
        return self._calls.pages("/key/list", query, _KEYS, observed_key)

    # -- many at once

    def post_each(
        self, path: str, bodies: Sequence[Mapping[str, Any]], done: Callable[[int], None] = lambda _: None
    ) -> list[AdminError | None]:
        """POSTs each body to `path`, several at once and in no order. For each, None or its error; nothing is raised.
        `done` is told how many came to their end, from any thread."""
        return self._calls.post_each(path, bodies, done)


def _row_errors(body: Any, method: str, path: str, count: int) -> list[str | None]:
    rows = body.get("data") if is_object(body) else None
    if not is_list(rows) or len(rows) != count or not all(is_object(row) for row in rows):
        raise AdminError(f"{method} {path} answered what LiteLLM 1.108 doesn't: is this the admin door?")
    return [masked(str(row.get("error") or "")) or (None if row.get("success") else "no reason given") for row in rows]


def _live_key(info: Mapping[str, Any], token: str) -> ObservedKey | None:
    return None if info.get("status") == "deleted" else observed_key(info, token)
