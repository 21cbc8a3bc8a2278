"""Where AWS doesn't say how it reads a request, every reading holds: docs/edge.md lists them.

The whole set is sent under the documented readings (test_proof.py). Here go, under each other reading, the spellings
that it can turn on: a literal list takes no other for an open path, whatever a door does to it before it compares.
"""

from __future__ import annotations

import pytest

from localcloud.dataplane.readings import CHOICES, Readings
from tests.edge.conftest import Ground
from tests.edge.proof import closed, shots
from tests.edge.spellings import SPELLINGS, Spelling

LONG = pytest.mark.timeout(900)
DEFAULT = Readings()
OTHERS = [(name, other) for name, choices in CHOICES.items() for other in choices if other != getattr(DEFAULT, name)]


def telling(question: str) -> list[Spelling]:
    """The spellings that the answer to a question makes a difference to, and the plain one."""
    words = {"absolute": ("absolute",), "fragment": ("fragment",)}.get(
        question.partition("_")[2], ("open path", "slash")
    )
    return [s for s in SPELLINGS if s.name == "plain" or any(word in s.name for word in words)]


@LONG
@pytest.mark.parametrize(("name", "other"), OTHERS)
def test_another_reading_holds(ground: Ground, name: str, other: str) -> None:
    with ground.chain(Readings(**{name: other})) as chain:
        port, what = (chain.edge, "edge → door") if name.startswith("edge") else (chain.door, "door")
        spellings = telling(name)
        sent = shots(closed()[:: len(spellings) // 4 or 1], spellings, ground.proxy.master_key)
        ground.prove(f"{what} → LiteLLM, {name}={other}", ground.fire(port, sent))


@LONG
@pytest.mark.parametrize("match", CHOICES["alb_match"])
def test_the_door_holds_what_an_edge_that_saw_a_normalised_path_would_let_pass(ground: Ground, match: str) -> None:
    """Against its documentation, a Function is given the normalised path while the raw one goes on: the guard can't see
    the difference, and what LiteLLM gets is the door's own literal."""
    with ground.chain(Readings(edge_function_uri="rfc3986", alb_match=match)) as chain:
        sent = shots(closed()[::12], telling("edge_match"), ground.proxy.master_key)
        verdict = ground.fire(chain.edge, sent)
        assert verdict.makers["door"] + verdict.makers["litellm"] > 100, "these the edge lets pass"
        ground.prove(f"edge that sees normalised paths → door → LiteLLM, alb_match={match}", verdict)
