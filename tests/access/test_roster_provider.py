"""The Roster as the engine drives it: what a diff names, what a refresh finds, and how entries change hands."""

from __future__ import annotations

import base64
import json
import threading
from concurrent import futures
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.output import UNKNOWN
from pulumi.runtime.proto import engine_pb2_grpc

from components.litellm import base, status
from components.litellm import roster_state as state
from components.litellm.base import spec_props
from components.litellm.key import KeyProvider
from components.litellm.packed import pack, packed, unpacked
from components.litellm.ring import KeyRingProvider
from components.litellm.roster import RosterProvider
from components.litellm.user import UserProvider
from litellm_admin import calls
from litellm_admin.errors import AdminError, Unreachable
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of, user_id_of
from litellm_admin.values import Generation, Rotation, derive, turned
from tests.access.test_provider import over_the_wire
from tests.litellm_admin.fake import FakeLiteLLM
from tests.litellm_admin.specs import NOW

ROOT = base64.b64encode(bytes(range(32))).decode()
STACK = "gw/test"
WAY = {"relay": "gw-relay", "region": "us-west-1", "managed_by": f"{STACK}#roster", "__provider": "…"}
DEV, LEAD = UserSpec("Dev@example.com", budget=50.0), UserSpec("lead@example.com")
CORE = TeamSpec("core", ("dev@example.com",), budget=100.0)
CI, PROD = KeySpec("ci", "dev@example.com", team="core"), KeySpec("prod", budget=500.0, overlap=3600)
RING = turned({}, {spec.alias: Rotation(spec.rotate, spec.overlap) for spec in (CI, PROD)}, NOW)


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch) -> FakeLiteLLM:
    fake = FakeLiteLLM()
    monkeypatch.setattr(base, "RelayTransport", lambda _name, _region: fake)
    monkeypatch.setattr(base, "READY_SECONDS", 0.0)
    monkeypatch.setattr(calls.Patience, "pause", lambda *_: None)
    return fake


def props(*specs: UserSpec | TeamSpec | KeySpec, ring: dict[str, Generation] = RING, **more: Any) -> dict[str, Any]:
    named = {UserSpec: lambda s: state.user_name(s.email), TeamSpec: lambda s: state.team_name(s.alias)}
    entries = {named.get(type(spec), lambda s: state.key_name(s.alias))(spec): spec_props(spec) for spec in specs}
    aliases = [spec.alias for spec in specs if isinstance(spec, KeySpec)]
    as_json = {alias: ring[alias].as_json() for alias in aliases}
    return over_the_wire({**WAY, "root": ROOT, "ring": as_json, **entries, **more}) | {"__provider": "…"}


ALL = props(DEV, LEAD, CORE, CI, PROD)


