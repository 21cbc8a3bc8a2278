"""What a preview would do, resource by resource, from the engine's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from pulumi.automation import EngineEvent
from pulumi.automation.events import PolicyEvent, StepEventMetadata

from ops import urns
from ops.view import View

# How the engine writes a value that is known only once the update runs.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_REPLACED = {"replace", "create-replacement"}


@dataclass(frozen=True)
class Planned:
    """One resource. `op`: same, create, update, replace or delete. `inputs` as they will be (of a deleted one: as they
    were), `old` as they are; secrets are `[secret]`. `diff`: path of a property → kind of change. `replaces`: the
    properties for which it must be made anew."""

    urn: str
    op: str
    inputs: Mapping[str, Any]
    old: Mapping[str, Any] = field(default_factory=dict[str, Any])
    diff: Mapping[str, str] = field(default_factory=dict[str, str])
    replaces: tuple[str, ...] = ()
    protect: bool = False

    @property
    def type(self) -> str:
        return urns.types(self.urn)[-1]

    @property
    def name(self) -> str:
        return urns.name(self.urn)

    @property
    def stays(self) -> bool:
        """Is it there afterwards?"""
        return self.op != "delete"


@dataclass(frozen=True)
class Finding:
    """A policy that a resource (or the stack) breaks. `level` is the engine's: advisory or mandatory."""

    policy: str
    level: str
    message: str
    urn: str


class Recorder(View):
    """A view that keeps what it is shown."""

    def __init__(self, title: str, out: TextIO | None = None) -> None:
        super().__init__(title, out)
        self._steps: dict[str, list[StepEventMetadata]] = {}
        self.findings: list[Finding] = []

    def event(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            step = event.resource_pre_event.metadata
            self._steps.setdefault(step.urn, []).append(step)
        elif event.policy_event:
            self.findings.append(_finding(event.policy_event))
        super().event(event)

    def close(self, text: str) -> None:
        """Just the verdict: what was planned is told in another form."""
        super().close(text.rpartition("\n")[2])

    def planned(self) -> list[Planned]:
        """Every resource that somebody would count, in the order of their URNs."""
        return [_planned(urn, self._steps[urn]) for urn in sorted(self._steps) if not urns.is_bookkeeping(urn)]


def _finding(event: PolicyEvent) -> Finding:
    return Finding(event.policy_name, str(event.enforcement_level), event.message, event.resource_urn or "")


def _planned(urn: str, steps: Iterable[StepEventMetadata]) -> Planned:
    steps = list(steps)
    ops = {str(getattr(step.op, "value", step.op)) for step in steps}
    if ops & _REPLACED:
        op = "replace"
    elif "delete-replaced" in ops:  # it goes with something that is replaced, and nothing comes for it
        op = "delete"
    else:
        op = min(ops)
    with_new = next((step for step in steps if step.new is not None), None)
    with_old = next((step for step in steps if step.old is not None), None)
    new = with_new.new if with_new else None
    old = with_old.old if with_old else None
    told = max(steps, key=lambda step: len(step.detailed_diff or {}))
    kept = (new if op != "delete" else None) or old
    inputs, before = dict((kept.inputs if kept else None) or {}), dict((old.inputs if old else None) or {})
    return Planned(
        urn=urn,
        op=op,
        inputs=inputs,
        old=before,
        diff=_diff(told) or (_differing(before, inputs) if op in ("update", "replace") else {}),
        replaces=tuple(sorted({key for step in steps for key in step.keys or ()})),
        protect=bool(kept and kept.protect),
    )


def _diff(step: StepEventMetadata) -> dict[str, str]:
    if step.detailed_diff:
        return {path: str(getattr(d.diff_kind, "value", d.diff_kind)) for path, d in step.detailed_diff.items()}
    return dict.fromkeys(step.diffs or (), "update")


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """A dynamic provider says that something differs, and not what."""
    return dict.fromkeys(sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k)), "update")


def stored(resources: Iterable[Mapping[str, Any]]) -> list[Planned]:
    """The resources of an exported state, as a preview that changes nothing would tell them."""
    found = [
        Planned(item["urn"], "same", item.get("inputs") or {}, protect=bool(item.get("protect")))
        for item in resources
        if not item.get("delete") and not urns.is_bookkeeping(item["urn"])
    ]
    return sorted(found, key=lambda planned: planned.urn)
