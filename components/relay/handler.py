"""The admin relay: a Lambda function in the VPC that forwards management calls to LiteLLM's admin door.

Who may call it is IAM's to say. The caller never holds the master key: the relay reads it from Secrets Manager itself
and puts it on the request. Only the routes below pass, and nothing of a request can change where it goes.

Event: `{"method": "GET"|"POST", "path": "/user/list", "query"?: {…}, "body"?: any}`.
Answer: `{"status": int, "body": any, "retry_after"?: seconds}`. Errors of the relay's own carry `"type": "relay"`.

Or many at once, `{"calls": [event, …]}` → `{"status": 200, "answers": [answer, …]}` in the same order: each is checked,
forwarded and logged as if it had come alone, so that this allows nothing else. It spares an invocation a call.

Standard library and boto3 only, as Lambda's Python runtime has them; this one file is the whole deployment package.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.config import Config

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
_KEY = re.compile(r"sk-[A-Za-z0-9_-]*")

MAX_PATH = 512
MAX_QUERY = 8 * 1024
MAX_REQUEST = 1024 * 1024
# Lambda gives back 6 MB at most. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER = 5 * 1024 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 55.0
# What is left for the answer's way back when the function's own time runs out.
RESERVE_SECONDS = 2.0
# Calls in one invocation, and how many of them are on their way at once. A call of a batch is only sent while there is
# time for its answer.
MAX_CALLS = 100
AT_ONCE = 4
LEAST_SECONDS = 10.0


class Rejected(Exception):
    """The relay itself answers: `status` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: forwards one call, or several, and leaves one line in the log for each."""
    if isinstance(event, dict) and event.keys() == {"calls"}:
        return handle_each(event["calls"], context)
    started = time.monotonic()
    try:
        method, path, query, body = checked(event)
        answer = forward(method, path + query, body, _seconds_left(context))
    except Rejected as rejection:
        answer = {"status": rejection.status, "body": {"error": {"message": str(rejection), "type": "relay"}}}
    _audit(event, context, answer["status"], started)
    return answer


def handle_each(calls: Any, context: Any) -> dict[str, Any]:
    """Forwards several calls, a few at a time. Those that there is no time for are answered 503 and weren't sent."""
    if not isinstance(calls, list) or not 0 < len(calls) <= MAX_CALLS:
        sentence = f"`calls` is a list of 1 to {MAX_CALLS} calls."
        return {"status": 400, "body": {"error": {"message": sentence, "type": "relay"}}}

    def one(call: Any) -> dict[str, Any]:
        if _seconds_left(context) < LEAST_SECONDS:
            sentence = "The relay ran out of time before it could send this call; send it again."
            return {"status": 503, "body": {"error": {"message": sentence, "type": "relay"}}}
        if isinstance(call, dict) and "calls" in call:
            call = {}  # one level is enough; what is left is refused as no call
        return handle(call, context)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, calls))
    if len(json.dumps(answers)) > MAX_ANSWER:
        sentence = f"The answers are larger than {MAX_ANSWER >> 20} MB together; send fewer calls at once."
        return {"status": 502, "body": {"error": {"message": sentence, "type": "relay"}}}
    return {"status": 200, "answers": answers}


def checked(event: Any) -> tuple[str, str, str, bytes | None]:
    """Method, path, query (with its `?`, or empty) and encoded body of a call that may be forwarded.

    Raises:
        Rejected: if it may not.
    """
    if not isinstance(event, dict) or event.keys() - {"method", "path", "query", "body"}:
        raise Rejected(400, "A call has `method` and `path`, and may have `query` and `body`; nothing else.")
    method, path = event.get("method"), event.get("path")
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
    return method, path, _query(event.get("query")), _body(method, event)


def forward(method: str, target: str, body: bytes | None, seconds: float) -> dict[str, Any]:
    """LiteLLM's answer. A 401 may mean that the master key was changed since it was read, so it is read again, once.

    Raises:
        Rejected: if LiteLLM can't be reached, or the key not read.
    """
    deadline = time.monotonic() + seconds
    answer = _send(method, target, body, _master_key(), deadline)
    if answer["status"] == 401:
        before, after = _master_key(), _master_key(fresh=True)
        if before != after:
            answer = _send(method, target, body, after, deadline)
    return answer


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


