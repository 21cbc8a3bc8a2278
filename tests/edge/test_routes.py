"""The classed routes against the running LiteLLM: complete, and looked up as LiteLLM does."""

from __future__ import annotations

import json

from components import litellm_routes
from components.litellm_routes import DATA, MOUNT, Route, opened_by, routes
from tests.edge.conftest import Ground
from tests.edge.proof import address, asked, ran
from tests.litellm_server import Proxy

Line = tuple[tuple[str, ...], str]


def unclassed(served: list[Line], classed: list[Line]) -> list[str]:
    """A sentence for each route that the one has and the other hasn't."""
    new = [line for line in served if line not in classed]
    gone = [line for line in classed if line not in served]
    return [f"{DATA.name} has no class for {Route('', *line)}: add it as the others are" for line in new] + [
        f"LiteLLM {litellm_routes.version()} no longer serves {Route('', *line)}: take it out of {DATA.name}"
        for line in gone
    ]


def served(proxy: Proxy) -> list[Line]:
    return [(tuple(found["methods"]), found["path"]) for found in json.loads(proxy.routes.read_text())]


def test_every_route_of_the_running_proxy_is_classed_and_every_class_has_its_route(proxy: Proxy) -> None:
    classed = [(route.methods, route.path) for route in routes()]
    assert unclassed(served(proxy), classed) == []
    assert served(proxy) == classed, "the order decides which of two routes takes a path"


def test_a_route_of_an_upgrade_fails_by_its_name(proxy: Proxy) -> None:
    classed = [(route.methods, route.path) for route in routes()]
    added = [*served(proxy), (("POST",), "/v1/brand/new")]
    assert unclassed(added, classed) == [
        "litellm_routes.txt has no class for POST /v1/brand/new: add it as the others are"
    ]
    assert (
        "no longer serves POST /v1/chat/completions"
        in unclassed([line for line in served(proxy) if line != (("POST",), "/v1/chat/completions")], classed)[0]
    )


def test_the_witness_sees_every_route_and_a_path_leads_where_the_file_says(ground: Ground) -> None:
    """Every route asked for in its plain spelling, straight at LiteLLM and without a key: what the proof counts
    as a leak is seen, and `opened_by`, which refuses configured paths, looks routes up as LiteLLM does."""
    requests = [
        ("GET" if method == MOUNT else method, address(route)) for route in routes() for method in route.methods
    ]
    shots = asked(requests, key="")
    notes = ground.notes(ground.litellm, shots)
    for shot, (method, path) in zip(shots, requests, strict=True):
        assert shot.id in notes, f"{shot.label} was answered with {shot.status} and not witnessed"
        opened = opened_by(path)
        assert ran(notes[shot.id]) == opened.get(method, opened.get(MOUNT)), shot.label
    ground.report(f"witnessed: {len(requests):,} operations of {len(routes()):,} routes, each where its class says")
