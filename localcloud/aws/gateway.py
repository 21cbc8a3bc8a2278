"""The one door of the simulated API, a WSGI application: our rules around moto's server, then word of the change."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import BotoCoreError
from moto.core.exceptions import ServiceException
from moto.core.parse import RequestParserError

from localcloud.aws import unserved, wire
from localcloud.aws.account import Account
from localcloud.aws.iam import authority
from localcloud.aws.iam.principals import Principal
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules, changes_something
from localcloud.aws.wire import Call, Response

log = logging.getLogger(__name__)
CONTROL = "/_localcloud/"
_REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


class Gateway:
    """WSGI application of one account."""

    def __init__(self, account: Account, moto: Callable[..., Iterable[bytes]], rules: Rules) -> None:
        self._account = account
        self._moto = moto
        self._rules = rules
        self._lock = account.lock

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = wire.buffered(environ)
        if not _of_this_machine(environ.get("HTTP_HOST", "")):
            response = _plain(403, {"message": "The simulated AWS API answers on loopback host names only."})
        elif environ.get("PATH_INFO", "").startswith(CONTROL):
            response = self._control(environ["PATH_INFO"].removeprefix(CONTROL))
        else:
            response = self._aws(environ, body)
        start_response(f"{response.status} {_REASONS.get(response.status, 'Status')}", response.headers)
        return [response.body] if response.chunks is None else response.chunks

    def _control(self, verb: str) -> Response:
        facts = self._account.facts
        if verb == "hosts":
            return _plain(200, dict(facts.hosts))
        if verb == "blocked":
            return _plain(200, list(facts.blocked))
        return _plain(404, {"message": f"There is no {CONTROL}{verb}: hosts and blocked are what can be asked for."})

    def _aws(self, environ: dict[str, Any], body: bytes) -> Response:
        service, call = self._understand(environ, body)
        try:
            principal = authority.caller(self._account, environ, body)
        except Refusal as refusal:
            return _refused(call, refusal)
        # moto asks each account for its own state; this header says which one, whatever the caller's credentials.
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account.account_id
        if call is None and not unserved.serves(self._rules, service):
            return _plain(501, {"message": f"The simulated AWS API has no {service}: nothing here runs what it makes."})
        if call is None and not principal.free:
            return _plain(403, {"message": f"This is no request of {service} whose permission the local cloud knows."})
        if call is None and service in self._rules.owned:
            return _plain(400, {"message": f"This is no request of {service} that its API knows."})
        if call is None:
            with self._lock:
                response = self._ask_moto(environ, body)
            mutating = environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS")
        else:
            response = self._answer(call, principal, environ, body)
            mutating = changes_something(call.operation)
        if mutating and response.status < 400:
            self._account.changes.bump()
        return response

    def _understand(self, environ: dict[str, Any], body: bytes) -> tuple[str, Call | None]:
        """The service that a request is for, and the call. None: a body that doesn't fit, or no model of botocore's."""
        signed = wire.scope(environ)
        if signed is None:
            return "", None
        service = wire.service_of(signed[0], environ, body)
        try:
            return service, wire.read(self._account, service, signed[1], environ, body)
        except (ValueError, LookupError, NotImplementedError, RequestParserError, BotoCoreError) as error:
            log.debug("%s request not understood: %s", service, type(error).__name__)
            return service, None

    def _answer(self, call: Call, principal: Principal, environ: dict[str, Any], body: bytes) -> Response:
        key = (call.service, call.operation)
        try:
            call.caller = principal
            unserved.check(self._rules, call)
            with self._lock:
                authority.require(self._account, principal, call)
            if key in self._rules.unlocked:
                return _response(call, self._rules.answers[key](call))
            with self._lock:
                return self._answer_locked(call, environ, body)
        except Refusal as refusal:
            log.info("%s %s refused: %s: %s", call.service, call.operation, refusal.code, refusal.message)
            return _refused(call, refusal)
        except ServiceException as refusal:  # of moto's backend, called by one of our rules
            return wire.answer(call, refusal)
        except NotImplementedError as error:
            return _not_implemented(call, str(error) if isinstance(error, unserved.Unserved) else None)
        except Exception:
            log.exception("%s %s failed in the simulated API", call.service, call.operation)
            failure = Refusal(
                "InternalFailure",
                f"{call.service} {call.operation} failed in the simulated AWS API; `make logs` shows where.",
            )
            response = wire.answer(call, failure)
            response.status = 500
            return response

    def _answer_locked(self, call: Call, environ: dict[str, Any], body: bytes) -> Response:
        key = (call.service, call.operation)
        fault = self._account.facts.fault
        if fault is not None and (sentence := fault(*key)):
            raise Refusal("InjectedFault", sentence)
        for check in self._rules.checks.get(key, ()):
            check(call)
        if key in self._rules.answers:
            return _response(call, self._rules.answers[key](call))
        if call.service in self._rules.owned:
            return _not_implemented(call)
        response = self._ask_moto(environ, body)
        afters = self._rules.afters.get(key, ())
        if not afters or response.status >= 400:
            return response
        result = wire.result_of(call, response)
        for after in afters:
            after(call, result)
        merged = wire.answer(call, result, response.header("x-amzn-RequestId"))
        merged.status = response.status
        return merged

    def _ask_moto(self, environ: dict[str, Any], body: bytes) -> Response:
        wire.rewind(environ, body)
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., None]:
            started[:] = [int(status.split(" ", 1)[0]), headers]
            return lambda _data: None

        chunks = self._moto(environ, start_response)
        try:
            content = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return Response(started[0], list(started[1]), content)


def _of_this_machine(host: str) -> bool:
    """Loopback names, and AWS's own through the fabric. Anything else is a web page that rebinds its DNS name."""
    name = host.rsplit(":", 1)[0].lower() if not host.startswith("[") else host.split("]")[0].strip("[")
    return name in ("127.0.0.1", "localhost", "::1") or name.endswith((".localhost", ".amazonaws.com", ".api.aws"))


def _response(call: Call, result: dict[str, Any] | Response) -> Response:
    return result if isinstance(result, Response) else wire.answer(call, result)


# What the services' models say nothing of: the errors that all of them share.
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_FORBIDDEN = {
    "AccessDenied",
    "UnauthorizedOperation",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "RequestExpired",
    "IncompleteSignature",
    "MissingAuthenticationToken",
}


def _refused(call: Call | None, refusal: Refusal) -> Response:
    if call is None:
        return _plain(403, {"message": refusal.message, "code": refusal.code})
    response = wire.answer(call, refusal)
    if refusal.code in _FORBIDDEN or (refusal.code == "AccessDeniedException" and call.protocol == "rest-json"):
        response.status = 403
    return response


def _not_implemented(call: Call, why: str | None = None) -> Response:
    message = f"The simulated AWS API has no {call.service} {call.operation}{f': {why}' if why else ''}."
    response = wire.answer(call, Refusal("NotImplemented", message))
    response.status = 501
    return response


def _plain(status: int, content: Any) -> Response:
    body = json.dumps(content).encode()
    return Response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body)
