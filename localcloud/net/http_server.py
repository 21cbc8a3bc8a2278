"""An HTTP/1.1 server on one loopback port, for proxies: raw heads in, bodies streamed both ways, nothing held whole.

Heads are checked by ``http_head`` before h11 sees them; h11 does the framing of bodies and the state of a connection.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import h11

from localcloud.net import http_head
from localcloud.net.http_head import Head, Limits, Refused
from localcloud.net.wire import Wire, pump

log = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]
_DRAIN_BYTES = 1 << 20  # of an unread body that are thrown away to keep a connection; beyond, it is closed
_DRAIN_SECONDS = 1.0
_CLOSE_SECONDS = 1.0  # how long a client may take to read a refusal before the connection is cut


@dataclass(frozen=True)
class Answer:
    """A complete response made by the proxy itself."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes = b""


def reason_header(why: str) -> tuple[bytes, bytes]:
    """The header in which local answers say why they refuse: AWS has none such."""
    return b"x-localcloud-reason", " ".join(why.replace("→", "->").split()).encode("ascii", "replace")


@dataclass(frozen=True)
class Client:
    """Who sent a request, as AWS would see it: the address, and the interface when it came through the fabric."""

    ip: str
    port: int
    interface: object | None = None


class App(Protocol):
    """What answers the requests of a door."""

    limits: Limits
    idle_seconds: float  # longest wait for the next request, or for the next bytes of a head or body

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request. Cancelled when the client leaves. Raises Refused to answer with ``refusal``."""

    def refusal(self, status: int, why: str) -> Answer:
        """The error page for a request that could not be taken."""
        ...


class Exchange:
    """One request and its response."""

    def __init__(self, head: Head, client: Client, connection: _Connection) -> None:
        self.head = head
        self.client = client
        self.started = False
        self.status = 0  # of the response, once it has begun
        self.sent_headers: Headers = []
        self.sent_bytes = 0  # of the response's head and body, without chunks' framing
        self.first_byte: float | None = None  # when the response began, by time.monotonic
        self._connection = connection

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives. Raises Refused when its framing is broken or it stops coming."""
        async for chunk in self._connection.request_body():
            yield chunk

    async def body_exceeds(self, size: int) -> bool:
        """Whether the body has more bytes than ``size``; what was read to find out is kept for ``body``."""
        if not self.head.has_body:
            return False
        length = self.head.get(b"content-length")
        return int(length) > size if length is not None else await self._connection.look_ahead(size + 1) > size

    async def begin(self, status: int, reason: bytes, headers: Headers) -> None:
        """Send the response's head; without Content-Length the body will be chunked."""
        self.started = True
        self.status, self.sent_headers, self.first_byte = status, headers, time.monotonic()
        self.sent_bytes = len(reason) + 15 + sum(len(name) + len(value) + 4 for name, value in headers) + 2
        await self._connection.send(h11.Response(status_code=status, reason=reason, headers=headers))

    async def send(self, data: bytes) -> None:
        """Send a part of the response's body now."""
        self.sent_bytes += len(data)
        await self._connection.send(h11.Data(data=data))

    async def finish(self) -> None:
        """End the response."""
        await self._connection.send(h11.EndOfMessage())

    async def answer(self, answer: Answer) -> None:
        """Send a complete response."""
        headers = list(answer.headers)
        if answer.status not in (204, 304):
            headers.append((b"Content-Length", str(len(answer.body)).encode()))
        await self.begin(answer.status, answer.reason, headers)
        if answer.body and self.head.method != b"HEAD":
            await self.send(answer.body)
        await self.finish()

    async def switch(self, headers: Headers, other: Wire, early: bytes, idle_seconds: float) -> None:
        """Answer 101 and carry bytes between client and ``other`` until both have ended or idled too long.

        ``early``: what ``other`` has sent already.
        """
        self.started = True
        self.status, self.sent_headers, self.first_byte = 101, headers, time.monotonic()
        await self._connection.switch(headers, other, early, idle_seconds)

    def abort(self) -> None:
        """Cut the connection: the client must see that the response is incomplete."""
        self._connection.wire.reset()


