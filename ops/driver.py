"""Runs the engine on a stack of this project, through Pulumi's Automation API."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError, LocalWorkspace, OutputValue, Stack, UpdateSummary
from pulumi.automation.errors import StackNotFoundError

from ops import locks, paths, view
from ops.command import InterruptibleCommand, signals_interrupt
from ops.engine import record
from ops.errors import CannotRun, NoStack
from ops.masking import SECRET
from ops.tracker import Note, from_stderr
from ops.view import View


@dataclass(frozen=True)
class Options:
    """How to run an operation. `diff`: print the engine's own rich diff. `refresh`: look at the cloud first.
    `policy_packs`: folders of packs that the engine runs (in previews and updates)."""

    diff: bool = False
    refresh: bool = False
    expect_no_changes: bool = False
    policy_packs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of it. `result`: `succeeded`, `failed` or `interrupted`."""

    result: str
    seconds: float
    view: View

    def as_json(self) -> dict[str, Any]:
        """Without a single value of a property."""
        tracker = self.view.tracker
        return {
            "result": self.result,
            "seconds": round(self.seconds, 1),
            "changes": dict(tracker.totals()),
            "unchanged": tracker.unchanged,
            "resources": [vars(change) for change in tracker.changes],
            "failed": [vars(change) for change in tracker.failures],
            "notes": [vars(note) for note in tracker.notes],
        }


class _QuickStack(Stack):
    """After each operation the SDK's own class asks the engine for outputs and history: three more starts of it (1.5 s)
    for a result that nobody here reads."""

    def outputs(self) -> MutableMapping[str, OutputValue]:
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:
        return UpdateSummary(kind="", start_time=datetime.now(), message="", environment={}, config={}, result="")


class _QuickWorkspace(LocalWorkspace):
    """Selects a stack in a local folder by seeing that it is there. Every command names its stack, so nothing else
    depends on which one is selected, and the person's own choice stays."""

    def select_stack(self, stack_name: str) -> None:
        backend = locks.backend_folder(os.environ.get("PULUMI_BACKEND_URL"))
        project = self.project_settings().name
        if backend is None or not (backend / ".pulumi" / "stacks" / project / f"{stack_name}.json").exists():
            super().select_stack(stack_name)


