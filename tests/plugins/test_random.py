"""Random values: what was asked for is in them, and they hold what pulumi-random promises."""

from __future__ import annotations

import asyncio
import base64
import string
import uuid
from collections import Counter
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental import provider as sdk

from localcloud.plugins.random import KINDS, RandomProvider, _complete
from localcloud.plugins.serve import DiffRequest, Host, Refusal
from localcloud.plugins.values import UNKNOWN, plain_map, wrap_map

PROVIDER = RandomProvider(Host("127.0.0.1:1"))
URN = "urn:pulumi:stack::project::random:index/{0}:{1}::name"


def urn(name: str) -> str:
    return URN.format(name[0].lower() + name[1:], name)


def make(name: str, preview: bool = False, **inputs: Any) -> tuple[str, dict[str, Any], set[str]]:
    request = sdk.CreateRequest(urn(name), wrap_map(inputs), 0, preview)
    answer = asyncio.run(PROVIDER.create(request))
    secret = {key for key, value in answer.properties.items() if value.is_secret}
    return answer.resource_id or "", plain_map(answer.properties), secret


def diff(name: str, old: dict[str, Any], new: dict[str, Any]) -> sdk.DiffResponse:
    request = DiffRequest(urn(name), "id", wrap_map(old), wrap_map(new), [])
    request.old_inputs = wrap_map(old)
    return asyncio.run(PROVIDER.diff(request))


@given(
    st.fixed_dictionaries(
        {f"min{kind}": st.integers(0, 4) for kind in ("Lower", "Upper", "Numeric", "Special")},
        optional={"overrideSpecial": st.sampled_from(["_", "-+"])},
    ),
    st.integers(0, 12),
)
def test_a_text_has_its_length_and_its_minima(wanted: dict[str, Any], more: int) -> None:
    least = sum(value for value in wanted.values() if isinstance(value, int))
    length = max(1, least + more)
    _, state, _ = make("RandomString", length=length, **wanted)
    text = state["result"]
    special = wanted.get("overrideSpecial") or "!@#$%&*()-_=+[]{}<>:?"
    kinds = {
        "Lower": string.ascii_lowercase,
        "Upper": string.ascii_uppercase,
        "Numeric": string.digits,
        "Special": special,
    }
    counts = Counter(kind for letter in text for kind, letters in kinds.items() if letter in letters)
    assert len(text) == length
    assert sum(counts.values()) == length
    assert all(counts[kind] >= wanted[f"min{kind}"] for kind in kinds)


def test_what_is_switched_off_does_not_appear() -> None:
    _, state, _ = make("RandomString", length=200, special=False, upper=False)
    assert set(state["result"]) <= set(string.ascii_lowercase + string.digits)
    _, state, _ = make("RandomString", length=200, number=False)
    assert not set(state["result"]) & set(string.digits)


def test_a_password_is_secret_and_its_hash_is_bcrypts() -> None:
    resource_id, state, secret = make("RandomPassword", length=24)
    assert resource_id == "none"
    assert secret == {"result", "bcryptHash"}
    assert bcrypt.checkpw(state["result"].encode(), state["bcryptHash"].encode())


def test_a_password_longer_than_bcrypt_reads_is_hashed_too() -> None:
    _, state, _ = make("RandomPassword", length=100)
    assert bcrypt.checkpw(state["result"].encode()[:72], state["bcryptHash"].encode())


def test_an_id_says_the_same_in_every_form() -> None:
    resource_id, state, secret = make("RandomId", byteLength=8, prefix="p-")
    raw = bytes.fromhex(state["hex"].removeprefix("p-"))
    assert len(raw) == 8
    assert state["b64Std"] == "p-" + base64.b64encode(raw).decode()
    assert state["b64Url"] == "p-" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert state["dec"] == "p-" + str(int.from_bytes(raw, "big"))
    assert resource_id == state["b64Url"].removeprefix("p-")
    assert not secret


def test_a_uuid_is_random() -> None:
    resource_id, state, _ = make("RandomUuid")
    assert uuid.UUID(state["result"]).version == 4
    assert resource_id == state["result"]


def test_bytes_are_secret_in_both_forms() -> None:
    _, state, secret = make("RandomBytes", length=16)
    assert base64.b64decode(state["base64"]) == bytes.fromhex(state["hex"])
    assert secret == {"base64", "hex"}


@pytest.mark.parametrize("token", sorted(KINDS))
def test_a_preview_makes_nothing(token: str) -> None:
    kind = KINDS[token]
    inputs = {name: 4 for name, default in kind.inputs.items() if default is ...}
    resource_id, state, _ = make(token.split(":")[-1], preview=True, **inputs)
    assert resource_id == ""
    assert all(state[name] is UNKNOWN for name in kind.outputs)


def test_any_change_makes_a_new_value() -> None:
    old = {"length": 8, "keepers": {"a": "1"}}
    assert not diff("RandomString", old, dict(old)).changes
    assert not diff("RandomString", old, {**old, "special": True}).changes, "that is the default"
    for change in ({"length": 9}, {"keepers": {"a": "2"}}, {"special": False}, {"minLower": 1}):
        answer = diff("RandomString", old, {**old, **change})
        assert answer.replaces, change
    answer = diff("RandomString", old, {"length": 8})
    assert answer.detailed_diff["keepers"].kind is sdk.PropertyDiffKind.DELETE_REPLACE


def test_number_is_the_old_name_of_numeric() -> None:
    kind = KINDS["random:index/randomString:RandomString"]
    assert _complete(kind, {"length": 1, "number": False})["numeric"] is False
    assert _complete(kind, {"length": 1, "number": False, "numeric": True})["numeric"] is True


def test_an_import_is_refused() -> None:
    with pytest.raises(Refusal, match="can't be imported into the local cloud; let it be created"):
        asyncio.run(PROVIDER.read(sdk.ReadRequest(urn("RandomId"), "id", {}, {})))
