"""Doors: loopback ports in front of a program. The one here ends TLS for a program that speaks in clear."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from pathlib import Path

_CHUNK = 65_536


class Door(ABC):
    """A loopback port and the connections that came by it. To be used on one event loop."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None, "open() first"
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Close the port and every connection. Repeatable."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _bind(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._carry(reader, writer)

    @abstractmethod
    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""


class TlsDoor(Door):
    """Speaks TLS 1.2 or newer with one certificate."""

    def __init__(self) -> None:
        super().__init__()
        self._backend: tuple[str, int] = ("", 0)

    async def open(self, certificate: Path, key: Path) -> None:
        """Bind a free port. Connections go to what ``lead`` said last."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        await asyncio.to_thread(context.load_cert_chain, certificate, key)
        await self._bind(context)

    def lead(self, host: str, port: int) -> None:
        """Where new connections go."""
        self._backend = (host, port)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._backend)
        except OSError:
            writer.transport.abort()
            return
        try:
            await either_ends((reader, inner_writer), (inner_reader, writer))
        finally:
            for one in (writer, inner_writer):
                one.transport.abort()


async def either_ends(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Copies along each way, until one of them ends."""
    tasks = [asyncio.ensure_future(_copy(reader, writer)) for reader, writer in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
