"""`prisma migrate deploy` as the stand-in does it: the same tables, and the same records, as Prisma leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.images.conftest import Databases
from tests.images.migrate import migrated, migrations_root, prisma

Make = Callable[..., Path]

# What there is in a schema, told by Postgres' catalogues alone.
CATALOGUE = {
    "columns": "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type, udt_name,"
    " datetime_precision, numeric_precision FROM information_schema.columns WHERE table_schema = 'public'",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "types": "SELECT typname, enumlabel, enumsortorder FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid",
    "rows": "SELECT relname, query_to_xml(format('SELECT count(*) FROM %I', relname), true, false, '')::text"
    " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
}


def catalogue(connection: psycopg.Connection) -> dict[str, list[tuple]]:
    found = {name: sorted(connection.execute(sql).fetchall(), key=str) for name, sql in CATALOGUE.items()}
    return {name: [row for row in rows if row[0] != "_prisma_migrations"] for name, rows in found.items()}


def files(root: Path) -> list[Path]:
    return sorted((root / "migrations").glob("*/migration.sql"))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A folder of migrations: make(name=sql, …)."""

    def folder(**scripts: str) -> Path:
        (tmp_path / "schema.prisma").touch()
        for name, sql in scripts.items():
            (tmp_path / "migrations" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "migrations" / name / "migration.sql").write_text(sql)
        return tmp_path

    return folder


def test_litellms_migrations_come_out_as_when_each_is_run_by_itself(databases: Databases) -> None:
    migrated(databases, "deployed")
    databases.create("by_hand")
    with databases.connect("deployed") as deployed, databases.connect("by_hand") as by_hand:
        for file in files(migrations_root()):
            by_hand.execute(file.read_bytes())
        found, expected = catalogue(deployed), catalogue(by_hand)
        assert {name: found[name] == rows for name, rows in expected.items()} == dict.fromkeys(expected, True)
        assert len({row[0] for row in found["columns"]}) > 90


def test_each_is_recorded_as_prisma_records_it(databases: Databases) -> None:
    url = migrated(databases, "recorded")
    expected = [
        (file.parent.name, hashlib.sha256(file.read_bytes()).hexdigest(), 1, None, None)
        for file in files(migrations_root())
    ]
    columns = "migration_name, checksum, applied_steps_count, logs, rolled_back_at"
    sql = f"SELECT {columns} FROM _prisma_migrations WHERE finished_at IS NOT NULL"
    with databases.connect("recorded") as connection:
        assert connection.execute(f"{sql} ORDER BY started_at").fetchall() == expected
        ((length, distinct),) = connection.execute("SELECT max(length(id)), count(DISTINCT id) FROM _prisma_migrations")
        assert (length, distinct) == (36, len(expected))
    again = prisma(url, "migrate", "deploy")
    assert (again.returncode, again.stderr) == (0, "")
    assert "No pending migrations to apply" in again.stdout


def test_only_what_is_new_is_applied(databases: Databases, make: Make) -> None:
    url = databases.create("newer")
    assert prisma(url, "migrate", "deploy", root=make(**{"1_a": "CREATE TABLE a (x int);"})).returncode == 0
    done = prisma(url, "migrate", "deploy", root=make(**{"2_b": "CREATE TABLE b (x int);"}))
    assert "Applying migration `2_b`" in done.stdout
    assert "1_a" not in done.stdout


def test_a_migration_that_fails_leaves_nothing_and_stops_the_next_run(databases: Databases, make: Make) -> None:
    url = databases.create("failing")
    root = make(**{"1_bad": "CREATE TABLE half (x int); SELECT 1/0;", "2_next": "CREATE TABLE next (x int);"})
    done = prisma(url, "migrate", "deploy", root=root)
    assert done.returncode == 1
    assert "P3018" in done.stderr
    assert "Migration name: 1_bad\n" in done.stderr
    assert "Database error code: 22012\n" in done.stderr
    with databases.connect("failing") as connection:
        assert connection.execute("SELECT to_regclass('half'), to_regclass('next')").fetchone() == (None, None)
        assert connection.execute("SELECT logs LIKE '%division by zero%' FROM _prisma_migrations").fetchall() == [
            (True,)
        ]
    stopped = prisma(url, "migrate", "deploy", root=root)
    assert "P3009" in stopped.stderr
    assert "The `1_bad` migration started at 20" in stopped.stderr
    assert " UTC failed with the following logs:" in stopped.stderr


