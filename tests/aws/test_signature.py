"""Signatures are verified as AWS does: held against botocore's own signers, over any path, query and body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iam.signature import BadSignature, Received, signature_of, verify

SECRET = "a-secret-of-the-caller"
KEYS = Credentials("AKIAEXAMPLE", SECRET, "a-session-token")
now = datetime.now(UTC)

segments = st.lists(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8), max_size=4)
queries = st.dictionaries(
    st.text(alphabet="abcXYZ-_.", min_size=1, max_size=6),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=8),
    max_size=4,
)


def signed(signer: Any, path: list[str], query: dict[str, str], body: bytes, method: str = "POST") -> Received:
    """What arrives of a request that botocore signed and an HTTP client sent."""
    # dots are resolved by clients before they sign
    raw = "/" + "/".join(quote(one, safe="") for one in path if one not in (".", ".."))
    url = f"http://127.0.0.1:4000{raw}"
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    request = AWSRequest(method, f"{url}?{text}" if text else url, data=body, headers={"X-Amz-Target": "a  b "})
    signer.add_auth(request)
    sent = urlsplit(request.prepare().url)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Received(method, sent.path, sent.query, {"host": "127.0.0.1:4000", **headers}, body)


def check(received: Received, secret: str = SECRET, at: datetime | None = None) -> None:
    signature = signature_of(received)
    assert signature is not None and signature.key_id == "AKIAEXAMPLE" and signature.token == "a-session-token"
    verify(received, signature, secret, at or datetime.now(UTC))


@given(segments, queries, st.binary(max_size=30))
def test_what_botocore_signs_is_accepted_and_nothing_else(path: list[str], query: dict[str, str], body: bytes) -> None:
    received = signed(SigV4Auth(KEYS, "secretsmanager", "us-west-1"), path, query, body)
    check(received)
    others = [
        Received(received.method, received.path + "x", received.query, received.headers, body),
        Received(received.method, received.path, received.query + "&x=1", received.headers, body),
        Received(received.method, received.path, received.query, received.headers, body + b"x"),
        Received("GET", received.path, received.query, received.headers, body),
        Received(received.method, received.path, received.query, {**received.headers, "host": "evil.example"}, body),
    ]
    for other in others:
        with pytest.raises(BadSignature):
            check(other)
    with pytest.raises(BadSignature, match="does not match"):
        check(received, "another-secret")


@given(segments, queries, st.binary(max_size=30))
def test_s3_signs_its_paths_as_they_are(path: list[str], query: dict[str, str], body: bytes) -> None:
    check(signed(S3SigV4Auth(KEYS, "s3", "us-west-1"), path, query, body, "PUT"))


@given(segments, queries)
def test_presigned_urls(path: list[str], query: dict[str, str]) -> None:
    received = signed(SigV4QueryAuth(KEYS, "sts", "us-west-1", expires=60), path, query, b"", "GET")
    check(received)
    with pytest.raises(BadSignature, match="expired"):
        check(received, at=datetime.now(UTC) + timedelta(minutes=17))
    tampered = received.query.replace("X-Amz-Expires=60", "X-Amz-Expires=61")
    with pytest.raises(BadSignature, match="does not match"):
        check(Received("GET", received.path, tampered, received.headers, b""))


def test_an_old_signature_is_refused() -> None:
    received = signed(SigV4Auth(KEYS, "sts", "us-west-1"), [], {}, b"")
    for minutes in (-20, 20):
        with pytest.raises(BadSignature, match="expired"):
            check(received, at=datetime.now(UTC) + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("headers", "query", "code"),
    [
        ({"authorization": "AWS4-HMAC-SHA256 Credential=A/1/2/3/aws4_request"}, "", "IncompleteSignature"),
        ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, "", "IncompleteSignature"),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=0", "AuthorizationQueryParametersError"),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=99999999", "AuthorizationQueryParametersError"),
    ],
)
def test_half_a_signature_is_told(headers: dict[str, str], query: str, code: str) -> None:
    with pytest.raises(BadSignature) as caught:
        signature_of(Received("GET", "/", query, headers, b""))
    assert caught.value.code == code


def test_other_schemes_are_no_signature() -> None:
    assert signature_of(Received("GET", "/", "", {"authorization": "Bearer sk-1"}, b"")) is None
    assert signature_of(Received("GET", "/", "AWSAccessKeyId=A&Signature=B&Expires=1", {}, b"")) is None
