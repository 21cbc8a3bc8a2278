"""With `accessLogs: true`: a record for each request at the edge, refused or not, and nothing secret in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from components.access_logs import FIELDS
from localcloud.aws import server
from tests.edge.chain import Chain, Stack
from tests.edge.conftest import Ground
from tests.litellm_server import Proxy
from tests.net.raw import ask

WITHIN = 60.0  # seconds for records to be delivered


@pytest.fixture(scope="module")
def logged(proxy: Proxy) -> Iterator[Ground]:
    account = server.start(account_id="555555555555")
    try:
        ground = Ground(Stack(account, accessLogs=True), proxy, [])
        with ground.runner:
            yield ground
    finally:
        account.stop()


@pytest.fixture
def chain(logged: Ground) -> Iterator[Chain]:
    with logged.chain() as chain:
        yield chain


def records(ground: Ground, count: int) -> list[dict[str, Any]]:
    """What was delivered, once there are so many."""
    client = ground.stack.account.client("logs", "us-east-1")
    group, deadline = ground.stack.made["access-logs-group"]["name"], time.monotonic() + WITHIN
    while True:
        found = [json.loads(e["message"]) for e in client.filter_log_events(logGroupName=group)["events"]]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} records came within {WITHIN:.0f} s: {found}"
        time.sleep(0.1)


def test_every_request_is_recorded_and_no_secret_of_it(logged: Ground, chain: Chain) -> None:
    key = logged.proxy.master_key
    heads = [
        f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nUser-Agent: a b",
        f"POST /key/generate?key={key} HTTP/1.1\r\nHost: localhost\r\nCookie: token={key}\r\nContent-Length: 0",
        f"GET /%6bey/list?api_key={key} HTTP/1.1\r\nHost: localhost\r\nReferer: http://localhost/?key={key}",
        "GET /v1/models HTTP/1.1\r\nHost: elsewhere.example.com",
    ]
    for head in heads:
        logged.runner.run(ask(chain.edge, f"{head}\r\nConnection: close\r\n\r\n".encode()))
    found = records(logged, len(heads))
    assert len(found) == len(heads)
    assert key not in json.dumps(found)
    assert all(set(record) == set(FIELDS) for record in found)
    told = {
        (r["cs-method"], r["cs-uri-stem"], r["sc-status"], r["x-edge-result-type"], r["cs(User-Agent)"]) for r in found
    }
    assert told == {
        ("GET", "/v1/models", "200", "Miss", "a%20b"),
        ("POST", "/key/generate", "403", "FunctionGeneratedResponse", "-"),
        ("GET", "/%6bey/list", "403", "FunctionGeneratedResponse", "-"),
        ("GET", "/v1/models", "403", "Error", "-"),
    }
    for record in found:
        assert record["c-ip"] == "127.0.0.1" and record["cs-protocol"] == "https"
        assert float(record["time-taken"]) >= float(record["time-to-first-byte"]) >= 0
        assert int(record["sc-bytes"]) > 100 or record["x-edge-result-type"] == "Error"
