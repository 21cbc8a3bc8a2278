"""One Postgres server with its data: what stands behind a simulated RDS instance.

Differences from RDS that show: the server's version is the installed one (see ``version()``), whatever the instance
claims; durability is off (no fsync), for the data lives as long as the simulated account; text is sorted as ICU sorts
American English, where RDS uses the C library's en_US.UTF-8.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import psutil

from localcloud import processes
from localcloud.postgres import certificate
from localcloud.postgres.binaries import binaries
from localcloud.postgres.identity import DEATH_SIGNAL, NoWay, identity

_LOOPBACK = "127.0.0.1"
_ADMIN = "rdsadmin"  # RDS' own superuser, which its customers don't get either
_FORCE_SSL = "rds.force_ssl"
IAM_ROLE = "rds_iam"
"""RDS's role of users who come by a token of IAM's."""
_START_ATTEMPTS = 3  # the port is free when it is picked, and may not be any more when Postgres binds it
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_PARAMETER = re.compile(r"[a-z_][a-z0-9_.]*\Z")

_SETTINGS = {
    "unix_socket_directories": "",
    "ssl": "on",
    "password_encryption": "scram-sha-256",
    # Lost in a power cut only, and then the simulated account is gone as well.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Small, and below the cluster's own folder alone.
    "shared_buffers": "32MB",
    "min_wal_size": "32MB",
    "max_logical_replication_workers": "0",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # About what a db.t4g.micro allows: LEAST(DBInstanceClassMemory/9531392, 5000) of what its system leaves of 1 GiB.
    "max_connections": "80",
}


class PostgresError(Exception):
    """Postgres could not do it; the message says why, with its last log lines where they tell."""


class Cluster:
    """A Postgres data folder and the server on it. Methods block, and are not for two threads at once.

    ``data`` is the cluster's own folder; ``home`` the local cloud's, whose daemon the server must not outlive;
    ``log`` the file that the server's messages are appended to (default: in ``data``).
    """

    def __init__(self, data: Path, *, home: Path, log: Path | None = None) -> None:
        self.data = data
        self.certificate = data / "server.crt"
        self.key = data / "server.key"
        self.port: int | None = None
        self._pgdata = data / "pgdata"
        self._password_file = data / "admin"
        self._log = log or data / "postgres.log"
        self._home = home
        self._child: processes.Child | None = None

    @property
    def exists(self) -> bool:
        """Whether ``create`` has been completed here."""
        return self._password_file.exists()

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """The server's process, or None when it isn't running."""
        return self._child.pid if self._child is not None and self.running else None

    def create(
        self,
        user: str,
        password: str,
        database: str,
        parameters: Mapping[str, str] | None = None,
        *,
        host: str = "localhost",
    ) -> None:
        """Make the data folder, with a master user and its database (an empty name: none but ``postgres``).

        ``parameters`` as in ``configure``; ``host`` is the name in the certificate. Raises ``PostgresError``, and
        ``ValueError`` for a name or parameter that Postgres or RDS would refuse; either way nothing is left behind.
        """
        for name in filter(None, (user, database)):
            if not _NAME.match(name):
                raise ValueError(f"not a name that RDS accepts: {name!r}")
        settings = _settings(parameters or {})
        _literal(password)
        if self.data.exists() and any(self.data.iterdir()):
            raise PostgresError(f"{self.data} is not empty: a cluster is created in a folder of its own")
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._initialise(host)
            admin_password = secrets.token_urlsafe(24)
            self._set_up(admin_password, user, password, database)
            self._write_settings(settings, parameters or {})
            self._password_file.touch(mode=0o600)  # last, for its presence says that the cluster is whole
            self._password_file.write_text(admin_password)
        except BaseException:
            shutil.rmtree(self.data, ignore_errors=True)
            raise

    def configure(self, parameters: Mapping[str, str]) -> None:
        """Set the parameter group's values, from the next start on (RDS calls that "pending reboot").

        ``rds.force_ssl`` (default 1, as on RDS since Postgres 15) decides whether plain connections are refused;
        others are Postgres' own settings. Raises ``ValueError`` for RDS settings that have no counterpart here.
        """
        self._write_settings(_settings(parameters), parameters)

    def start(self, timeout: float = 30.0) -> int:
        """Start the server and return its port on 127.0.0.1 once it answers. Raises ``PostgresError``."""
        if self._child is not None and self._child.running and self.port is not None:
            return self.port
        if not self.exists:
            raise PostgresError(f"{self.data} holds no cluster: create it first")
        self._end_stale()
        told = ""
        for attempt in range(1, _START_ATTEMPTS + 1):
            mark = self._log.stat().st_size if self._log.exists() else 0
            self._launch()
            if (
                processes.wait_until(lambda: not self.running or self._answers(), timeout, interval=0.02)
                and self.running
            ):
                assert self.port is not None
                return self.port
            self.stop()
            told = self._log.read_text(errors="replace")[mark:]
            if attempt == _START_ATTEMPTS or "could not bind" not in told:
                break
        raise PostgresError(
            f"Postgres in {self.data} did not start: {_last_lines(told) or f'no answer in {timeout} s'}"
        )

    def stop(self) -> None:
        """End the server (clients are disconnected, data is written); nothing when it isn't running."""
        if self._child is not None:
            self._child.stop(first=signal.SIGINT)
        self._child = None
        self.port = None

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password on the running server."""
        quiet = "SET log_min_error_statement = panic"  # a failing statement would be logged, password and all
        self.admin_sql(f"{quiet}; ALTER ROLE {_identifier(user)} PASSWORD {_literal(password)}")

    def is_member(self, user: str, role: str) -> bool:
        """Whether a user of the running server was granted the role. A superuser has every right, and no token."""
        rows = self.admin_sql(
            f"SELECT pg_has_role(oid, {_literal(role)}, 'MEMBER') FROM pg_roles "
            f"WHERE rolname = {_literal(user)} AND NOT rolsuper"
        )
        return bool(rows and rows[0][0])

    @contextlib.contextmanager
    def client_certificate(self, user: str) -> Generator[tuple[Path, Path]]:
        """A certificate with which Postgres lets in a user who has the role `rds_iam`, and its key; both are gone
        afterwards."""
        with tempfile.TemporaryDirectory(prefix="client-", dir=self._home) as folder:
            paths = Path(folder) / "client.crt", Path(folder) / "client.key"
            certificate.write_client(*paths, user, (self.certificate, self.key))
            yield paths

    def execute(self, user: str, password: str, database: str, sql: str) -> list[tuple[object, ...]]:
        """Run one statement as a user and return the rows. Raises ``PostgresError`` with Postgres' message."""
        return self._run(self._conninfo(user, password, database), sql)

    def admin_sql(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run SQL as the superuser and return the rows. Raises ``PostgresError`` with Postgres' message."""
        if self.port is None:
            raise PostgresError(f"Postgres in {self.data} is not running")
        return self._run(self._conninfo(_ADMIN, self._password_file.read_text(), database), sql)

    def _run(self, conninfo: str, sql: str) -> list[tuple[object, ...]]:
        import psycopg  # here, for its memory: most clusters never need it

        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise PostgresError(f"Postgres refused: {str(error).strip()}") from None

    def wipe(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        self._end_stale()
        if self.data.exists():
            shutil.rmtree(self.data)

    def _initialise(self, host: str) -> None:
        certificate.write(self.certificate, self.key, host)
        self._pgdata.mkdir(mode=0o700)
        self._give(self.data)
        options = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--locale-provider=icu"]
        done = identity().run(
            [str(binaries() / "initdb"), "-D", str(self._pgdata), "-U", _ADMIN, *options, "--icu-locale=en-US"],
            self._environment(),
        )
        if done.returncode != 0:
            raise PostgresError(f"Postgres could not make its data folder: {_last_lines(done.stdout)}")

    def _set_up(self, admin_password: str, user: str, password: str, database: str) -> None:
        """Users and database, by a server in single-user mode: no port, no window in which a password isn't set."""
        master = _identifier(user)
        statements = [
            f"ALTER ROLE {_ADMIN} PASSWORD {_literal(admin_password)}",
            # What RDS lets its master user do: everything but be superuser.
            "CREATE ROLE rds_superuser NOLOGIN CREATEDB CREATEROLE",
            "GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION",
            # until Postgres 16, CREATEROLE is enough to grant it; as a member, the master user would need a token
            f"CREATE ROLE {IAM_ROLE} NOLOGIN",
            f"CREATE ROLE {master} LOGIN CREATEDB CREATEROLE PASSWORD {_literal(password)} IN ROLE rds_superuser",
        ]
        if database and database != "postgres":
            statements.append(f"CREATE DATABASE {_identifier(database)} OWNER {master}")
        options = ["-c", "fsync=off", "-c", "log_min_error_statement=panic"]  # the statements hold passwords
        single = [str(binaries() / "postgres"), "--single", "-D", str(self._pgdata), *options, "postgres"]
        done = identity().run(single, self._environment(), "\n".join(statements) + "\n")
        if done.returncode != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", done.stdout):
            said = [line for line in done.stdout.splitlines() if re.search(r"\b(ERROR|FATAL|PANIC):", line)]
            raise PostgresError(
                f"Postgres could not make the user and the database: {' '.join(said) or done.returncode}"
            )

    def _write_settings(self, settings: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        paths = {"ssl_cert_file": str(self.certificate), "ssl_key_file": str(self.key)}
        # it signs the certificates of those who come by IAM (`client_certificate`)
        paths["ssl_ca_file"] = str(self.certificate)
        lines = [f"{name} = {_quoted(value)}\n" for name, value in {**_SETTINGS, **paths, **settings}.items()]
        (self._pgdata / "postgresql.conf").write_text("".join(lines))
        door = "hostssl" if _is_on(parameters.get(_FORCE_SSL, "1")) else "host"
        rules = [
            f"hostssl all {_ADMIN} {_LOOPBACK}/32 scram-sha-256\n",
            # as on RDS, whoever has the role can't come by a password; a token lets them in (dataplane/rds_door.py)
            f"hostssl all +{IAM_ROLE} {_LOOPBACK}/32 cert\n",
            f"{door} all all {_LOOPBACK}/32 scram-sha-256\n",
        ]
        (self._pgdata / "pg_hba.conf").write_text("".join(rules))
        self._give(self._pgdata)

    def _give(self, folder: Path) -> None:
        try:
            identity().give(folder)
        except NoWay as error:
            raise PostgresError(str(error)) from None

    def _launch(self) -> None:
        who = identity()
        self.port = _free_port()
        command = [
            str(binaries() / "postgres"),
            "-D",
            str(self._pgdata),
            "-p",
            str(self.port),
            "-c",
            f"listen_addresses={_LOOPBACK}",
        ]
        self._child = processes.start(
            f"postgres {self.data.name}",
            [*who.prefix, *command],
            home=self._home,
            env=self._environment(),
            output=self._log,
            cwd=Path("/"),
            user=who.user,
            death_signal=DEATH_SIGNAL,
        )

    def _environment(self) -> dict[str, str]:
        """No credentials, no locale, no PG… variables of whoever started this."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", processes.MARK: str(self._home)}

    def _answers(self) -> bool:
        """What pg_ctl looks at: the server says in its pid file (miscadmin.h, PIDFILE) when it accepts connections."""
        lines = self._pid_file().splitlines()
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _pid_file(self) -> str:
        try:
            return (self._pgdata / "postmaster.pid").read_text()
        except FileNotFoundError:
            return ""

    def _conninfo(self, user: str, password: str, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        if self.port is None:
            raise PostgresError(f"Postgres in {self.data} is not running")
        return make_conninfo(
            host=_LOOPBACK,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.certificate),
        )

    def _end_stale(self) -> None:
        """End a server that a killed daemon left on this data."""
        with contextlib.suppress(ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            process = psutil.Process(int(self._pid_file().partition("\n")[0]))
            if str(self._pgdata) in process.cmdline():
                process.send_signal(signal.SIGINT)
                _, alive = psutil.wait_procs([process], timeout=10)
                for left in alive:
                    left.kill()
                    left.wait(5)


def _settings(parameters: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(name for name in parameters if name.startswith("rds.") and name != _FORCE_SSL)
    if unknown:
        raise ValueError(
            f"the local Postgres has nothing for the RDS parameter {unknown[0]}: leave it out of the local stack"
        )
    for name, value in parameters.items():
        if not _PARAMETER.match(name):
            raise ValueError(f"not a parameter's name: {name!r}")
        _quoted(value)
        if "{" in value:
            raise ValueError(f"the parameter {name} is a formula ({value}): give it a number in the local stack")
    return {name: value for name, value in parameters.items() if name != _FORCE_SSL}


def _is_on(value: str) -> bool:
    return value.strip().lower() in ("1", "on", "true", "yes")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    if "\n" in value or "\0" in value:
        raise ValueError("a password or setting must not contain line ends")
    return "'" + value.replace("'", "''") + "'"


def _quoted(value: str) -> str:
    """A value in postgresql.conf, where, unlike in SQL, a backslash escapes."""
    return _literal(value.replace("\\", "\\\\"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _last_lines(text: str, count: int = 5) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-count:])
