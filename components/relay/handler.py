"""The admin relay: a Lambda function in the VPC that forwards management calls to LiteLLM's admin door.

Who may call it is IAM's to say, and who did is proven by the caller (`caller.py`). The caller needn't hold the master
key: the relay reads it from Secrets Manager itself and puts it on the request, unless it was deployed to hold none.
Only the routes below pass, and nothing of a request can change where it goes. The same code is deployed a second time
as the reader, which forwards only what changes nothing.

Event: `{"request": text, "caller": {"authorization", "date", "token"?}, "key"?: text}`; `request` is the JSON text of
`{"method": "GET"|"POST", "path": "/user/list", "query"?: {…}, "body"?: any}`, a text because it is what is signed.
Answer: `{"status": int, "body": any, "retry_after"?: seconds, "caller"?: ARN}`. Errors of the relay's own carry
`"type": "relay"`, and a `code` where a program may want to tell them apart.

Environment: `ADMIN_DOOR_URL`, `MASTER_KEY_SECRET_ARN`, `HOLDS_KEY` and `READS_ONLY` (true or false).
Standard library and boto3 only, as Lambda's Python runtime has them; the files of this folder are the whole package.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import caller
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
# What reads by POST, because it takes a list.
_READING = frozenset({"/v2/key/info"})
_KEY = re.compile(r"sk-[A-Za-z0-9_-]*")
# Goes into a header as it is.
_GIVEN_KEY = re.compile(r"[\x21-\x7e]{1,512}")

MAX_PATH = 512
MAX_QUERY = 8 * 1024
MAX_REQUEST = 1024 * 1024
# Lambda gives back 6 MB at most. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER = 5 * 1024 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 55.0
# What is left for the answer's way back when the function's own time runs out.
RESERVE_SECONDS = 2.0


class Rejected(Exception):
    """The relay itself answers: `status` and a sentence, with `more` in the error's body."""

    def __init__(self, status: int, sentence: str, **more: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.more = more

    @property
    def answer(self) -> dict[str, Any]:
        return {"status": self.status, "body": {"error": {"message": str(self), "type": "relay", **self.more}}}


@dataclass
class Audit:
    """What is known of a call by its end."""

    request: dict[str, Any]
    caller: str | None = None


@dataclass(frozen=True)
class Call:
    """A call that may be forwarded. `target` is the path with its query."""

    method: str
    target: str
    body: bytes | None


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: forwards one call and leaves one line in the log."""
    started = time.monotonic()
    audit = Audit({})
    try:
        answer = _handled(event, context, audit)
    except Rejected as rejection:
        answer = rejection.answer
    if audit.caller is not None:
        answer = {**answer, "caller": audit.caller}
    _log(audit, context, answer["status"], started)
    return answer


def _handled(event: Any, context: Any, audit: Audit) -> dict[str, Any]:
    request, key = _opened(event)
    audit.request = _parsed(request)
    audit.caller = _caller(event.get("caller"), request, context)
    call = checked(audit.request)
    return forward(call, key, audit.caller, _seconds_left(context))


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
    except ValueError:
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


def forward(call: Call, key: str | None, who: str, seconds: float) -> dict[str, Any]:
    """LiteLLM's answer, by the caller's key or the relay's own. A 401 may mean that the master key was changed since it
    was read, so it is read again, once.

    Raises:
        Rejected: if LiteLLM can't be reached, or there is no key.
    """
    deadline = time.monotonic() + seconds
    if key is not None:
        return _send(call, key, who, deadline)
    if not _is("HOLDS_KEY"):
        raise Rejected(
            401,
            "This relay holds no key: bring one, such as the master key of its stack.",
            code="key_required",
            secret=os.environ["MASTER_KEY_SECRET_ARN"],
        )
    answer = _send(call, _master_key(), who, deadline)
    if answer["status"] == 401:
        before, after = _master_key(), _master_key(fresh=True)
        if before != after:
            answer = _send(call, after, who, deadline)
    return answer


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


def _send(call: Call, key: str, who: str, deadline: float) -> dict[str, Any]:
    door = urlsplit(os.environ["ADMIN_DOOR_URL"])
    secure = door.scheme == "https"
    place = f"the admin door at {door.hostname}:{door.port or (443 if secure else 80)}"
    # the second is LiteLLM's header for whom an admin acts for; it goes into its records
    headers = {"Authorization": f"Bearer {key}", "litellm-changed-by": who, "Accept": "application/json"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(door.hostname or "", door.port, timeout=_within(CONNECT_SECONDS, deadline))
    try:
        _connect(connection, place)
        connection.sock.settimeout(_within(READ_SECONDS, deadline))
        connection.request(call.method, call.target, call.body, headers)
        answer = connection.getresponse()
        raw = answer.read(MAX_ANSWER + 1)
    except TimeoutError:
        raise Rejected(504, f"LiteLLM didn't answer in time behind {place}.", code="litellm_timeout") from None
    except (OSError, http.client.HTTPException) as error:
        sentence = f"The connection to {place} broke off ({type(error).__name__})."
        raise Rejected(502, sentence, code="door_broke_off") from None
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
        sentence = f"The name of {place} doesn't resolve: is the load balancer still there?"
        raise Rejected(502, sentence, code="door_no_name") from None
    except ConnectionRefusedError:
        sentence = f"Nothing listens at {place}: the load balancer has no listener on that port."
        raise Rejected(502, sentence, code="door_refused") from None
    except TimeoutError:
        sentence = f"No connection to {place}: a security group between relay and load balancer doesn't allow the port."
        raise Rejected(504, sentence, code="door_timeout") from None
    except OSError as error:
        raise Rejected(502, f"No connection to {place} ({type(error).__name__}).", code="door_broke_off") from None


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
            code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
            raise Rejected(
                502,
                f"The relay can't read the master key ({code}): its role needs secretsmanager:GetSecretValue on {arn}, "
                "and its security group a way out to Secrets Manager (port 443).",
                code="key_unreadable",
            ) from None
        _cached[arn] = answer["SecretString"].strip()
    return _cached[arn]


# Of a body only these are told, and only as far as they name what is changed: ids, and digests of keys.
_NAMED = ("user_id", "user_ids", "key", "keys", "team_id", "team_ids")
_MOST_NAMED = 20


def _log(audit: Audit, context: Any, status: int, started: float) -> None:
    """One JSON line: who called what, and what came of it. Never bodies, query values or keys."""
    request = audit.request
    query = request.get("query")
    line = {
        "audit": "admin-call",
        "request": getattr(context, "aws_request_id", None),
        "caller": audit.caller,
        "method": _masked(str(request.get("method"))[:10]),
        "path": _masked(str(request.get("path"))[:MAX_PATH]),
        "query": sorted(_masked(str(name)[:40]) for name in query) if isinstance(query, dict) else [],
        "objects": _objects(request.get("body")),
        "status": status,
        "milliseconds": round((time.monotonic() - started) * 1000),
    }
    print(json.dumps(line), flush=True)


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
