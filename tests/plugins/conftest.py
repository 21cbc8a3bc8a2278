"""One simulated account and one backend for the room's engine tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.aws import server
from tests.plugins.world import Obliging, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    account = server.start(account_id="111122223333")
    obliging = Obliging(account)
    try:
        yield World(account, tmp_path_factory.mktemp("world"), obliging)
    finally:
        obliging.close()
        account.stop()
