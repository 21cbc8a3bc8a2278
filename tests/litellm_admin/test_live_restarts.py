"""LiteLLM and its Postgres are replaced in the middle of a run, as a deployment or a failover does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from components.litellm import base
from litellm_admin import transport
from litellm_admin.client import Client, Patience
from litellm_admin.errors import AdminError, NotFound
from litellm_admin.models import token_of
from litellm_admin.plan import NOTHING, plan_key, plan_user
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Gone, Ids
from litellm_admin.transport import DirectTransport
from tests.litellm_admin.doors import Switch
from tests.litellm_admin.test_live_roster import roster
from tests.litellm_server import Proxy, Server

T = TypeVar("T")
pytestmark = pytest.mark.timeout(600)  # LiteLLM starts twice


class Gateway:
    """A LiteLLM of these tests' own, behind a door that stays where it is."""

    def __init__(self) -> None:
        self.database: Switch | None = None
        self.server = Server(self._between)

    def _between(self, port: int) -> int:
        self.database = Switch(port)
        return self.database.port

    def __enter__(self) -> Gateway:
        self.server.__enter__()
        self.door = Switch(_port(self.server.url))
        return self

    def __exit__(self, *_: object) -> None:
        self.door.stop()
        self.server.__exit__()
        if self.database:
            self.database.stop()

    @property
    def client(self) -> Client:
        where = DirectTransport(f"http://127.0.0.1:{self.door.port}", self.server.proxy.master_key)
        return Client(where, Patience(attempts=3, first=0.1))

    def restart_postgres(self) -> None:
        assert self.database
        self.database.cut()
        self.server.cluster.stop()
        self.database.lead_to(self.server.cluster.start())

    def restart_litellm(self) -> None:
        self.door.cut()
        self.server.stop()
        self.server.start()
        self.door.lead_to(_port(self.server.url))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


def when_it_is_back(look: Callable[[], T]) -> T:
    """What is seen once LiteLLM has found back to its database."""
    until = time.monotonic() + 180
    while True:
        try:
            return look()
        except AdminError:
            assert time.monotonic() < until, "LiteLLM doesn't find back to its database"
            time.sleep(0.5)


@pytest.mark.parametrize("restart", [Gateway.restart_postgres, Gateway.restart_litellm])
def test_a_run_in_which_something_restarts_is_finished_by_itself_or_by_a_later_one(
    gateway: Gateway, restart: Callable[[Gateway], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = Proxy.fresh("restart")
    wanted, name = roster(stem, 40, 60), f"llm-gateway/{stem}#roster"
    begun, said = threading.Event(), list[str]()

    def tell(progress: str) -> None:
        if progress.startswith("keys: ") and not begun.is_set():
            begun.set()

    def restarting() -> None:
        assert begun.wait(120)
        restart(gateway)

    # what the provider does (`base.patiently`): wait until LiteLLM is ready, and once more
    monkeypatch.setattr(base, "RelayTransport", lambda _relay, _region: gateway.client._calls.transport)
    monkeypatch.setattr(transport, "READ_SECONDS", 20.0)
    restarter = threading.Thread(target=restarting)
    restarter.start()
    ids = None
    for _ in range(20):
        try:
            ids = base.patiently(
                {"relay": "", "region": ""},
                lambda client: reconcile(client, wanted, wanted, Gone(), Ids(), name, tell),
            )
            break
        except AdminError as error:
            said.append(str(error))
            time.sleep(2)
    restarter.join()
    assert ids is not None, said
    client = gateway.client
    users = {user.user_id: user for user in when_it_is_back(lambda: client.list_users(stem))}
    listed = when_it_is_back(client.list_keys)
    keys = {key.token: key for key in listed if (key.alias or "").startswith(stem)}
    assert len(users) == 40
    assert keys.keys() == {token_of(entry.value) for entry in wanted.keys}, "none lost, none double, no value changed"
    for spec in wanted.users:
        assert plan_user(spec, name, users[ids.users[spec.email.lower()]]) is NOTHING
    for entry in wanted.keys:
        wish = ids.wish(entry, name)
        assert plan_key(wish, keys[token_of(entry.value)], datetime.now(UTC)) is NOTHING
    assert not [entry for entry in wanted.keys if entry.value in "".join(said)]


def test_while_postgres_is_away_nobody_is_thought_to_be_gone(gateway: Gateway) -> None:
    """A refresh that took a failure for an absence would have everybody made anew, or forgotten."""
    stem = Proxy.fresh("away")
    wanted, name = roster(stem, 2, 2), f"llm-gateway/{stem}#roster"
    ids = when_it_is_back(lambda: reconcile(gateway.client, wanted, wanted, Gone(), Ids(), name, lambda _: None))
    assert gateway.database
    gateway.database.cut()
    gateway.server.cluster.stop()
    looks: list[Callable[[], object]] = [
        lambda: gateway.client.get_user(ids.users[wanted.users[0].email.lower()]),
        lambda: gateway.client.get_team(ids.teams[f"{stem}-team"]),
        lambda: gateway.client.get_key(token_of(wanted.keys[0].value)),
        lambda: gateway.client.list_users(stem),
        lambda: gateway.client.list_keys(),
        lambda: gateway.client.find_keys(f"{stem}-0"),
        lambda: gateway.client.delete_user(ids.users[wanted.users[0].email.lower()]),
        lambda: gateway.client.delete_key(token_of(wanted.keys[0].value)),
    ]
    try:
        for look in looks:
            with pytest.raises(AdminError) as caught:
                look()
            assert not isinstance(caught.value, NotFound)
    finally:
        gateway.database.lead_to(gateway.server.cluster.start())
    assert len(when_it_is_back(lambda: gateway.client.list_users(stem))) == 2
    assert {key.token for key in gateway.client.list_keys()} >= {token_of(entry.value) for entry in wanted.keys}
