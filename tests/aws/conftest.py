"""One simulated account for the room; each test builds its own network in it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest

from localcloud.aws import server
from localcloud.aws.account import Account
from tests.aws.callers import Caller, session_of_a_role
from tests.aws.world import World


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    account = server.start(account_id="333333333333")
    try:
        yield account
    finally:
        account.stop()


@pytest.fixture
def world(account: Account) -> World:
    return World(account)


@pytest.fixture
def role(account: Account) -> Callable[..., Caller]:
    """Makes a session of a role with the given statements."""
    return functools.partial(session_of_a_role, account)
