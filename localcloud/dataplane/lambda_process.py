"""One execution environment of a function: a warm process that answers one invocation at a time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from localcloud import processes
from localcloud.aws.account import InvokeResult
from localcloud.dataplane import clock
from localcloud.dataplane.lambda_runtime import END_OF_OUTPUT
from localcloud.dataplane.logs import LogSink

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_OUTPUT_SECONDS = 0.5  # for the last printed lines to arrive
_TAIL_BYTES = 4096  # of the log in an invocation's answer (API_Invoke.html, LogResult)


@dataclass(frozen=True)
class FunctionSpec:
    """What an environment needs to know. ``code`` is the folder with the unpacked code, ``timeout`` in seconds."""

    name: str
    arn: str
    handler: str
    timeout: float
    memory: int
    code: Path
    env: Mapping[str, str]


@dataclass(frozen=True)
class Invocation:
    id: str
    payload: bytes


class Environment:
    """Started at once. ``invoke`` blocks, one call at a time. It isn't ``usable`` after a time-out or a crash."""

    def __init__(self, spec: FunctionSpec, home: Path, sink: LogSink) -> None:
        self.usable = True
        self.used = time.monotonic()
        self._spec = spec
        self._sink = sink
        self._lines: list[str] = []
        self._output_ended = threading.Event()
        requests_in, self._requests = os.pipe()
        self._answers, answers_out = os.pipe()
        argv = [sys.executable, "-B", str(_RUNTIME), spec.handler, str(requests_in), str(answers_out)]
        try:
            self._child = processes.start(
                f"function {spec.name}",
                argv,
                home=home,
                env=spec.env,
                cwd=spec.code,
                output=self._on_line,
                pass_fds=(requests_in, answers_out),
            )
        finally:
            os.close(requests_in)
            os.close(answers_out)
        self._buffer = b""
        self._begun = False

    @property
    def pid(self) -> int:
        return self._child.pid

    def invoke(self, invocation: Invocation) -> InvokeResult:
        """One invocation, from START to REPORT, as Lambda would answer it."""
        self._lines = []
        started = time.monotonic()
        self._log(f"START RequestId: {invocation.id} Version: $LATEST")
        result, error = self._attempt(invocation)
        if self.usable:
            self._output_ended.wait(_OUTPUT_SECONDS)
        self.used = time.monotonic()
        self._report(invocation.id, self.used - started)
        tail = "\n".join(self._lines).encode()[-_TAIL_BYTES:].decode(errors="ignore")
        return InvokeResult(result, "Unhandled" if error else None, tail + "\n")

    def close(self) -> None:
        """End the process. Repeatable."""
        self.usable = False
        self._child.stop(clock.LAMBDA_STOP_SECONDS)
        for descriptor in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._requests = self._answers = -1

    def _attempt(self, invocation: Invocation) -> tuple[bytes, bool]:
        if not self._begun:
            # The init phase has a time of its own, which doesn't count as the function's.
            if self._receive(clock.LAMBDA_INIT_SECONDS) is None:
                return self._lost(invocation.id, f"the init phase took more than {clock.LAMBDA_INIT_SECONDS:g} seconds")
            self._begun = True
        request = {
            "id": invocation.id,
            "arn": self._spec.arn,
            "deadline": time.time() + self._spec.timeout,
            "payload": invocation.payload.decode() or "{}",
        }
        self._output_ended.clear()
        try:
            os.write(self._requests, (json.dumps(request) + "\n").encode())
        except BrokenPipeError:
            return self._lost(invocation.id, "")
        answer = self._receive(self._spec.timeout)
        if answer is None:
            return self._lost(invocation.id, f"Task timed out after {self._spec.timeout:.2f} seconds")
        return answer["payload"].encode(), bool(answer.get("error"))

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        """The next answer; None when it took longer than that, or the process has ended."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return None
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _lost(self, id: str, timed_out: str) -> tuple[bytes, bool]:
        """The process is of no more use: it hangs or has ended. Shapes as Lambda's sandbox answers them."""
        self.usable = False
        code = self._child.wait(0.2)
        if code is None:
            self._child.kill()
            message, kind = f"RequestId: {id} Error: {timed_out}", "Sandbox.Timedout"
            self._log(f"{id} {timed_out}")
        else:
            how = f"exit status {code}" if code >= 0 else f"signal: {-code}"
            message, kind = f"RequestId: {id} Error: Runtime exited with error: {how}", "Runtime.ExitError"
            self._log(message)
        return json.dumps({"errorType": kind, "errorMessage": message}).encode(), True

    def _report(self, id: str, seconds: float) -> None:
        took = seconds * 1000
        self._log(f"END RequestId: {id}")
        self._log(
            f"REPORT RequestId: {id}\tDuration: {took:.2f} ms\tBilled Duration: {int(took) + 1} ms\t"
            f"Memory Size: {self._spec.memory} MB\tMax Memory Used: {self._memory()} MB"
        )

    def _memory(self) -> int:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).memory_info().rss >> 20
        return 0

    def _on_line(self, line: str) -> None:
        if line.startswith(END_OF_OUTPUT):
            self._output_ended.set()
        elif line:
            self._log(line)

    def _log(self, line: str) -> None:
        self._lines.append(line)
        self._sink(line)
