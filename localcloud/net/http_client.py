"""The client side of a proxy: one request at a time on pooled HTTP/1.1 connections, bodies streamed both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h11

from localcloud.net.http_server import Headers
from localcloud.net.wire import Wire

_HEAD_LIMIT = 64 * 1024  # bytes of a response head or chunk header
# What concerns one connection only and is never forwarded (RFC 9110 section 7.6.1), and what frames a body.
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)


class UpstreamError(Exception):
    """The server behind the proxy gave no usable response. ``began``: part of the response had been forwarded."""

    began = False


class UpstreamTimeout(UpstreamError):
    """It sent nothing for as long as it may."""


class UpstreamClosed(UpstreamError):
    """It closed the connection in the middle."""


class UpstreamMalformed(UpstreamError):
    """It sent something that isn't HTTP/1.1."""


@dataclass(frozen=True)
class Outgoing:
    """A request to send. ``headers`` without framing; ``length`` None with a ``body`` means chunked."""

    method: bytes
    target: bytes
    headers: Headers
    body: AsyncIterator[bytes] | None = None
    length: int | None = None
    wait_seconds: float = 60.0  # longest silence of the server, before and within its response
    websocket: bool = False  # ask to go on as a WebSocket; a response with status 101 then has a ``tunnel``


@dataclass
class Incoming:
    """A response: its head, and the body as it comes."""

    status: int
    reason: bytes
    headers: Headers
    _exchange: _Exchange = field(repr=False)

    async def body(self) -> AsyncIterator[bytes]:
        """The body's parts. Raises UpstreamError when it stops before its end."""
        while (chunk := await self._exchange.next_chunk()) is not None:
            yield chunk

    def tunnel(self) -> tuple[Wire, bytes]:
        """After a 101: the connection, and what has arrived on it already."""
        return self._exchange.wire, self._exchange.early


def without_hop_by_hop(headers: Headers | tuple[tuple[bytes, bytes], ...]) -> Headers:
    """The headers that a proxy forwards: neither hop-by-hop ones nor those that Connection names."""
    named = {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP and name.lower() not in named]


