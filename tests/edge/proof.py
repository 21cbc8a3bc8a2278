"""The proof's two halves: every route in every spelling, and what LiteLLM's own routing did with what arrived."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.allow_list import expanded
from components.litellm_routes import INFERENCE, MOUNT, Route, routes
from tests.edge.spellings import SPELLINGS, Spelling
from tests.edge.volley import Shot
from tests.litellm_server import Proxy

OPEN = frozenset(one.path for one in expanded())
WITHIN = 60.0  # seconds for what LiteLLM has answered to be written down
_numbers = itertools.count(1)


def closed() -> list[Route]:
    """Every route that isn't inference."""
    return [route for route in routes() if route.kind != INFERENCE]


def address(route: Route) -> str:
    """A path that leads to the route: parameters filled, something below a mount."""
    path = re.sub(r"\{\w+\}", "p1", re.sub(r"\{\w+:path\}", "p1/p2", route.path))
    return f"{path}/p1" if MOUNT in route.methods else path


def shots(targets: Iterable[Route], spellings: Sequence[Spelling], key: str) -> list[Shot]:
    """Each route in each spelling, once; a route's methods take turns."""
    volley = next(_numbers)
    found: dict[bytes, Shot] = {}
    for route in targets:
        methods = [m for m in route.methods if m != MOUNT] or ["GET", "POST", "DELETE"]
        for turn, spelling in enumerate(spellings):
            method = methods[turn % len(methods)]
            shot = _shot(f"{volley}-{len(found)}", spelling, method, address(route), key)
            found.setdefault(_unmarked(shot), shot)
    return list(found.values())


def asked(requests: Iterable[tuple[str, str]], key: str) -> list[Shot]:
    """These methods and paths, as they are."""
    volley, plain = next(_numbers), SPELLINGS[0]
    return [_shot(f"{volley}-{n}", plain, method, path, key) for n, (method, path) in enumerate(requests)]


def raw(heads: Iterable[bytes], key: str) -> list[Shot]:
    """Requests of one's own: request line and headers without their end."""
    volley = next(_numbers)
    ids = (f"{volley}-{number}" for number in itertools.count())
    return [
        Shot(id, b"\r\n".join([head, *_marks(id, key)]) + b"\r\n\r\n", head.decode("latin-1"))
        for id, head in zip(ids, heads, strict=False)
    ]


def _shot(id: str, spelling: Spelling, method: str, path: str, key: str) -> Shot:
    return Shot(id, spelling.request(method, path, _marks(id, key)), f"{spelling.name}: {method} {path}")


def _marks(id: str, key: str) -> list[bytes]:
    return [b"X-Witness: " + id.encode(), *([b"Authorization: Bearer " + key.encode()] if key else [])]


def _unmarked(shot: Shot) -> bytes:
    return re.sub(rb"X-Witness: \S+", b"", shot.raw)


@dataclass
class Verdict:
    """What became of a volley. ``leaks``: requests with which LiteLLM ran a route that isn't inference; ``strays``:
    such as arrived on a path that isn't open, whatever LiteLLM made of it."""

    sent: int
    makers: Counter[str]
    ran: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        answered = ", ".join(f"{maker} {count:,}" for maker, count in self.makers.most_common())
        return (
            f"{self.sent:,} requests, answered by {answered}; LiteLLM ran inference {self.ran[INFERENCE]:,}, "
            f"nothing {self.ran['nothing']:,}; leaks {len(self.leaks)}, strays {len(self.strays)}"
        )


class Witnessed:
    """Reads the witness's file from where it ends now."""

    def __init__(self, proxy: Proxy) -> None:
        self._file = proxy.requests.open("rb")
        self._file.seek(0, 2)

    def __enter__(self) -> Witnessed:
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()

    def notes(self, sent: Sequence[Shot]) -> dict[str, dict[str, Any]]:
        """By a shot's id, what LiteLLM did with it. AssertionError when it answered one that the witness doesn't
        know."""
        ids = {shot.id for shot in sent}
        answered = {shot.id for shot in sent if shot.maker == "litellm"}
        found: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + WITHIN
        while True:
            found |= {note["id"]: note for note in map(json.loads, self._file) if note["id"] in ids}
            if answered <= found.keys():
                return found
            blind = answered - found.keys()
            assert time.monotonic() < deadline, f"the witness is blind to {len(blind)} requests that LiteLLM answered"
            time.sleep(0.05)

    def judge(self, sent: Sequence[Shot]) -> Verdict:
        """The verdict on the shots."""
        verdict = Verdict(len(sent), Counter(shot.maker for shot in sent))
        shots = {shot.id: shot for shot in sent}
        for id, note in self.notes(sent).items():
            _weigh(verdict, note, shots[id])
        return verdict


def ran(note: dict[str, Any]) -> Route | None:
    """The route that LiteLLM's routing handed a request to; None when it handed it to none.

    A route whose pattern matched and whose methods didn't is selected, too, and answers 405 without running."""
    selected = next((template for template in note["selected"] if template is not None), None)
    if selected is None:
        return None
    known = [route for route in routes() if route.template == selected]
    assert known, f"LiteLLM selected {selected}, which is in no class"
    return next((r for r in known if MOUNT in r.methods or note["method"] in r.methods), None)


def _weigh(verdict: Verdict, note: dict[str, Any], shot: Shot) -> None:
    route = ran(note)
    verdict.ran[route.kind if route else "nothing"] += 1
    if route is not None and route.kind != INFERENCE:
        verdict.leaks.append(f"{shot.label} ran {route}")
    if note["raw_path"] not in OPEN:
        verdict.strays.append(f"{shot.label} arrived as {note['raw_path']}")
