"""Is a request signed with the secret that belongs to its access key? AWS Signature Version 4, the server's side. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. botocore signs and doesn't
verify; `tests/aws/test_signature.py` holds this against botocore's signers.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"
# "The request must reach AWS within five minutes of the time stamp"; S3 allows fifteen, as other services do in fact.
_SKEW = timedelta(minutes=15)
_BODY_NOT_SIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-")


class BadSignature(Exception):
    """The request isn't signed as it must be. `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Received:
    """A request as it arrived: header names in lower case, `path` and `query` raw."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature. `presigned`: it is in the query string, and ends `expires` seconds after
    `time`."""

    key_id: str
    scope: str  # date/region/service/aws4_request
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)
    time: str = ""
    token: str | None = field(default=None, repr=False)
    presigned: bool = False
    expires: int = 0

    @property
    def service(self) -> str:
        return self.scope.split("/")[2]


def signature_of(request: Received) -> Signature | None:
    """The request's signature; None if it has none. Raises BadSignature if it can't be read."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(_ALGORITHM):
        parts = [part.strip().partition("=") for part in authorization.removeprefix(_ALGORITHM).split(",")]
        given = {name: value for name, _, value in parts}
        time, token = request.headers.get("x-amz-date", ""), request.headers.get("x-amz-security-token")
        return _read(given, time, token, presigned=False, expires=0)
    parameters = dict(parse_qsl(request.query, keep_blank_values=True))
    if parameters.get("X-Amz-Algorithm") != _ALGORITHM:
        return None
    given = {name: parameters.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    expires = parameters.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= 604_800:
        raise BadSignature("AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds.")
    token = parameters.get("X-Amz-Security-Token")
    return _read(given, parameters.get("X-Amz-Date", ""), token, presigned=True, expires=int(expires))


def _read(given: Mapping[str, str], time: str, token: str | None, presigned: bool, expires: int) -> Signature:
    key_id, _, scope = given.get("Credential", "").partition("/")
    if scope.count("/") != 3 or not given.get("Signature") or not given.get("SignedHeaders"):
        raise BadSignature(
            "IncompleteSignature", "The request's signature lacks its Credential, SignedHeaders or Signature."
        )
    names = tuple(given["SignedHeaders"].split(";"))
    return Signature(key_id, scope, names, given["Signature"], time, token, presigned, expires)


def verify(request: Received, signature: Signature, secret: str, now: datetime) -> None:
    """Raises BadSignature unless `request` was signed with `secret`, and not too long ago."""
    _check_time(signature, now)
    if "host" not in signature.signed_headers:
        raise BadSignature("SignatureDoesNotMatch", "The request's signature must cover its Host header.")
    if unsigned := {name for name in request.headers if name.startswith("x-amz-")} - {*signature.signed_headers}:
        raise BadSignature(
            "SignatureDoesNotMatch", f"The request's signature must cover {', '.join(sorted(unsigned))}."
        )
    canonical = "\n".join(
        [
            request.method,
            _canonical_path(request.path, signature.service),
            _canonical_query(request.query, signature.presigned),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signature.signed_headers),
            "",
            ";".join(signature.signed_headers),
            _body_hash(request, signature),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    expected = _hmac_hex(
        _signing_key(secret, signature.scope), f"{_ALGORITHM}\n{signature.time}\n{signature.scope}\n{digest}"
    )
    if not hmac.compare_digest(expected, signature.signature):
        raise BadSignature(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method.",
        )


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        signed = datetime.strptime(signature.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadSignature("IncompleteSignature", "The request has no date of the form 20261125T120000Z.") from None
    if signature.scope[:8] != signature.time[:8]:
        raise BadSignature("SignatureDoesNotMatch", "The date in Credential scope does not match the request's.")
    until = timedelta(seconds=signature.expires) if signature.presigned else _SKEW
    if not signed - _SKEW <= now <= signed + until:
        raise BadSignature("RequestExpired", f"Signature expired: {signature.time} is too far from now.")


def _body_hash(request: Received, signature: Signature) -> str:
    """What the signature covers of the body. A hash that is told must be the body's own."""
    told = request.headers.get("x-amz-content-sha256")
    if signature.presigned and told is None:
        return "UNSIGNED-PAYLOAD" if signature.service == "s3" else hashlib.sha256(request.body).hexdigest()
    if told is not None and told.startswith(_BODY_NOT_SIGNED):
        return told
    actual = hashlib.sha256(request.body).hexdigest()
    if told is not None and told != actual:
        raise BadSignature(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return actual


def _canonical_path(path: str, service: str) -> str:
    """Each segment encoded once more, "except for Amazon S3"; empty and dotted segments are taken out likewise."""
    if service == "s3":
        return path or "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/-_.~")


def _canonical_query(query: str, presigned: bool) -> str:
    pairs = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        if presigned and unquote(name) == "X-Amz-Signature":
            continue
        pairs.append(
            (
                quote(unquote(name.replace("+", "%20")), safe="-_.~"),
                quote(unquote(value.replace("+", "%20")), safe="-_.~"),
            )
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _hmac_hex(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
