"""The two ways to LiteLLM's admin API: straight to the admin door with the master key, or by the relay, which holds
it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode, urlsplit

from litellm_admin import aws, proof
from litellm_admin.errors import AdminError, BlockedAtEdge, Denied, NotThere, Unreachable, refusal
from litellm_admin.shapes import is_list, is_object

CONNECT_SECONDS = 10
# Deleting a user with thousands of keys is the slowest call; the relay gives up a little earlier and says so.
READ_SECONDS = aws.READ_SECONDS
# An answer of a hundred full objects, the largest page, is a few hundred KB.
LARGEST_ANSWER = 16 * 1024 * 1024

Query = Mapping[str, str | int]


@dataclass(frozen=True)
class Response:
    """An HTTP answer. `body` is the decoded JSON, or the text where it is none. `retry_after` in seconds, if told."""

    status: int
    body: Any
    retry_after: float | None = None


@dataclass(frozen=True)
class Call:
    """One request, to be sent among others."""

    method: str
    path: str
    query: Query | None = None
    body: Any = field(default=None, repr=False)


class Transport(Protocol):
    """Calls of the admin API. `batch` is how many calls `request_each` takes at best, and `lanes` how many threads may
    call it at once: together they keep LiteLLM busy, which gets no faster beyond some eight calls at a time."""

    batch: ClassVar[int]
    lanes: ClassVar[int]

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        """Sends each call once. For each, its answer, or the error that `request` would have raised."""
        ...

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        """Sends one request once.

        Raises:
            Unreachable: if no answer came.
            AdminError: if it can't be sent at all, and trying again wouldn't help.
        """
        ...


@dataclass(frozen=True)
class DirectTransport:
    """Straight to the admin door (or to LiteLLM) at `url`."""

    url: str
    master_key: str = field(repr=False)
    batch: ClassVar[int] = 1
    lanes: ClassVar[int] = 8

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        """One after the other."""
        return [tried(self, call) for call in calls]

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        import http.client
        import socket

        where = urlsplit(self.url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise AdminError(
                f"The admin URL {self.url!r} is none: it starts with http:// or https:// and names a host."
            )
        if where.hostname.endswith(CLOUDFRONT):
            # the answer is known, and the master key has no business at a public address
            raise BlockedAtEdge(self.url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = kind(where.hostname, where.port, timeout=CONNECT_SECONDS)
        target = where.path.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.master_key}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.connect()
            connection.sock.settimeout(READ_SECONDS)
            connection.request(method, target, None if body is None else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            raw = answer.read(LARGEST_ANSWER + 1)
        except socket.gaierror:
            raise Unreachable(
                f"{where.hostname} has no address here: "
                "the admin door's name resolves inside the VPC only; go through the relay."
            ) from None
        except TimeoutError:
            raise Unreachable(
                f"{self._place()} didn't answer in time: is this machine in the VPC or in `adminCidrs`?"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self._place()} can't be reached: {type(error).__name__}.") from None
        finally:
            connection.close()
        if len(raw) > LARGEST_ANSWER:
            raise AdminError(f"{method} {path} answered with more than {LARGEST_ANSWER >> 20} MB.")
        if answer.status == 403 and _from_the_edge(answer.headers, raw):
            raise BlockedAtEdge(self.url)
        return Response(answer.status, decoded(raw), seconds(answer.headers.get("Retry-After")))

    def _place(self) -> str:
        where = urlsplit(self.url)
        return f"The admin door at {where.scheme}://{where.netloc.rpartition('@')[2]}"


@dataclass(frozen=True)
class RelayTransport:
    """By the relay: the Lambda function `function_name` in `region`, invoked with the caller's own AWS credentials.

    The relay holds the master key. With `key`, that one is presented to LiteLLM instead; without, and if the relay was
    deployed not to hold one, it is read from the secret that the relay names, with the caller's credentials."""

    function_name: str
    region: str
    key: str | None = field(default=None, repr=False)
    # An invocation costs more than a call of LiteLLM, so that one carries several. A batch takes the relay some
    # seconds at worst and stays far below the megabyte that it forwards and the six that Lambda takes.
    batch: ClassVar[int] = 40
    lanes: ClassVar[int] = 2

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        """All in one invocation; the relay sends four at a time."""
        if len(calls) == 1:
            return [tried(self, calls[0])]
        try:
            document = self._answer({"calls": [_as_json(call) for call in calls]})
        except AdminError as error:
            return [error] * len(calls)
        answers = document.get("answers")
        if not is_list(answers) or len(answers) != len(calls):
            refused = refusal("POST", "a batch of calls", document["status"], document.get("body"))
            return [refused] * len(calls)
        return [Response(int(one["status"]), one.get("body"), seconds(one.get("retry_after"))) for one in answers]

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        answer = self._answer(_as_json(Call(method, path, query, body)))
        return Response(int(answer["status"]), answer.get("body"), seconds(answer.get("retry_after")))

    def caller(self) -> str:
        """The caller's ARN, as the relay had it confirmed."""
        return str(self._answer(_as_json(Call("GET", "/health/liveliness"))).get("caller", ""))

    def _answer(self, call: Mapping[str, Any]) -> dict[str, Any]:
        request = json.dumps(call)
        answer = self._ask(request, self.key)
        if self.key is None and (secret := _key_required(answer)):
            answer = self._ask(request, read_key(secret, self.region))
        return answer

    def _ask(self, request: str, key: str | None) -> dict[str, Any]:
        event: dict[str, Any] = {"request": request}
        event["caller"] = proof.prove(aws.credentials(), self.region, self.function_name, request)
        if key is not None:
            event["key"] = key
        return self._invoke(json.dumps(event).encode())

    def _invoke(self, payload: bytes) -> dict[str, Any]:
        client = aws.client("lambda", self.region)
        import botocore.exceptions as botocore

        try:
            answer = client.invoke(FunctionName=self.function_name, Payload=payload)
            raw = answer["Payload"].read()
        except botocore.ClientError as error:
            raise _lambda_refusal(self.function_name, error) from None
        except botocore.BotoCoreError as error:
            told = aws.as_sentence(error, f"invoke the relay {self.function_name}")
            if isinstance(told, Unreachable):
                told = Unreachable(f"The relay {self.function_name} can't be reached: {type(error).__name__}.")
            raise told from None
        document = decoded(raw)
        if answer.get("FunctionError"):
            said = document.get("errorMessage", "") if is_object(document) else ""
            raise Unreachable(
                f"The relay {self.function_name} failed: {said or answer['FunctionError']}; "
                f"see its log group /aws/lambda/{self.function_name}."
            )
        if not is_object(document) or not isinstance(document.get("status"), int):
            raise AdminError(f"{self.function_name} is no relay of this project: its answer has no status.")
        return document