class Driver:
    """One stack. `work_dir` is the folder with `Pulumi.yaml`. Raises CannotRun when the stack isn't there, or is
    locked."""

    def __init__(self, name: str, work_dir: Path = paths.REPO) -> None:
        self.name = name
        os.environ["PATH"] = record.path_with_engine()
        try:
            self.command = InterruptibleCommand()
        except FileNotFoundError:
            raise CannotRun("there is no pulumi: run `make setup`") from None
        self.backend = locks.backend_folder(os.environ.get("PULUMI_BACKEND_URL"))
        self.workspace = _QuickWorkspace(work_dir=str(work_dir), pulumi_command=self.command)

    def run(self, operation: str, options: Options, shown: View) -> Outcome:
        """Run `up`, `preview`, `refresh` or `destroy`, showing its progress in `shown`. What the engine reports as an
        error is shown and makes the outcome `failed`."""
        with shown, signals_interrupt(self.command, shown.line):
            result = "succeeded"
            try:
                stack = self._stack(create=operation in ("up", "preview"))
                self._clear_lock(shown)
                _call(stack, operation, options, shown)
            except NoStack as missing:
                if operation != "destroy" or self.backend is None:
                    raise
                shown.line(f"{missing}: nothing to destroy")
            except KeyboardInterrupt:
                result = "interrupted"
            except CommandError as error:
                result = "interrupted" if self.command.interruptions else "failed"
                if self.command.killed_by:
                    shown.note(Note("error", f"the engine was killed (signal {self.command.killed_by})"))
                else:
                    _show_error(error, shown)
        seconds = shown.seconds
        shown.close(view.conclusion(shown.tracker, shown.title, seconds, result, preview=operation == "preview"))
        return Outcome(result, seconds, shown)

    def outputs(self) -> Mapping[str, OutputValue]:
        """The stack's outputs, secrets in clear and marked as such."""
        return self.workspace.stack_outputs(self._stack(create=False).name)

    def resources(self) -> list[dict[str, Any]]:
        """The stack's resources as its state holds them, secrets encrypted."""
        return list(self.exported().get("resources") or [])

    def remove(self) -> None:
        """Take the stack, which must be empty, off its backend."""
        self.workspace.remove_stack(self._stack(create=False).name)

    def stacks(self) -> list[str]:
        """The names of the project's stacks on this backend."""
        return sorted(summary.name for summary in self.workspace.list_stacks())

    def exported(self) -> Mapping[str, Any]:
        """The stack's state, secrets encrypted."""
        return self._stack(create=False).export_stack().deployment or {}

    def unlock(self, *, stop: bool) -> str:
        """Clear locks that a killed engine left (file backends); with `stop`, end an engine that is at work on the
        stack. Returns what was done, in words; nothing if nothing was."""
        if self.backend is None:
            raise CannotRun(f"locks of this backend are cleared with `pulumi cancel --stack {self.name}`")
        stopped = locks.stop_holders(self.backend, self.name) if stop else 0
        cleared = locks.clear_stale(self.backend, self.name)
        parts = [
            "a Pulumi that was at work was ended" if stopped else "",
            "the lock of a Pulumi that is gone was cleared" if cleared else "",
        ]
        return "; ".join(filter(None, parts))

    def _stack(self, *, create: bool) -> Stack:
        try:
            return _QuickStack.select(self.name, self.workspace)
        except StackNotFoundError:
            if not create or self.backend is None:
                raise NoStack(f"there is no stack {self.name!r} on this backend") from None
        return _QuickStack.create(self.name, self.workspace)

    def _clear_lock(self, shown: View) -> None:
        if self.backend is None:
            return
        if locks.clear_stale(self.backend, self.name):
            shown.line("the last operation was killed: its lock is cleared")
        for holder in locks.holders(self.backend, self.name):
            raise CannotRun(
                f"another Pulumi (process {holder.pid}) is at work on stack {self.name}: wait for it, or end it with"
                f" `python -m ops unlock --stop --stack {self.name}`"
            )


def _call(stack: Stack, operation: str, options: Options, shown: View) -> None:
    told = shown.line if options.diff else None
    common: dict[str, Any] = {"on_event": shown.event, "on_output": told, "color": "never", "suppress_progress": True}
    if operation == "preview":
        stack.preview(
            **common,
            diff=options.diff,
            refresh=options.refresh,
            expect_no_changes=options.expect_no_changes,
            policy_packs=list(options.policy_packs) or None,
            suppress_outputs=True,
        )
        return
    # `show_secrets=False`: the result is read from the outputs, config secrets are of no use here.
    common |= {"show_secrets": False, "suppress_outputs": True}
    if operation == "up":
        stack.up(
            **common,
            diff=options.diff,
            refresh=options.refresh,
            expect_no_changes=options.expect_no_changes,
            policy_packs=list(options.policy_packs) or None,
        )
    elif operation == "refresh":
        stack.refresh(**common, expect_no_changes=options.expect_no_changes)
    else:
        # what one resource holds up is no reason to leave the others
        stack.destroy(**common, refresh=options.refresh, continue_on_error=True)


def _show_error(error: CommandError, shown: View) -> None:
    """The engine tells its errors as events. Those that it has before it begins are on its stderr only."""
    if shown.tracker.errors:
        return
    _, found, stderr = str(error).partition("stderr:")
    for note in from_stderr(stderr if found else str(error)):
        shown.note(note)


def plain_outputs(outputs: Mapping[str, OutputValue], *, show_secrets: bool) -> dict[str, Any]:
    """Outputs as JSON values; a secret is `[secret]` unless asked for."""
    return {
        name: SECRET if output.secret and not show_secrets else output.value for name, output in sorted(outputs.items())
    }
