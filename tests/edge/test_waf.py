"""With `waf: true`: long prompts pass, who asks too often is told to wait, and what is closed stays closed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from localcloud.aws import server
from tests.edge.chain import Chain, Stack
from tests.edge.conftest import Ground
from tests.edge.proof import asked
from tests.litellm_server import HAIKU, Proxy
from tests.net.raw import ask, get

LIMIT = 60


@pytest.fixture(scope="module")
def walled(proxy: Proxy) -> Iterator[Ground]:
    account = server.start(account_id="444444444444")
    try:
        ground = Ground(Stack(account, waf=True, wafRateLimit=LIMIT), proxy, [])
        with ground.runner:
            yield ground
    finally:
        account.stop()


@pytest.fixture
def chain(walled: Ground) -> Iterator[Chain]:
    """A data plane of its own, and with it the counts of the firewall."""
    with walled.chain() as chain:
        yield chain


def prompt(size: int, key: str) -> bytes:
    text = "<script>alert(1)</script> ../../etc/passwd ${jndi:ldap://x} http://169.254.169.254/ " + "word " * (
        size // 5
    )
    body = json.dumps({"model": HAIKU, "messages": [{"role": "user", "content": text}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("size", [100, 9_000, 500_000])
def test_a_prompt_passes_however_long_it_is_and_whatever_it_says(walled: Ground, chain: Chain, size: int) -> None:
    answer = walled.runner.run(ask(chain.edge, prompt(size, walled.proxy.master_key), seconds=60))
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["choices"]


def test_an_address_that_asks_too_often_is_told_to_wait(walled: Ground, chain: Chain) -> None:
    calls = [("GET", "/key/list")] * LIMIT
    assert walled.fire(chain.edge, asked(calls, "")).makers == {"function": LIMIT}
    answer = walled.runner.run(ask(chain.edge, get("/v1/models")))
    assert answer.status == 429
    error = json.loads(answer.body)["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "429")
