"""Raw bytes against a port: requests as an attacker would write them, and a backend that shows what arrived."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Response:
    """A parsed response. ``cut``: the connection broke before its end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: bool = False

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


async def read_response(reader: asyncio.StreamReader, method: str = "GET") -> Response:
    """One response. Raises ConnectionResetError or IncompleteReadError when there is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.rstrip("\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    response = Response(int(status_line.split(" ")[1]), headers, b"")
    if method == "HEAD" or response.status in (204, 304):
        return response
    try:
        if (response.get("transfer-encoding") or "").lower() == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                response.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        elif (length := response.get("content-length")) is not None:
            response.body = await reader.readexactly(int(length))
        else:
            response.body = await reader.read()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        response.cut = True
    return response


_open: list[asyncio.StreamWriter] = []


async def connect(port: int, limit: int = 1 << 16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to a loopback port; ``hang_up`` closes it at the latest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    _open.append(writer)
    return reader, writer


async def hang_up(*writers: asyncio.StreamWriter) -> None:
    """Close these connections, or all, and wait until they are."""
    for writer in writers or tuple(_open):
        _open.remove(writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(port: int, request: bytes, method: str = "GET", seconds: float = 10) -> Response:
    """Send raw bytes on a new connection and read one response."""
    async with asyncio.timeout(seconds):
        reader, writer = await connect(port)
        try:
            writer.write(request)
            return await read_response(reader, method)
        finally:
            await hang_up(writer)


def get(path: str, *headers: str, host: str = "localhost", method: str = "GET") -> bytes:
    """A request without a body."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode("latin-1")


@dataclass
class Seen:
    """What a backend received: the request line, its headers and body."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    connection: int = 0  # which of the backend's connections brought it

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Script = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer_ok(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Backend: yes\r\n\r\nok")


@dataclass
class Backend:
    """A server on loopback that remembers every request and answers by ``script``; connections are kept alive."""

    script: Script = answer_ok
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    lost: int = 0  # connections that ended in the middle of an answer
    port: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def requests(self) -> list[Seen]:
        """What was asked, health checks aside."""
        return [seen for seen in self.seen if seen.get("user-agent") != "ELB-HealthChecker/2.0"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.rstrip("\r\n").split("\r\n")
                seen = Seen(line, [(name, value.strip()) for name, _, value in (x.partition(":") for x in lines)])
                seen.connection = number
                self.seen.append(seen)
                if (seen.get("transfer-encoding") or "").lower() == "chunked":
                    while size := int(await reader.readuntil(b"\r\n"), 16):
                        seen.body += (await reader.readexactly(size + 2))[:-2]
                    await reader.readuntil(b"\r\n")
                elif length := seen.get("content-length"):
                    seen.body = await reader.readexactly(int(length))
                answering = asyncio.ensure_future(self.script(seen, reader, writer))
                gone = asyncio.ensure_future(_gone(reader))
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    self.lost += 1
                    answering.cancel()
                    return
                gone.cancel()
                answering.result()
                await writer.drain()
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has finished: the end of every kept connection
        finally:
            writer.close()


async def _gone(reader: asyncio.StreamReader) -> None:
    """Returns when the other side has closed; data that arrives meanwhile stays where it is."""
    while not reader.at_eof():
        if reader.exception() is not None:
            return
        await asyncio.sleep(0.01)
