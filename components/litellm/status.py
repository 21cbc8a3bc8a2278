"""Progress in the engine's status line. The dynamic host has no way to it, so it is spoken to directly."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

# A terminal shows no more, and every message costs the engine an event.
EVERY_SECONDS = 0.5


def teller(what: str, clock: Callable[[], float] = time.monotonic) -> Callable[[str], None]:
    """What to tell progress to: it appears in the status line after `what`, twice a second at most, and leaves nothing
    behind in the output. Without an engine it goes nowhere."""
    send, said, lock = _sender(), [-EVERY_SECONDS + clock()], threading.Lock()

    def tell(progress: str) -> None:
        with lock:
            if clock() - said[0] < EVERY_SECONDS:
                return
            said[0] = clock()
        send(f"{what}: {progress}")

    return tell


def _sender() -> Callable[[str], None]:
    address = _engine()
    if address is None:
        return lambda _: None
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    engine: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def send(message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, ephemeral=True)
        try:
            engine.Log(request, timeout=5)
        except grpc.RpcError:
            return  # an engine that is going away misses a status line; what is being done goes on

    return send


def _engine() -> str | None:
    """The engine's address, which it gives to every plugin as the first argument."""
    host = getattr(sys.modules["__main__"], "__spec__", None)
    if host is None or not host.name.startswith("pulumi.dynamic") or len(sys.argv) < 2:
        return None
    return sys.argv[1]
