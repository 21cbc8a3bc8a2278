"""Every hop between two parts of the deployed system: judged by security groups and routes, then carried on loopback.

On AWS a refused connection times out. Here time is compressed: it is reset at once, and the reason is logged and kept
in ``account.facts.blocked``.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from localcloud.aws.account import Account
from localcloud.net.addresses import Addresses
from localcloud.net.model import Interface, Topology
from localcloud.net.topology import TopologyCache
from localcloud.net.verdict import MACHINE, judge, label
from localcloud.net.wire import Wire, pump

log = logging.getLogger(__name__)
P = TypeVar("P", bound=asyncio.BaseProtocol)

_REVIEW_SECONDS = 0.05  # how long changes may gather before live connections are judged again
_REPEAT_SECONDS = 60.0  # the same refusal is logged again only after this long


class Blocked(ConnectionError):
    """AWS would not let this connection through; the text says which rule or route is missing."""


class Unresolved(OSError):
    """Nothing in the simulated network has this name or address."""


@dataclass(frozen=True)
class _Binding:
    name: str
    port: int
    owner: Interface
    backend: tuple[str, int]


@dataclass(frozen=True)
class Tls:
    """That a connection speaks TLS from its first byte, and whose certificate the other side must show."""

    context: ssl.SSLContext
    name: str


@dataclass(frozen=True, eq=False)
class _Live:
    """An open connection, to be judged again when the account changes."""

    source: Interface | str
    owner: Interface
    port: int
    cut: Callable[[], None]


@dataclass
class _Hop:
    """A loopback port on which one interface reaches one destination."""

    port: int
    server: asyncio.Server
    tasks: set[asyncio.Task[None]]


class Fabric:
    """The network of one account. To be used on the event loop that it was made on."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.topology = TopologyCache(account)
        self.addresses = Addresses(self.topology)
        self._loop = asyncio.get_running_loop()
        self._bindings: list[_Binding] = []
        self._sources: dict[tuple[str, int], Interface] = {}
        self._live: set[_Live] = set()
        self._hops: dict[tuple[Interface, str, int], _Hop] = {}
        self._doors: dict[Interface, object] = {}
        self._logged: dict[str, float] = {}
        self._review: asyncio.TimerHandle | None = None
        self._reviewing: asyncio.Task[None] | None = None
        self._unsubscribe = account.changes.subscribe(self._changed)

    # Names

    async def bind(self, name: str, port: int, owner: Interface, backend: tuple[str, int]) -> None:
        """Let ``name`` (or the owner's address) and ``port`` lead to a loopback ``backend``. Repeatable; several owners
        may share a name (a load balancer has one interface a subnet). A new backend of the same owner replaces the old.
        """
        kept = [b for b in self._bindings if (b.name, b.port, b.owner.id) != (name.lower(), port, owner.id)]
        self._bindings = [*kept, _Binding(name.lower(), port, owner, backend)]

    async def unbind(self, name: str, port: int) -> None:
        """Undo ``bind`` for every owner of the name. Nothing happens when there is none."""
        self._bindings = [b for b in self._bindings if (b.name, b.port) != (name.lower(), port)]

    def bound(self, ip: str, port: int) -> bool:
        """Whether anything stands behind an address and port."""
        return any(b.port == port and b.owner.ip == ip for b in self._bindings)

    # Connections

    async def connect(
        self, source: Interface | None, host: str, port: int, half_close: bool = False, tls: Tls | None = None
    ) -> Wire:
        """Open a connection as ``dial`` does, as a Wire. Raises ssl.SSLError, too, with ``tls``."""
        _, protocol = await self._open(source, host, port, lambda: Wire(half_close=half_close), tls)
        return protocol

    async def dial(
        self, source: Interface | None, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection from ``source`` (None: from this machine) to ``host``:``port``.

        Raises Blocked (a security group or route is missing), Unresolved (no such name) or ConnectionError (allowed,
        but nobody listens).
        """
        reader = asyncio.StreamReader()
        transport, protocol = await self._open(source, host, port, lambda: asyncio.StreamReaderProtocol(reader))
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def admit(self, wire: Wire, owners: list[Interface], port: int) -> Interface | None:
        """Judge a connection that a backend has accepted: who is it? None: someone on this machine.

        Raises Blocked for someone on this machine when no owner's ingress rules let 127.0.0.1/32 in. What came through
        the fabric has been judged already.
        """
        source = self.source_of(wire.peer)
        if source is not None:
            return source
        topology = await self.topology.get()
        verdicts = [(judge(topology, MACHINE, owner, port), owner) for owner in owners]
        owner = next((owner for verdict, owner in verdicts if verdict), None)
        if owner is None:
            raise self.block(verdicts[0][0].reason if verdicts else f"{label(MACHINE)} → port {port}: no interface")
        live = _Live(MACHINE, owner, port, wire.reset)
        self._live.add(live)
        self._forget_when_closed(wire, live, None)
        return None

    def source_of(self, peer: tuple[str, int]) -> Interface | None:
        """Who is behind an accepted loopback connection that came through the fabric. None: someone on this machine."""
        return self._sources.get((peer[0], peer[1]))

    # Hops

    async def listen(self, source: Interface, host: str, port: int) -> int:
        """A loopback port on which ``source`` reaches ``host``:``port``; the same one for the same question.

        Each connection is judged when it is made and when the account changes.
        """
        key = (source, host.lower(), port)
        if key not in self._hops:
            tasks: set[asyncio.Task[None]] = set()

            def accept(wire: Wire) -> None:
                task = self._loop.create_task(self._carry(wire, source, host, port))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            server = await self._loop.create_server(lambda: Wire(accept, half_close=True), "127.0.0.1", 0, backlog=512)
            self._hops[key] = _Hop(server.sockets[0].getsockname()[1], server, tasks)
        return self._hops[key].port

    async def listen_aws(self, source: Interface) -> int:
        """A loopback port that is the AWS API as ``source`` sees it; each request is judged (``aws_door``)."""
        from localcloud.net.aws_door import AwsDoor  # it needs the fabric

        door = self._doors.get(source)
        if not isinstance(door, AwsDoor):
            door = self._doors[source] = await AwsDoor(self, source).open()
        return door.port

    async def forget(self, source: Interface) -> None:
        """Close every hop of an interface that is gone."""
        for key in [key for key in self._hops if key[0] == source]:
            await _close_hop(self._hops.pop(key))
        door = self._doors.pop(source, None)
        if door is not None:
            await door.close()  # type: ignore[attr-defined]
        for live in [live for live in self._live if live.source == source]:
            live.cut()

    async def close(self) -> None:
        """Close every hop and cut every connection. Repeatable."""
        self._unsubscribe()
        for task in (self._review, self._reviewing):
            if task is not None:
                task.cancel()
        for source in {key[0] for key in self._hops} | set(self._doors):
            await self.forget(source)
        for live in tuple(self._live):
            live.cut()
        self._bindings.clear()
        await asyncio.sleep(0)  # what was cut is closed on the loop's next turn

    def block(self, sentence: str) -> Blocked:
        """Record a refusal for ``status`` and the log; returns the exception to raise. Repetitions are kept once."""
        blocked = self.account.facts.blocked
        if sentence in blocked:
            blocked.remove(sentence)
        blocked.append(sentence)
        now = time.monotonic()
        if now - self._logged.get(sentence, -_REPEAT_SECONDS) >= _REPEAT_SECONDS:
            self._logged = {text: at for text, at in self._logged.items() if now - at < _REPEAT_SECONDS}
            self._logged[sentence] = now
            log.warning("blocked: %s", sentence)
        return Blocked(sentence)

    # Inside

    async def _resolve(self, source: Interface | str, host: str, port: int) -> _Binding:
        """The binding that ``source`` may reach; several are tried in order."""
        named = [b for b in self._bindings if b.name == host.lower() or b.owner.ip == host]
        if not named:
            raise Unresolved(f"{label(source)} → {host}:{port}: nothing in the network has that name or address")
        topology = await self.topology.get()
        first_refusal = None
        for owner in dict.fromkeys(binding.owner for binding in named):
            verdict = judge(topology, source, owner, port)
            if verdict:
                found = next((b for b in named if b.owner == owner and b.port == port), None)
                if found is None:
                    raise ConnectionRefusedError(f"{label(source)} → {label(owner, port)}: nothing listens there")
                return found
            first_refusal = first_refusal or verdict.reason
        raise self.block(first_refusal or f"{label(source)} → {host}:{port}: refused")

    async def _open(
        self, source: Interface | None, host: str, port: int, factory: Callable[[], P], tls: Tls | None = None
    ) -> tuple[asyncio.Transport, P]:
        """Judge and connect. The local address is known, and filed under its source, before the backend sees it."""
        binding = await self._resolve(source or MACHINE, host, port)
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        local = sock.getsockname()
        if source is not None:
            self._sources[local] = source
        try:
            await self._loop.sock_connect(sock, binding.backend)
            secure: dict[str, Any] = {"ssl": tls.context, "server_hostname": tls.name} if tls is not None else {}
            transport, protocol = await self._loop.create_connection(factory, sock=sock, **secure)
        except BaseException:
            self._sources.pop(local, None)
            sock.close()
            raise
        live = _Live(source or MACHINE, binding.owner, port, lambda: _reset(transport, protocol))
        self._live.add(live)
        self._forget_when_closed(protocol, live, local)
        return transport, protocol

    def _forget_when_closed(self, protocol: asyncio.BaseProtocol, live: _Live, local: tuple[str, int] | None) -> None:
        lost = protocol.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._live.discard(live)
            if local is not None:
                self._sources.pop(local, None)
            lost(exc)

        protocol.connection_lost = connection_lost  # type: ignore[method-assign]

    async def _carry(self, wire: Wire, source: Interface, host: str, port: int) -> None:
        try:
            other = await self.connect(source, host, port, half_close=True)
        except OSError as error:  # Blocked, Unresolved, or nobody listens: the client learns no more on AWS either
            log.debug("%s", error)
            wire.reset()
            return
        except BaseException:
            wire.reset()
            raise
        await pump(wire, other)

    def _changed(self) -> None:
        """Called on the API's thread after each change."""
        try:
            self._loop.call_soon_threadsafe(self._plan_review)
        except RuntimeError:
            log.debug("a change after the event loop has ended")

    def _plan_review(self) -> None:
        if self._review is None and self._live:
            self._review = self._loop.call_later(_REVIEW_SECONDS, self._start_review)

    def _start_review(self) -> None:
        self._review = None
        if self._reviewing is not None and not self._reviewing.done():
            self._plan_review()  # one at a time; what changed since is judged when that one has ended
            return
        self._reviewing = self._loop.create_task(self._judge_live())

    async def _judge_live(self) -> None:
        topology: Topology = await self.topology.get()
        for live in tuple(self._live):
            verdict = judge(topology, live.source, live.owner, live.port)
            if not verdict:
                self.block(f"{verdict.reason} (open connection cut)")
                live.cut()


def _reset(transport: asyncio.Transport, protocol: asyncio.BaseProtocol) -> None:
    if isinstance(protocol, Wire):
        protocol.reset()
    else:
        transport.abort()


async def _close_hop(hop: _Hop) -> None:
    hop.server.close()
    for task in tuple(hop.tasks):
        task.cancel()
    await asyncio.gather(*hop.tasks, return_exceptions=True)
