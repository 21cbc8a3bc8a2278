"""Long and slow traffic through edge and load balancer: nothing buffered, nothing left behind, timeouts obeyed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.net.edge_world import behavior, distribution
from tests.net.raw import Backend, Seen, ask, connect, get, read_response
from tests.net.world import Plane, World, running, until


@pytest.fixture(scope="module")
def edge(world: World) -> dict[str, Any]:
    world.elb.modify_listener(ListenerArn=world.ids["public-door"], DefaultActions=[world.forward()])
    return distribution(world, behavior(), {}, ConnectionAttempts=2)


async def serve(plane: Plane, backend: Backend, edge: dict[str, Any]) -> int:
    await plane.serve_task(backend.port)
    return plane.port(f"https://{edge['DomainName']}")


class Stream:
    """A backend's script: one event on each turn, so that a test sees what has passed before the next exists."""

    def __init__(self) -> None:
        self.turn = asyncio.Event()

    async def __call__(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "ELB-HealthChecker" in (seen.get("user-agent") or ""):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
            await writer.drain()
            await self.turn.wait()
        writer.write(b"0\r\n\r\n")


def test_the_first_event_arrives_before_the_last_exists(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        stream = Stream()
        async with Backend(stream) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            reader, writer = await connect(port)
            writer.write(get("/stream"))
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"text/event-stream" in head
                assert b"content-length" not in head.lower()
                assert await reader.readuntil(b"data: 0\n\n\r\n")
            assert not stream.turn.is_set()
            stream.turn.set()
            assert (await reader.readuntil(b"0\r\n\r\n")).count(b"data: ") == 2

    asyncio.run(scenario())


def test_two_hundred_slow_streams_at_once(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        stream = Stream()
        async with Backend(stream) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            streams = [await connect(port) for _ in range(200)]
            for _, writer in streams:
                writer.write(get("/stream"))
            async with asyncio.timeout(30):
                await asyncio.gather(*(reader.readuntil(b"data: 0\n\n\r\n") for reader, _ in streams))
                # All of them are open; another request is still answered quickly.
                started = time.monotonic()
                assert (await ask(port, get("/x", method="TRACE"))).status == 403
                assert time.monotonic() - started < 2
                stream.turn.set()
                ends = await asyncio.gather(*(reader.readuntil(b"0\r\n\r\n") for reader, _ in streams))
            assert all(end.count(b"data: ") == 2 for end in ends)
            for _, writer in streams:
                writer.close()

    asyncio.run(scenario())


def test_a_viewer_that_leaves_frees_the_origin(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        stream = Stream()
        async with Backend(stream) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            for leave in ("close", "reset"):
                before = backend.lost
                reader, writer = await connect(port)
                writer.write(get("/stream"))
                await reader.readuntil(b"data: 0\n\n\r\n")
                writer.close() if leave == "close" else writer.transport.abort()
                await until(lambda before=before: backend.lost > before)

    asyncio.run(scenario())


def test_a_large_body_passes_in_both_directions_without_being_held(world: World, edge: dict[str, Any]) -> None:
    size = 20_000_000

    async def echo(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(seen.body))
        writer.write(seen.body)

    async def scenario() -> None:
        async with Backend(echo) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            reader, writer = await connect(port, limit=1 << 22)
            writer.write(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(b"x" * size)
            async with asyncio.timeout(30):
                answer = await read_response(reader)
            assert len(answer.body) == size
            assert answer.body == b"x" * size

    asyncio.run(scenario())


def test_a_websocket_is_carried_both_ways_and_no_other_upgrade_is(world: World, edge: dict[str, Any]) -> None:
    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if seen.get("upgrade") is None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
            return
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: a\r\n\r\nearly;")
        while data := await reader.read(1000):
            writer.write(b"echo:" + data)
        writer.close()

    async def scenario() -> None:
        async with Backend(script) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            asked = ("Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: k")
            reader, writer = await connect(port)
            writer.write(get("/ws", *asked) + b"first")
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 101")
                assert b"Sec-WebSocket-Accept: a" in head
                assert await reader.readexactly(16) == b"early;echo:first"
                # Bytes that look like a request are none on a tunnel.
                writer.write(get("/key/generate"))
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"echo:GET /key/generate")
                writer.close()
            assert [seen.line for seen in backend.requests] == ["GET /ws HTTP/1.1"]
            assert backend.requests[0].get("sec-websocket-key") == "k"
            h2c = await ask(
                port, get("/ws", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x")
            )
            assert h2c.body == b"plain"
            assert (await ask(port, get("/ws", *asked, method="POST"))).body == b"plain"

    asyncio.run(scenario())


def test_origin_timeouts_and_attempts(world: World, edge: dict[str, Any]) -> None:
    """OriginReadTimeout runs from the request and again between packets; GET is tried again, POST is not."""
    waits = {"/first": 3.0, "/between": 3.0, "/alive": 0.5}

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = seen.line.split(" ")[1]
        if path == "/first":
            await asyncio.sleep(waits[path])
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3 if path in waits else 1):
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(waits.get(path, 0))
        writer.write(b"0\r\n\r\n")

    async def scenario() -> None:
        async with Backend(script) as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            origin = {"OriginReadTimeout": 1, "OriginKeepaliveTimeout": 5}
            found = await asyncio.to_thread(world.cloudfront.get_distribution_config, Id=edge["Id"])
            config = found["DistributionConfig"]
            config["Origins"]["Items"][0]["VpcOriginConfig"].update(origin)
            await asyncio.to_thread(
                lambda: world.cloudfront.update_distribution(
                    Id=edge["Id"], IfMatch=found["ETag"], DistributionConfig=config
                )
            )
            await plane.reconcile()
            assert (await ask(port, get("/first"))).status == 504
            assert [seen.line.split(" ")[0] for seen in backend.requests] == ["GET", "GET"]
            assert (await ask(port, get("/first", method="POST"))).status == 504
            assert [seen.line.split(" ")[0] for seen in backend.requests] == ["GET", "GET", "POST"]
            alive = await ask(port, get("/alive"))
            assert (alive.body, alive.cut) == (b"xxx", False)  # 1.5 s in all, never a second of silence
            assert (await ask(port, get("/between"))).cut

    asyncio.run(scenario())
