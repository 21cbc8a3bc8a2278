"""Spellings that nobody thought of: hypothesis writes them, in volleys, for the chain and for the door alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.litellm_routes import WEBSOCKET, Route
from tests.edge.chain import Chain
from tests.edge.conftest import Ground
from tests.edge.proof import OPEN, Verdict, address, closed, raw

VOLLEY = 60  # requests of one example, for the chain and for the door each
EXAMPLES = 60
# An example is a volley: large to make, and slow to fire on a busy machine.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
_MARKS = [
    "",
    "/",
    "//",
    "/.",
    "/..",
    "/./",
    "/../",
    "%2e%2e/",
    "..%2f",
    "%5c",
    "\\",
    ";",
    ";a=b",
    "?",
    "#",
    "@",
    ":",
    "*",
]
_CODES = ["%", "%00", "%0a", "%23", "%25", "%3f", "%c0%af", "~", "p1"]
_SCRAPS = st.sampled_from([*_MARKS, *_CODES, *sorted(OPEN)[:4]])


@st.composite
def encoded(draw: st.DrawFn, path: str) -> str:
    """Any of its characters percent-encoded, in either case, up to three times over."""
    out = []
    for character in path:
        times = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 3]))
        code = draw(st.sampled_from(["%02x", "%02X"])) % ord(character)
        out.append("%" + "25" * (times - 1) + code if times else character)
    return "".join(out)


@st.composite
def targets(draw: st.DrawFn, routes: list[Route]) -> bytes:
    """A request line for a closed route, dressed up."""
    route = draw(st.sampled_from(routes))
    path = address(route)
    up = draw(st.sampled_from(["", "", "/..", "/%2e%2e", "%2f.."])) * path.count("/")
    pieces = [draw(_SCRAPS), draw(encoded(path)) if draw(st.booleans()) else path, up, draw(_SCRAPS), draw(_SCRAPS)]
    target = "/" + "".join(pieces).lstrip("/")
    if draw(st.integers(0, 9)) == 0:
        target = (
            draw(st.sampled_from(["http://localhost", "HTTP://a@localhost", "//localhost", "https://x:1"])) + target
        )
    method = draw(st.sampled_from([*(m for m in route.methods if m not in (WEBSOCKET, "MOUNT")), "GET", "POST"]))
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0".encode("latin-1")


@pytest.fixture(scope="module")
def chain(ground: Ground) -> Iterator[Chain]:
    with ground.chain() as chain:
        yield chain


@pytest.mark.timeout(900)
def test_no_generated_spelling_runs_a_closed_route(ground: Ground, chain: Chain) -> None:
    total = {"edge → door": Verdict(0, Counter()), "door": Verdict(0, Counter())}

    @settings(max_examples=EXAMPLES, suppress_health_check=SLOW)
    @given(st.lists(targets(closed()), min_size=VOLLEY, max_size=VOLLEY))
    def volley(heads: list[bytes]) -> None:
        for what, port in (("edge → door", chain.edge), ("door", chain.door)):
            verdict = ground.fire(port, raw(heads, ground.proxy.master_key))
            assert (verdict.leaks, verdict.strays) == ([], [])
            total[what].sent += verdict.sent
            total[what].makers += verdict.makers
            total[what].ran += verdict.ran

    volley()
    for what, verdict in total.items():
        assert verdict.sent >= VOLLEY * EXAMPLES
        ground.prove(f"{what} → LiteLLM, generated spellings", verdict)
