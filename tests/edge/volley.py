"""Tens of thousands of raw requests at a port, pipelined on a few connections, and who answered each of them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
# Who made a response: the edge's Function, the edge itself or the load balancer; what none of them made is LiteLLM's,
# which doesn't name itself.
_MAKERS = (
    ("function", re.compile(rb"\r\nx-cache: FunctionGeneratedResponse", re.IGNORECASE)),
    ("edge", re.compile(rb"\r\nserver: CloudFront", re.IGNORECASE)),
    ("door", re.compile(rb"\r\nserver: awselb", re.IGNORECASE)),
)
ATTEMPTS = 5  # connections that may break on one request before it counts as cut


@dataclass
class Shot:
    """One request, and what became of it. ``maker`` is empty until it is answered, "cut" if it never is."""

    id: str
    raw: bytes
    label: str
    status: int = 0
    maker: str = ""
    attempts: int = 0


@dataclass
class Volley:
    """What is still to be sent, shared by the connections."""

    port: int
    waiting: deque[Shot]
    window: int = 12
    seen: Counter[str] = field(default_factory=Counter)


class _Connection(asyncio.Protocol):
    """Keeps a few requests under way; what a closed connection leaves unanswered goes back to the queue."""

    def __init__(self, volley: Volley) -> None:
        self._volley = volley
        self._sent: deque[Shot] = deque()
        self._data = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._fill()

    def _fill(self) -> None:
        out = bytearray()
        while len(self._sent) < self._volley.window and self._volley.waiting:
            shot = self._volley.waiting.popleft()
            self._sent.append(shot)
            out += shot.raw
        if out:
            self._transport.write(bytes(out))
        elif not self._sent:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._data += data
        while self._sent and self._response():
            pass
        if not self._transport.is_closing():
            self._fill()

    def _response(self) -> bool:
        """Takes one whole response off the buffer, if there is one."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._data[:end])
        status = int((_STATUS.match(head) or [b"", b"0"])[1])
        if status == 100:
            del self._data[: end + 4]
            return True
        length = 0
        if not self._sent[0].raw.startswith(b"HEAD ") and status not in (101, 204, 304):
            found = _LENGTH.search(head)
            if found is not None:
                length = int(found[1])
            else:
                length = self._chunked(end + 4)
                if length < 0:
                    return False
        if len(self._data) < end + 4 + length:
            return False
        del self._data[: end + 4 + length]
        shot = self._sent.popleft()
        shot.status = status
        shot.maker = next((maker for maker, pattern in _MAKERS if pattern.search(head)), "litellm")
        if status == 101 or _CLOSES.search(head):
            self._transport.close()
            return False
        return True

    def _chunked(self, start: int) -> int:
        """The length of a chunked body; -1 while it isn't all there."""
        place = start
        while True:
            line = self._data.find(b"\r\n", place)
            if line < 0:
                return -1
            size = int(bytes(self._data[place:line]).split(b";")[0], 16)
            place = line + 2 + size + 2
            if len(self._data) < place:
                return -1
            if size == 0:
                return place - start

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent:
            self._sent[0].attempts += 1
            if self._sent[0].attempts >= ATTEMPTS:
                self._sent.popleft().maker = "cut"
        self._volley.waiting.extendleft(reversed(self._sent))
        self.done.set_result(None)


async def fire(port: int, shots: Sequence[Shot], connections: int = 6, seconds: float = 1500) -> Counter[str]:
    """Sends every shot and waits until all are answered. Returns how many each maker answered."""
    volley = Volley(port, deque(shots))
    loop = asyncio.get_running_loop()

    async def keep() -> None:
        while volley.waiting:
            _, connection = await loop.create_connection(lambda: _Connection(volley), "127.0.0.1", port)
            await connection.done

    async with asyncio.timeout(seconds):
        # what one connection puts back when it breaks may find the others gone already
        while volley.waiting:
            await asyncio.gather(*(keep() for _ in range(connections)))
    return Counter(shot.maker for shot in shots)
