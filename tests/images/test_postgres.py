"""A cluster as RDS would be: TLS, its own user and database, settings, and an end without leftovers."""

from __future__ import annotations

import os
import pwd
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from localcloud.postgres import Cluster, PostgresError, cluster, identity, version
from tests.images.conftest import PASSWORD, Databases

HOST = "db.xyz.us-west-1.rds.amazonaws.com"


@pytest.fixture(scope="module")
def _shared(scratch: Path) -> Iterator[Cluster]:
    one = Cluster(scratch / "lab", home=scratch)
    one.create("master", PASSWORD, "shop", {}, host=HOST)
    yield one
    one.wipe()


@pytest.fixture
def one(_shared: Cluster) -> Iterator[Cluster]:
    """A running cluster as it was created; what a test changes is changed back."""
    _shared.configure({})
    _shared.start()
    yield _shared
    _shared.stop()


def connect(one: Cluster, **options: str) -> psycopg.Connection:
    settings = {
        "host": "127.0.0.1",
        "user": "master",
        "password": PASSWORD,
        "dbname": "shop",
        "sslmode": "require",
        **options,
    }
    return psycopg.connect(port=one.port, **settings)


def restart(one: Cluster, parameters: dict[str, str]) -> None:
    one.configure(parameters)
    one.stop()
    one.start()


def test_it_has_what_was_asked_for_and_is_reached_with_tls(one: Cluster) -> None:
    with connect(one) as connection:
        user, database, superuser, cipher = connection.execute(
            "SELECT current_user, current_database(), usesuper, version FROM pg_user, pg_stat_ssl"
            " WHERE usename = current_user AND pid = pg_backend_pid()"
        ).fetchone()
        connection.execute("CREATE TABLE t (a int)")
    assert (user, database, superuser, cipher) == ("master", "shop", False, "TLSv1.3")
    assert (one.running, one.start()) == (True, one.port)


def test_only_loopback_is_bound(one: Cluster) -> None:
    listening = [c for c in psutil.Process(one.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(c.laddr.ip, c.laddr.port) for c in listening] == [("127.0.0.1", one.port)]
    assert not [c for c in psutil.Process(one.pid).net_connections("unix") if c.laddr]


def test_a_plain_connection_is_refused_as_on_rds(one: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry for host .* no encryption"):
        connect(one, sslmode="disable")


def test_a_plain_connection_is_allowed_where_the_parameter_group_says_so(one: Cluster) -> None:
    restart(one, {"rds.force_ssl": "0"})
    with connect(one, sslmode="disable") as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (False,)
    one.configure({"rds.force_ssl": "1"})
    with connect(one, sslmode="disable"):
        pass  # pending reboot
    one.stop()
    one.start()
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(one, sslmode="disable")


def test_the_certificate_is_for_the_endpoint_and_for_loopback(one: Cluster, databases: Databases) -> None:
    for host in (HOST, "localhost"):
        with connect(one, host=host, hostaddr="127.0.0.1", sslmode="verify-full", sslrootcert=str(one.certificate)):
            pass
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        connect(
            one, host="other.example", hostaddr="127.0.0.1", sslmode="verify-full", sslrootcert=str(one.certificate)
        )
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(one, sslmode="verify-ca", sslrootcert=str(databases.cluster.certificate))


def test_the_password_counts_and_can_be_changed(one: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(one, password="wrong")
    one.set_password("master", "new'one\\")
    with connect(one, password="new'one\\"):
        pass
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(one)
    one.set_password("master", PASSWORD)


def test_data_outlives_a_stop(one: Cluster) -> None:
    with connect(one) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    one.stop()
    assert (one.running, one.port, one.pid) == (False, None, None)
    one.start()
    with connect(one) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_server_left_over_is_ended_before_another_starts_on_its_data(one: Cluster, scratch: Path) -> None:
    orphan = psutil.Process(one.pid)
    second = Cluster(one.data, home=scratch)
    second.start()
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    with connect(second):
        pass
    second.stop()


def test_a_port_that_is_taken_meanwhile_is_replaced(one: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    one.stop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = cluster._free_port()
        answers = iter([taken.getsockname()[1], free])
        monkeypatch.setattr(cluster, "_free_port", lambda: next(answers))
        assert one.start() == free


def test_wipe_leaves_nothing(scratch: Path) -> None:
    one = Cluster(scratch / "wiped", home=scratch)
    one.create("master", PASSWORD, "")
    one.start()
    server = psutil.Process(one.pid)
    everyone = [server, *server.children(recursive=True)]
    one.wipe()
    assert psutil.wait_procs(everyone, timeout=5)[1] == []
    assert not one.data.exists()
    one.wipe()


def test_settings_of_the_parameter_group_arrive(one: Cluster) -> None:
    restart(one, {"max_connections": "23", "work_mem": "5MB", "application_name": "a'b\\c"})
    assert one.admin_sql("SELECT current_setting('max_connections'), current_setting('work_mem')") == [("23", "5MB")]
    assert one.admin_sql("SELECT reset_val FROM pg_settings WHERE name = 'application_name'") == [("a'b\\c",)]


def test_a_setting_that_postgres_refuses_is_told_in_its_words(one: Cluster) -> None:
    with pytest.raises(PostgresError, match='invalid value for parameter "max_connections": "many"'):
        restart(one, {"max_connections": "many"})
    assert not one.running


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"rds.logical_replication": "1"}, "rds.logical_replication"),
        ({"max_connections": "{DBInstanceClassMemory/9531392}"}, "formula"),
        ({"work_mem = 1\nssl": "off"}, "not a parameter's name"),
        ({"work_mem": "1\nssl = off"}, "line ends"),
    ],
)
def test_parameters_that_mean_nothing_here_are_refused(scratch: Path, parameters: dict[str, str], told: str) -> None:
    one = Cluster(scratch / "refused", home=scratch)
    with pytest.raises(ValueError, match=told):
        one.create("master", PASSWORD, "shop", parameters)
    assert not one.data.exists()


