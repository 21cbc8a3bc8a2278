"""CloudFront Functions in the engine: what runs, what is refused, and that nothing gets out or stays behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from localcloud.dataplane.jsruntime import MEMORY_BYTES, TIME_SECONDS, EdgeFunction, FunctionFailed, Result

EVENT: dict[str, Any] = {"request": {"method": "GET", "uri": "/a", "headers": {"host": {"value": "h"}}}}


def run(code: str, times: int = 1, event: dict[str, Any] = EVENT) -> Result:
    async def scenario() -> Result:
        function = EdgeFunction("f", code)
        try:
            for _ in range(times - 1):
                await function.run(event, 1_700_000_000_000)
            return await function.run(event, 1_700_000_000_000)
        finally:
            function.close()

    return asyncio.run(scenario())


def handler(body: str) -> str:
    return "function handler(event) {\n" + body + "\n}"


def test_a_handler_gets_the_event_and_its_value_comes_back() -> None:
    changed = run(handler("event.request.uri += 'b'; return event.request;")).value
    assert changed == {**EVENT["request"], "uri": "/ab"}
    assert run(handler("return {statusCode: 403, body: '\\u00e9'};")).value == {"statusCode": 403, "body": "é"}
    assert run("var handler = (event) => event.request.method").value == "GET"


def test_async_handlers_and_promises() -> None:
    assert run("async function handler(event) { var a = await Promise.resolve(2); return a + 1; }").value == 3
    with pytest.raises(FunctionFailed, match="TypeError: bad"):
        run("async function handler(event) { throw new TypeError('bad'); }")
    with pytest.raises(FunctionFailed, match="never settled"):
        run("async function handler(event) { await new Promise(function () {}); }")


def test_what_a_function_may_use() -> None:
    code = """
    const table = {a: 1};
    let text = `x${table.a ** 2}`;
    function join(first, ...rest) { return [first].concat(rest).join(''); }
    function handler(event) {
      var parts = [];
      for (var name in table) parts.push(name);
      return {
        s: join(text, 'a'.padStart(2, '-'), parts[0]), u: decodeURIComponent('%C3%A9'), b: atob(btoa('x')),
        j: JSON.parse('{"a":[1]}').a[0], r: /^(?<n>a+)/.exec('aab').groups.n, i: [1, 2].includes(2), m: Math.max(1, 2)
      };
    }"""
    assert run(code).value == {"s": "x1-aa", "u": "é", "b": "x", "j": 1, "r": "aa", "i": True, "m": 2}


def test_logs_are_kept_and_cut() -> None:
    assert run(handler("console.log('a', 1, {b: [2]}, undefined); console.error(null); return 1")).logs == (
        'a 1 {"b":[2]} undefined',
        "null",
    )
    logs = run(handler("for (var i = 0; i < 300; i++) console.log('x'.repeat(100)); return 1")).logs
    assert sum(map(len, logs)) == 10 * 1024


@pytest.mark.parametrize(
    "expression",
    [
        "eval('1')",
        "(0, eval)('1')",
        "new Function('return 1')()",
        "Function('return 1')()",
        "(function () {}).constructor('return 1')()",
        "(async function () {}).constructor('return 1')()",
        "handler.constructor('return 1')()",
        "[].map.constructor('return 1')()",
        "Object.getPrototypeOf(handler).constructor('return 1')()",
        "Reflect.construct(handler.constructor, ['return 1'])",
    ],
)
def test_no_code_is_made_from_text(expression: str) -> None:
    with pytest.raises(FunctionFailed, match=r"dynamic code evaluation|not a constructor"):
        run(handler(f"return {expression};"))


@pytest.mark.parametrize(
    "name", ["setTimeout", "setInterval", "fetch", "XMLHttpRequest", "process", "std", "os", "performance", "Atomics"]
)
def test_there_is_no_way_out(name: str) -> None:
    assert run(handler(f"return typeof {name};")).value == "undefined"


def test_modules_that_are_not_simulated_say_so() -> None:
    with pytest.raises(FunctionFailed, match="module 'crypto' is not simulated"):
        run(handler("return require('crypto');"))


def test_nothing_stays_from_one_request_to_the_next() -> None:
    code = "var count = 0; var seen = {}; " + handler(
        "count++; seen[event.request.uri] = (seen[event.request.uri] || 0) + 1; return [count, seen];"
    )
    assert run(code, times=3).value == [1, {"/a": 1}]
    with pytest.raises(FunctionFailed, match="leaked is not defined"):
        run(handler("leaked = 1; return leaked;"))


def test_time_stands_still_during_a_run() -> None:
    code = handler(
        "var a = Date.now(); for (var i = 0; i < 1e5; i++) {}"
        "return [a, Date.now(), new Date().getTime(), new Date(5).getTime(), new Date() instanceof Date];"
    )
    assert run(code).value == [1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000, 5, True]


@pytest.mark.parametrize(
    "body",
    ["while (true) {}", "for (;;) { try { while (true) {} } catch (e) {} }", "/^(a+)+$/.exec('a'.repeat(50) + 'b');"],
)
def test_a_function_that_does_not_end_is_ended(body: str) -> None:
    started = time.monotonic()
    with pytest.raises(FunctionFailed, match=f"ran longer than {TIME_SECONDS:g} s"):
        run(handler(body))
    assert time.monotonic() - started < 5


def test_memory_and_stack_are_bounded_and_the_engine_survives() -> None:
    async def scenario() -> None:
        greedy = EdgeFunction(
            "f",
            handler(
                "if (event.stay) return 7; if (event.deep) { function f() { return f() + 1; } return f(); }"
                " var a = []; for (;;) a.push({n: a.length, s: 'x' + a.length});"
            ),
        )
        try:
            for _ in range(3):
                with pytest.raises(FunctionFailed, match="memory"):
                    await greedy.run({}, 0)
                with pytest.raises(FunctionFailed, match="call stack"):
                    await greedy.run({"deep": True}, 0)
                assert (await greedy.run({"stay": True}, 0)).value == 7
            assert MEMORY_BYTES == 2 * 1024 * 1024
        finally:
            greedy.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("function handler(event) {", "doesn't load: SyntaxError"),
        ("} function handler(event) {", "doesn't load: SyntaxError"),
        ("var handler = 3;", "handler isn't a function"),
        ("function main(event) {}", "handler is not defined"),
        ("throw new Error('early'); function handler() {}", "early"),
        ("import cf from 'cloudfront'; function handler() {}", "modules"),
        ("class A {} function handler() {}", "line 1: classes"),
        ("function handler(e) {\n for (const x of e.list) {}\n}", "line 2: for-of"),
        ("function handler(e) { var {a} = e; }", "destructuring"),
        ("function handler(e) { return e?.a; }", "optional chaining"),
        ("function handler(e) { return e.a ?? 1; }", r"the operator \?\?"),
        ("function handler(e) { return f(...e); }", "spread"),
        ("function* g() {} function handler(e) {}", "generators"),
        ("function handler(e) { return `${e?.a}`; }", "optional chaining"),
    ],
)
def test_code_that_aws_would_not_run_does_not_run_here(code: str, why: str) -> None:
    with pytest.raises(FunctionFailed, match=why):
        EdgeFunction("f", code)


def test_the_syntax_check_sees_neither_comments_nor_text() -> None:
    code = """// class A {} for (x of y)
    /* a?.b ?? ...c */
    var text = 'class' + "a?.b" + `yield ${'of'} import`, pattern = /a?.b??[/"]import/;
    var of = 1, o = {class: 1, import: 2};
    function handler(event) {
      return [o.class, o.import, of, pattern.test('x'), 4 / 2 / 1, of ? .5 : 1, text.length];
    }"""
    assert run(code).value == [1, 2, 1, False, 2, 0.5, 24]


def test_many_at_once_wait_for_each_other_and_never_mix() -> None:
    async def scenario() -> None:
        function = EdgeFunction("f", handler("var n = event.n; for (var i = 0; i < 1000; i++) n += 0; return n;"))
        try:
            results = await asyncio.gather(*(function.run({"n": n}, 0) for n in range(200)))
            assert [result.value for result in results] == list(range(200))
        finally:
            function.close()

    asyncio.run(scenario())
