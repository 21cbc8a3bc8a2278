"""Previews on the simulated account, with the real engine: from an empty state, or from a deployed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import paths, trial
from ops.driver import Driver, Options
from ops.errors import CannotRun
from ops.plan import Finding, Planned, Recorder


@dataclass(frozen=True)
class Previewed:
    """What a preview told."""

    planned: Sequence[Planned]
    findings: Sequence[Finding]


def of_work_tree(
    source: Path, stack: str, scratch: Path, changes: Mapping[str, Any] | None = None, policy_packs: Sequence[Path] = ()
) -> tuple[str, Previewed]:
    """Previews the work tree's program for `stack` from an empty state; the region that it is for, and what it told.

    Raises:
        CannotRun: not on the simulated account, no such stack file, or the preview fails (its reasons were shown).
    """
    trial.require_simulated()
    folder = trial.copy(source, scratch / "head")
    region = trial.prepare(folder, paths.venv(), stack, changes)
    return region, run(folder, stack, policy_packs)


def run(folder: Path, stack: str, policy_packs: Sequence[Path] = ()) -> Previewed:
    """Previews the prepared project in `folder` from whatever state its stack has."""
    shown = Recorder(f"preview {stack}")
    options = Options(policy_packs=tuple(str(pack) for pack in policy_packs))
    outcome = Driver(stack, folder).run("preview", options, shown)
    # a mandatory policy makes the engine fail the preview, and its findings are what was asked for
    broken = [note for note in shown.tracker.errors if not note.text.startswith("policy ")]
    if outcome.result != "succeeded" and (broken or not shown.findings):
        raise CannotRun(f"the preview of {stack} {outcome.result}: its reasons are above")
    return Previewed(shown.planned(), shown.findings)