@pytest.mark.parametrize(("user", "database"), [('a"; DROP', "shop"), ("master", "a b"), ("9lives", "shop")])
def test_names_that_rds_refuses_are_refused(scratch: Path, user: str, database: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        Cluster(scratch / "names", home=scratch).create(user, PASSWORD, database)


def test_a_user_that_there_is_already_leaves_no_half_made_cluster(scratch: Path) -> None:
    one = Cluster(scratch / "half", home=scratch)
    with pytest.raises(PostgresError, match='role "rdsadmin" already exists') as failure:
        one.create("rdsadmin", PASSWORD, "shop")
    assert PASSWORD not in str(failure.value)
    assert not one.data.exists()


def test_secrets_are_the_owners_alone(one: Cluster) -> None:
    one.set_password("master", "another-secret")
    one.set_password("master", PASSWORD)
    assert stat.S_IMODE(one.data.stat().st_mode) == 0o700
    for name in ("admin", "server.key"):
        assert stat.S_IMODE((one.data / name).stat().st_mode) == 0o600
    log = (one.data / "postgres.log").read_text()
    assert "another-secret" not in log
    assert PASSWORD not in log


def test_the_server_does_not_run_as_root_in_its_own_eyes(one: Cluster) -> None:
    """Postgres refuses that; so wherever this passes as root, one of the two ways around it works."""
    who = identity.identity()
    assert (os.geteuid() != 0) == (who == identity.Identity())
    # Proof from outside: the kernel's map of the server's user names, which is not one to one in a namespace.
    mapped = Path(f"/proc/{one.pid}/uid_map")
    if mapped.exists() and who.prefix:
        assert mapped.read_text().split() == [str(pwd.getpwnam("nobody").pw_uid), str(os.geteuid()), "1"]


def test_the_way_to_a_folder_is_opened_for_one_group_only(scratch: Path) -> None:
    private, inner = scratch / "way", scratch / "way" / "inner"
    inner.mkdir(parents=True)
    private.chmod(0o700)
    inner.chmod(0o755)
    identity._open_way(inner, user=os.geteuid() + 1, group=os.getegid())
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (private, inner)] == [0o710, 0o755]


def test_a_home_folder_is_never_opened(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = scratch / "somebody"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(identity.NoWay, match=f"move the clone out of {home}"):
        identity._open_way(home, user=os.geteuid() + 1, group=os.getegid())
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_it_is_the_major_version_that_the_stack_asks_for() -> None:
    assert version().split(".")[0] == "15"