class _Connection:
    """One client's connection: heads, one exchange at a time, and what is left between them."""

    def __init__(self, wire: Wire, app: App, client: Client) -> None:
        self.wire = wire
        self._app = app
        self._client = client
        self._data = bytearray()  # received, not yet handed to h11
        self._h11 = h11.Connection(h11.SERVER)
        self._ahead: deque[bytes] = deque()  # of the current request's body, read and not yet asked for

    async def run(self) -> None:
        while (head := await self._next_head()) is not None:
            self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._app.limits.head + 1024)
            if not await self._exchange(head):
                return

    async def _next_head(self) -> Head | None:
        """The next request's head; None when the client is done or let the connection idle."""
        try:
            async with asyncio.timeout(self._app.idle_seconds):
                while (end := self._data.find(http_head.END)) < 0:
                    if self._data:
                        http_head.incomplete(bytes(self._data), self._app.limits)
                    data = await self.wire.read()
                    if not data:
                        return None
                    self._data += data
                    while self._data.startswith(b"\r\n"):  # RFC 9112 section 2.2: empty lines before a request
                        del self._data[:2]
            raw = bytes(self._data[: end + len(http_head.END)])
            head = http_head.parse(raw, self._app.limits)
        except Refused as refused:
            await self._refuse(refused)
            return None
        except TimeoutError:
            if self._data:
                await self._refuse(Refused(408, "the request's head didn't come in time"))
            return None
        del self._data[: len(raw)]
        self._raw_head = raw
        return head

    async def _exchange(self, head: Head) -> bool:
        """Handle one request; whether the connection can take another."""
        try:
            self._h11.receive_data(self._raw_head)
            self._h11.next_event()
        except h11.RemoteProtocolError as error:  # what our own check let through and h11 does not
            await self._refuse(Refused(error.error_status_hint, "the request isn't valid HTTP/1.1"))
            return False
        self._ahead.clear()
        exchange = Exchange(head, self._client, self)
        try:
            await self._app.handle(exchange)
        except Refused as refused:
            if exchange.started:
                exchange.abort()
                return False
            await exchange.answer(self._app.refusal(refused.status, refused.why))
        except (ConnectionError, h11.LocalProtocolError) as error:
            # Neither target nor headers are ever logged: they hold keys.
            log.debug("a response was not delivered: %s", type(error).__name__)
            exchange.abort()
            return False
        if self._h11.our_state is h11.SWITCHED_PROTOCOL:
            return False
        if self._h11.our_state is not h11.DONE and self._h11.our_state is not h11.MUST_CLOSE:
            exchange.abort()  # the handler stopped in the middle
            return False
        return await self._leave_clean()

    async def _leave_clean(self) -> bool:
        """Throw away what is left of the request's body, within bounds; whether the connection is fit for reuse."""
        reusable = True
        if self._h11.their_state is h11.SEND_BODY:
            reusable = not self._h11.they_are_waiting_for_100_continue and await self._drain_body()
        self._data[:0] = self._h11.trailing_data[0]
        reusable = reusable and self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        if not reusable:
            await self._close_gently()
        return reusable

    async def _drain_body(self) -> bool:
        thrown = 0
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for chunk in self.request_body():
                    thrown += len(chunk)
                    if thrown > _DRAIN_BYTES:
                        return False
        except (Refused, TimeoutError):
            return False
        return True

    async def _close_gently(self) -> None:
        """End our side first and let the client read: closing on unread bytes would reset the answer away."""
        self.wire.on_gone = None
        self.wire.end()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                while await self.wire.read():
                    pass
        except TimeoutError:
            pass  # a client that keeps sending has had its second: the connection is closed on it

    async def _refuse(self, refused: Refused) -> None:
        answer = self._app.refusal(refused.status, refused.why)
        headers = [*answer.headers, (b"Connection", b"close"), (b"Content-Length", str(len(answer.body)).encode())]
        lines = [b"HTTP/1.1 %d %s" % (answer.status, answer.reason), *(b"%s: %s" % pair for pair in headers)]
        self.wire.write(b"\r\n".join(lines) + http_head.END + answer.body)
        await self._close_gently()

    async def look_ahead(self, size: int) -> int:
        """Read so much of the body, or all there is; how much it was."""
        seen = 0
        async for chunk in self._rest_of_body():
            self._ahead.append(chunk)
            seen += len(chunk)
            if seen >= size:
                break
        return seen

    async def request_body(self) -> AsyncIterator[bytes]:
        while self._ahead:
            yield self._ahead.popleft()
        async for chunk in self._rest_of_body():
            yield chunk

    async def _rest_of_body(self) -> AsyncIterator[bytes]:
        while self._h11.their_state is h11.SEND_BODY:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise Refused(400, "the request's body is malformed") from error
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            else:  # EndOfMessage, or PAUSED at the beginning of a next request
                return

    async def _receive(self) -> None:
        if self._h11.they_are_waiting_for_100_continue:
            informational = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self.wire.write(self._h11.send(informational) or b"")
        if self._data:
            data = bytes(self._data)
            self._data.clear()
        else:
            try:
                async with asyncio.timeout(self._app.idle_seconds):
                    data = await self.wire.read()
            except TimeoutError as error:
                raise Refused(408, "the request's body stopped coming") from error
            if not data:
                raise ConnectionResetError("the client left in the middle of its request")
        self._h11.receive_data(data)

    async def switch(self, headers: Headers, other: Wire, early: bytes, idle_seconds: float) -> None:
        while self._h11.next_event() is not h11.PAUSED:
            pass  # the end of the request, which had no body
        await self.send(h11.InformationalResponse(status_code=101, headers=headers, reason=b"Switching Protocols"))
        self.wire.on_gone = None
        other.write(self._h11.trailing_data[0] + bytes(self._data))
        self.wire.write(early)
        await pump(self.wire, other, idle_seconds)

    async def send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            self.wire.write(data)
        await self.wire.drain()


Admit = Callable[[Wire], Awaitable[Client | None]]


@dataclass
class Door:
    """A listening loopback port whose requests ``app`` answers. ``admit`` says who a connection is; None resets it.
    With ``tls`` it speaks that."""

    app: App
    admit: Admit
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: set[Wire] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> Door:
        """Bind a free loopback port and serve."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Wire(self._accept), "127.0.0.1", 0, backlog=1024, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and cut what is open. Repeatable."""
        if self._server is not None:
            self._server.close()
        for wire in tuple(self.connections):
            wire.reset()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, wire: Wire) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(wire))
        wire.on_gone = task.cancel
        self.connections.add(wire)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, wire: Wire) -> None:
        try:
            client = await self.admit(wire)
            if client is None:
                wire.reset()
                return
            await _Connection(wire, self.app, client).run()
        except asyncio.CancelledError:
            wire.reset()  # the client left, or the door closes
        except ConnectionError as error:
            log.debug("connection lost: %s", error)
        except Exception:
            log.exception("request failed in the proxy itself")
            wire.reset()
        finally:
            self.connections.discard(wire)
            wire.close()
