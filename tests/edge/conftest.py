"""One deployed stack and one data plane at a time, on a loop that stands still between the tests' own steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.aws import server
from localcloud.dataplane.readings import Readings
from tests.counts import counts
from tests.edge.chain import Chain, Stack, running
from tests.edge.proof import Verdict, Witnessed
from tests.edge.volley import Shot, fire
from tests.litellm_server import Proxy

# Seconds for a test that doesn't say otherwise: the first one waits for LiteLLM and for the stack's deployment.
PATIENCE = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


class Ground:
    """Where the volleys are fired: the stack, the LiteLLM behind it, and the loop that runs the data plane."""

    def __init__(self, stack: Stack, proxy: Proxy, counts: list[str]) -> None:
        self.stack, self.proxy, self.counts = stack, proxy, counts
        self.litellm = int(proxy.url.rpartition(":")[2])
        self.runner = asyncio.Runner()

    @contextmanager
    def chain(self, readings: Readings | None = None) -> Iterator[Chain]:
        """The data plane under these readings."""
        context = running(self.stack, self.litellm, readings)
        chain = self.runner.run(context.__aenter__())
        try:
            yield chain
        finally:
            self.runner.run(context.__aexit__(None, None, None))

    def fire(self, port: int, shots: Sequence[Shot]) -> Verdict:
        """Sends the shots and judges what LiteLLM did."""
        with Witnessed(self.proxy) as witness:
            self.runner.run(fire(port, shots))
            return witness.judge(shots)

    def notes(self, port: int, shots: Sequence[Shot]) -> dict[str, dict[str, Any]]:
        """Sends the shots; by a shot's id, what the witness wrote down."""
        with Witnessed(self.proxy) as witness:
            self.runner.run(fire(port, shots))
            return witness.notes(shots)

    def prove(self, what: str, verdict: Verdict) -> None:
        """Reports the counts; AssertionError on a leak, a stray, or a request that nobody answered."""
        self.report(f"{what}: {verdict}")
        assert verdict.leaks == []
        assert verdict.strays == []
        assert verdict.makers.keys() <= {"function", "edge", "door", "litellm"}

    def report(self, line: str) -> None:
        """Shown at the end of the run."""
        self.counts.append(line)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    account = server.start(account_id="333333333333")
    try:
        yield Stack(account)
    finally:
        account.stop()


@pytest.fixture(scope="session")
def ground(stack: Stack, proxy: Proxy, request: pytest.FixtureRequest) -> Iterator[Ground]:
    found = Ground(stack, proxy, counts(request.config))
    with found.runner:
        yield found
