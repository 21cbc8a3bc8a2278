"""A lost account takes its resources out of the Pulumi state, and leaves what lives in the state alone."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.outputs import localise, render
from localcloud.state import forget_account, without_account


def resource(kind: str, name: str, custom: bool = True, **more: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:local::p::{kind}::{name}", "type": kind, "custom": custom, **more}


ROOT = resource("pulumi:pulumi:Stack", "p-local", custom=False, outputs={"gatewayUrl": "https://lost"})
PASSWORD = resource("random:index/randomPassword:RandomPassword", "pw", parent=ROOT["urn"], outputs={"result": "kept"})
VPC = resource("aws:ec2/vpc:Vpc", "vpc", parent=ROOT["urn"], id="vpc-1")
KEY = resource("pulumi-python:dynamic:Resource", "key", parent=ROOT["urn"])


def test_only_what_lives_in_the_state_stays() -> None:
    providers = [resource(f"pulumi:providers:{name}", "default") for name in ("aws", "random", "pulumi-python")]
    replaced = {**PASSWORD, "urn": PASSWORD["urn"] + "2", "delete": True}
    kept = without_account([ROOT, *providers, VPC, PASSWORD, KEY, replaced])
    assert [one["type"] for one in kept] == [ROOT["type"], "pulumi:providers:random", PASSWORD["type"]]
    assert kept[2]["outputs"] == {"result": "kept"} and "outputs" not in kept[0]


def test_a_dynamic_resource_that_says_that_it_lives_in_the_state_stays_with_its_provider() -> None:
    provider = resource("pulumi:providers:pulumi-python", "default")
    ring = resource("pulumi-python:dynamic/state:KeyRing", "ring", outputs={"generations": {"ci": "kept"}})
    lost = resource("pulumi-python:dynamic/litellm:Key", "key")
    kept = without_account([ROOT, provider, ring, lost])
    assert [one["type"] for one in kept] == [ROOT["type"], provider["type"], ring["type"]]
    assert kept[2]["outputs"] == ring["outputs"]


def test_no_reference_to_a_lost_resource_is_left() -> None:
    urn, alive = VPC["urn"], PASSWORD["urn"]
    late = resource(
        "random:index/randomId:RandomId",
        "late",
        parent=urn,
        deletedWith=urn,
        dependencies=[urn, alive],
        propertyDependencies={"a": [urn], "b": [alive, urn], "c": None},
    )
    kept = without_account([VPC, PASSWORD, late])[-1]
    assert "parent" not in kept and "deletedWith" not in kept
    assert kept["dependencies"] == [alive] and kept["propertyDependencies"] == {"a": [], "b": [alive], "c": []}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["aws:x:Y", "random:x:Y", "pulumi-python:dynamic:R"]),
            st.booleans(),
            st.sets(st.integers(0, 9)),
        )
    )
)
def test_any_state_stays_whole(drawn: list[tuple[str, bool, set[int]]]) -> None:
    made: list[dict[str, Any]] = []
    for number, (kind, custom, needs) in enumerate(drawn):
        earlier = [made[need]["urn"] for need in needs if need < number]
        parent = {"parent": earlier[0]} if earlier else {}
        made.append(resource(kind, str(number), custom, dependencies=earlier, **parent))
    seen: set[str] = set()
    for one in without_account(made):
        assert set(one["dependencies"]) <= seen and one.get("parent", one["urn"]) in seen | {one["urn"]}
        seen.add(one["urn"])


def test_the_checkpoint_is_rewritten_once_and_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / ".pulumi" / "stacks" / "p" / "local.json"
    path.parent.mkdir(parents=True)
    latest = {
        "manifest": {},
        "secrets_providers": {"type": "passphrase"},
        "resources": [ROOT, VPC, PASSWORD],
        "pending_operations": [1],
    }
    text = json.dumps({"version": 3, "checkpoint": {"stack": "organization/p/local", "latest": latest}})
    path.write_text(text)
    assert forget_account(tmp_path) == 1
    found = json.loads(path.read_text())["checkpoint"]["latest"]
    assert len(found["resources"]) == 2 and "pending_operations" not in found and found["secrets_providers"]
    assert path.with_name("local.json.lost").read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert forget_account(tmp_path) == 0
    path.write_text('{"version": 4}')
    with pytest.raises(ValueError, match="isn't a Pulumi checkpoint of version 3"):
        forget_account(tmp_path)


def test_outputs_get_addresses_that_answer_here() -> None:
    addresses = {
        "https://d1.cloudfront.net": "http://127.0.0.1:1",
        "http://door.elb.amazonaws.com": "http://127.0.0.1:2",
        "http://door.elb.amazonaws.com:8080": "http://127.0.0.1:3",
    }
    found = localise(
        {
            "url": "https://d1.cloudfront.net",
            "path": ["https://D1.cloudfront.net/v1?x=1"],
            "doors": {"admin": "http://door.elb.amazonaws.com:8080", "plain": "http://door.elb.amazonaws.com"},
            "other": "https://d1.cloudfront.net.example.com http://door.elb.amazonaws.com:80801",
            "count": 3,
        },
        addresses,
    )
    assert found == {
        "url": "http://127.0.0.1:1",
        "path": ["http://127.0.0.1:1/v1?x=1"],
        "doors": {"admin": "http://127.0.0.1:3", "plain": "http://127.0.0.1:2"},
        "other": "https://d1.cloudfront.net.example.com http://door.elb.amazonaws.com:80801",
        "count": 3,
    }
    assert render({"keys": "[secret]", "users": {"a@b": "1"}}).splitlines() == [
        "keys: [secret]",
        "users:",
        "  a@b: 1",
        "(secret values: --show-secrets)",
    ]