def _body(method: str, event: dict[str, Any]) -> bytes | None:
    if event.get("body") is None:
        return None
    if method == "GET":
        raise Rejected(400, "A GET has no body.")
    raw = json.dumps(event["body"]).encode()
    if len(raw) > MAX_REQUEST:
        raise Rejected(413, f"The body is larger than {MAX_REQUEST >> 20} MB; send it in parts.")
    return raw


def _send(method: str, target: str, body: bytes | None, key: str, deadline: float) -> dict[str, Any]:
    door = urlsplit(os.environ["ADMIN_DOOR_URL"])
    secure = door.scheme == "https"
    place = f"the admin door at {door.hostname}:{door.port or (443 if secure else 80)}"
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(door.hostname or "", door.port, timeout=_within(CONNECT_SECONDS, deadline))
    try:
        _connect(connection, place)
        connection.sock.settimeout(_within(READ_SECONDS, deadline))
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        raw = answer.read(MAX_ANSWER + 1)
    except TimeoutError:
        raise Rejected(504, f"LiteLLM didn't answer in time behind {place}.") from None
    except (OSError, http.client.HTTPException) as error:
        raise Rejected(502, f"The connection to {place} broke off ({type(error).__name__}).") from None
    finally:
        connection.close()
    if len(raw) > MAX_ANSWER:
        raise Rejected(502, f"The answer is larger than {MAX_ANSWER >> 20} MB; ask for smaller pages.")
    found = {"status": answer.status, "body": _decoded(raw)}
    wait = answer.headers.get("Retry-After", "")
    return {**found, "retry_after": int(wait)} if wait.isdigit() else found


def _connect(connection: http.client.HTTPConnection, place: str) -> None:
    """Says which part of the way is broken, because each has another cause."""
    try:
        connection.connect()
    except socket.gaierror:
        raise Rejected(502, f"The name of {place} doesn't resolve: is the load balancer still there?") from None
    except ConnectionRefusedError:
        raise Rejected(502, f"Nothing listens at {place}: the load balancer has no listener on that port.") from None
    except TimeoutError:
        raise Rejected(
            504, f"No connection to {place}: a security group between relay and load balancer doesn't allow that port."
        ) from None
    except OSError as error:
        raise Rejected(502, f"No connection to {place} ({type(error).__name__}).") from None


def _within(seconds: float, deadline: float) -> float:
    return max(0.1, min(seconds, deadline - time.monotonic()))


def _seconds_left(context: Any) -> float:
    return context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        # a load balancer's own page, for example
        return raw[:2000].decode(errors="replace")


_cached: dict[str, str] = {}


def _master_key(fresh: bool = False) -> str:
    """The master key, kept for as long as this instance of the function lives."""
    arn = os.environ["MASTER_KEY_SECRET_ARN"]
    if fresh or arn not in _cached:
        config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
        try:
            answer = boto3.client("secretsmanager", config=config).get_secret_value(SecretId=arn)
        except Exception as error:  # botocore raises some forty kinds; each means the same to the caller
            response = getattr(error, "response", None) or {}  # None where no answer came at all
            code = response.get("Error", {}).get("Code", type(error).__name__)
            raise Rejected(
                502,
                f"The relay can't read the master key ({code}): its role needs secretsmanager:GetSecretValue on {arn}, "
                "and its security group a way out to Secrets Manager (port 443).",
            ) from None
        _cached[arn] = answer["SecretString"].strip()
    return _cached[arn]


def _audit(event: Any, context: Any, status: int, started: float) -> None:
    """One JSON line: what was called and what came of it. Never bodies, query values or keys."""
    given = event if isinstance(event, dict) else {}
    query = given.get("query")
    line = {
        "audit": "admin-call",
        "request": getattr(context, "aws_request_id", None),
        "method": _masked(str(given.get("method"))[:10]),
        "path": _masked(str(given.get("path"))[:MAX_PATH]),
        "query": sorted(_masked(str(name)[:40]) for name in query) if isinstance(query, dict) else [],
        "status": status,
        "milliseconds": round((time.monotonic() - started) * 1000),
    }
    # in one piece, because several threads may be at it
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _masked(text: str) -> str:
    return _KEY.sub("sk-…", text)
