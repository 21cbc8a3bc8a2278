"""Nothing is lost on the wire, either way: what a client serialises we read, and what we serialise a client reads."""

from __future__ import annotations

import io
import random
from datetime import UTC
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.aws import wire
from localcloud.aws.account import Account
from localcloud.aws.cloudfront import distributions, functions, policies, tags, vpc_origins
from localcloud.aws.cloudfront.state import State
from localcloud.aws.registry import make_rules
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call
from tests.aws.shapes import value

IN_EVERY_ANSWER = {"StatusCode", "ContentType"}  # HTTP has them, whether the result says them or not
ACCOUNT = Account("us-west-1", "333333333334", "http://127.0.0.1:1")


def ours() -> list[tuple[str, str]]:
    """Every operation that one of our rules reads or answers."""
    rules = make_rules(ACCOUNT)
    return sorted({*rules.checks, *rules.answers, *rules.afters})


@cache
def service_model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def model(service: str, operation: str) -> Any:
    return service_model(service).operation_model(operation)


def environ(service: str, operation: Any, params: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The request that botocore would send, as WSGI hands it over."""
    request = create_serializer(operation.service_model.resolved_protocol).serialize_to_request(params, operation)
    prepared = botocore.awsrequest.AWSRequest(
        method=request["method"],
        url="http://127.0.0.1:1" + request["url_path"],
        headers=request["headers"],
        data=request["body"],
        params=request["query_string"],
    ).prepare()
    url, body = urlsplit(prepared.url), prepared.body or b""
    body = body.encode() if isinstance(body, str) else body
    found = {
        "REQUEST_METHOD": prepared.method,
        "PATH_INFO": url.path,
        "RAW_URI": url.path + (f"?{url.query}" if url.query else ""),
        "QUERY_STRING": url.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "HTTP_HOST": "127.0.0.1:1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, item in prepared.headers.items():
        key = name.upper().replace("-", "_")
        found[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = item.decode() if isinstance(item, bytes) else item
    return found, body


@pytest.mark.parametrize(("service", "operation"), ours())
@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_a_request_is_read_as_it_was_meant(service: str, operation: str, seed: int) -> None:
    meant = model(service, operation)
    if meant.input_shape is None:
        return
    params = value(meant.input_shape, random.Random(seed))
    # botocore's own, which it takes out before it sends: botocore.handlers.inject_presigned_url_rds
    params.pop("SourceRegion", None)
    request, body = environ(service, meant, params)
    call = wire.read(ACCOUNT, service, "us-west-1", request, body)
    assert call is not None
    assert call.operation == operation
    assert _comparable(call.params) == _comparable(params)


def whole() -> list[tuple[str, str]]:
    """Those whose answer is no stream of events."""
    return [key for key in ours() if not model(*key).has_event_stream_output]


@pytest.mark.parametrize(("service", "operation"), whole())
@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_an_answer_is_read_as_it_was_meant(service: str, operation: str, seed: int) -> None:
    meant = model(service, operation)
    result = value(meant.output_shape, random.Random(seed)) if meant.output_shape else {}
    call = Call(ACCOUNT, service, _moto(service, operation), meant.service_model.resolved_protocol, {}, "us-west-1")
    answer = wire.answer(call, result)
    parser = botocore.parsers.create_parser(meant.service_model.resolved_protocol)
    body = io.BytesIO(answer.body) if meant.has_streaming_output else answer.body
    read = parser.parse(
        {"status_code": answer.status, "headers": dict(answer.headers), "body": body}, meant.output_shape
    )
    read.pop("ResponseMetadata", None)
    for member in IN_EVERY_ANSWER - result.keys():
        read.pop(member, None)
    assert _comparable(read) == _comparable(result)


def _moto(service: str, operation: str) -> Any:
    from moto.core.utils import get_service_model

    return get_service_model(service).operation_model(operation)


def _comparable(item: Any) -> Any:
    """Times as seconds, streams as bytes."""
    if isinstance(item, dict):
        return {key: _comparable(one) for key, one in item.items()}
    if isinstance(item, list):
        return [_comparable(one) for one in item]
    if hasattr(item, "timestamp"):  # moto's parser gives UTC without saying so
        return (item if item.tzinfo else item.replace(tzinfo=UTC)).timestamp()
    return item.read() if hasattr(item, "read") else item


def test_every_operation_of_cloudfront_that_is_ours_exists_in_its_model() -> None:
    rules, known = Rules(), set(service_model("cloudfront").operation_names)
    for room in (functions, vpc_origins, distributions, policies, tags):
        room.register(rules, State(ACCOUNT))
    assert {operation for _, operation in rules.answers} <= known
