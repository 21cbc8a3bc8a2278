"""The whole way for real, with faults on it and with two updates at once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.access_file import AccessSpec
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from tests.access.engine import ROOT, EngineError, Relay, Stack
from tests.access.test_live_engine import relay
from tests.litellm_admin.doors import KINDS, FaultyDoor
from tests.litellm_server import Proxy

__all__ = ["relay"]
pytestmark = pytest.mark.timeout(600)  # it may be the one that starts LiteLLM


@pytest.fixture
def door(proxy: Proxy, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyDoor]:
    """Between the relay and LiteLLM."""
    door = FaultyDoor(proxy.url)
    monkeypatch.setenv("ADMIN_DOOR_URL", door.url)
    yield door
    door.stop()


def many(stem: str, count: int) -> AccessSpec:
    users = tuple(UserSpec(f"{stem}-{n}@example.com", budget=5.0) for n in range(count))
    keys = tuple(KeySpec(f"{stem}-{n}", users[n].email, budget=5.0) for n in range(count))
    return AccessSpec(users, keys, (TeamSpec(stem, (users[0].email,)),))


def printed(stack: Stack, said: str, proxy: Proxy) -> str:
    """Everything that anybody but the gateway's admins may see: what was said, all state files, LiteLLM's log."""
    return said + stack.state + proxy.log.read_text()


@pytest.mark.parametrize("roster_above", [0, 100])
def test_updates_with_faults_come_through_and_tell_no_secret(
    proxy: Proxy, relay: Relay, door: FaultyDoor, tmp_path: Path, roster_above: int
) -> None:
    stem, said = Proxy.fresh("wire"), ""
    stack = Stack(tmp_path, relay)
    stack.roster_above = roster_above
    # what times out does so after the relay's 55 seconds, and is met in litellm_admin's own tests
    kinds = [kind for kind in KINDS if "timeout" not in kind]
    chance = random.Random(roster_above)
    faults = [chance.choice(kinds) if chance.random() < 0.4 else None for _ in range(60)]
    door.begin(lambda number: faults[number] if number < len(faults) else None)
    made = None
    for _ in range(6):
        try:
            made = stack.up(many(stem, 8))
            break
        except EngineError as error:
            said += str(error)
    assert made is not None, said
    assert door.calls > 15
    keys = made.outputs["keys"]
    users = proxy.client.list_users(stem)
    assert len(users) == len({user.email for user in users}) == 8
    found = [key for key in proxy.client.list_keys() if (key.alias or "").startswith(stem)]
    assert {key.alias: key.token for key in found} == {alias: token_of(value) for alias, value in keys.items()}
    assert len(found) == 8
    door.begin(lambda _: None)
    assert set(stack.refresh().changes) == {"same"}
    everything = printed(stack, said + made.said, proxy)
    secrets = [*keys.values(), proxy.master_key, stack.root_secret]
    assert not [secret for secret in secrets if secret in everything or secret.removeprefix("sk-") in everything]
    stack.up(AccessSpec())
    assert proxy.client.list_users(stem) == []


def test_two_updates_at_once_leave_one_of_each(proxy: Proxy, relay: Relay, tmp_path: Path) -> None:
    """The same stack from two checkouts with a state each, as it shouldn't be: whoever comes second to a name is told
    so, and nothing is double."""
    stem = Proxy.fresh("twice")
    code = (
        "import sys; from pathlib import Path; from types import SimpleNamespace\n"
        "from tests.access.engine import EngineError, Stack\n"
        "from tests.access.test_live_engine_faults import many\n"
        "stack = Stack(Path(sys.argv[1]), SimpleNamespace(url=sys.argv[2], calls=[]))\n"
        "stack.roster_above = int(sys.argv[4])\n"
        "try: print('came through', sorted(stack.up(many(sys.argv[3], 6)).outputs['keys']))\n"
        "except EngineError as error: print('failed', error)\n"
    )

    def update(number: int) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code, str(tmp_path / str(number)), relay.url, stem, str(100 * (number % 2))]
        return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    said = [process.communicate(timeout=300)[0] for process in [update(0), update(1)]]
    assert all(text.startswith(("came through", "failed")) for text in said), said
    users = proxy.client.list_users(stem)
    keys = [key.alias for key in proxy.client.list_keys() if (key.alias or "").startswith(stem)]
    assert len(users) == len({(user.email or "").lower() for user in users})
    assert len(keys) == len(set(keys))
    failed = [text for text in said if text.startswith("failed")]
    assert all("is in LiteLLM already" in text for text in failed), failed