def test_a_failed_migration_is_tried_again_once_it_is_rolled_back(databases: Databases, make: Make) -> None:
    url = databases.create("resolved")
    assert prisma(url, "migrate", "deploy", root=make(**{"1_m": "SELECT 1/0;"})).returncode == 1
    root = make(**{"1_m": "CREATE TABLE done (x int);"})
    assert prisma(url, "migrate", "resolve", "--rolled-back", "1_m", root=root).returncode == 0
    assert prisma(url, "migrate", "deploy", root=root).returncode == 0
    assert "P3012" in prisma(url, "migrate", "resolve", "--rolled-back", "1_m", root=root).stderr
    assert "P3011" in prisma(url, "migrate", "resolve", "--rolled-back", "9_x", root=root).stderr
    with databases.connect("resolved") as connection:
        rows = connection.execute(
            "SELECT finished_at IS NULL, rolled_back_at IS NULL FROM _prisma_migrations ORDER BY started_at"
        )
        assert rows.fetchall() == [(True, False), (False, True)]


def test_a_migration_recorded_as_applied_is_not_run(databases: Databases, make: Make) -> None:
    url = databases.create("marked")
    root = make(**{"1_m": "SELECT 1/0;"})
    assert prisma(url, "migrate", "resolve", "--applied", "1_m", root=root).returncode == 0
    assert "No pending migrations" in prisma(url, "migrate", "deploy", root=root).stdout
    assert "P3008" in prisma(url, "migrate", "resolve", "--applied", "1_m", root=root).stderr
    assert "P3017" in prisma(url, "migrate", "resolve", "--applied", "9_x", root=root).stderr


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE other (x int)",
        "CREATE TYPE other AS ENUM ('a')",
        "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
    ids=["table", "type", "function"],
)
def test_somebody_elses_schema_is_left_alone(
    databases: Databases, make: Make, sql: str, request: pytest.FixtureRequest
) -> None:
    name = f"foreign_{request.node.callspec.id}"
    url = databases.create(name)
    with databases.connect(name) as connection:
        connection.execute(sql)
    assert "P3005" in prisma(url, "migrate", "deploy", root=make(**{"1_a": "CREATE TABLE a (x int);"})).stderr


def test_another_schema_can_be_the_target(databases: Databases, make: Make) -> None:
    url = databases.create("spaces")
    assert (
        prisma(
            f'{url}?schema=my%20"own', "migrate", "deploy", root=make(**{"1_a": "CREATE TABLE a (x int);"})
        ).returncode
        == 0
    )
    with databases.connect("spaces") as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('a', '_prisma_migrations')"
        )
        assert schemas.fetchall() == [('my "own',)]


def test_a_database_that_is_missing_is_made(databases: Databases, make: Make) -> None:
    """Prisma's own command does that as well, where the user may."""
    assert (
        prisma(
            databases.url("not_yet"), "migrate", "deploy", root=make(**{"1_a": "CREATE TABLE a (x int);"})
        ).returncode
        == 0
    )
    with databases.connect("not_yet") as connection:
        assert connection.execute("SELECT to_regclass('a') IS NOT NULL").fetchone() == (True,)


def test_two_at_a_time_take_turns(databases: Databases, make: Make) -> None:
    url = databases.create("contended")
    root = make(**{"1_a": "CREATE TABLE a (x int);"})
    with databases.connect("contended") as connection:
        connection.execute("SELECT pg_advisory_lock(72707369)")
        waiting = prisma(url, "migrate", "deploy", root=root, LOCALCLOUD_PRISMA_LOCK_TIMEOUT_MS="300")
        assert "P1002" in waiting.stderr
        assert "advisory lock" in waiting.stderr
        # LiteLLM takes the lock itself, and says so.
        assert prisma(url, "migrate", "deploy", root=root, PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK="1").returncode == 0


def test_a_folder_without_its_script_is_named(databases: Databases, make: Make) -> None:
    root = make(**{"1_a": ""})
    (root / "migrations" / "1_a" / "migration.sql").unlink()
    assert "P3015" in prisma(databases.url("litellm"), "migrate", "deploy", root=root).stderr


def test_an_unreachable_database_is_told_in_prismas_words(make: Make) -> None:
    done = prisma("postgresql://u:secret@127.0.0.1:9/db", "migrate", "deploy", root=make(**{"1_a": ""}))
    assert done.returncode == 1
    assert "Error: P1001: Can't reach database server at `127.0.0.1:9`" in done.stderr
    assert "secret" not in done.stderr
