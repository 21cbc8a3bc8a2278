"""What stands before a cluster with IAM authentication: it takes a token where Postgres would take a password.

RDS does this by PAM, which the Postgres that runs here was built without. So the door ends the TLS of each connection,
reads who comes, and hands users without the role `rds_iam` through to Postgres' own check: Postgres shows the same
certificate, so channel binding holds. Users with the role are asked for a token, over TLS alone, and are brought to
Postgres with a client certificate that only the door can make (`Cluster.client_certificate`).
https://www.postgresql.org/docs/15/protocol-flow.html
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.aws.iam.database_tokens import BadToken
from localcloud.dataplane.tls_door import Door, either_ends
from localcloud.postgres import IAM_ROLE, Cluster, PostgresError

log = logging.getLogger(__name__)
_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80_877_103, 80_877_104, 80_877_102
_CLEARTEXT_PASSWORD = struct.pack("!cII", b"R", 8, 3)
_LONGEST_STARTUP = 10_000  # as Postgres' MAX_STARTUP_PACKET_LENGTH
_LONGEST_TOKEN = 65_535
# Postgres' authentication_timeout
_SECONDS = 60.0

# token, user → raises BadToken. Blocks
Check = Callable[[str, str], None]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class _Startup:
    """The first message of a connection, as it came, and the user that it names."""

    raw: bytes
    user: str
    cancels: bool
    encrypted: bool


class TokenDoor(Door):
    """Stands before `cluster`."""

    def __init__(self, cluster: Cluster, check: Check) -> None:
        super().__init__()
        self._cluster, self._check = cluster, check
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    async def open(self) -> int:
        """Bind a free port, and return it."""
        await asyncio.to_thread(self._tls.load_cert_chain, self._cluster.certificate, self._cluster.key)
        await self._bind()
        return self.port

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(_SECONDS):
                inner_reader, inner = await self._let_in(reader, writer)
            await either_ends((reader, inner), (inner_reader, writer))
            # as Postgres does: TLS is ended and not broken off, which who cancels would take for a failure
            writer.close()
        except _Refused as refused:
            writer.write(refused.message)
            with contextlib.suppress(OSError):
                await writer.drain()
                writer.close()
        except (OSError, EOFError, ValueError, TimeoutError):
            pass  # somebody who left, or who speaks something else: Postgres hangs up on them as well
        finally:
            for one in (writer, inner):
                if one is not None and not one.is_closing():
                    one.transport.abort()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams:
        """The way on to Postgres, after the startup message (and, for a token, the check)."""
        startup = await self._startup(reader, writer)
        by_token = not startup.cancels and await asyncio.to_thread(self._has_role, startup.user)
        if by_token:
            if not startup.encrypted:
                raise _Refused(f'no pg_hba.conf entry for user "{startup.user}", no encryption')
            await self._ask_for_token(reader, writer, startup.user)
        inner = await self._to_postgres(startup, as_user=startup.user if by_token else None)
        inner[1].write(startup.raw)
        return inner

    async def _startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Startup:
        encrypted = False
        while True:
            length, code = struct.unpack("!II", await reader.readexactly(8))
            if not 8 <= length <= _LONGEST_STARTUP:
                raise ValueError("no startup message")
            rest = await reader.readexactly(length - 8)
            if code == _SSL_REQUEST and not encrypted:
                writer.write(b"S")
                await writer.start_tls(self._tls)
                encrypted = True
            elif code == _GSS_REQUEST:
                writer.write(b"N")
            else:
                words = rest.split(b"\0")
                given = dict(zip(words[::2], words[1::2], strict=False))
                user = given.get(b"user", b"").decode(errors="replace")
                return _Startup(struct.pack("!II", length, code) + rest, user, code == _CANCEL_REQUEST, encrypted)

    def _has_role(self, user: str) -> bool:
        try:
            return self._cluster.is_member(user, IAM_ROLE)
        except PostgresError:
            return False  # it is starting or ending; Postgres itself says so to whoever comes

    async def _ask_for_token(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user: str) -> None:
        writer.write(_CLEARTEXT_PASSWORD)
        kind, length = struct.unpack("!cI", await reader.readexactly(5))
        if kind != b"p" or not 4 < length <= _LONGEST_TOKEN:
            raise ValueError("no password")
        token = (await reader.readexactly(length - 4)).rstrip(b"\0").decode(errors="replace")
        try:
            await asyncio.to_thread(self._check, token, user)
        except BadToken as bad:
            log.warning("database %s let %s not in: %s", self._cluster.data.name, user, bad)
            raise _Refused(f'PAM authentication failed for user "{user}"') from None

    async def _to_postgres(self, startup: _Startup, as_user: str | None) -> Streams:
        if self._cluster.port is None:
            raise _Refused("the database system is shutting down", "57P03")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._cluster.port)
        if startup.encrypted:
            writer.write(struct.pack("!II", 8, _SSL_REQUEST))
            if await reader.readexactly(1) != b"S":
                raise ValueError("Postgres without TLS")
            await writer.start_tls(await asyncio.to_thread(self._client, as_user))
        return reader, writer

    def _client(self, as_user: str | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it is the loopback port that Postgres was started on
        context.load_verify_locations(self._cluster.certificate)
        if as_user is not None:
            with self._cluster.client_certificate(as_user) as (certificate, key):
                context.load_cert_chain(certificate, key)
        return context


class _Refused(Exception):
    """Postgres' words for somebody who isn't let in, as a FATAL message of its protocol."""

    def __init__(self, sentence: str, code: str = "28000") -> None:
        super().__init__(sentence)
        fields = (b"SFATAL", b"VFATAL", b"C" + code.encode(), b"M" + sentence.encode())
        body = b"".join(one + b"\0" for one in fields) + b"\0"
        self.message = struct.pack("!cI", b"E", len(body) + 4) + body