class _Exchange:
    """One request and its response on one connection."""

    def __init__(self, wire: Wire, outgoing: Outgoing) -> None:
        self.wire = wire
        self._outgoing = outgoing
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        self._sender: asyncio.Task[None] | None = None

    @property
    def reusable(self) -> bool:
        return (
            self._h11.our_state is h11.DONE
            and self._h11.their_state is h11.DONE
            and not self._h11.trailing_data[0]
            and not self.wire.pending
            and not self.wire.ended
        )

    @property
    def early(self) -> bytes:
        return self._h11.trailing_data[0]

    async def run(self) -> h11.Response | h11.InformationalResponse:
        """Send the head, start sending the body, and wait for the response's head."""
        outgoing = self._outgoing
        headers = list(outgoing.headers)
        if outgoing.body is not None and outgoing.length is None:
            headers.append((b"Transfer-Encoding", b"chunked"))
        elif outgoing.length is not None:
            headers.append((b"Content-Length", str(outgoing.length).encode()))
        if outgoing.websocket:
            headers += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
        try:
            request = h11.Request(method=outgoing.method, target=outgoing.target, headers=headers)
            self.wire.write(self._h11.send(request) or b"")
        except h11.LocalProtocolError as error:
            # h11's own words would quote the header, which may hold a key.
            raise UpstreamMalformed("this request can't be sent as HTTP/1.1") from error
        if outgoing.body is None:
            self.wire.write(self._h11.send(h11.EndOfMessage()) or b"")
            return await self._response()
        self._sender = asyncio.create_task(self._send_body(outgoing.body))
        return await self._response_while_sending(self._sender)

    async def _response_while_sending(self, sender: asyncio.Task[None]) -> h11.Response | h11.InformationalResponse:
        """The response's head; a failure to read the client's body goes to the caller, who answers the client."""
        waiter = asyncio.create_task(self._response(sender))
        try:
            await asyncio.wait({sender, waiter}, return_when=asyncio.FIRST_COMPLETED)
            if sender.done() and not waiter.done():
                sender.result()
            return await waiter
        finally:
            waiter.cancel()

    async def _send_body(self, body: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in body:
                self.wire.write(self._h11.send(h11.Data(data=chunk)) or b"")
                await self.wire.drain()
            self.wire.write(self._h11.send(h11.EndOfMessage()) or b"")
        except ConnectionResetError:
            if not self.wire.closed:
                raise  # it is the client that left
            # The server took no more of the body; what it has answered decides.

    async def _response(self, sender: asyncio.Task[None] | None = None) -> h11.Response | h11.InformationalResponse:
        while True:
            event = await self._event(sender)
            if isinstance(event, h11.Response) or getattr(event, "status_code", 0) == 101:
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise UpstreamClosed("it closed the connection without a response")

    async def _event(self, sender: asyncio.Task[None] | None = None) -> Any:
        """The next event; the clock of the wait stands still while the client's body is still being sent."""
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                if sender is not None and not sender.done():
                    data = await self._read_while(sender)
                else:
                    async with asyncio.timeout(self._outgoing.wait_seconds):
                        data = await self.wire.read()
                self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            if self.wire.ended:
                raise UpstreamClosed("it closed the connection in the middle") from error
            raise UpstreamMalformed("its response isn't HTTP/1.1") from error
        except TimeoutError as error:
            raise UpstreamTimeout(f"it sent nothing for {self._outgoing.wait_seconds:g} s") from error
        return event

    async def _read_while(self, sender: asyncio.Task[None]) -> bytes:
        reading = asyncio.ensure_future(self.wire.read())
        try:
            await asyncio.wait({reading, sender}, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(self._outgoing.wait_seconds):
                return await reading
        finally:
            reading.cancel()

    async def next_chunk(self) -> bytes | None:
        event = await self._event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return None
        raise UpstreamClosed("it closed the connection in the middle of its response")

    @property
    def complete(self) -> bool:
        return self._h11.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)

    async def stop(self) -> None:
        """End the sending of the body, and be sure that nobody reads the client's connection any more."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)


class Pool:
    """Connections by key, kept for reuse.

    ``connect`` opens one (what it raises goes to the caller). A connection on which the server speaks unasked or that
    it closes while idle is dropped: a response must never meet another request.
    """

    def __init__(self, keep_seconds: float, most: int = 64) -> None:
        self._keep_seconds = keep_seconds
        self._most = most
        self._idle: dict[Hashable, list[tuple[Wire, asyncio.TimerHandle]]] = {}

    @asynccontextmanager
    async def request(
        self, key: Hashable, connect: Callable[[], Awaitable[Wire]], outgoing: Outgoing
    ) -> AsyncGenerator[Incoming]:
        """Send ``outgoing`` and yield its response. Raises UpstreamError, or what ``connect`` raises.

        A kept connection that the server closed just then is replaced once, when the request has no body and so nothing
        of it can have been done twice but what its method allows (GET, HEAD).
        """
        wire = self._take(key)
        reused = wire is not None
        if wire is None:
            wire = await connect()
        exchange = _Exchange(wire, outgoing)
        try:
            try:
                response = await exchange.run()
            except UpstreamClosed:
                if not reused or outgoing.body is not None or outgoing.method not in (b"GET", b"HEAD"):
                    raise
                wire.reset()
                wire = await connect()
                exchange = _Exchange(wire, outgoing)
                response = await exchange.run()
            headers = list(response.headers.raw_items())
            yield Incoming(response.status_code, bytes(response.reason), headers, exchange)
        finally:
            await exchange.stop()
            if exchange.reusable:
                self._keep(key, wire)
            elif exchange.complete:
                wire.close()
            else:
                wire.reset()  # the server learns that nobody waits for the rest

    def close(self) -> None:
        """Drop every kept connection."""
        for kept in self._idle.values():
            for wire, timer in kept:
                timer.cancel()
                wire.on_gone = None
                wire.close()
        self._idle.clear()

    def _take(self, key: Hashable) -> Wire | None:
        kept = self._idle.get(key, [])
        while kept:
            wire, timer = kept.pop()
            timer.cancel()
            wire.on_gone = None
            if not wire.ended and not wire.pending:
                return wire
            wire.reset()
        return None

    def _keep(self, key: Hashable, wire: Wire) -> None:
        kept = self._idle.setdefault(key, [])
        if len(kept) >= self._most:
            wire.close()
            return
        timer = asyncio.get_running_loop().call_later(self._keep_seconds, self._drop, key, wire)
        wire.on_gone = lambda: self._drop(key, wire)
        kept.append((wire, timer))

    def _drop(self, key: Hashable, wire: Wire) -> None:
        kept = self._idle.get(key, [])
        for entry in [entry for entry in kept if entry[0] is wire]:
            entry[1].cancel()
            kept.remove(entry)
        wire.on_gone = None
        wire.close()
