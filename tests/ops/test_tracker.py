"""From the engine's events to what a person reads: pure."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation import EngineEvent

from ops import masking, urns, view
from ops.tracker import Finished, Note, Tracker, from_stderr

STACK = "urn:pulumi:local::llm-gateway::pulumi:pulumi:Stack::llm-gateway-local"
NETWORK = "urn:pulumi:local::llm-gateway::llm-gateway:network:Network::gateway"
VPC = "urn:pulumi:local::llm-gateway::llm-gateway:network:Network$aws:ec2/vpc:Vpc::gateway-vpc"
SERVICE = "urn:pulumi:local::llm-gateway::llm-gateway:gateway:Gateway$aws:ecs/service:Service::gateway-service"
USER = "urn:pulumi:local::llm-gateway::llm-gateway:access:Access$pulumi-python:dynamic/litellm:User::dev@example.com"
REMEMBERED = "urn:pulumi:local::llm-gateway::llm-gateway:access:Access$pulumi-python:dynamic/state:KeyRing::access-ring"
PROVIDER = "urn:pulumi:local::llm-gateway::pulumi:providers:aws::default_7_51_1"


def step(kind: str, urn: str, op: str, **more: Any) -> EngineEvent:
    metadata = {"op": op, "urn": urn, "type": urns.types(urn)[-1], "provider": "", **more}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}})


def said(message: str, severity: str = "warning", **more: Any) -> EngineEvent:
    return EngineEvent.from_json(
        {"diagnosticEvent": {"message": message, "color": "never", "severity": severity, **more}}
    )


def do(tracker: Tracker, urn: str, op: str, began: float, ended: float, **more: Any) -> list[Note | Finished]:
    tracker.take(step("resourcePreEvent", urn, op), began)
    return tracker.take(step("resOutputsEvent", urn, op, **more), ended)


@pytest.mark.parametrize(
    ("urn", "label", "component"),
    [
        (VPC, "aws:ec2:Vpc gateway-vpc", "Network"),
        (USER, "litellm:User dev@example.com", "Access"),
        (STACK, "pulumi:pulumi:Stack llm-gateway-local", "Stack"),
    ],
)
def test_names_are_those_that_people_know(urn: str, label: str, component: str) -> None:
    assert urns.label(urn) == label
    assert urns.component(urn) == component


def test_components_providers_and_the_stack_are_not_counted() -> None:
    tracker = Tracker()
    for urn in (STACK, NETWORK, PROVIDER, REMEMBERED):
        assert do(tracker, urn, "create", 0, 1) == []
    assert tracker.changes == []
    assert tracker.running == {}


def test_a_step_is_under_way_until_it_ends() -> None:
    tracker = Tracker()
    tracker.take(step("resourcePreEvent", SERVICE, "create"), 10.0)
    tracker.take(step("resourcePreEvent", VPC, "create"), 12.0)
    assert (
        view.status(tracker, 15.0)
        == "0 done, 2 under way: aws:ecs:Service gateway-service (5 s), aws:ec2:Vpc gateway-vpc (3 s)"
    )
    [ended] = tracker.take(step("resOutputsEvent", SERVICE, "create"), 31.0)
    assert isinstance(ended, Finished)
    assert view.finished(ended) == "aws:ecs:Service gateway-service created (21 s)"
    assert list(tracker.running) == [VPC]


def test_how_far_a_provider_is_stands_in_the_status_and_nowhere_else() -> None:
    tracker = Tracker()
    tracker.take(step("resourcePreEvent", USER, "update"), 0.0)
    assert tracker.take(said("seeding: keys: 40 of 1,000", "info", ephemeral=True), 1.0) == []
    assert view.status(tracker, 2.0).endswith("dev@example.com (2 s); seeding: keys: 40 of 1,000")
    tracker.take(step("resOutputsEvent", USER, "update"), 3.0)
    assert view.status(tracker, 4.0) == "1 done"
    assert tracker.notes == []


def test_a_change_names_properties_and_never_a_value() -> None:
    tracker = Tracker()
    diff = {"max_budget": {"diffKind": "update"}, "models[0]": {"diffKind": "add"}, "tags.Name": {"diffKind": "add"}}
    state = {
        "type": "x",
        "urn": USER,
        "id": "1",
        "parent": "",
        "provider": "",
        "inputs": {"max_budget": "hidden-value"},
    }
    do(tracker, USER, "update", 0, 1, detailedDiff=diff, old=state, new=state)
    assert view.listing(tracker, preview=False) == [
        "   ~ Access: litellm:User dev@example.com  [max_budget, models, tags]"
    ]
    assert "hidden-value" not in repr(tracker.changes)


def test_replacement_is_told_apart_from_update() -> None:
    tracker = Tracker()
    for op in ("create-replacement", "replace", "delete-replaced"):
        do(tracker, VPC, op, 0, 1, keys=["cidrBlock"])
    assert view.listing(tracker, preview=True) == [
        "  +- Network: aws:ec2:Vpc gateway-vpc  [cidrBlock]",
        "  -- Network: aws:ec2:Vpc gateway-vpc  [cidrBlock]",
    ]


def test_a_failed_step_is_no_change() -> None:
    tracker = Tracker()
    tracker.take(step("resourcePreEvent", SERVICE, "create"), 0.0)
    [ended] = tracker.take(step("resOpFailedEvent", SERVICE, "create"), 4.0)
    assert isinstance(ended, Finished)
    assert ended.failed
    assert tracker.changes == []
    assert [change.urn for change in tracker.failures] == [SERVICE]


def test_warnings_are_complete_said_once_and_without_colour_codes() -> None:
    tracker = Tracker()
    text = "first line\nsecond line that is long " + "x" * 500
    [note] = tracker.take(said(f"<{{%fg 3%}}>warning<{{%reset%}}> {text}", urn=SERVICE), 0)
    assert str(note) == f"warning: aws:ecs:Service gateway-service: warning {text}"
    assert tracker.take(said(f"warning {text}", urn=SERVICE), 0) == []


@pytest.mark.parametrize(
    "event",
    [
        said("creating...", "info", ephemeral=True),
        said("internals", "debug"),
        said("update failed", "error"),
        said("using pulumi-resource-aws from $PATH at /clone/.local/cloud/bin/pulumi-resource-aws"),
        said("using pulumi-language-python from $PATH at /a/pulumi-language-python expected /b/pulumi-language-python"),
    ],
)
def test_noise_is_left_out(event: EngineEvent) -> None:
    assert Tracker().take(event, 0) == []


def test_an_engine_that_never_began_is_read_from_its_stderr() -> None:
    text = (
        "\nwarning: using pulumi-language-python from $PATH at /a/b\nwarning: old\n"
        "error: missing configuration value 'greeting'\nset it with:\n  pulumi config set\n"
    )
    assert [str(note) for note in from_stderr(text)] == [
        "warning: old",
        "error: missing configuration value 'greeting'\nset it with:\n  pulumi config set",
    ]
    assert [str(note) for note in from_stderr("it broke sk-0123456789abcdefWXYZ")] == ["error: it broke sk-…WXYZ"]


def test_a_policy_that_stops_is_an_error() -> None:
    tracker = Tracker()
    finding = {
        "message": "no",
        "color": "never",
        "policyName": "p",
        "policyPackName": "pack",
        "enforcementLevel": "mandatory",
    }
    [note] = tracker.take(EngineEvent.from_json({"policyEvent": {**finding, "resourceUrn": VPC}}), 0)
    assert str(note) == "error: aws:ec2:Vpc gateway-vpc: policy pack/p: no"
    assert tracker.errors


def test_many_creations_are_counted_by_component() -> None:
    tracker = Tracker()
    for number in range(view.LISTED + 1):
        do(tracker, f"{VPC}-{number}", "create", 0, 1)
    do(tracker, USER, "update", 0, 1)
    text = view.conclusion(tracker, "up local", 31.4, "succeeded", preview=False)
    assert text.splitlines() == [
        "   ~ Access: litellm:User dev@example.com",
        "  Network  13 created",
        "  Access   1 updated",
        "up local: 13 created, 1 updated (31 s)",
    ]
    assert len(view.conclusion(tracker, "", 1, "succeeded", preview=True).splitlines()) == 15, (
        "a preview lists everything"
    )


def test_the_view_without_a_terminal_writes_whole_lines() -> None:
    out, clock = io.StringIO(), iter(float(n) for n in range(1000))
    with view.View("up local", out, clock=lambda: next(clock)) as shown:
        shown.event(step("resourcePreEvent", SERVICE, "create"))
        shown.event(said("the task can't pull its image", "error", urn=SERVICE))
        for _ in range(8):
            shown.event(said("", "info"))
        shown.event(step("resOutputsEvent", SERVICE, "create"))
    text = out.getvalue()
    assert "\r" not in text
    assert "\033" not in text
    assert "error: aws:ecs:Service gateway-service: the task can't pull its image\n" in text
    assert "aws:ecs:Service gateway-service created (" in text


KEYS = st.from_regex(r"\Ask-[A-Za-z0-9_-]{16,40}\Z")


@given(KEYS, st.text(), st.text())
def test_no_key_survives_in_any_text(key: str, before: str, after: str) -> None:
    shown = masking.text(f"{before} {key} {after}")
    assert key not in shown
    assert len(masking.key(key)) == len("sk-…abcd")


@given(st.text(max_size=40))
def test_a_short_or_foreign_secret_shows_nothing_at_all(secret: str) -> None:
    if not (secret.startswith("sk-") and len(secret) >= 16):
        assert masking.key(secret) == "…"
