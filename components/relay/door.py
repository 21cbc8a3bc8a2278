"""The way from the relay to LiteLLM: the admin door, with a master key on the request.

Each part of the way that may be broken has a sentence and a code of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import boto3
from botocore.config import Config

# Lambda gives back 6 MB at most. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER = 5 * 1024 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 55.0


class Rejected(Exception):
    """The relay itself answers: `status` and a sentence, with `more` in the error's body."""

    def __init__(self, status: int, sentence: str, **more: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.more = more

    @property
    def answer(self) -> dict[str, Any]:
        return {"status": self.status, "body": {"error": {"message": str(self), "type": "relay", **self.more}}}


@dataclass(frozen=True)
class Call:
    """A call that may be forwarded. `target` is the path with its query."""

    method: str
    target: str
    body: bytes | None


class Line:
    """A connection to the admin door, for one call at a time. It is made with the first and kept for the next, which
    spares a handshake a call; what broke off or was closed by the door is not used again."""

    def __init__(self) -> None:
        self._open: http.client.HTTPConnection | None = None

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None

    def connection(self, door: SplitResult, place: str, deadline: float) -> http.client.HTTPConnection:
        """Raises Rejected if there is no connection."""
        if self._open is not None and self._open.sock is None:
            self.close()  # the door ended it after its last answer
        if self._open is None:
            kind = http.client.HTTPSConnection if door.scheme == "https" else http.client.HTTPConnection
            connection = kind(door.hostname or "", door.port, timeout=_within(CONNECT_SECONDS, deadline))
            _connect(connection, place)
            self._open = connection
        return self._open


def forward(call: Call, key: str | None, who: str, seconds: float, line: Line) -> dict[str, Any]:
    """LiteLLM's answer, by the caller's key or the relay's own. A 401 may mean that the master key was changed since it
    was read, so it is read again, once.

    Raises:
        Rejected: if LiteLLM can't be reached, or there is no key.
    """
    deadline = time.monotonic() + seconds
    if key is not None:
        return _send(call, key, who, deadline, line)
    if os.environ["HOLDS_KEY"] != "true":
        raise Rejected(
            401,
            "This relay holds no key: bring one, such as the master key of its stack.",
            code="key_required",
            secret=os.environ["MASTER_KEY_SECRET_ARN"],
        )
    answer = _send(call, _master_key(), who, deadline, line)
    if answer["status"] == 401:
        before, after = _master_key(), _master_key(fresh=True)
        if before != after:
            answer = _send(call, after, who, deadline, line)
    return answer


def _send(call: Call, key: str, who: str, deadline: float, line: Line) -> dict[str, Any]:
    door = urlsplit(os.environ["ADMIN_DOOR_URL"])
    place = f"the admin door at {door.hostname}:{door.port or (443 if door.scheme == 'https' else 80)}"
    # the second is LiteLLM's header for whom an admin acts for; it goes into its records
    headers = {"Authorization": f"Bearer {key}", "litellm-changed-by": who, "Accept": "application/json"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    connection = line.connection(door, place, deadline)
    try:
        connection.sock.settimeout(_within(READ_SECONDS, deadline))
        connection.request(call.method, call.target, call.body, headers)
        answer = connection.getresponse()
        raw = answer.read(MAX_ANSWER + 1)
    except TimeoutError:
        line.close()
        raise Rejected(504, f"LiteLLM didn't answer in time behind {place}.", code="litellm_timeout") from None
    except (OSError, http.client.HTTPException) as error:
        line.close()
        sentence = f"The connection to {place} broke off ({type(error).__name__})."
        raise Rejected(502, sentence, code="door_broke_off") from None
    if len(raw) > MAX_ANSWER:
        line.close()  # the rest of it is still on the way
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
                code="key_unreadable",
            ) from None
        _cached[arn] = answer["SecretString"].strip()
    return _cached[arn]
