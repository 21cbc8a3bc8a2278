"""One gateway for all live tests: stood up once, broken and healed, and torn down by the last file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.cloud import Cloud

# What is printed in docs/ comes from the gateway as it is right after it came up. Then it is used as it stands; then
# drift, breaking it, day two, another way out, its end.
ORDER = [
    "test_transcript",
    "test_gateway",
    "test_docs",
    "test_streams",
    "test_admin",
    "test_truth",
    "test_access",
    "test_doctor",
    "test_wiring",
    "test_day_two",
    "test_egress",
    "test_teardown",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    mine = [item for item in items if item.path.parent == here]
    rank = {name: place for place, name in enumerate(ORDER)}
    mine.sort(key=lambda item: rank[item.path.stem])
    for item in mine:
        # the first one stands the gateway up, and a deployment that fails tries LiteLLM three times
        item.add_marker(pytest.mark.timeout(600))
    others = [item for item in items if item.path.parent != here]
    items[:] = [*others, *mine]


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The stack, up. Whatever happens, no process and no file of it stays."""
    cloud = Cloud("live")
    cloud.localcloud("stop", "--wipe")
    try:
        cloud.ops("up")
        yield cloud
    finally:
        cloud.localcloud("stop", "--wipe")


@pytest.fixture(scope="session")
def outputs(cloud: Cloud) -> dict[str, Any]:
    return cloud.outputs()
