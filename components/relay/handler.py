"""The admin relay: a Lambda function in the VPC that forwards management calls to LiteLLM's admin door.

Who may call it is IAM's to say, and who did is proven by the caller (`caller.py`). The caller needn't hold the master
key: the relay reads it from Secrets Manager itself and puts it on the request, unless it was deployed to hold none.
Only the routes below pass, and nothing of a request can change where it goes. The same code is deployed a second time
as the reader, which forwards only what changes nothing.

Event: `{"request": text, "caller": {"authorization", "date", "token"?}, "key"?: text}`; `request` is the JSON text of
`{"method": "GET"|"POST", "path": "/user/list", "query"?: {…}, "body"?: any}`, a text because it is what is signed.
Or many at once: `{"calls": [call, …]}` in its place → `{"status": 200, "answers": [answer, …]}` in the same order, each
checked, forwarded and logged as if it had come alone, so that this allows nothing else. It spares an invocation a call.
Answer: `{"status": int, "body": any, "retry_after"?: seconds, "caller"?: ARN}`. Errors of the relay's own carry
`"type": "relay"`, and a `code` where a program may want to tell them apart.

Environment: `ADMIN_DOOR_URL`, `MASTER_KEY_SECRET_ARN`, `HOLDS_KEY` and `READS_ONLY` (true or false).
Standard library and boto3 only, as Lambda's Python runtime has them; the files of this folder are the whole package.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlencode

import caller
import door
from door import Call, Line, Rejected, forward

# The only routes that are forwarded: LiteLLM's management of users, keys, teams and budgets, what they spent, which
# models there are, and whether it is up. Inference belongs to the public door; `/config/*`, `/credentials`, `/sso`,
# `/login`, `/guardrails/*` and the UI are nobody's business from outside. A prefix covers what is below it.
ROUTES: dict[str, frozenset[str]] = {
    "/user": frozenset({"GET", "POST"}),
    "/v2/user": frozenset({"GET"}),
    "/key": frozenset({"GET", "POST"}),
    "/v2/key": frozenset({"POST"}),  # /v2/key/info reads, by POST
    "/team": frozenset({"GET", "POST"}),
    "/v2/team": frozenset({"GET"}),
    "/budget": frozenset({"GET", "POST"}),
    "/management/v1/users": frozenset({"POST"}),
    "/spend": frozenset({"GET", "POST"}),
    "/global/spend": frozenset({"GET"}),
    "/model/info": frozenset({"GET"}),
    "/v1/model/info": frozenset({"GET"}),
    "/health/liveliness": frozenset({"GET"}),
    "/health/readiness": frozenset({"GET"}),
}

# Literal segments: no dots, so no `..`; no percent sign, so no second spelling; no `?`, `#` or `//`.
_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+")
_PARAMETER = re.compile(r"[a-z_]{1,40}")
# What reads by POST, because it takes a list.
_READING = frozenset({"/v2/key/info"})
_KEY = re.compile(r"sk-[A-Za-z0-9_-]*")
# Goes into a header as it is.
_GIVEN_KEY = re.compile(r"[\x21-\x7e]{1,512}")

MAX_PATH = 512
MAX_QUERY = 8 * 1024
MAX_REQUEST = 1024 * 1024
# What is left for the answer's way back when the function's own time runs out.
RESERVE_SECONDS = 2.0
# Calls in one invocation, and how many of them are on their way at once. A call of many is only sent while there is
# time for its answer.
MAX_CALLS = 100
AT_ONCE = 4
LEAST_SECONDS = 10.0


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: forwards one call, or several, and leaves one line in the log for each."""
    started = time.monotonic()
    request: dict[str, Any] = {}
    who = None
    try:
        text, key = _opened(event)
        request = _parsed(text)
        who = _caller(event.get("caller"), text, context)
        if request.keys() == {"calls"}:
            return {**_each(request["calls"], key, who, context), "caller": who}
        with Line() as line:
            answer = forward(checked(request), key, who, _seconds_left(context), line)
    except Rejected as rejection:
        answer = rejection.answer
    _log(request, who, context, answer["status"], started)
    return answer if who is None else {**answer, "caller": who}


def _each(calls: Any, key: str | None, who: str, context: Any) -> dict[str, Any]:
    """Forwards several calls, a few at a time. Those that there is no time for are answered 503 and weren't sent."""
    if not isinstance(calls, list) or not 0 < len(calls) <= MAX_CALLS:
        raise Rejected(400, f"`calls` is a list of 1 to {MAX_CALLS} calls.")
    with ExitStack() as lines, ThreadPoolExecutor(AT_ONCE) as pool:
        free: SimpleQueue[Line] = SimpleQueue()
        for _ in range(AT_ONCE):
            free.put(lines.enter_context(Line()))
        answers = list(pool.map(lambda call: _one_of_many(call, key, who, context, free), calls))
    if len(json.dumps(answers)) > door.MAX_ANSWER:
        sentence = f"The answers are larger than {door.MAX_ANSWER >> 20} MB together; send fewer calls at once."
        return Rejected(502, sentence).answer
    return {"status": 200, "answers": answers}


def _one_of_many(call: Any, key: str | None, who: str, context: Any, free: SimpleQueue[Line]) -> dict[str, Any]:
    started, line = time.monotonic(), free.get()
    request = call if isinstance(call, dict) else {}
    try:
        if _seconds_left(context) < LEAST_SECONDS:
            raise Rejected(503, "The relay ran out of time before it could send this call; send it again.")
        answer = forward(checked(request), key, who, _seconds_left(context), line)
    except Rejected as rejection:
        answer = rejection.answer
    finally:
        free.put(line)
    _log(request, who, context, answer["status"], started)
    return answer


