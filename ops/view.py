"""Shows an operation to the person who waits for it: a line for what is worth knowing, a status while it lasts."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from pulumi.automation import EngineEvent

from ops import urns
from ops.tracker import Change, Finished, Note, Tracker, past

LONG_STEP = 3.0  # seconds from which a finished step is worth a line
STATUS_EVERY = 10.0  # seconds between status lines where there is no terminal to redraw
REDRAW = 0.2
LISTED = 12  # more creations or deletions than that are only counted, component by component
_SIGN = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "create-replacement": "+-",
    "delete-replaced": "--",
    "import": "=",
    "refresh": "~",
}


class View:
    """Prints to `out`; on a terminal the last line is a moving status. Use as a context manager around the
    operation."""

    def __init__(self, title: str, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.title = title
        self.tracker = Tracker()
        self._out = out or sys.stderr
        self._clock = clock
        self._began = clock()
        self._lock = threading.RLock()
        self._terminal = self._out.isatty()
        self._status = ""
        self._last_line = self._began
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> View:
        self.line(f"{self.title}: started")
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        with self._lock:
            self._draw("")

    def close(self, text: str) -> None:
        """The last word, after the operation, without time stamps."""
        print(text, file=self._out, flush=True)

    @property
    def seconds(self) -> float:
        return self._clock() - self._began

    def event(self, event: EngineEvent) -> None:
        """For the Automation API's `on_event`."""
        with self._lock:
            for told in self.tracker.take(event, self._clock()):
                if isinstance(told, Note):
                    self.line(str(told))
                elif told.failed or told.seconds >= LONG_STEP:
                    self.line(finished(told))

    def line(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            status = self._status
            self._draw("")
            stamp = f"{self.seconds:5.0f} s  "
            print(
                "\n".join(f"{stamp if i == 0 else ' ' * len(stamp)}{part}" for i, part in enumerate(text.split("\n"))),
                file=self._out,
            )
            self._last_line = self._clock()
            self._draw(status)
            self._out.flush()

    def note(self, note: Note) -> None:
        """Something to tell that didn't come as an event."""
        self.tracker.notes.append(note)
        self.line(str(note))

    def _tick(self) -> None:
        while not self._over.wait(REDRAW if self._terminal else REDRAW * 5):
            with self._lock:
                now = self._clock()
                text = status(self.tracker, now)
                if self._terminal:
                    self._draw(f"{self.seconds:5.0f} s  {text}")
                elif text and now - self._last_line >= STATUS_EVERY:
                    self.line(text)

    def _draw(self, text: str) -> None:
        """Replace the moving status by `text`."""
        if not self._terminal:
            return
        width = shutil.get_terminal_size().columns - 1
        self._status = text
        self._out.write(f"\r\033[K{text[:width]}")
        self._out.flush()


def status(tracker: Tracker, now: float) -> str:
    """`41 done, 2 under way: aws:ecs:Service gateway (12 s), …`, longest first, and how far a provider says it is."""
    steps = sorted(tracker.running.items(), key=lambda item: item[1][1])
    if not steps:
        return f"{len(tracker.changes)} done" if tracker.changes else ""
    shown = [f"{urns.label(urn)} ({now - began:.0f} s)" for urn, (_, began) in steps[:3]]
    more = f" and {len(steps) - 3} more" if len(steps) > 3 else ""
    progress = f"; {tracker.progress}" if tracker.progress else ""
    return f"{len(tracker.changes)} done, {len(steps)} under way: {', '.join(shown)}{more}{progress}"


def finished(step: Finished) -> str:
    what = "FAILED" if step.failed else past(step.change.op)
    return f"{urns.label(step.change.urn)} {what} ({step.seconds:.0f} s)"


def listing(tracker: Tracker, preview: bool) -> list[str]:
    """The changed resources, one a line. Many creations or deletions outside of a preview are left to `counts`."""
    many: set[str] = set() if preview else {op for op in ("create", "delete") if tracker.totals()[op] > LISTED}
    return [_changed(change) for change in tracker.changes if change.op not in many]


def _changed(change: Change) -> str:
    keys = f"  [{', '.join(change.keys)}]" if change.keys and change.op not in ("create", "delete") else ""
    return f"  {_SIGN.get(change.op, change.op):>2} {urns.component(change.urn)}: {urns.label(change.urn)}{keys}"


def counts(tracker: Tracker) -> list[str]:
    """What was done, component by component."""
    table = {
        name: ", ".join(f"{n} {past(op)}" for op, n in ops.items()) for name, ops in tracker.by_component().items()
    }
    width = max(map(len, table), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in table.items()]


def verdict(tracker: Tracker, title: str, seconds: float, result: str) -> str:
    """The closing line. `result`: `succeeded`, `failed` or `interrupted`."""
    if result != "succeeded":
        made = f"; {len(tracker.changes)} steps were done before" if tracker.changes else ""
        wrong = f": {len(tracker.errors)} error(s), above" if tracker.errors else ""
        return f"{title} {result} after {seconds:.0f} s{wrong}{made}"
    done = sorted(tracker.totals().items())
    words = ", ".join(f"{n} to {op}" if tracker.planned else f"{n} {past(op)}" for op, n in done)
    same = f", {tracker.unchanged} unchanged" if tracker.unchanged else ""
    return f"{title}: {words or 'nothing to change'}{same} ({seconds:.0f} s)"


def conclusion(tracker: Tracker, title: str, seconds: float, result: str, *, preview: bool) -> str:
    """All that is said at the end."""
    lines = listing(tracker, preview)
    if not preview and len(lines) < len(tracker.changes):
        lines += counts(tracker)
    return "\n".join([*lines, verdict(tracker, title, seconds, result)])
