"""CloudFront Functions in a JavaScript engine (quickjs-ng) inside this process: warm, bounded, without a way out.

What a function may use is in https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html:
strict mode; no dynamic code evaluation (eval and the Function constructors throw), no timers, no modules here (Buffer,
crypto, querystring and key value stores aren't simulated: using one is an error that names it); Date stands still
during a run; logs are cut at 10 KB. Syntax beyond the documented one is refused when the function is loaded
(``jsruntime_syntax``), as a function that runs here and not on AWS would be worse than none. AWS allows about a
millisecond and 2 MB; the memory is the same here, the time is larger, because a busy laptop is not an edge server.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import quickjs

from localcloud.dataplane.jsruntime_syntax import UnsupportedSyntax, check_syntax

log = logging.getLogger(__name__)

TIME_SECONDS = 0.1
MEMORY_BYTES = 2 * 1024 * 1024
_THREAD_STACK_BYTES = 8 * 1024 * 1024  # QuickJS guards 1 MB of stack; a thread must really have it
_LOG_BYTES = 10 * 1024

# Run before the function's code. Every way to the Function constructors is closed, as are clocks and shared state.
_PRELUDE = """
(function (global) {
  'use strict';
  function refuse() { throw new EvalError('dynamic code evaluation is not supported in CloudFront Functions'); }
  var kinds = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (var i = 0; i < kinds.length; i++) {
    var prototype = Object.getPrototypeOf(kinds[i]);
    Object.defineProperty(prototype, 'constructor', { value: refuse, writable: false, configurable: false });
  }
  refuse.prototype = Function.prototype;
  global.Function = refuse;
  global.eval = refuse;
  var gone = ['performance', 'WeakRef', 'FinalizationRegistry', 'SharedArrayBuffer', 'Atomics', 'queueMicrotask'];
  for (i = 0; i < gone.length; i++) delete global[gone[i]];

  var RealDate = Date, started = 0, lines = [];
  function FixedDate() {
    if (!new.target) return new RealDate(started).toString();
    var given = Array.prototype.slice.call(arguments);
    return Reflect.construct(RealDate, given.length ? given : [started], new.target);
  }
  FixedDate.prototype = RealDate.prototype;
  FixedDate.UTC = RealDate.UTC;
  FixedDate.parse = RealDate.parse;
  FixedDate.now = function () { return started; };
  RealDate.prototype.constructor = FixedDate;
  global.Date = FixedDate;

  function text(value) {
    if (typeof value === 'string') return value;
    try { var json = JSON.stringify(value); return json === undefined ? String(value) : json; }
    catch (error) { return String(value); }
  }
  function print() { lines.push(Array.prototype.map.call(arguments, text).join(' ')); }
  global.console = { log: print, error: print };
  global.require = function (name) {
    throw new Error("module '" + name + "' is not simulated by the local CloudFront Functions runtime");
  };

  var stringify = JSON.stringify, parse = JSON.parse, Pending = Promise;
  var outcome = null;
  function done(value) { outcome = stringify({ value: value === undefined ? null : value, logs: lines }); }
  function failed(error) {
    var what = error instanceof Error ? error.name + ': ' + error.message
      : error === null ? 'threw null, or needed more than its memory' : 'threw ' + text(error);
    outcome = stringify({ error: what, logs: lines });
  }
  return {
    run: function (make, event, now) {
      started = now; lines = []; outcome = null;
      try {
        var value = make()(parse(event));
        if (value instanceof Pending) { value.then(done, failed); return null; }
        done(value);
      } catch (error) { failed(error); }
      return outcome;
    },
    outcome: function () { return outcome; }
  };
})
"""


class FunctionFailed(Exception):
    """The function could not be compiled or run, ran too long, or threw; the text says which."""


@dataclass(frozen=True)
class Result:
    """What a run returned (parsed from JSON) and what it logged."""

    value: Any
    logs: tuple[str, ...]


class EdgeFunction:
    """One published function's code, loaded into an engine of its own on a thread of its own.

    Its top level runs anew for every event, so nothing is carried from one request to the next. Raises FunctionFailed
    when the code doesn't compile. Safe to call from any thread, and from the event loop by ``run``.
    """

    def __init__(self, name: str, code: str) -> None:
        self.name = name
        try:
            check_syntax(name, code)
        except UnsupportedSyntax as error:
            raise FunctionFailed(str(error)) from error
        self._executor = _executor(f"function-{name}")
        try:
            self._executor.submit(self._load, code).result()
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    async def run(self, event: dict[str, Any], now_ms: int) -> Result:
        """Run ``handler(event)``. Raises FunctionFailed."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, event, now_ms)

    def close(self) -> None:
        """Free the engine and end its thread."""
        self._executor.submit(self._unload)
        self._executor.shutdown(wait=False)

    # On the engine's own thread:

    def _load(self, code: str) -> None:
        context = quickjs.Context()
        context.set_memory_limit(context.memory()["memory_used_size"] + MEMORY_BYTES)
        context.set_time_limit(TIME_SECONDS)
        try:
            runtime = context.eval(_PRELUDE)(context.globalThis)
            context.set("__runtime", runtime)
            context.eval("var __run = __runtime.run, __outcome = __runtime.outcome; delete globalThis.__runtime")
            make = context.eval(f"(function () {{ 'use strict';\n{code}\n; return handler; }})")
            if context.eval("(function (make) { return typeof make(); })")(make) != "function":
                raise FunctionFailed(f"function {self.name}: handler isn't a function")
        except quickjs.JSException as error:
            raise FunctionFailed(f"function {self.name} doesn't load: {_first_line(error)}") from error
        self._context, self._make = context, make
        self._call, self._outcome = context.get("__run"), context.get("__outcome")
        context.eval("delete globalThis.__run; delete globalThis.__outcome")

    def _run(self, event: dict[str, Any], now_ms: int) -> Result:
        try:
            # A float: the binding cuts integers to 32 bits.
            outcome = self._call(self._make, json.dumps(event), float(now_ms))
            while outcome is None:
                if not self._context.execute_pending_job():
                    outcome = self._outcome()
                    break
                outcome = self._outcome()
        except (quickjs.JSException, quickjs.StackOverflow) as error:
            raise FunctionFailed(f"function {self.name}: {_limit(_first_line(error))}") from error
        if outcome is None:
            raise FunctionFailed(f"function {self.name}: its promise is never settled")
        parsed = json.loads(outcome)
        logs = _cut(parsed["logs"])
        for line in logs:
            log.info("function %s: %s", self.name, line)
        if "error" in parsed:
            raise FunctionFailed(f"function {self.name}: {parsed['error']}")
        return Result(parsed["value"], logs)

    def _unload(self) -> None:
        # Objects of a context must go before it, and on the thread that made them.
        del self._call, self._outcome, self._make
        del self._context


def _executor(name: str) -> ThreadPoolExecutor:
    """One worker with enough stack. The stack size is a setting of the whole process, so it is set only meanwhile."""
    with _stack_lock:
        before = threading.stack_size(_THREAD_STACK_BYTES)
        try:
            executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
            executor.submit(int).result()  # the worker starts at its first job
        finally:
            threading.stack_size(before)
    return executor


_stack_lock = threading.Lock()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _limit(message: str) -> str:
    if "interrupted" in message:
        return f"it ran longer than {TIME_SECONDS:g} s"
    if "out of memory" in message:
        return f"it needed more than {MEMORY_BYTES >> 20} MB"
    return message


def _cut(lines: list[str]) -> tuple[str, ...]:
    kept: list[str] = []
    room = _LOG_BYTES
    for line in lines:
        if room <= 0:
            break
        kept.append(line[:room])
        room -= len(line)
    return tuple(kept)
