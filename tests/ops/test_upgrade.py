"""What another version of LiteLLM changes: the comparison is pure, and the probe is run on the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import paths
from ops.errors import CannotRun
from ops.upgrade.compare import UNCLASSED, Probed, compare, render
from ops.upgrade.run import check, classes, probe

OLD = Probed(
    "1.108.7", frozenset({("POST", "/v1/chat/completions"), ("GET", "/user/list"), ("GET", "/old")}), {"a": []}
)


def new(*routes: tuple[str, str], version: str = "1.109.0", **migrations: list[str]) -> Probed:
    kept = {pair for pair in OLD.routes if pair[1] != "/old"}
    return Probed(version, frozenset(kept | set(routes)), {"a": [], **migrations})


def test_the_same_version_has_nothing_to_look_at() -> None:
    found = compare(OLD, OLD, ["/v1/chat/completions"], {})
    assert not found.needs_a_person and "Nothing to look at." in render(found)


def test_new_routes_are_classed_and_strange_ones_are_for_a_person() -> None:
    found = compare(OLD, new(("POST", "/user/merge"), ("POST", "/v9/think"), ("DELETE", "/x")), [], {"/x": "upstream"})
    assert found.added == {
        "management": ("POST /user/merge",),
        "upstream": ("DELETE /x",),
        UNCLASSED: ("POST /v9/think",),
    }
    assert found.removed == ("GET /old",)
    assert found.needs_a_person


def test_a_route_that_would_answer_a_public_path_is_pointed_out() -> None:
    found = compare(OLD, new(("POST", "/v1/{rest:path}"), ("GET", "/{one}")), ["/v1/chat/completions"], {})
    assert found.opened == {"/v1/chat/completions": ("POST /v1/{rest:path}",)}
    assert "LOOK: the public path /v1/chat/completions would be answered by POST /v1/{rest:path}" in render(found)


def test_a_public_path_that_nothing_answers_any_more_is_pointed_out() -> None:
    assert compare(OLD, new(), ["/old", "/user/list"], {}).lost == ("/old",)


def test_migrations_that_touch_data_are_pointed_out() -> None:
    found = compare(OLD, new(b=[], c=["DROP COLUMN"]), [], {})
    assert found.migrations == ("b", "c") and found.destructive == {"c": ("DROP COLUMN",)}
    assert "c   LOOK: DROP COLUMN" in render(found) and found.needs_a_person
    back = compare(new(b=[]), OLD, [], {})
    assert back.withdrawn == ("b",) and "there is no way back to 1.109.0" in render(back)


def test_advisories_of_both_are_told() -> None:
    worse = compare(OLD, new(version="1.82.7"), [], {})
    assert worse.needs_a_person and "LOOK: 1.82.7 has malware on PyPI" in render(worse)
    better = compare(new(version="1.80.0"), OLD, [], {})
    assert "1.108.7 no longer has CVE-2026-42208" in render(better)


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(CannotRun, match=r"write VERSION=1\.109\.0"):
        check("latest", print)


def test_classes_are_those_of_the_file_of_routes(tmp_path: Path) -> None:
    file = tmp_path / "routes.txt"
    assert classes(file) == {}
    file.write_text("# LiteLLM 1.0\nmanagement  GET,HEAD  /user/list\ninference  POST  /v1/rerank\n")
    assert classes(file) == {"/user/list": "management", "/v1/rerank": "inference"}


@pytest.mark.timeout(400)
def test_the_real_litellm_is_asked_what_it_serves() -> None:
    found = probe(paths.setup_dir() / "litellm" / "bin" / "python")
    told = Probed.of(found)
    assert told.version == "1.108.7"
    assert ("POST", "/v1/chat/completions") in told.routes and ("POST", "/key/generate") in told.routes
    assert len(told.routes) > 900 and len(told.migrations) > 200
    assert any(told.migrations.values()), "some of them touch data"