def _seconds_left(context: Any) -> float:
    return context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS


def _opened(event: Any) -> tuple[str, str | None]:
    """The request's text and the caller's own key, if there is one."""
    if not isinstance(event, dict) or event.keys() - {"request", "caller", "key"}:
        raise Rejected(400, "An event has `request` and `caller`, and may have `key`; nothing else.")
    request, key = event.get("request"), event.get("key")
    if not isinstance(request, str):
        raise Rejected(400, "`request` must be the JSON text of a call.")
    if len(request) > MAX_REQUEST + MAX_QUERY + MAX_PATH:
        raise Rejected(413, f"The request is larger than {MAX_REQUEST >> 20} MB; send it in parts.")
    if key is not None and (not isinstance(key, str) or not _GIVEN_KEY.fullmatch(key)):
        raise Rejected(400, "`key` is no key.")
    return request, key


def _parsed(request: str) -> dict[str, Any]:
    try:
        found = json.loads(request)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Rejected(400, "`request` must be the JSON text of a call.")
    return found


def _caller(proof: Any, request: str, context: Any) -> str:
    # arn:aws:lambda:us-west-1:123456789012:function:llm-gateway-poc-relay
    _, _, _, region, account, _, name, *_ = context.invoked_function_arn.split(":")
    try:
        return caller.identify(proof, request, name, region, account).arn
    except caller.Unproven as error:
        raise Rejected(error.status, str(error), code="caller_unproven") from None


def checked(request: dict[str, Any]) -> Call:
    """The call, if it may be forwarded.

    Raises:
        Rejected: if it may not.
    """
    if request.keys() - {"method", "path", "query", "body"}:
        raise Rejected(400, "A call has `method` and `path`, and may have `query` and `body`; nothing else.")
    method, path = request.get("method"), request.get("path")
    if not isinstance(path, str) or len(path) > MAX_PATH or not _PATH.fullmatch(path):
        raise Rejected(400, "The path must be literal segments of letters, digits, _ and -, such as /user/list.")
    if method not in _methods(path):
        allowed = " or ".join(sorted(_methods(path)))
        reason = (
            f"it takes {allowed}"
            if allowed
            else "it is no management route; models are called at the gateway's public address"
        )
        raise Rejected(403, f"The relay doesn't forward {_masked(str(method)[:10])} {_masked(path)}: {reason}.")
    if _is("READS_ONLY") and method != "GET" and path not in _READING:
        raise Rejected(
            403, f"This relay lets its callers look and not change: {method} {path} needs the gateway's other relay."
        )
    return Call(method, path + _query(request.get("query")), _body(method, request))


def _is(variable: str) -> bool:
    return os.environ[variable] == "true"


def _methods(path: str) -> frozenset[str]:
    for prefix, methods in ROUTES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return methods
    return frozenset()


def _query(query: Any) -> str:
    if query is None or query == {}:
        return ""
    plain = isinstance(query, dict) and all(
        isinstance(name, str) and _PARAMETER.fullmatch(name) and isinstance(value, (str, int))
        for name, value in query.items()
    )
    text = urlencode(query) if plain else ""
    if not plain or len(text) > MAX_QUERY:
        raise Rejected(
            400, f"The query must be a mapping from names to text or whole numbers, of at most {MAX_QUERY >> 10} KB."
        )
    return f"?{text}"


def _body(method: str, request: dict[str, Any]) -> bytes | None:
    if request.get("body") is None:
        return None
    if method == "GET":
        raise Rejected(400, "A GET has no body.")
    raw = json.dumps(request["body"]).encode()
    if len(raw) > MAX_REQUEST:
        raise Rejected(413, f"The body is larger than {MAX_REQUEST >> 20} MB; send it in parts.")
    return raw


# Of a body only these are told, and only as far as they name what is changed: ids, and digests of keys.
_NAMED = ("user_id", "user_ids", "key", "keys", "team_id", "team_ids")
_MOST_NAMED = 20


def _log(request: dict[str, Any], who: str | None, context: Any, status: int, started: float) -> None:
    """One JSON line: who called what, and what came of it. Never bodies, query values or keys."""
    query = request.get("query")
    line = {
        "audit": "admin-call",
        "request": getattr(context, "aws_request_id", None),
        "caller": who,
        "method": _masked(str(request.get("method"))[:10]),
        "path": _masked(str(request.get("path"))[:MAX_PATH]),
        "query": sorted(_masked(str(name)[:40]) for name in query) if isinstance(query, dict) else [],
        "objects": _objects(request.get("body")),
        "status": status,
        "milliseconds": round((time.monotonic() - started) * 1000),
    }
    # in one piece, because several threads may be at it
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _objects(body: Any) -> list[str]:
    found: list[str] = []
    for name in _NAMED if isinstance(body, dict) else ():
        value = body.get(name)
        found += [_object(name, item) for item in (value if isinstance(value, list) else [value]) if item is not None]
    return found[:_MOST_NAMED]


def _object(name: str, item: Any) -> str:
    """`user_id=…`, `key=3f2a91c0`: LiteLLM knows a key by the SHA-256 of its value."""
    text = str(item)
    if name.startswith("key"):
        digest = text if re.fullmatch(r"[0-9a-f]{64}", text) else hashlib.sha256(text.encode()).hexdigest()
        return f"key={digest[:8]}"
    return f"{name.rstrip('s')}={_masked(text[:80])}"


def _masked(text: str) -> str:
    return _KEY.sub("sk-…", text)
