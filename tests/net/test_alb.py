"""The load balancer at its door: rules, targets, headers, errors, streams. Real API, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from localcloud.dataplane.readings import Readings
from tests.net.raw import Backend, Seen, ask, connect, get, read_response
from tests.net.world import World, fixed, permission, running, until

PAGE = b"<center><h1>%s</h1></center>"


@pytest.fixture(scope="module", autouse=True)
def rules(world: World) -> None:
    """The public door: a literal path is forwarded, some answers are made at the door."""
    world.rule("public-door", 10, world.forward(), path=["/v1/models", "/stream"])
    world.rule("public-door", 20, fixed(200, "made here"), path=["/fixed"])
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    world.rule("public-door", 30, {"Type": "redirect", "RedirectConfig": redirect}, path=["/old/*"])


def test_rules_decide_and_the_raw_target_goes_through(world: World) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            door = plane.door(80)
            assert (await ask(door, get("/v1/models?a=%2F&b"))).body == b"ok"
            assert (await ask(door, get("/fixed"))).body == b"made here"
            moved = await ask(door, get("/old/x?y=z", host="h.example:80"))
            assert (moved.status, moved.get("location")) == (301, "https://h.example/old/x?y=z")
            for path in ("/", "/v1%2Fmodels", "/v1/models/", "/V1/models", "/v1/models;a"):
                refused = await ask(door, get(path))
                assert (refused.status, refused.body) == (403, b"no"), path
            assert [seen.line for seen in backend.requests] == ["GET /v1/models?a=%2F&b HTTP/1.1"]
            # Rules see the normalised path, and a rule "does not alter" what it forwards.
            for path in ("/%2e/v1/models", "/fixed/../v1/models", "/v1/%6dodels"):
                assert (await ask(door, get(path))).status == 200
                assert backend.requests[-1].line == f"GET {path} HTTP/1.1"
            raw = "/%6bEy%2F..//a;b?%00=c#d"
            await ask(plane.door(8080), get(raw))
            assert backend.requests[-1].line == f"GET {raw} HTTP/1.1"

    asyncio.run(scenario())


def test_a_rule_that_rewrites_forwards_what_it_says(world: World) -> None:
    """Whatever spelling its condition took for the path, under every reading of the normalisation."""

    def transform(regex: str, replacement: str) -> dict[str, Any]:
        rewrites = [{"Regex": regex, "Replace": replacement}]
        return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": rewrites}}

    made = {
        "/v1/whole": transform("^[^?]*", "/v1/whole"),
        "/a/*": transform("^/a/(.*)$", "/$1/b"),
        "/none": transform("^/x", "/y"),
    }
    rules = [
        world.rule("public-door", priority, world.forward(), path=[path], transforms=[rewrite])
        for priority, (path, rewrite) in enumerate(made.items(), start=51)
    ]
    sent = {
        "/v1/whole": "/v1/whole",
        "/v1/whole?a=/../%2F?b": "/v1/whole?a=/../%2F?b",
        "/ui/x/..%2f../../%2e./v1/whole": "/v1/whole",
        "/v1//%77hole?c": "/v1/whole?c",
        "/a/c?d": "/c?d/b",
        "/none": "/none",
    }

    async def scenario() -> None:
        for match in ("rfc3986", "decoded", "raw"):
            async with Backend() as backend, running(world, Readings(alb_match=match)) as plane:
                await plane.serve_task(backend.port)
                answers = {path: (await ask(plane.door(80), get(path))).status for path in sent}
                passed = [path for path, status in answers.items() if status == 200]
                assert [seen.line for seen in backend.requests] == [f"GET {sent[path]} HTTP/1.1" for path in passed]
                refused = {
                    "rfc3986": ["/ui/x/..%2f../../%2e./v1/whole"],
                    "decoded": [],
                    "raw": ["/ui/x/..%2f../../%2e./v1/whole", "/v1//%77hole?c"],
                }
                assert [path for path, status in answers.items() if status != 200] == refused[match]

    try:
        asyncio.run(scenario())
    finally:
        for rule in rules:
            world.elb.delete_rule(RuleArn=rule)


def test_headers_on_the_way_in(world: World) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            sent = get(
                "/v1/models",
                "X-Forwarded-For: 1.2.3.4",
                "x-forwarded-proto: https",
                "X-Forwarded-Port: 443",
                "X-Odd-CASE: kept",
                "X-Twice: 1",
                "X-Twice: 2",
                "Connection: keep-alive, X-Named",
                "X-Named: hop",
                "Keep-Alive: timeout=5",
                "TE: trailers",
                "Upgrade: h2c",
                "Authorization: Bearer sk-1",
                host="gw.example:80",
            )
            assert (await ask(plane.door(80), sent)).status == 200
            seen = backend.requests[-1]
            assert seen.get("host") == "gw.example"
            assert seen.get("x-forwarded-for") == "1.2.3.4, 127.0.0.1"
            assert [v for n, v in seen.headers if n.lower() == "x-forwarded-proto"] == ["http"]
            assert [v for n, v in seen.headers if n.lower() == "x-forwarded-port"] == ["80"]
            assert ("X-Odd-CASE", "kept") in seen.headers
            assert [v for n, v in seen.headers if n == "X-Twice"] == ["1", "2"]
            assert seen.get("authorization") == "Bearer sk-1"
            assert (seen.get("x-amzn-trace-id") or "").startswith("Root=1-")
            for name in ("x-named", "keep-alive", "te", "upgrade", "connection"):
                assert seen.get(name) is None, name
            await ask(plane.door(8080), get("http://other.example/a?b", "X-Amzn-Trace-Id: Root=1-a;Sampled=1"))
            seen = backend.requests[-1]
            assert seen.line == "GET /a?b HTTP/1.1"
            assert seen.get("host") == "other.example:8080"
            assert (seen.get("x-amzn-trace-id") or "").endswith(";Root=1-a;Sampled=1")
            many = ", ".join(["1.1.1.1"] * 31)
            assert (await ask(plane.door(80), get("/v1/models", f"X-Forwarded-For: {many}"))).status == 463

    asyncio.run(scenario())


def test_targets_are_healthy_or_named_why_not(world: World) -> None:
    status = 200

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        writer.close()

    async def scenario() -> None:
        nonlocal status
        async with Backend(script) as backend, running(world) as plane:
            status = 500
            await plane.fabric.bind("10.20.1.50", 4000, world.task(), ("127.0.0.1", backend.port))
            await asyncio.to_thread(world.register, "10.20.1.50", "10.20.1.60")
            await plane.reconcile()
            await until(lambda: world.health()["10.20.1.50"] == "unhealthy Target.ResponseCodeMismatch")
            await until(lambda: world.health()["10.20.1.60"] == "unhealthy Target.Timeout")  # nobody has it
            status = 200
            await until(lambda: world.health()["10.20.1.50"] == "healthy")
            # Only the healthy one is asked, though two are registered.
            assert {(await ask(plane.door(8080), get("/x"))).status for _ in range(4)} == {200}
            gone = [{"Id": "10.20.1.60", "Port": 4000}]
            world.elb.deregister_targets(TargetGroupArn=world.ids["targets"], Targets=gone)
            await plane.reconcile()
            assert set(await asyncio.to_thread(world.health)) == {"10.20.1.50"}
            await asyncio.to_thread(world.close, "egress", "alb", permission(4000, group=world.ids["task"]))
            try:
                await until(lambda: world.health()["10.20.1.50"] == "unhealthy Target.Timeout")
                refused = await ask(plane.door(8080), get("/x"))  # none is healthy, so it is tried all the same
                assert refused.status == 504
                reason = refused.get("x-localcloud-reason") or ""
                assert f"({world.name}-alb) has no egress rule for port 4000" in reason
                assert any("no egress rule for port 4000" in text for text in world.account.facts.blocked)
            finally:
                await asyncio.to_thread(world.open, "egress", "alb", permission(4000, group=world.ids["task"]))
            await until(lambda: world.health()["10.20.1.50"] == "healthy")

    asyncio.run(scenario())


def test_errors_have_the_load_balancers_pages(world: World) -> None:
    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match seen.line.split(" ")[1]:
            case "/closes":
                writer.close()
            case "/nonsense":
                writer.write(b"SMTP ready\r\n\r\n")
            case "/short":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                writer.close()
            case "/hangs":
                await asyncio.sleep(30)
            case _:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def scenario() -> None:
        async with Backend(script) as backend, running(world) as plane:
            door = plane.door(8080)
            empty = await ask(door, get("/x"))
            assert empty.status == 503
            assert PAGE % b"503 Service Temporarily Unavailable" in empty.body
            await plane.serve_task(backend.port)
            for path in ("/closes", "/nonsense"):
                bad = await ask(door, get(path))
                assert (bad.status, bad.get("server")) == (502, "awselb/2.0"), path
                assert PAGE % b"502 Bad Gateway" in bad.body
            short = await ask(door, get("/short"))
            assert short.status == 200
            assert short.cut
            assert (await ask(door, get("/x", method="TRACE"))).status == 405
            assert (await ask(door, get("x"))).status == 400
            assert (await ask(door, get("/" + "a" * 17_000))).status == 414
            framing = "Content-Length: 4", "Transfer-Encoding: chunked"
            smuggled = get("/", *framing, method="POST") + b"0\r\n\r\n" + get("/evil")
            assert (await ask(door, smuggled)).status == 400
            slow = {"Key": "idle_timeout.timeout_seconds", "Value": "1"}
            attributes = {"LoadBalancerArn": world.ids["balancer"], "Attributes": [slow]}
            await asyncio.to_thread(lambda: world.elb.modify_load_balancer_attributes(**attributes))
            try:
                await plane.reconcile()
                hung = await ask(door, get("/hangs"))
                assert hung.status == 504
                assert PAGE % b"504 Gateway Time-out" in hung.body
            finally:
                slow["Value"] = "60"
                await asyncio.to_thread(lambda: world.elb.modify_load_balancer_attributes(**attributes))
            assert not any("/evil" in seen.line for seen in backend.seen)

    asyncio.run(scenario())


def test_streams_pass_unbuffered_both_ways(world: World) -> None:
    more = asyncio.Event()

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(b"6\r\ntoken1\r\n")
        await more.wait()
        writer.write(b"6\r\ntoken2\r\n0\r\n\r\n")

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            backend.script = script
            reader, writer = await connect(plane.door(80))
            writer.write(get("/stream"))
            await reader.readuntil(b"\r\n\r\n")
            first = await asyncio.wait_for(reader.readuntil(b"token1\r\n"), 5)
            assert b"token2" not in first
            assert not more.is_set()
            more.set()
            assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"6\r\ntoken2")
            # The request's body too: the first chunk arrives before the second is sent, and 100 Continue when asked.
            arrived: asyncio.Queue[bytes] = asyncio.Queue()

            async def upload(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while not (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                arrived.put_nowait(await reader.readuntil(b"one\r\n"))
                arrived.put_nowait(await reader.readuntil(b"0\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

            server = await asyncio.start_server(upload, "127.0.0.1", 0)
            await plane.fabric.bind("10.20.1.50", 4000, world.task(), server.sockets[0].getsockname())
            reader, writer = await connect(plane.door(8080))
            writer.write(b"POST /up HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 100")
            writer.write(b"3\r\none\r\n")
            assert (await asyncio.wait_for(arrived.get(), 5)).endswith(b"one\r\n")
            writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
            assert (await asyncio.wait_for(read_response(reader), 5)).body == b"done"
            server.close()

    asyncio.run(scenario())


def test_a_client_that_leaves_takes_its_request_along(world: World) -> None:
    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            backend.script = script
            _, writer = await connect(plane.door(80))
            writer.write(get("/v1/models"))
            await until(lambda: bool(backend.requests))
            writer.close()
            await until(lambda: backend.lost >= 1)

    asyncio.run(scenario())


def test_connections_are_kept_and_used_again(world: World) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            before = backend.connections
            reader, writer = await connect(plane.door(80))
            for _ in range(10):
                writer.write(get("/v1/models"))
                assert (await read_response(reader)).body == b"ok"
            writer.write(get("/v1/models") + get("/denied") + get("/v1/models"))  # pipelined
            answers = [(await read_response(reader)).status for _ in range(3)]
            assert answers == [200, 403, 200]
            assert backend.connections - before <= 2  # one for the requests, perhaps one for a health check
            # A refusal leaves the connection usable, also when the client sent a body that nobody read.
            writer.write(b"POST /denied HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get("/v1/models"))
            assert [(await read_response(reader)).status for _ in range(2)] == [403, 200]

    asyncio.run(scenario())


def test_someone_on_this_machine_is_judged_by_the_ingress_rules(world: World) -> None:
    async def scenario() -> None:
        async with running(world) as plane:
            door = plane.door(8080)
            assert (await ask(door, get("/x"))).status == 503
            reader, writer = await connect(door)
            writer.write(get("/x"))
            assert (await read_response(reader)).status == 503
            await asyncio.to_thread(world.close, "ingress", "alb", permission(8080, cidr="127.0.0.1/32"))
            try:
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await ask(door, get("/x"))
                assert any(
                    "no ingress rule for port 8080 from 127.0.0.1" in text for text in world.account.facts.blocked
                )
                with contextlib.suppress(ConnectionResetError):  # the open connection has been cut as well
                    assert await asyncio.wait_for(reader.read(), 5) == b""
            finally:
                await asyncio.to_thread(world.open, "ingress", "alb", permission(8080, cidr="127.0.0.1/32"))

    asyncio.run(scenario())


def test_changes_of_the_api_are_followed(world: World) -> None:
    async def scenario() -> None:
        async with running(world) as plane:
            url = f"http://{world.ids['dns']}:9000"
            assert url not in world.account.facts.hosts
            arn = await asyncio.to_thread(world.listener, 9000, fixed(200, "new"))
            world.open("ingress", "alb", permission(9000, cidr="127.0.0.1/32"))
            await plane.reconcile()
            port = plane.port(url)
            assert (await ask(port, get("/"))).body == b"new"
            change = {"ListenerArn": arn, "DefaultActions": [fixed(418, "tea")]}
            await asyncio.to_thread(lambda: world.elb.modify_listener(**change))
            await plane.reconcile()
            assert (await ask(port, get("/"))).status == 418
            await asyncio.to_thread(lambda: world.elb.delete_listener(ListenerArn=arn))
            await plane.reconcile()
            assert url not in world.account.facts.hosts
            with pytest.raises(ConnectionRefusedError):
                await ask(port, get("/"))

    asyncio.run(scenario())


def test_an_answer_that_nobody_asked_for_meets_no_request(world: World) -> None:
    """A target that sends two responses to one request must not have the second taken for the next request's."""
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if "/twice" in seen.line:
            writer.write(extra)
        elif "/later" in seen.line:
            asyncio.get_running_loop().call_later(0.1, writer.write, extra)

    async def scenario() -> None:
        async with Backend(script) as backend, running(world) as plane:
            await plane.serve_task(backend.port)
            reader, writer = await connect(plane.door(8080))
            for path in ("/twice", "/x", "/later", "/x", "/x"):
                writer.write(get(path))
                assert (await asyncio.wait_for(read_response(reader), 5)).body == b"ok", path
                await asyncio.sleep(0.2)
            twice, next_one, later, after, last = (seen.connection for seen in backend.requests)
            assert twice != next_one == later != after == last

    asyncio.run(scenario())