def _as_json(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {"method": call.method, "path": call.path}
    if call.query:
        found["query"] = {key: str(value) for key, value in call.query.items()}
    if call.body is not None:
        found["body"] = call.body
    return found


def tried(transport: Transport, call: Call) -> Response | AdminError:
    """The call's answer, or its error."""
    try:
        return transport.request(call.method, call.path, call.query, call.body)
    except AdminError as error:
        return error


_keys: dict[str, str] = {}


def read_key(secret_arn: str, region: str) -> str:
    """The master key, from Secrets Manager with the caller's credentials. Kept for the rest of the process.

    Raises:
        Denied: if these credentials may not read it.
    """
    if secret_arn not in _keys:
        doing = f"read the master key: secretsmanager:GetSecretValue on {secret_arn}"
        answer = aws.call("secretsmanager", region, "get_secret_value", doing, SecretId=secret_arn)
        _keys[secret_arn] = str(answer["SecretString"]).strip()
    return _keys[secret_arn]


def _key_required(answer: Mapping[str, Any]) -> str | None:
    """The secret's ARN, if the relay says that it holds no key and wants the caller's. Of many calls each says so."""
    answers = answer.get("answers")
    match (answers[0] if is_list(answers) and answers else answer).get("body"):
        case {"error": {"type": "relay", "code": "key_required", "secret": str(arn)}}:
            return arn
        case _:
            return None


# What CloudFront's own addresses end in.
CLOUDFRONT = ".cloudfront.net"
# The load balancer's public door answers in these words, see components/doors.py; who comes by the VPN to its port is
# at the wrong door, too.
_PUBLIC_DOOR = b"not open at the gateway's public address"


def _from_the_edge(headers: Any, body: bytes) -> bool:
    """Whether a 403 is the edge's. CloudFront names itself in one of these, whatever the domain.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ResponseBehavior.html"""
    said = " ".join(headers.get(name) or "" for name in ("Server", "Via", "X-Cache")).lower()
    return "cloudfront" in said or _PUBLIC_DOOR in body


# The function or its network interfaces are being set up, or too many calls run at once.
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
_PASSING = frozenset(
    [
        "TooManyRequestsException",
        "ServiceException",
        "EC2ThrottledException",
        "ENILimitReachedException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "CodeVerificationFailedException",
        "SubnetIPAddressLimitReachedException",
        "RequestTimeout",
        "ThrottlingException",
        "ServiceUnavailableException",
    ]
)


def _lambda_refusal(function: str, error: Any) -> AdminError:
    code = error.response.get("Error", {}).get("Code", "unknown error")
    if code == "ResourceNotFoundException":
        return NotThere(
            f"There is no relay {function} in this account and region: "
            "is the stack up, and are these the right credentials?"
        )
    if code in ("AccessDeniedException", "AccessDenied"):
        return Denied(f"These AWS credentials may not invoke the relay: allow lambda:InvokeFunction on {function}.")
    if code in _PASSING:
        return Unreachable(f"The relay {function} isn't ready ({code}).")
    return aws.as_sentence(error, f"invoke the relay {function}")


def decoded(raw: bytes) -> Any:
    """The JSON in `raw`, else its text."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def seconds(value: object) -> float | None:
    """A Retry-After in seconds; its other form, a date, is not used by anything on the way."""
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return None
