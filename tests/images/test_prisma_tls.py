"""`sslmode`, `sslaccept` and `sslcert` in a database URL, as Prisma means them (which is not as libpq does)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from localcloud.images import litellm_engine
from localcloud.postgres import Cluster
from tests.images.conftest import PASSWORD, USER, Databases
from tests.images.migrate import prisma

ENCRYPTED, PLAIN = "encrypted", "plain"
UNTRUSTED = "P1011: Error opening a TLS connection: self-signed certificate"
OTHER_NAME = "P1011: Error opening a TLS connection: Hostname/IP does not match"


@pytest.fixture(scope="module")
def plain(scratch: Path) -> Databases:
    """A server that has no TLS at all."""
    cluster = Cluster(scratch / "plain", home=scratch)
    cluster.create(USER, PASSWORD, "litellm", {"rds.force_ssl": "0", "ssl": "off"})
    cluster.start()
    yield Databases(cluster)
    cluster.wipe()


@pytest.fixture(scope="module")
def empty_migrations(scratch: Path) -> Path:
    """A folder with a single migration, which tells how it was connected."""
    folder = scratch / "tls"
    (folder / "migrations" / "1_told").mkdir(parents=True)
    (folder / "schema.prisma").touch()
    (folder / "migrations" / "1_told" / "migration.sql").write_text(
        "DO $$ BEGIN IF (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) THEN"
        " RAISE EXCEPTION 'encrypted'; ELSE RAISE EXCEPTION 'plain'; END IF; END $$;"
    )
    return folder


_schemas = iter(f"tls{i}" for i in range(1000))


def connected(databases: Databases, folder: Path, host: str = "127.0.0.1", **parameters: str) -> str:
    """How a connection with these parameters came about, or why not."""
    url = databases.url("litellm", host=host, schema=next(_schemas), **parameters)
    done = prisma(url, "migrate", "deploy", root=folder)
    assert done.returncode == 1
    found = re.search(r"ERROR: (encrypted|plain)$", done.stderr.strip())
    return found[1] if found else done.stderr.removeprefix("Error: ").strip()


@pytest.mark.parametrize("mode", [{}, {"sslmode": "prefer"}, {"sslmode": "require"}])
def test_any_certificate_will_do_unless_asked_otherwise(
    databases: Databases, empty_migrations: Path, mode: dict
) -> None:
    assert connected(databases, empty_migrations, **mode) == ENCRYPTED
    assert connected(databases, empty_migrations, **mode, sslaccept="accept_invalid_certs") == ENCRYPTED


@pytest.mark.parametrize(
    "wish",
    [
        {"sslaccept": "strict"},
        {"sslmode": "require", "sslaccept": "strict"},
        {"sslmode": "verify-full"},
        {"sslmode": "verify-ca"},
    ],
)
def test_strict_wants_a_certificate_that_it_can_trust(databases: Databases, empty_migrations: Path, wish: dict) -> None:
    ca = str(databases.cluster.certificate)
    assert connected(databases, empty_migrations, **wish).startswith(UNTRUSTED)
    assert connected(databases, empty_migrations, **wish, sslcert=ca) == ENCRYPTED
    assert connected(databases, empty_migrations, "localhost", **wish, sslcert=ca) == ENCRYPTED


def test_libpqs_root_certificate_counts_as_strict(
    databases: Databases, plain: Databases, empty_migrations: Path
) -> None:
    assert connected(databases, empty_migrations, sslrootcert=str(databases.cluster.certificate)) == ENCRYPTED
    assert connected(databases, empty_migrations, sslrootcert=str(plain.cluster.certificate)).startswith(UNTRUSTED)


def test_strict_checks_the_name_in_the_url(databases: Databases, empty_migrations: Path) -> None:
    """127.0.0.2 reaches no server on some systems, so the name is another one for the same address."""
    ca = str(databases.cluster.certificate)
    told = connected(databases, empty_migrations, "0.0.0.0", sslaccept="strict", sslcert=ca)
    assert told.startswith(OTHER_NAME)


def test_prefer_makes_do_without_tls_and_require_does_not(plain: Databases, empty_migrations: Path) -> None:
    assert connected(plain, empty_migrations) == PLAIN
    assert connected(plain, empty_migrations, sslmode="disable") == PLAIN
    assert connected(plain, empty_migrations, sslmode="require").startswith("P1011: Error opening a TLS connection")


def test_a_missing_root_certificate_is_named(databases: Databases, empty_migrations: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "absent.pem")
    assert missing in connected(databases, empty_migrations, sslaccept="strict", sslcert=missing)


@pytest.mark.parametrize(
    "url", ["", "mysql://u:hidden@h/db", "postgresql://u:hidden@h:port/db", "postgresql://u:hidden@h/db?pool_timeout=x"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str, empty_migrations: Path) -> None:
    done = prisma(url, "migrate", "deploy", root=empty_migrations)
    assert done.returncode == 1
    assert "database URL" in done.stderr
    assert "hidden" not in done.stdout + done.stderr
    assert "    at " not in done.stderr  # no stack trace: the sentence says it


def test_other_commands_say_what_is_missing(empty_migrations: Path) -> None:
    command = [litellm_engine.launchers() / "prisma", "db", "push"]
    done = subprocess.run(
        command, cwd=empty_migrations, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "prisma db push needs Prisma's native schema engine" in done.stderr
