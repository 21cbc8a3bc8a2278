"""Doors in front of the real LiteLLM (and of its Postgres) that fail as told."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

BEFORE = (
    "refused",  # nothing listens
    "reset before",  # the connection breaks off before LiteLLM has heard of the call
    "timeout before",
    "429",  # with Retry-After
    "500",
    "502",
    "503",
)
"""What goes wrong before LiteLLM acted."""

AFTER = (
    "reset after",
    "timeout after",
    "500 after",  # it says that it failed
    "half",  # of an answer
    "slow",
)
"""What goes wrong after it did."""

KINDS = (*BEFORE, *AFTER)

Plan = Callable[[int], str | None]
"""(number of the call, from 0) → what goes wrong with it."""

REFUSES_FOR = 0.05  # seconds in which nothing listens
_LONGEST_WAIT = 30.0


class FaultyDoor:
    """A reverse proxy on loopback, one request a connection, as the clients here send them. `calls` counts them."""

    def __init__(self, target: str, plan: Plan = lambda _: None) -> None:
        where = urlsplit(target)
        self._target = (where.hostname or "", where.port or 80)
        self.plan, self.calls = plan, 0
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._listener = _listener()
        self._port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, plan: Plan) -> None:
        """Counts from 0 again, with another plan."""
        self.plan, self.calls = plan, 0
        self._refuse_next()

    def stop(self) -> None:
        self._closed.set()
        with self._lock:
            self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # it refuses for a while
                time.sleep(0.01)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _refuse_next(self) -> None:
        """If the next call is to be refused, nothing listens for a while."""
        with self._lock:
            if self.plan(self.calls) != "refused":
                return
            self.calls += 1
            self._listener.close()

        def listen_again() -> None:
            with self._lock:
                if not self._closed.is_set():
                    self._listener = _listener(self._port)

        threading.Timer(REFUSES_FOR, listen_again).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_LONGEST_WAIT)
        with connection, contextlib.suppress(OSError):
            request = _message(connection)
            with self._lock:
                fault = self.plan(self.calls)
                self.calls += 1
            before = fault in ("reset before", "timeout before") or (fault or "").isdigit()
            answer = b"" if before else self._forward(request)
            self._refuse_next()
            _answer(connection, fault, answer)

    def _forward(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"host:"))]
        lines += [f"Host: {self._target[0]}:{self._target[1]}".encode(), b"Connection: close"]
        with socket.create_connection(self._target, timeout=_LONGEST_WAIT) as upstream:
            upstream.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            chunks = []
            while chunk := upstream.recv(1 << 16):
                chunks.append(chunk)
        return b"".join(chunks)


def _listener(port: int | None = None) -> socket.socket:
    """On this port, or on one that the kernel gives to nobody who connects somewhere: while the door is closed, nobody
    else gets it."""
    for number in [port] * 200 if port else random.sample(range(20_000, 32_000), 200):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError:
            listener.close()
            time.sleep(0.01)
            continue
        listener.listen(64)
        listener.settimeout(0.05)
        return listener
    raise OSError("no port to listen on")


def _answer(connection: socket.socket, fault: str | None, answer: bytes) -> None:
    match fault:
        case "reset before" | "reset after":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case "timeout before" | "timeout after":
            connection.recv(1)  # until the client gives up
        case "half":
            connection.sendall(answer[: len(answer) - max(1, len(answer.partition(b"\r\n\r\n")[2]) // 2)])
        case "slow":
            step = max(1, len(answer) // 5)
            for start in range(0, len(answer), step):
                connection.sendall(answer[start : start + step])
                time.sleep(0.05)
        case "500 after":
            connection.sendall(_status("500"))
        case None | "refused":
            connection.sendall(answer)
        case status:
            connection.sendall(_status(status))


def _status(status: str) -> bytes:
    body = b'{"error": {"message": "made to fail"}}'
    wait = b"Retry-After: 1\r\n" if status == "429" else b""
    return b"HTTP/1.1 %s Fault\r\n%sContent-Length: %d\r\n\r\n%s" % (status.encode(), wait, len(body), body)


def _message(connection: socket.socket) -> bytes:
    """A whole request."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise OSError("the client went away")
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


class Switch:
    """A TCP door whose other side can be cut off, and be another port afterwards."""

    def __init__(self, port: int) -> None:
        self.port_behind: int | None = port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks every connection off; new ones get none."""
        self.port_behind = None
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def lead_to(self, port: int) -> None:
        self.port_behind = port

    def stop(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(connection,), daemon=True).start()

    def _join(self, connection: socket.socket) -> None:
        port = self.port_behind
        with connection, contextlib.suppress(OSError):
            if port is None:
                return
            with socket.create_connection(("127.0.0.1", port), timeout=10) as behind:
                behind.settimeout(None)
                with self._lock:
                    self._open |= {connection, behind}
                other = threading.Thread(target=_pump, args=(behind, connection), daemon=True)
                other.start()
                _pump(connection, behind)
                other.join()
                with self._lock:
                    self._open -= {connection, behind}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
