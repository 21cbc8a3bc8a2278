"""No request that enters by CloudFront runs anything but inference, however it is spelt: raw bytes over sockets through
edge → public door → the real LiteLLM, and with either door taken out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from components.allow_list import DENIED_PATTERNS, expanded
from components.litellm_routes import INFERENCE
from tests.edge.chain import Chain, Stack
from tests.edge.conftest import Ground
from tests.edge.proof import Verdict, address, asked, closed, shots
from tests.edge.spellings import SPELLINGS
from tests.edge.volley import Shot

LONG = pytest.mark.timeout(1800)
ODD_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "PROPFIND")


def again(sent: list[Shot]) -> list[Shot]:
    """The same requests, unanswered."""
    return [replace(shot, status=0, maker="", attempts=0) for shot in sent]


@dataclass
class Through:
    """The whole set, sent through the whole chain."""

    shots: list[Shot]
    verdict: Verdict


@pytest.fixture(scope="module")
def chain(ground: Ground) -> Iterator[Chain]:
    with ground.chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def through(ground: Ground, chain: Chain) -> Through:
    sent = shots(closed(), SPELLINGS, ground.proxy.master_key)
    return Through(sent, ground.fire(chain.edge, sent))


@pytest.fixture
def weakened(ground: Ground, chain: Chain) -> Iterator[Stack]:
    """The stack, to be weakened; as it was afterwards."""
    yield ground.stack
    ground.stack.restore()
    ground.runner.run(chain.reconcile())


def test_what_is_open_is_served(ground: Ground, chain: Chain) -> None:
    """The control: a chain that lets nothing through proves nothing."""
    calls = [(method, one.path) for one in expanded() for method in one.methods if method != "OPTIONS"]
    for port in (chain.edge, chain.door):
        sent = asked(calls, ground.proxy.master_key)
        verdict = ground.fire(port, sent)
        assert verdict.makers == {"litellm": len(calls)} and (verdict.leaks, verdict.strays) == ([], [])
        # the two GETs that begin a WebSocket are no route of their own without its headers
        assert verdict.ran[INFERENCE] == len(calls) - 2


@LONG
def test_no_spelling_of_a_closed_route_runs_through_edge_and_door(ground: Ground, through: Through) -> None:
    routes = closed()
    assert len(routes) > 900 and len(SPELLINGS) >= 60
    assert len(through.shots) > 60 * len(routes)
    ground.prove(f"edge → door → LiteLLM, {len(routes)} routes × {len(SPELLINGS)} spellings", through.verdict)


@LONG
def test_the_door_stands_alone(ground: Ground, chain: Chain) -> None:
    sent = shots(closed(), SPELLINGS, ground.proxy.master_key)
    verdict = ground.fire(chain.door, sent)
    ground.prove(f"door → LiteLLM, {len(closed())} routes × {len(SPELLINGS)} spellings", verdict)


@LONG
def test_the_edge_stands_alone(ground: Ground, chain: Chain, through: Through, weakened: Stack) -> None:
    """What the edge refused before it refuses whatever stands behind it: what it let pass is sent again to a door that
    forwards everything, and a sample of the rest."""
    passed = [shot for shot in through.shots if shot.maker not in ("function", "edge")]
    refused = [shot for shot in through.shots if shot.maker in ("function", "edge")]
    weakened.open_door()
    ground.runner.run(chain.reconcile())
    sent = again([*passed, *random.Random(4).sample(refused, 6000)])
    verdict = ground.fire(chain.edge, sent)
    assert verdict.makers["litellm"] == len(passed)
    ground.prove(f"edge → LiteLLM, the {len(passed):,} that passed and 6,000 of the others", verdict)


def test_an_open_path_is_open_for_its_own_methods_only(ground: Ground, chain: Chain) -> None:
    allowed = {(method, one.path) for one in expanded() for method in one.methods}
    calls = [(method, one.path) for one in expanded() for method in ODD_METHODS if (method, one.path) not in allowed]
    for port in (chain.edge, chain.door):
        verdict = ground.fire(port, asked(calls, ground.proxy.master_key))
        assert "litellm" not in verdict.makers and verdict.makers.total() == len(calls)


def test_the_four_prefixes_stay_closed_when_the_list_is_loosened_by_mistake(
    ground: Ground, chain: Chain, weakened: Stack
) -> None:
    """A guard that lets everything pass and a door that forwards everything: the four behaviours alone."""
    weakened.set_guard("function handler(event) { return event.request; }")
    weakened.open_door()
    ground.runner.run(chain.reconcile())
    below = [r for r in closed() if r.path.startswith(tuple(pattern.rstrip("*") for pattern in DENIED_PATTERNS))]
    calls = [(method, address(route)) for route in below for method in route.methods]
    verdict = ground.fire(chain.edge, asked(calls, ground.proxy.master_key))
    assert len(calls) > 50 and verdict.makers == {"function": len(calls)}
    ground.report(f"the four deny behaviours alone, {len(calls)} operations: {verdict}")
