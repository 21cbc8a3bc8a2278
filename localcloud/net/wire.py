"""One TCP connection on the event loop: reading and writing with back-pressure, and knowing when it ends.

asyncio's own streams can't tell that the other side left while nobody reads, which a proxy must know to stop work that
nobody waits for; a protocol is told at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable

_BUFFER = 128 * 1024  # bytes held unread before the sender is made to wait


class Wire(asyncio.Protocol):
    """One connection. Only one task at a time may wait in ``read``, and one in ``drain``.

    With ``half_close`` the connection outlives the other side's end of sending (for plain tunnels); without, that end
    closes it: HTTP clients of the load balancer and of CloudFront that stop sending have left (HTTP 460 of
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html).
    """

    def __init__(self, on_open: Callable[[Wire], None] | None = None, half_close: bool = False) -> None:
        self._on_open = on_open
        self._half_close = half_close
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._reader: asyncio.Future[None] | None = None
        self._drainer: asyncio.Future[None] | None = None
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self.ended = False  # the other side has finished sending
        self.closed = False  # nothing can be sent any more
        self.on_gone: Callable[[], object] | None = (
            None  # called once, when the other side ended or the connection broke
        )

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._on_open is not None:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > _BUFFER and self._transport is not None:
            self._transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake_reader()
        if not self._half_close:
            self._tell_gone()
        return self._half_close

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.closed = True
        self._wake_reader()
        self.resume_writing()
        self._tell_gone()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._drainer is not None and not self._drainer.done():
            self._drainer.set_result(None)

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _tell_gone(self) -> None:
        on_gone, self.on_gone = self.on_gone, None
        if on_gone is not None:
            on_gone()

    # What its users call.

    @property
    def local(self) -> tuple[str, int]:
        """Address and port of this side."""
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")[:2]

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the other side."""
        assert self._transport is not None
        return self._transport.get_extra_info("peername")[:2]

    @property
    def pending(self) -> bool:
        """Whether bytes have arrived that nobody has read."""
        return bool(self._chunks)

    async def read(self) -> bytes:
        """The next bytes, as they come; empty when the other side has finished sending or the connection broke."""
        while not self._chunks:
            if self.ended:
                return b""
            waiting = self._reader = asyncio.get_running_loop().create_future()
            try:
                await waiting
            finally:
                if self._reader is waiting:
                    self._reader = None
        data = self._chunks.popleft()
        over = self._size > _BUFFER
        self._size -= len(data)
        if over and self._size <= _BUFFER and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        """Send, without waiting. Bytes to a closed connection are dropped (``closed`` says so)."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the other side has taken enough of what was written. Raises ConnectionResetError when it left."""
        if self._paused and not self.closed:
            waiting = self._drainer = asyncio.get_running_loop().create_future()
            try:
                await waiting
            finally:
                if self._drainer is waiting:
                    self._drainer = None
        if self.closed:
            raise ConnectionResetError("the other side has closed the connection")

    def end(self) -> None:
        """Say that nothing more will be sent; what the other side still sends is received (half_close only)."""
        if self._transport is not None and not self._transport.is_closing() and self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # ENOTCONN: the other side has cut it, there is nobody left to tell
                self._transport.write_eof()

    def close(self) -> None:
        """Send what was written, then close."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Cut at once with a TCP reset: the other side must not take this for a regular end."""
        if self._transport is None or self._transport.is_closing():
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


async def pump(one: Wire, other: Wire, idle_seconds: float | None = None) -> None:
    """Carry bytes both ways until both directions have ended, or neither has sent for ``idle_seconds``; close both."""
    loop = asyncio.get_running_loop()

    async def carry(source: Wire, sink: Wire, limit: asyncio.Timeout) -> None:
        while data := await source.read():
            if idle_seconds is not None:
                limit.reschedule(loop.time() + idle_seconds)
            sink.write(data)
            await sink.drain()
        if source.closed:
            raise ConnectionResetError("broken, not ended")
        sink.end()

    carrying: list[asyncio.Future[None]] = []
    try:
        async with asyncio.timeout(idle_seconds) as limit:
            carrying = [
                asyncio.ensure_future(carry(one, other, limit)),
                asyncio.ensure_future(carry(other, one, limit)),
            ]
            await asyncio.gather(*carrying)
    except (ConnectionResetError, TimeoutError):
        one.reset()
        other.reset()
    finally:
        for task in carrying:
            task.cancel()
        one.close()
        other.close()
