"""LiteLLM's team, user and key API in memory, with the quirks that `plan` works around. `test_live_quirks.py` holds the
same quirks against the real proxy, so that this one can't drift away from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from litellm_admin.durations import canonical
from litellm_admin.errors import AdminError, Unreachable
from litellm_admin.models import PROXY_ADMIN_ID, token_of
from litellm_admin.transport import Call, Query, Response, tried

Fault = Callable[[str, str], str | int | None]
"""(method, path) → None, "before" or "after" (no answer, before or after LiteLLM acted), or a status to answer with."""

_USER = {
    "user_email": None,
    "user_alias": None,
    "user_role": None,
    "models": [],
    "max_budget": None,
    "budget_duration": None,
}
_KEY = {
    "key_alias": None,
    "user_id": None,
    "team_id": None,
    "models": [],
    "max_budget": None,
    "budget_duration": None,
    "expires": None,
}
_TEAM = {"team_alias": None, "models": [], "max_budget": None, "budget_duration": None}
_ROUTES = {"llm_api": ["llm_api_routes"], "management": ["management_routes"], "read_only": ["info_routes"]}
_BOTH = {"tpm_limit": None, "rpm_limit": None, "metadata": {}, "spend": 0.0}
_CLEARABLE = {"max_budget", "budget_duration", "tpm_limit", "rpm_limit"}


class _Status(Exception):
    def __init__(self, status: int, body: Any) -> None:
        self.answer = Response(status, body)


def _refuse(status: int, message: str) -> _Status:
    return _Status(
        status, {"error": {"message": message, "type": "internal_server_error", "param": None, "code": str(status)}}
    )


@dataclass
class FakeLiteLLM:
    """A transport that answers by itself. `calls` records what was asked."""

    fault: Fault = lambda _method, _path: None
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    page_limit: int = 100
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"model_name": name} for name in ("haiku", "sonnet")])
    days: list[dict[str, Any]] = field(default_factory=list)

    batch: ClassVar[int] = 3
    lanes: ClassVar[int] = 1

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        return [tried(self, call) for call in calls]

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        self.calls.append((method, path))
        fault = self.fault(method, path)
        if isinstance(fault, int):
            return Response(fault, {"error": {"message": f"fault {fault}"}})
        if fault == "before":
            raise Unreachable("no connection")
        answer = self._answer(method, path, dict(query or {}), dict(body or {}))
        if fault == "after":
            raise Unreachable("the answer was lost")
        return answer

    def _answer(self, method: str, path: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
        handlers: Mapping[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "/health/readiness"): lambda _: {"status": "healthy", "db": "connected"},
            ("GET", "/v2/user/info"): self._user_info,
            ("GET", "/user/list"): self._user_list,
            ("POST", "/user/new"): self._user_new,
            ("POST", "/user/update"): self._user_update,
            ("POST", "/user/delete"): self._user_delete,
            ("POST", "/management/v1/users/bulk"): self._users_bulk,
            ("POST", "/management/v1/users/bulk_delete"): self._users_bulk_delete,
            ("GET", "/v2/team/list"): self._team_list,
            ("POST", "/team/new"): self._team_new,
            ("POST", "/team/update"): self._team_update,
            ("POST", "/team/member_add"): self._member_add,
            ("POST", "/team/member_delete"): self._member_delete,
            ("POST", "/team/delete"): self._team_delete,
            ("GET", "/key/info"): self._key_info,
            ("GET", "/key/list"): self._key_list,
            ("POST", "/key/generate"): self._key_generate,
            ("POST", "/key/update"): self._key_update,
            ("POST", "/key/delete"): self._key_delete,
            ("POST", "/key/block"): lambda body: self._key_block(body, True),
            ("POST", "/key/unblock"): lambda body: self._key_block(body, False),
            ("GET", "/v1/model/info"): lambda _: {"data": self.models},
            ("GET", "/user/daily/activity"): lambda _: {"results": self.days, "metadata": {"has_more": False}},
            ("GET", "/health/readiness/details"): lambda _: {"db": "connected", "litellm_version": "1.108.7"},
        }
        try:
            return Response(200, handlers[method, path](query if method == "GET" else body))
        except _Status as status:
            return status.answer

    # -- users

    def _user_info(self, query: dict[str, Any]) -> Any:
        if query["user_id"] not in self.users:
            raise _refuse(404, f"User not found: {query['user_id']}")
        return self.users[query["user_id"]]

    def _user_list(self, query: dict[str, Any]) -> Any:
        part = query.get("user_email", "").lower()
        rows = [row for row in self.users.values() if part in (row["user_email"] or "").lower()]
        rows.sort(key=lambda row: row["user_id"])
        page = self._page(rows, query["page"], query["page_size"])
        return {"users": page, "total": len(rows), "page": query["page"], "page_size": query["page_size"]}

    def _user_new(self, body: dict[str, Any]) -> Any:
        if body.get("models", []) is None:
            raise _refuse(500, "Internal Server Error.")
        _checked_duration(body)
        if body["user_id"] in self.users:
            raise _refuse(409, f"{{'error': 'User with id {body['user_id']} already exists'}}")
        email = body["user_email"].strip().lower()
        if any((row["user_email"] or "").lower() == email for row in self.users.values()):
            raise _refuse(409, f"{{'error': 'User with email {email} already exists'}}")
        if body.pop("auto_create_key", True):
            token = token_of(f"auto {len(self.keys)}")
            self.keys[token] = {**_KEY, **_BOTH, "token": token, "user_id": body["user_id"], "allowed_routes": []}
        self.users[body["user_id"]] = {**_USER, **_BOTH, **body}
        return self.users[body["user_id"]]

    def _user_update(self, body: dict[str, Any]) -> Any:
        _checked_duration(body)
        given = {name: value for name, value in body.items() if name in _CLEARABLE or value not in (None, [], {})}
        row = self.users.setdefault(body["user_id"], {**_USER, **_BOTH, "user_id": body["user_id"]})
        row.update(given)
        return {"data": row}

    def _user_delete(self, body: dict[str, Any]) -> Any:
        if missing := [name for name in body["user_ids"] if name not in self.users]:
            raise _Status(404, {"detail": {"error": f"User not found, passed user_id={missing[0]}"}})
        for user_id in body["user_ids"]:
            self._without_user(user_id)
        return len(body["user_ids"])

    def _without_user(self, user_id: str) -> None:
        del self.users[user_id]
        for team in self.teams.values():
            team["members_with_roles"] = [m for m in team["members_with_roles"] if m["user_id"] != user_id]
        self._without_keys(lambda row: row["user_id"] == user_id)

    def _users_bulk(self, body: dict[str, Any]) -> Any:
        assert 0 < len(body["users"]) <= 500, "LiteLLM refuses others with 422"
        results = []
        for row in body["users"]:
            try:
                self._user_new({"auto_create_key": False, **row})
            except _Status as status:
                error = status.answer.body["error"]["message"]
                results.append({"user_id": row["user_id"], "success": False, "error": error})
            else:
                results.append({"user_id": row["user_id"], "success": True, "error": None})
        return {"data": results, "meta": {}}

    def _users_bulk_delete(self, body: dict[str, Any]) -> Any:
        assert 0 < len(body["user_ids"]) <= 500, "LiteLLM refuses others with 422"
        results = []
        for user_id in body["user_ids"]:
            error = None if user_id in self.users else f"User id={user_id} not found"
            results.append({"user_id": user_id, "success": not error, "error": error})
            if not error:
                self._without_user(user_id)
        return {"data": results}

    # -- teams

    def _team_list(self, query: dict[str, Any]) -> Any:
        part, team_id = query.get("team_alias", "").lower(), query.get("team_id")
        rows = [row for row in self.teams.values() if part in (row["team_alias"] or "").lower()]
        rows = sorted((row for row in rows if team_id in (None, row["team_id"])), key=lambda row: row["team_id"])
        return {"teams": self._page(rows, query["page"], query["page_size"]), "total": len(rows)}

    def _team_new(self, body: dict[str, Any]) -> Any:
        _checked_duration(body)
        if body["team_id"] in self.teams:
            raise _refuse(400, f"{{'error': 'Team id = {body['team_id']} already exists. Please use a different…'}}")
        admin = {"user_id": PROXY_ADMIN_ID, "user_email": None, "role": "admin"}
        self.teams[body["team_id"]] = {**_TEAM, **_BOTH, "blocked": False, **body, "members_with_roles": [admin]}
        return self.teams[body["team_id"]]

    def _team_update(self, body: dict[str, Any]) -> Any:
        _checked_duration(body)
        row = self.teams.get(body["team_id"])
        if row is None:
            raise _refuse(404, f"{{'error': 'Team not found, passed team_id={body['team_id']}'}}")
        if "models" in body and body["models"] is None:
            raise _refuse(500, "Unable to match input value to any allowed input type for the field.")
        row.update(body)
        return {"data": row}

    def _member_add(self, body: dict[str, Any]) -> Any:
        row = self.teams.get(body["team_id"])
        if row is None:
            raise _refuse(404, f"{{'error': 'Team not found for team_id={body['team_id']}'}}")
        have = {member["user_id"] for member in row["members_with_roles"]}
        new = [member for member in body["member"] if member["user_id"] not in have]
        if not new:
            raise _refuse(400, "All users are already in team.")
        for member in new:
            if member["user_id"] not in self.users:
                self.users[member["user_id"]] = {**_USER, **_BOTH, "user_id": member["user_id"]}
        row["members_with_roles"] = [*row["members_with_roles"], *new]
        return row

    def _member_delete(self, body: dict[str, Any]) -> Any:
        row = self.teams.get(body["team_id"])
        if row is None:
            raise _Status(400, {"detail": {"error": f"Team id={body['team_id']} does not exist in db"}})
        left = [member for member in row["members_with_roles"] if member["user_id"] != body["user_id"]]
        if len(left) == len(row["members_with_roles"]):
            raise _Status(400, {"detail": {"error": "User not found in team"}})
        row["members_with_roles"] = left
        self._without_keys(lambda key: (key["user_id"], key["team_id"]) == (body["user_id"], body["team_id"]))
        return row

    def _team_delete(self, body: dict[str, Any]) -> Any:
        for team_id in body["team_ids"]:
            if team_id not in self.teams:
                raise _Status(404, {"detail": {"error": f"Team not found, passed team_id={team_id}"}})
            del self.teams[team_id]
            self._without_keys(lambda key, team_id=team_id: key["team_id"] == team_id)
        return {"deleted_teams": body["team_ids"]}

    # -- keys

    def _key_info(self, query: dict[str, Any]) -> Any:
        token = query["key"]
        row = self.keys.get(token) or self.deleted.get(token)
        if row is None:
            raise _refuse(404, "Key not found in database")
        info = {name: value for name, value in row.items() if name != "token"}
        return {"key": token, "info": {**info, "status": "active" if token in self.keys else "deleted"}}

    def _key_list(self, query: dict[str, Any]) -> Any:
        rows = [
            row
            for row in self.keys.values()
            if all(query.get(name) in (None, row[name]) for name in ("key_alias", "user_id", "team_id"))
        ]
        rows.sort(key=lambda row: row["token"])
        return {"keys": self._page(rows, query["page"], query["size"]), "total_count": len(rows)}

    def _key_generate(self, body: dict[str, Any]) -> Any:
        self._checked_key(body, None)
        token = token_of(body.pop("key"))
        routes = _ROUTES.get(body.pop("key_type", "default"), [])
        expires = _expires(body)
        wanted = {
            **_KEY,
            **_BOTH,
            **body,
            "expires": expires,
            "token": token,
            "allowed_routes": routes,
            "blocked": None,
            "created_at": datetime.now(UTC).isoformat(),
        }
        self.keys.setdefault(token, wanted)  # one that is there stays as it is, and the answer is the same
        return wanted

    def _key_update(self, body: dict[str, Any]) -> Any:
        token = body.pop("key")
        if token not in self.keys:
            raise _refuse(404, "Key not found.")
        self._checked_key(body, token)
        if "models" in body and body["models"] is None:
            raise _refuse(400, "Unable to match input value to any allowed input type for the field.")
        if "duration" in body:
            body["expires"] = _expires(body)
        self.keys[token].update(body)
        return self.keys[token]

    def _key_block(self, body: dict[str, Any], blocked: bool) -> Any:
        if body["key"] not in self.keys:
            raise _refuse(404, "Key not found.")
        self.keys[body["key"]]["blocked"] = blocked
        return self.keys[body["key"]]

    def _key_delete(self, body: dict[str, Any]) -> Any:
        found = [token for token in body["keys"] if token in self.keys]
        if not found:
            raise _refuse(404, "{'error': 'No keys found'}")
        for token in found:
            self.deleted[token] = self.keys.pop(token)
        return {"deleted_keys": body["keys"]}

    def _without_keys(self, goes: Callable[[dict[str, Any]], bool]) -> None:
        for token in [token for token, row in self.keys.items() if goes(row)]:
            self.deleted[token] = self.keys.pop(token)

    def _checked_key(self, body: dict[str, Any], token: str | None) -> None:
        _checked_duration(body)
        budget = body.get("max_budget")
        if budget is not None and not (math.isfinite(budget) and budget >= 0):
            raise _refuse(400, f"{{'error': 'max_budget must be a non-negative finite number. Received: {budget}'}}")
        alias = body.get("key_alias")
        if alias is not None and any(row["key_alias"] == alias for name, row in self.keys.items() if name != token):
            raise _refuse(
                400, f"Key with alias '{alias}' already exists. Unique key aliases across all keys are required."
            )

    def _page(self, rows: list[Any], number: int, size: int) -> list[Any]:
        assert 1 <= size <= self.page_limit, "LiteLLM refuses larger pages with 422"
        return rows[(number - 1) * size : number * size]


def _checked_duration(body: dict[str, Any]) -> None:
    duration = body.get("budget_duration")
    if duration is not None:
        try:
            canonical(duration)
        except ValueError:
            raise _refuse(400, f"{{'error': \"Invalid budget_duration '{duration}'.\"}}") from None


def _expires(body: dict[str, Any]) -> str | None:
    duration = body.pop("duration", None)
    if duration in (None, "-1"):
        return None
    return (datetime.now(UTC) + timedelta(seconds=int(duration.removesuffix("s")))).isoformat()
