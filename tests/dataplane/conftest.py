"""One local cloud for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dataplane.cloud import Cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud") / "home")
    cloud("start")
    yield cloud
    cloud("stop", "--wipe")
