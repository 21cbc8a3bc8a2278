"""What an operation is doing, from the engine's events. Pure: no clock of its own, no output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pulumi.automation import EngineEvent
from pulumi.automation.events import DiagnosticEvent, PolicyEvent, StepEventMetadata

from ops import masking, urns

# Steps that only keep the books: each stands beside one that does the work.
_BOOKKEEPING = {"read", "read-replacement", "discard", "discard-replaced", "remove-pending-replace", "replace"}
_PAST = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "create-replacement": "replaced",
    "delete-replaced": "deleted (replaced)",
    "import": "imported",
    "refresh": "refreshed",
}
_COLOUR = re.compile(r"<\{%[^%]*%\}>")
# Plugins of local stacks are on PATH on purpose; the engine says so for each of them, each time.
_EXPECTED = re.compile(r"^(warning: )?using pulumi-\S+ from \$PATH at \S+( expected \S+)?$")
_TRIVIAL = {"update failed", "preview failed", "destroy failed", "refresh failed"}


def past(op: str) -> str:
    """`create` → `created`."""
    return _PAST.get(op, op)


@dataclass(frozen=True)
class Change:
    """One resource that is or would be changed. `keys`: names of properties, never values."""

    op: str
    urn: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Note:
    """Something to tell the reader. `severity`: `error`, `warning` or `info`."""

    severity: str
    text: str
    urn: str = ""

    def __str__(self) -> str:
        about = "" if not self.urn or urns.types(self.urn)[-1:] == [urns.STACK_TYPE] else f"{urns.label(self.urn)}: "
        lead = "" if self.severity == "info" else f"{self.severity}: "
        return f"{lead}{about}{self.text}"


@dataclass(frozen=True)
class Finished:
    """A step that came to its end. `seconds` since it began."""

    change: Change
    seconds: float
    failed: bool


@dataclass
class Tracker:
    """Feed it events with `take`; read off what runs, what changed and what was said."""

    running: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    changes: list[Change] = field(default_factory=list[Change])
    failures: list[Change] = field(default_factory=list[Change])
    notes: list[Note] = field(default_factory=list[Note])
    unchanged: int = 0
    planned: bool = False
    progress: str = ""
    """What a provider said last of how far it is, while anything runs."""
    _said: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def take(self, event: EngineEvent, now: float) -> list[Note | Finished]:
        """Take in one event that came at `now` (seconds, any steady clock). Returns what is worth telling at once."""
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata, now)
        elif event.res_outputs_event:
            self.planned = bool(event.res_outputs_event.planning)
            return self._end(event.res_outputs_event.metadata, now, failed=False)
        elif event.res_op_failed_event:
            return self._end(event.res_op_failed_event.metadata, now, failed=True)
        elif event.diagnostic_event:
            if event.diagnostic_event.ephemeral:
                self.progress = _plain(event.diagnostic_event.message) if self.running else ""
            return self._note(diagnostic(event.diagnostic_event))
        elif event.policy_event:
            return self._note(violation(event.policy_event))
        elif event.stdout_event:
            return self._note(Note("info", _plain(event.stdout_event.message)))
        return []

    @property
    def errors(self) -> list[Note]:
        return [note for note in self.notes if note.severity == "error"]

    def totals(self) -> Counter[str]:
        """Operation → how many resources."""
        return Counter(change.op for change in self.changes)

    def by_component(self) -> dict[str, Counter[str]]:
        """Component → how often each operation was done to a resource in it, in order of appearance."""
        result: dict[str, Counter[str]] = {}
        for change in self.changes:
            result.setdefault(urns.component(change.urn), Counter())[change.op] += 1
        return result

    def _begin(self, step: StepEventMetadata, now: float) -> None:
        if _value(step.op) not in (*_BOOKKEEPING, "same") and not urns.is_bookkeeping(step.urn):
            self.running[step.urn] = (_value(step.op), now)

    def _end(self, step: StepEventMetadata, now: float, *, failed: bool) -> list[Note | Finished]:
        op, (_, began) = _value(step.op), self.running.pop(step.urn, ("", now))
        self.progress = self.progress if self.running else ""
        if op in _BOOKKEEPING or urns.is_bookkeeping(step.urn):
            return []
        if op in ("same", "refresh") and not failed:
            self.unchanged += 1
            return []
        change = Change(op, step.urn, changed_keys(step))
        (self.failures if failed else self.changes).append(change)
        return [Finished(change, now - began, failed)]

    def _note(self, note: Note | None) -> list[Note | Finished]:
        if note is None or not note.text or (note.urn, note.text) in self._said:
            return []
        if note.severity != "info":  # a program may print the same line twice and mean it
            self._said.add((note.urn, note.text))
        self.notes.append(note)
        return [note]


def changed_keys(step: StepEventMetadata) -> tuple[str, ...]:
    """Names of the properties that differ, outermost only: `tags`, not `tags.Name`."""
    paths: Iterable[str] = step.detailed_diff or step.diffs or step.keys or ()
    return tuple(sorted({re.split(r"[.\[]", path, maxsplit=1)[0] for path in paths} - {"__provider"}))


def diagnostic(event: DiagnosticEvent) -> Note | None:
    """What the engine, a provider or the program said; None for what is meant for a moving display or says nothing."""
    text = _plain(event.message)
    if event.ephemeral or event.severity == "debug" or _EXPECTED.match(text) or text in _TRIVIAL:
        return None
    severity = "info" if event.severity.startswith("info") else event.severity
    return Note(severity, text, event.urn or "")


def from_stderr(text: str) -> list[Note]:
    """What an engine that ended early wrote: `warning: …` and `error: …`, each with the lines that follow it."""
    notes: list[Note] = []
    for line in _plain(text).splitlines():
        lead, colon, rest = line.partition(": ")
        if _EXPECTED.match(line) or not line.strip():
            continue
        if colon and lead in ("warning", "error"):
            notes.append(Note(lead, rest))
        elif notes:
            notes[-1] = Note(notes[-1].severity, f"{notes[-1].text}\n{line}")
        else:
            notes.append(Note("error", line))
    return notes


def violation(event: PolicyEvent) -> Note:
    """A policy's finding: an error if it stops the operation."""
    severity = "error" if event.enforcement_level == "mandatory" else "warning"
    rule = f"policy {event.policy_pack_name}/{event.policy_name}"
    return Note(severity, f"{rule}: {_plain(event.message)}", event.resource_urn or "")


def _plain(message: str) -> str:
    return masking.text(_COLOUR.sub("", message).strip())


def _value(op: object) -> str:
    return str(getattr(op, "value", op))
