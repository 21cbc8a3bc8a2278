"""A seeding run through a door that fails at every call, one by one and at random, in front of the real LiteLLM.

Whatever happened, running again makes it so: nothing double, nothing lost, every value as it was, no secret told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from litellm_admin import transport
from litellm_admin.client import Client, Patience
from litellm_admin.ensure import delete_user, ensure_team, ensure_user
from litellm_admin.ensure_keys import Former, delete_key, ensure_key
from litellm_admin.errors import AdminError, Unreachable
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.plan import NOTHING, KeyWish, plan_key, plan_members, plan_team, plan_user
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import Entries, Gone, Ids, KeyEntry, change
from litellm_admin.transport import DirectTransport
from tests.litellm_admin.doors import AFTER, BEFORE, KINDS, FaultyDoor
from tests.litellm_server import HAIKU, Proxy

pytestmark = pytest.mark.timeout(600)  # the first test starts LiteLLM, and some hundred calls time out
# What a call may take before it counts as unanswered: far more than LiteLLM takes on a machine that does much else.
READ_SECONDS = 12.0
# Runs at the same time. Whoever waits for an answer that doesn't come needs nothing meanwhile.
AT_ONCE = {False: 4, True: 16}


@pytest.fixture(scope="module", autouse=True)
def impatience() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "READ_SECONDS", READ_SECONDS)
        yield


@pytest.fixture
def door(proxy: Proxy) -> Iterator[FaultyDoor]:
    door = FaultyDoor(proxy.url)
    yield door
    door.stop()


class Seeding:
    """What is wanted of one run: a user, a team and a key of its own, by names that nobody else has."""

    def __init__(self, proxy: Proxy, door: FaultyDoor, budget: float = 5.0) -> None:
        self.name = Proxy.fresh("fault")
        self.stack = f"llm-gateway/{self.name}"
        self.user = UserSpec(f"{self.name}@Example.com", budget=budget, duration="1mo", models=(HAIKU,))
        self.team = TeamSpec(self.name, (self.user.email,), budget=budget)
        self.key = KeySpec(self.name, self.user.email, budget=budget, team=self.name)
        self.value = f"sk-{self.name}-{Proxy.fresh('value')}"
        self.said: list[str] = []
        self._direct = proxy.client
        self.client = Client(DirectTransport(door.url, proxy.master_key), Patience(attempts=2, first=0.1))
        self._secrets = (self.value, proxy.master_key)

    def each(self) -> None:
        """One resource each, as `User`, `Team` and `Key` do it."""
        user_id = ensure_user(self.client, self.user, self.stack)
        team_id = ensure_team(self.client, self.team, [user_id], self.stack)
        ensure_key(self.client, KeyWish(self.key, user_id, team_id, self.stack, self.value))

    def all(self) -> None:
        """All as one, as `Roster` does it."""
        wanted = Entries((self.user,), (self.team,), (KeyEntry(self.key, self.value),))
        reconcile(self.client, wanted, wanted, Gone(), Ids(), self.stack, lambda _: None)

    def until_it_is_so(self, run: str, tries: int = 10) -> None:
        """As its user would: after an error, once more. Once is enough for one fault; a slow machine adds some."""
        for _ in range(tries):
            try:
                return getattr(self, run)()
            except AdminError as error:
                self.said.append(str(error))
        raise AssertionError(f"it never came through: {self.said}")

    def assert_right(self) -> None:
        [user] = self._direct.find_users(self.user.email)
        [team] = self._direct.find_teams(self.team.alias)
        [key] = self._direct.find_keys(self.key.alias)
        assert plan_user(self.user, self.stack, user) is NOTHING
        assert plan_team(self.team, self.stack, team) is NOTHING
        assert plan_members([user.user_id], team) == ((), ())
        wish = KeyWish(self.key, user.user_id, team.team_id, self.stack, self.value)
        assert key.token == token_of(self.value), "the value is what it was"
        assert plan_key(wish, key, datetime.now(UTC)) is NOTHING
        assert not [secret for secret in self._secrets if secret in "".join(self.said)]

    def clear(self) -> None:
        clear(self._direct, [self])


def clear(client: Client, seedings: list[Seeding]) -> None:
    """So that lists stay short."""
    client.delete_keys([token_of(seeding.value) for seeding in seedings])
    for seeding in seedings:
        client.delete_team(seeding.team.team_id)
    client.delete_users([seeding.user.user_id for seeding in seedings])


@pytest.fixture(scope="module")
def lengths(proxy: Proxy) -> dict[str, int]:
    """How many calls a run makes to which nothing happens."""
    found = {}
    for run in ("each", "all"):
        door = FaultyDoor(proxy.url)
        seeding = Seeding(proxy, door)
        seeding.until_it_is_so(run)
        assert not seeding.said and door.calls > 8, "a run has that many calls"
        found[run] = door.calls
        door.stop()
        seeding.clear()
    return found


def seeded_with(proxy: Proxy, kind: str, run: str, place: int) -> Seeding:
    """A run whose call number `place` fails, and what is there afterwards."""
    door = FaultyDoor(proxy.url)
    try:
        door.begin(lambda number: kind if number == place else None)
        seeding = Seeding(proxy, door)
        seeding.until_it_is_so(run)
        assert door.calls > place
        seeding.assert_right()
        return seeding
    finally:
        door.stop()


def fail_at_each_call(proxy: Proxy, run: str, kinds: Sequence[str]) -> None:
    """One run for each call, several runs at a time, which don't know of each other. `kinds` says what goes wrong with
    call 0, 1 and so on."""
    waits = all("timeout" in kind for kind in kinds)
    with ThreadPoolExecutor(AT_ONCE[waits]) as pool:
        runs = [pool.submit(seeded_with, proxy, kind, run, place) for place, kind in enumerate(kinds)]
        seedings = [run.result() for run in runs]
    clear(proxy.client, seedings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_any_call_of_a_seeding_run(proxy: Proxy, lengths: dict[str, int], kind: str) -> None:
    fail_at_each_call(proxy, "each", [kind] * lengths["each"])


@pytest.mark.parametrize("kinds", [BEFORE, AFTER], ids=["before LiteLLM acted", "after it"])
def test_a_fault_at_any_call_of_a_rosters_run(proxy: Proxy, lengths: dict[str, int], kinds: tuple[str, ...]) -> None:
    """What lists all that there is takes its time, so the kinds that come to the same take turns."""
    fail_at_each_call(proxy, "all", [kinds[place % len(kinds)] for place in range(lengths["all"])])


few = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# what times out or comes slowly is met above; here it would take minutes
faults = st.lists(
    st.none() | st.sampled_from([kind for kind in KINDS if "timeout" not in kind]), min_size=3, max_size=30
)


@few
@given(faults, faults, st.sampled_from(["each", "all"]))
def test_faults_at_random_in_a_run_and_in_the_change_after_it(
    proxy: Proxy, door: FaultyDoor, first: list[str | None], second: list[str | None], run: str
) -> None:
    seeding = Seeding(proxy, door)
    door.begin(lambda number: first[number] if number < len(first) else None)
    try:
        seeding.until_it_is_so(run, len(first) + 6)
        seeding.assert_right()
        after = Seeding(proxy, door, budget=9.0)
        old, until = seeding.value, datetime.now(UTC) + timedelta(days=7)
        after.name, after.stack = seeding.name, seeding.stack
        after.user = UserSpec(seeding.user.email, budget=9.0)
        after.team, after.key = TeamSpec(seeding.name), KeySpec(seeding.name, seeding.user.email, budget=9.0)
        ids = Ids({seeding.user.email.lower(): seeding.user.user_id}, {seeding.name: seeding.team.team_id}, {})
        turned = KeyEntry(after.key, after.value, formers=(Former(token_of(old), until, old),))

        def change_all() -> None:
            change(
                after.client, Entries((after.user,), (after.team,), (turned,)), Gone(), ids, after.stack, lambda _: None
            )

        after.all = change_all  # type: ignore[method-assign]
        door.begin(lambda number: second[number] if number < len(second) else None)
        after.until_it_is_so("all", len(second) + 6)
        [user] = proxy.client.find_users(after.user.email)
        assert plan_user(after.user, after.stack, user) is NOTHING
        team = proxy.client.get_team(seeding.team.team_id)
        assert plan_members([], team) == ((), ())
        [key] = proxy.client.find_keys(after.key.alias)
        assert key.token == token_of(after.value)
        former = proxy.client.get_key(token_of(old))
        assert former is not None, "the former value lives on, though its owner left the team"
        assert former.expires is not None
        assert abs(former.expires - until) < timedelta(minutes=2)
        assert not [secret for secret in (old, after.value, proxy.master_key) if secret in "".join(after.said)]
        delete_key(proxy.client, [token_of(after.value)], after.stack)
    finally:
        door.begin(lambda _: None)
        seeding.clear()


@pytest.mark.parametrize("kind", ["reset before", "timeout before", "502", "503"])
def test_a_gateway_that_doesnt_answer_is_no_reason_to_think_that_anybody_is_gone(
    proxy: Proxy, door: FaultyDoor, kind: str
) -> None:
    """What a refresh or a destroy would do: neither takes a missing answer for a missing key."""
    seeding = Seeding(proxy, door)
    door.begin(lambda _: None)
    seeding.until_it_is_so("each")
    door.begin(lambda _: kind)
    calls = (
        lambda: seeding.client.get_key(token_of(seeding.value)),
        lambda: seeding.client.get_user(seeding.user.user_id),
        lambda: seeding.client.get_team(seeding.team.team_id),
        lambda: delete_key(seeding.client, [token_of(seeding.value)], seeding.stack),
        lambda: delete_user(seeding.client, seeding.user.user_id, seeding.stack),
    )
    with ThreadPoolExecutor(len(calls)) as pool:
        errors = [made.exception() for made in [pool.submit(call) for call in calls]]
    assert [type(error) for error in errors] == [Unreachable] * len(calls)
    door.begin(lambda _: None)
    seeding.assert_right()
    seeding.clear()
