"""One simulated account and one deployed network a test file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.aws import server
from localcloud.aws.account import Account
from tests.net.world import World


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    account = server.start(account_id="222222222222")
    try:
        yield account
    finally:
        account.stop()


@pytest.fixture(scope="module")
def world(account: Account) -> World:
    return World(account)
