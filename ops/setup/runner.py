"""Does the steps that aren't done, several at a time, once even if two set-ups run."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.setup import stamps
from ops.setup.processes import Children, CommandFailed, Interrupted
from ops.setup.progress import Progress


class StepFailed(Exception):
    """A step can't be done: one sentence that says why."""


@dataclass
class Work:
    """What a step works with: its log, a scratch folder on the same file system as its results, a way to run
    commands."""

    title: str
    log: Path
    scratch: Path
    children: Children
    progress: Progress

    def run(
        self,
        *argv: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run a command, output to the log. Raises CommandFailed, Interrupted."""
        self.children.run(argv, self.log, cwd=cwd, env=env, timeout=timeout)

    def phase(self, text: str) -> None:
        self.progress.phase(self.title, text)


@dataclass(frozen=True)
class Step:
    """`inputs` decide whether it has to be done again, `ready` whether its results are still there (both quick).
    `advice` is what a person can do when it fails."""

    name: str
    title: str
    stamp: Path
    inputs: Callable[[], stamps.Inputs]
    ready: Callable[[], bool]
    do: Callable[[Work], None]
    advice: str
    needs: tuple[str, ...] = ()

    def done(self) -> bool:
        return stamps.valid(self.stamp, self.inputs()) and self.ready()


class Runner:
    """`home` takes logs, the lock and scratch folders."""

    def __init__(self, steps: Sequence[Step], home: Path, progress: Progress) -> None:
        self.steps = list(steps)
        self.home = home
        self.progress = progress
        self._ended = {step.name: threading.Event() for step in steps}
        self._failed: set[str] = set()
        self._gave_up = threading.Event()

    def pending(self) -> list[Step]:
        return [step for step in self.steps if not step.done()]

    def run(self) -> bool:
        """Do what is pending. False if a step failed; the reader has been told. KeyboardInterrupt when interrupted,
        with every child ended and nothing half-way in place."""
        if not self.pending():
            return True
        with self._locked() as lock:
            todo = self.pending()
            shutil.rmtree(self.home / "tmp", ignore_errors=True)  # of a set-up that was killed
            for step in self.steps:
                if step not in todo:
                    self._ended[step.name].set()
            self._run_together(todo, Children(keep_open=(lock,)))
        return not self._failed

    @contextmanager
    def _locked(self) -> Generator[int]:
        """One set-up of a clone at a time; yields the lock's descriptor. It is released when the last process that
        holds it is gone, however that ended."""
        self.home.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress.say("another set-up of this clone is at work: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def _run_together(self, todo: list[Step], children: Children) -> None:
        threads = [threading.Thread(target=self._attempt, args=(step, children), name=step.name) for step in todo]
        with _signals_interrupt():
            try:
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads):
                    self.progress.beat()
                    for thread in threads:
                        thread.join(0.05)
            except KeyboardInterrupt:
                self._gave_up.set()
                self.progress.say("interrupted: ending what was started")
                children.stop()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join()
                raise

    def _attempt(self, step: Step, children: Children) -> None:
        try:
            if self._await_needs(step):
                self._do(step, children)
        except Interrupted:
            self._failed.add(step.name)
        finally:
            self._ended[step.name].set()

    def _await_needs(self, step: Step) -> bool:
        for need in step.needs:
            while not self._ended[need].wait(0.2):
                if self._gave_up.is_set():
                    raise Interrupted
            if need in self._failed:
                self._failed.add(step.name)
                return False
        if self._gave_up.is_set():
            raise Interrupted
        return True

    def _do(self, step: Step, children: Children) -> None:
        log = self.home / "log" / f"{step.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        (self.home / "tmp").mkdir(exist_ok=True)
        self.progress.start(step.title)
        stamps.remove(step.stamp)
        inputs = step.inputs()  # taken before: a lock edited meanwhile means doing it again
        scratch = Path(tempfile.mkdtemp(prefix=f"{step.name}-", dir=self.home / "tmp"))
        try:
            step.do(Work(step.title, log, scratch, children, self.progress))
            stamps.write(step.stamp, inputs)
        except (CommandFailed, StepFailed, OSError) as error:
            if not self._gave_up.is_set():
                self.progress.failed(step.title, str(error), log, step.advice)
            self._failed.add(step.name)
        else:
            self.progress.done(step.title)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _signals_interrupt() -> Generator[None]:
    """A closed terminal and a polite kill end set-up as Ctrl-C does; a second one doesn't disturb the clearing up.
    Outside the main thread Python allows no handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
