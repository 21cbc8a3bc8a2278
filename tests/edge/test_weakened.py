"""The proof has teeth: the guard or a door is weakened on purpose, one thing at a time, and the proof fails.

Each weakening is something that a later change could do by mistake. It is fired at with the other door out of the way,
since two locks that stand in a row hide each other's faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from components.allow_list import expanded
from tests.edge.chain import Chain, Stack
from tests.edge.conftest import Ground
from tests.edge.proof import Verdict, asked, closed, shots
from tests.edge.spellings import SPELLINGS

pytestmark = pytest.mark.timeout(600)
ROUTES = (
    "/key/generate",
    "/v1/model/info",
    "/responses/{response_id}",
    "/v1/memory/{key:path}",
    "/ui",
    "/health/history",
)


@dataclass(frozen=True)
class Weakening:
    """``at``: the layer that is weakened; the other is taken out."""

    at: str
    weaken: Callable[[Stack], None]


def _guard(old: str, new: str) -> Callable[[Stack], None]:
    def weaken(stack: Stack) -> None:
        assert old in stack.guard, f"the guard has no {old!r} any more"
        stack.set_guard(stack.guard.replace(old, new))

    return weaken


def _path(*values: str) -> list[dict]:
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}]


WEAKENINGS = {
    "the guard lets everything pass": Weakening(
        "edge", _guard("canonical(request.uri) && listed(request.method, request.uri)", "true")
    ),
    "the guard compares prefixes": Weakening(
        "edge",
        _guard(
            "ALLOWED.has(methods[i] + ' ' + path)",
            "Array.from(ALLOWED).some(function (one) { return (methods[i] + ' ' + path).startsWith(one); })",
        ),
    ),
    "the guard forgets the method": Weakening("edge", _guard("method === 'OPTIONS' ? METHODS : [method]", "METHODS")),
    "the guard denies by a list": Weakening(
        "edge",
        _guard(
            "listed(request.method, request.uri)",
            "!/^\\/(user|key|model|spend|team|config|ui)\\//.test(request.uri)",
        ),
    ),
    "the guard isn't associated": Weakening("edge", lambda stack: stack.set_behaviours(guarded=False)),
    "the door forwards by default": Weakening("door", lambda stack: stack.set_default(stack.forward)),
    "the door has a wildcard": Weakening("door", lambda stack: stack.add_rule(999, _path("/v1/*"))),
    "the door forwards the path as it came": Weakening("door", lambda stack: stack.restore(transforms=False)),
    "the door forgets the method": Weakening("door", lambda stack: stack.restore(conditions=False)),
    "the door opens a management path": Weakening("door", lambda stack: stack.add_rule(999, _path("/key/generate"))),
}


@pytest.fixture(scope="module")
def chain(ground: Ground) -> Iterator[Chain]:
    with ground.chain() as chain:
        yield chain


@pytest.fixture
def target(ground: Ground, chain: Chain) -> Iterator[Stack]:
    yield ground.stack
    ground.stack.restore()
    ground.runner.run(chain.reconcile())


def fired(ground: Ground, chain: Chain, at: str) -> Verdict:
    """A handful of routes in every spelling, and the open paths with every method. Without a key: what leaks isn't to
    do anything."""
    ground.runner.run(chain.reconcile())
    routes = [route for route in closed() if route.path in ROUTES]
    calls = [(method, one.path) for one in expanded() for method in ("GET", "POST", "DELETE")]
    sent = [*shots(routes, SPELLINGS, key=""), *asked(calls, key="")]
    return ground.fire(chain.edge if at == "edge" else chain.door, sent)


@pytest.mark.parametrize("what", WEAKENINGS)
def test_a_weakened_lock_is_found_out(ground: Ground, chain: Chain, target: Stack, what: str) -> None:
    weakening = WEAKENINGS[what]
    if weakening.at == "edge":
        target.open_door()
    weakening.weaken(target)
    verdict = fired(ground, chain, weakening.at)
    assert verdict.leaks
    with pytest.raises(AssertionError):
        ground.prove(f"weakened, {what}", verdict)


@pytest.mark.parametrize("at", ["edge", "door"])
def test_the_same_volley_finds_nothing_when_nothing_is_weakened(
    ground: Ground, chain: Chain, target: Stack, at: str
) -> None:
    if at == "edge":
        target.open_door()
    verdict = fired(ground, chain, at)
    assert (verdict.leaks, verdict.strays) == ([], [])
