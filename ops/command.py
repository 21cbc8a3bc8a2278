"""Pulumi's CLI as the Automation API runs it, with a Ctrl-C that reaches it once and gracefully."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import IO

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from ops import paths
from ops.engine import record


class InterruptibleCommand(PulumiCommand):
    """Starts the engine in a process group of its own: a terminal's Ctrl-C would reach it there as well as here, and
    the second one makes it drop what it is doing. `interrupt` sends it exactly one signal for each Ctrl-C."""

    def __init__(self) -> None:
        known = record.read(paths.engine_dir())
        if known and known.unchanged() and shutil.which("pulumi") == known.command:
            # Set-up has looked at its version, and it is the same file still.
            self.command, self.version = "pulumi", VersionInfo.parse(known.version)
        else:
            super().__init__()
        self.interruptions = 0
        self.killed_by: int | None = None
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """As in the base class; raises KeyboardInterrupt instead of starting something after an interruption."""
        if self.interruptions:
            raise KeyboardInterrupt
        env = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        process = subprocess.Popen(
            [self.command, "--non-interactive", *(arg for arg in args if arg != "--non-interactive")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._process = process
        try:
            out, err = _read(process, on_output, on_error)
            code = process.wait()
        finally:
            self._process = None
        result = CommandResult(stdout=out, stderr=err, code=code)
        if code:
            self.killed_by = -code if code < 0 else None
            raise create_command_error(result)
        return result

    def interrupt(self) -> None:
        """One Ctrl-C: the engine ends what is under way and saves its state; at the second one it drops it; at the
        third it is killed."""
        self.interruptions += 1
        process = self._process
        if process is None:
            raise KeyboardInterrupt
        number = signal.SIGINT if self.interruptions < 3 else signal.SIGKILL
        if process.poll() is None:
            process.send_signal(number)


def _read(
    process: subprocess.Popen[str], on_output: Callable[[str], object] | None, on_error: Callable[[str], object] | None
) -> tuple[str, str]:
    """Both streams to their end, line by line."""
    collected: dict[str, list[str]] = {"out": [], "err": []}

    def consume(stream: IO[str], name: str, tell: Callable[[str], object] | None) -> None:
        for line in stream:
            collected[name].append(line.rstrip())
            if tell:
                tell(line.rstrip())

    threads = [
        threading.Thread(target=consume, args=(process.stdout, "out", on_output)),
        threading.Thread(target=consume, args=(process.stderr, "err", on_error)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "\n".join(collected["out"]), "\n".join(collected["err"])


@contextmanager
def signals_interrupt(command: InterruptibleCommand, say: Callable[[str], None]) -> Generator[None]:
    """Ctrl-C, a closed terminal and a polite kill go to `command.interrupt`. For the main thread."""

    def handler(*_: object) -> None:
        if command.interruptions == 0:
            say("interrupted: what is under way comes to its end (Ctrl-C again to drop it)")
        command.interrupt()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