class Driven:
    """The provider as the engine drives it: with packed properties over the wire. Here they are read unpacked."""

    def __init__(self) -> None:
        self.provider = RosterProvider()

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        return self.provider.check(packed(olds), packed(news))

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Any:
        return self.provider.diff(id_, packed(olds), packed(news))

    def create(self, props: dict[str, Any]) -> dict[str, Any]:
        return unpacked(over_the_wire(self.provider.create(packed(props)).outs))

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        return unpacked(over_the_wire(self.provider.update(id_, packed(olds), packed(news)).outs))

    def read(self, id_: str, props: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """What is there, and whether it has drifted."""
        found = self.provider.read(id_, packed(props))
        assert all(isinstance(value, str) for name, value in found.outs.items() if ":" in name)
        return unpacked(over_the_wire(found.outs)), found.inputs is not None

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        self.provider.delete(id_, packed(props))


def made(wanted: dict[str, Any]) -> dict[str, Any]:
    return Driven().create(wanted)


def value(alias: str, ring: dict[str, Generation] = RING) -> str:
    return derive(base64.b64decode(ROOT), alias, ring[alias].generation)


def test_a_rosters_life(litellm: FakeLiteLLM) -> None:
    provider = Driven()
    outs = made(ALL)
    assert {user["user_email"] for user in litellm.users.values()} == {"Dev@example.com", "lead@example.com"}
    assert set(litellm.keys) == {token_of(value("ci")), token_of(value("prod"))}
    assert litellm.keys[token_of(value("ci"))]["user_id"] == user_id_of("dev@example.com")
    assert value("ci") not in json.dumps(outs)
    assert ROOT not in json.dumps(outs)
    assert provider.diff("roster", outs, ALL).changes is False
    litellm.calls.clear()
    other = props(UserSpec("dev@example.com", budget=60.0), LEAD, CORE, CI, PROD)
    assert state.changed(outs, other) == ["user:dev@example.com"]
    after = provider.update("roster", outs, other)
    assert litellm.calls == [("GET", "/v2/user/info"), ("POST", "/user/update")]
    assert provider.diff("roster", after, other).changes is False
    assert provider.read("roster", after)[0] == after
    assert not provider.read("roster", after)[1]
    provider.delete("roster", after)
    assert not (litellm.users or litellm.teams or litellm.keys)
    provider.delete("roster", after)  # gone already: fine


def test_a_state_from_before_entries_were_packed_is_read_without_a_change(litellm: FakeLiteLLM) -> None:
    provider, before = RosterProvider(), made(ALL)
    assert isinstance(before["user:dev@example.com"], dict) and isinstance(before["tokens"], dict)
    assert provider.diff("roster", before, packed(ALL)).changes is False
    ring = {alias: one.as_json() for alias, one in RING.items()}
    wanted = {"keys": {alias: pack({"rotate": "", "overlap": 0}) for alias in RING}}
    assert KeyRingProvider().diff("ring", {"keys": {}, "generations": ring}, wanted).changes is False
    litellm.calls.clear()
    provider.update("roster", before, packed(ALL))
    assert not litellm.calls


def test_what_comes_and_goes_is_named_by_property(litellm: FakeLiteLLM) -> None:
    outs, provider = made(ALL), Driven()
    fewer = props(DEV, CORE, CI, UserSpec("new@example.com"))
    assert state.changed(outs, fewer) == ["user:new@example.com"]
    assert sorted(state.gone(outs, fewer)) == ["key:prod", "user:lead@example.com"]
    after = provider.update("roster", outs, fewer)
    assert set(litellm.keys) == {token_of(value("ci"))}
    assert user_id_of("lead@example.com") not in litellm.users
    assert provider.diff("roster", after, fewer).changes is False


def test_a_preview_that_cant_know_the_ring_names_only_who_changes(litellm: FakeLiteLLM) -> None:
    outs, provider = made(ALL), Driven()
    assert provider.diff("roster", outs, {**ALL, "ring": UNKNOWN, "root": UNKNOWN}).changes is False
    turning = {**ALL, "ring": UNKNOWN, "key:prod": {**ALL["key:prod"], "rotate": "2"}}
    assert state.changed(outs, turning) == ["key:prod"]
    assert provider.check({}, turning).failures == []


def test_a_rotation_keeps_the_former_value_alive_and_another_root_ends_all(litellm: FakeLiteLLM) -> None:
    outs, provider = made(ALL), Driven()
    ring = turned(RING, {"ci": Rotation(), "prod": Rotation("2", 3600)}, datetime.now(UTC))
    later = props(DEV, LEAD, CORE, CI, KeySpec("prod", budget=500.0, overlap=3600, rotate="2"), ring=ring)
    assert state.changed(outs, later) == ["key:prod"]
    after = provider.update("roster", outs, later)
    assert set(litellm.keys) == {token_of(of) for of in (value("ci"), value("prod"), value("prod", ring))}
    assert litellm.keys[token_of(value("prod"))]["expires"]
    assert provider.diff("roster", after, later).changes is False
    other_root = {**later, "root": base64.b64encode(b"r" * 32).decode()}
    assert state.changed(after, other_root) == ["key:ci", "key:prod"]
    provider.update("roster", after, other_root)
    assert len(litellm.keys) == 3, "each has a new value, and the one with an overlap a former one"
    assert token_of(value("ci")) not in litellm.keys


def test_drift_shows_by_entry_and_the_next_update_mends_it(litellm: FakeLiteLLM) -> None:
    outs, provider = made(ALL), Driven()
    litellm.users[user_id_of("dev@example.com")]["max_budget"] = 1.0
    litellm.users[user_id_of("lead@example.com")]["metadata"] = {}
    litellm.keys[token_of(value("ci"))].update(user_id=user_id_of("lead@example.com"), team_id=None)
    litellm.deleted[token_of(value("prod"))] = litellm.keys.pop(token_of(value("prod")))
    litellm.request(
        "POST", "/team/member_delete", body={"team_id": CORE.team_id, "user_id": user_id_of("dev@example.com")}
    )
    drifted, has_drifted = provider.read("roster", outs)
    assert has_drifted
    assert drifted["user:dev@example.com"]["budget"] == 1.0
    assert drifted["key:ci"]["owner"] == "lead@example.com"
    assert "team" not in drifted["key:ci"]
    assert drifted["team:core"]["members"] == []
    assert "key:prod" not in drifted
    assert set(state.changed(drifted, ALL)) == set(state.names(ALL))
    after = provider.update("roster", drifted, ALL)
    assert provider.read("roster", after)[0] == after == outs
    assert litellm.keys[token_of(value("prod"))]["max_budget"] == 500.0, "it came back with the value that people know"


def test_what_a_failed_run_left_behind_is_found_by_a_refresh_and_goes(litellm: FakeLiteLLM) -> None:
    outs, provider = made(props(DEV)), Driven()
    more = props(DEV, LEAD, CORE, CI)
    litellm.fault = lambda _method, path: 500 if path == "/key/generate" else None
    with pytest.raises(AdminError):
        provider.update("roster", outs, more)
    litellm.fault = lambda _method, _path: None
    assert len(litellm.users) == 2
    found = provider.read("roster", outs)[0]
    assert sorted(state.gone(found, props(DEV))) == ["team:core", "user:lead@example.com"]
    provider.update("roster", found, props(DEV))
    assert list(litellm.users) == [user_id_of("dev@example.com")]
    assert not litellm.teams


def test_entries_change_hands_without_being_lost(litellm: FakeLiteLLM) -> None:
    """A file grows beyond what is readable, and shrinks again."""
    alone = {**WAY, "managed_by": STACK}
    user = over_the_wire(UserProvider().create({**alone, **spec_props(DEV)}).outs)
    props_ci = {**alone, **spec_props(KeySpec("ci")), "key": value("ci"), "generation": RING["ci"].generation}
    key = over_the_wire(KeyProvider().create(dict(props_ci)).outs)
    litellm.keys[token_of(value("ci"))]["spend"] = 7.0

    together = props(DEV, KeySpec("ci"))
    outs = made(together)
    KeyProvider().delete("ci", key)
    UserProvider().delete(user["user_id"], user)
    assert litellm.keys[token_of(value("ci"))]["spend"] == 7.0
    assert len(litellm.users) == 1

    released = props(DEV, released=["key:ci"])
    assert state.gone(outs, released) == []
    outs = Driven().update("roster", outs, released)
    KeyProvider().create(dict(props_ci))
    UserProvider().create({**alone, **spec_props(DEV)})
    Driven().delete("roster", outs)
    assert litellm.keys[token_of(value("ci"))]["spend"] == 7.0
    assert len(litellm.users) == 1


def test_another_way_is_noted_without_a_call_and_another_name_is_not(litellm: FakeLiteLLM) -> None:
    outs, provider = made(ALL), Driven()
    litellm.calls.clear()
    moved = {**ALL, "relay": "gw2-relay"}
    assert provider.diff("roster", outs, moved).changes is True
    assert provider.update("roster", outs, moved)["relay"] == "gw2-relay"
    assert not litellm.calls
    renamed = {**ALL, "managed_by": "gw/other#roster"}
    provider.update("roster", outs, renamed)
    assert {user["metadata"]["managed_by"] for user in litellm.users.values()} == {"gw/other#roster"}


def test_a_gateway_that_is_gone_is_an_error_and_no_reason_to_forget_anybody(litellm: FakeLiteLLM) -> None:
    outs = made(ALL)
    litellm.fault = lambda _method, _path: "before"
    for call in (Driven().delete, Driven().read):
        with pytest.raises(Unreachable):
            call("roster", outs)


faults = st.lists(st.sampled_from([None, "before", "after", 500, 503]), max_size=30)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.sampled_from(range(6))), min_size=1, max_size=4), faults)
def test_whatever_fails_a_diff_is_empty_once_it_came_through(history: list[set[int]], kinds: list[Any]) -> None:
    fake, waiting = FakeLiteLLM(), list(kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "RelayTransport", lambda _name, _region: fake)
        patch.setattr(base, "READY_SECONDS", 0.0)
        patch.setattr(calls.Patience, "pause", lambda *_: None)
        fake.fault = lambda _method, _path: waiting.pop(0) if waiting else None
        outs: dict[str, Any] = {}
        every, provider = [DEV, LEAD, CORE, CI, PROD, KeySpec("own", "lead@example.com")], Driven()
        for chosen in history:
            specs = [every[n] for n in sorted(chosen | {0, 1, 2})]
            wanted = props(*specs, ring={**RING, "own": Generation("g")})
            for _ in range(len(kinds) + 2):
                try:
                    outs = provider.update("roster", outs, wanted) if outs else provider.create(wanted)
                    break
                except AdminError:
                    continue
            assert provider.diff("roster", outs, wanted).changes is False
        fake.fault = lambda _method, _path: None
        assert provider.read("roster", outs)[0] == outs
        assert len(fake.users) == 2


# -- progress


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.said: list[tuple[str, bool]] = []
        self.heard = threading.Event()

    def Log(self, request: Any, _context: Any) -> empty_pb2.Empty:
        self.said.append((request.message, request.ephemeral))
        self.heard.set()
        return empty_pb2.Empty()


def test_progress_goes_to_the_status_line_twice_a_second_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, server = Engine(), grpc.server(futures.ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        monkeypatch.setattr(status, "_engine", lambda: address)
        now = iter([0.0, 0.0, 0.1, 0.2, 0.7, 0.7, 99.0, 99.0])
        tell = status.teller("seeding", lambda: next(now))
        for text in ("keys: 1 of 9", "keys: 2 of 9", "keys: 3 of 9"):
            tell(text)
        assert engine.said == [("seeding: keys: 1 of 9", True), ("seeding: keys: 3 of 9", True)]
    finally:
        server.stop(None)
    tell("keys: 9 of 9")  # the engine is gone: what is being done goes on


def test_without_an_engine_progress_goes_nowhere() -> None:
    status.teller("seeding")("keys: 1 of 9")
