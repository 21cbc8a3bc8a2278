"""Values between the engine's wire format and plain Python."""

from __future__ import annotations

import pulumi
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from localcloud.plugins.values import (
    UNKNOWN,
    has_unknown,
    marshal,
    own_type,
    plain,
    plain_map,
    secret_texts,
    unmarshal,
    wrap,
    wrap_map,
)

SIGNATURE = rpc._special_sig_key

scalars = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=5), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def wire(**fields: object) -> struct_pb2.Struct:
    return json_format.ParseDict(fields, struct_pb2.Struct())


def secret(value: object) -> dict[str, object]:
    return {SIGNATURE: rpc._special_secret_sig, "value": value}


@given(st.dictionaries(st.text("abc", min_size=1), values, max_size=4))
def test_what_comes_from_the_engine_goes_back_the_same(found: dict) -> None:
    assert marshal(unmarshal(wire(**found))) == wire(**found)


@given(values)
def test_wrapping_and_unwrapping_keep_the_value(value: object) -> None:
    assert plain(wrap(value)) == value


def test_unknowns_survive_both_ways_and_are_seen_at_any_depth() -> None:
    came = wire(id=rpc.UNKNOWN, list=["a", {"deep": rpc.UNKNOWN}], hidden=secret(rpc.UNKNOWN))
    inside = plain_map(unmarshal(came))
    assert inside == {"id": UNKNOWN, "list": ["a", {"deep": UNKNOWN}], "hidden": UNKNOWN}
    assert has_unknown(inside["list"])
    assert marshal(unmarshal(came)) == came


def test_an_output_value_without_a_value_is_unknown_and_keeps_its_secrecy() -> None:
    output = {SIGNATURE: rpc._special_output_value_sig, "secret": True, "dependencies": []}
    value = unmarshal(wire(a=output))["a"]
    assert plain(value) is UNKNOWN
    assert value.is_secret


def test_an_asset_keeps_the_engines_hash_and_goes_back_as_it_came() -> None:
    asset = {SIGNATURE: rpc._special_asset_sig, "hash": "abc", "path": "./file"}
    archive = {SIGNATURE: rpc._special_archive_sig, "hash": "def", "assets": {"index.py": {**asset, "text": "x"}}}
    came = wire(source=asset, code=secret(archive))
    values = unmarshal(came)
    assert isinstance(values["source"].value, pulumi.FileAsset)
    assert values["source"].value.hash == "abc"
    assert values["code"].value.hash == "def"
    assert marshal(values) == came


def test_null_properties_are_as_if_unset() -> None:
    assert plain_map(unmarshal(wire(a=None, b=1))) == {"b": 1}


def test_secrecy_stays_where_it_was() -> None:
    before = unmarshal(wire(environment={"plain": "a", "token": secret("b")}, names=["a", secret("b")]))
    after = wrap_map({"environment": {"plain": "c", "token": "d", "new": "e"}, "names": ["x", "y"]}, before)
    environment = after["environment"].value
    assert not environment["plain"].is_secret
    assert environment["token"].is_secret
    assert [item.is_secret for item in after["names"].value] == [False, True]


def test_a_list_of_another_length_is_secret_as_a_whole() -> None:
    before = unmarshal(wire(names=["a", secret("b")]))["names"]
    assert wrap(["b"], before).is_secret


def test_a_property_can_always_be_secret() -> None:
    assert wrap_map({"password": "p"}, None, frozenset({"password"}))["password"].is_secret


def test_every_text_inside_a_secret_is_found_for_redaction() -> None:
    values = unmarshal(wire(a=secret({"x": "hidden-one", "y": ["hidden-two"]}), b="in the open", c="always-hidden"))
    assert secret_texts(values, frozenset({"c"})) == ["always-hidden", "hidden-one", "hidden-two"]


def test_a_type_is_the_last_of_its_urns_chain() -> None:
    assert own_type("llm-gateway:network:Network$aws:ec2/vpc:Vpc") == "aws:ec2/vpc:Vpc"
    assert own_type("aws:ec2/vpc:Vpc") == "aws:ec2/vpc:Vpc"


def test_a_property_value_stays_a_property_value() -> None:
    assert isinstance(wrap(1), PropertyValue)
    assert wrap(1).value == 1.0
