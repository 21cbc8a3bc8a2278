"""RDS instances made with boto3 are real Postgres servers, reached through the network that the account describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from localcloud import processes
from localcloud.aws.reference_data import engine_versions
from localcloud.postgres.binaries import version
from tests.dataplane.cloud import Cloud
from tests.dataplane.network import make_group, make_network

PASSWORD = "a-password-of-24-letters"


@pytest.fixture(scope="module")
def rds(cloud: Cloud) -> Any:
    return cloud.client("rds")


@pytest.fixture(scope="module")
def instance(cloud: Cloud, rds: Any) -> str:
    network = make_network(cloud, "10.61")
    rds.create_db_subnet_group(
        DBSubnetGroupName="private", DBSubnetGroupDescription="-", SubnetIds=list(network.subnets)
    )
    rds.create_db_parameter_group(DBParameterGroupName="tls", DBParameterGroupFamily="postgres15", Description="-")
    rds.create_db_instance(
        DBInstanceIdentifier="store",
        Engine="postgres",
        EngineVersion="15",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        DBName="litellm",
        MasterUsername="litellm",
        MasterUserPassword=PASSWORD,
        DBSubnetGroupName="private",
        DBParameterGroupName="tls",
        VpcSecurityGroupIds=[make_group(cloud, network, "database", 5432)],
    )
    wait(lambda: described(rds)["DBInstanceStatus"] == "available")
    return "store"


def wait(condition: Callable[[], bool]) -> None:
    assert processes.wait_until(condition, 30, 0.1)


def described(rds: Any, id: str = "store") -> dict[str, Any]:
    return rds.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]


def here(cloud: Cloud) -> dict[str, Any]:
    [found] = json.loads(cloud("status", "--json").stdout)["databases"]
    return found


def connect(cloud: Cloud, password: str = PASSWORD, sslmode: str = "require") -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=here(cloud)["port"], user="litellm", password=password, dbname="litellm", sslmode=sslmode
    )


def test_it_is_postgres_with_the_name_user_and_password_asked_for(cloud: Cloud, instance: str) -> None:
    with connect(cloud) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        row = connection.execute("SELECT current_user, current_database(), version()").fetchone()
    assert row is not None and row[:2] == ("litellm", "litellm") and "PostgreSQL 15" in row[2]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(cloud, "wrong")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(cloud, sslmode="disable")
    found = here(cloud)
    assert (found["name"], found["status"]) == (instance, "available") and found["memory_bytes"] > 0
    assert found["address"].endswith(".rds.amazonaws.com:5432")


def test_what_shows_of_the_server_that_stands_behind(cloud: Cloud, rds: Any, instance: str) -> None:
    """The installed minor version, where the API reports AWS's newest one; nothing is forced to the disk; ICU sorts."""
    provider = "SELECT datlocprovider::text FROM pg_database WHERE datname = 'litellm'"
    asked = f"SELECT current_setting('server_version'), current_setting('fsync'), ({provider})"
    with connect(cloud) as connection:
        row = connection.execute(asked).fetchone()
    assert row is not None and row == (version(), "off", "i")
    assert described(rds)["EngineVersion"] in engine_versions("postgres")
    assert described(rds)["EngineVersion"].partition(".")[0] == row[0].partition(".")[0]


def test_a_changed_password_and_parameter_are_in_force(cloud: Cloud, rds: Any, instance: str) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=instance, MasterUserPassword="another-password", ApplyImmediately=True)
    wait(lambda: opens(cloud, "another-password"))
    assert not opens(cloud, PASSWORD)
    parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName="tls", Parameters=[parameter])
    wait(lambda: opens(cloud, "another-password", "disable"))
    rds.modify_db_instance(DBInstanceIdentifier=instance, MasterUserPassword=PASSWORD, ApplyImmediately=True)
    wait(lambda: opens(cloud, PASSWORD))


def opens(cloud: Cloud, password: str, sslmode: str = "require") -> bool:
    try:
        connect(cloud, password, sslmode).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_that_dies_comes_back_with_its_data(cloud: Cloud, instance: str) -> None:
    before = here(cloud)["pid"]
    processes.psutil.Process(before).kill()
    wait(lambda: here(cloud)["pid"] not in (before, None) and opens(cloud, PASSWORD))
    with connect(cloud) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_stopped_and_started_it_keeps_its_data(cloud: Cloud, rds: Any, instance: str) -> None:
    pid = here(cloud)["pid"]
    rds.stop_db_instance(DBInstanceIdentifier=instance)
    wait(lambda: described(rds)["DBInstanceStatus"] == "stopped" and not processes.alive(pid))
    assert here(cloud)["port"] is None
    rds.start_db_instance(DBInstanceIdentifier=instance)
    wait(lambda: described(rds)["DBInstanceStatus"] == "available")
    with connect(cloud) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_an_aurora_cluster_is_one_postgres_for_all_its_instances(cloud: Cloud, rds: Any) -> None:
    network = make_network(cloud, "10.64")
    rds.create_db_subnet_group(
        DBSubnetGroupName="aurora", DBSubnetGroupDescription="-", SubnetIds=list(network.subnets)
    )
    group = "aurora-tls"
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=group, DBParameterGroupFamily="aurora-postgresql15", Description="-"
    )
    rds.create_db_cluster(
        DBClusterIdentifier="grown",
        Engine="aurora-postgresql",
        EngineVersion="15",
        DatabaseName="litellm",
        MasterUsername="litellm",
        MasterUserPassword=PASSWORD,
        DBSubnetGroupName="aurora",
        DBClusterParameterGroupName=group,
        VpcSecurityGroupIds=[make_group(cloud, network, "aurora", 5432)],
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2},
    )
    for number in range(2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"grown-{number}",
            DBClusterIdentifier="grown",
            DBInstanceClass="db.serverless",
            Engine="aurora-postgresql",
        )

    def cluster() -> dict[str, Any]:
        return rds.describe_db_clusters(DBClusterIdentifier="grown")["DBClusters"][0]

    wait(lambda: cluster()["Status"] == "available")
    assert {described(rds, f"grown-{number}")["DBInstanceStatus"] for number in range(2)} == {"available"}
    [found] = [
        one for one in json.loads(cloud("status", "--json").stdout)["databases"] if one["name"] == "cluster-grown"
    ]
    assert found["address"] == f"{cluster()['Endpoint']}:5432"
    with psycopg.connect(
        host="127.0.0.1", port=found["port"], user="litellm", password=PASSWORD, dbname="litellm", sslmode="require"
    ) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("litellm",)
    _comes_by_token(cloud, rds, cluster)
    rds.stop_db_cluster(DBClusterIdentifier="grown")
    wait(lambda: cluster()["Status"] == "stopped" and not processes.alive(found["pid"]))
    for number in range(2):
        rds.delete_db_instance(DBInstanceIdentifier=f"grown-{number}", SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier="grown", SkipFinalSnapshot=True)
    wait(lambda: not (cloud.home / "data" / "postgres" / "cluster-grown").exists())


def _comes_by_token(cloud: Cloud, rds: Any, cluster: Callable[[], dict[str, Any]]) -> None:
    """A user that the Data API made is let in by a token, and its password isn't asked for any more."""
    rds.modify_db_cluster(
        DBClusterIdentifier="grown",
        EnableIAMDatabaseAuthentication=True,
        EnableHttpEndpoint=True,
        ApplyImmediately=True,
    )
    document = json.dumps({"username": "litellm", "password": PASSWORD})
    secret = cloud.client("secretsmanager").create_secret(Name="grown", SecretString=document)["ARN"]
    way = {"resourceArn": cluster()["DBClusterArn"], "secretArn": secret, "database": "litellm"}
    data = cloud.client("rds-data")
    for statement in ("CREATE ROLE gateway LOGIN", "GRANT rds_iam TO gateway"):
        data.execute_statement(**way, sql=statement)
    with pytest.raises(ClientError, match="already exists"):
        data.execute_statement(**way, sql="CREATE ROLE gateway LOGIN")

    def connect(user: str, password: str) -> psycopg.Connection:
        [found] = [one for one in json.loads(cloud("status", "--json").stdout)["databases"] if "grown" in one["name"]]
        place = {"host": "127.0.0.1", "port": found["port"], "dbname": "litellm", "sslmode": "require"}
        return psycopg.connect(**place, user=user, password=password)

    def token(user: str) -> str:
        return rds.generate_db_auth_token(DBHostname=cluster()["Endpoint"], Port=5432, DBUsername=user)

    def let_in() -> bool:
        try:
            with connect("gateway", token("gateway")) as connection:
                return connection.execute("SELECT current_user").fetchone() == ("gateway",)
        except psycopg.OperationalError:
            return False  # the door isn't open yet

    wait(let_in)
    with pytest.raises(psycopg.OperationalError, match="PAM authentication failed"):
        connect("gateway", token("litellm"))
    with connect("litellm", PASSWORD) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("litellm",)


def test_an_engine_that_is_not_carried_fails_with_a_sentence(cloud: Cloud, rds: Any) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier="other",
        Engine="mysql",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="root1",
        MasterUserPassword=PASSWORD,
    )
    wait(lambda: described(rds, "other")["DBInstanceStatus"] == "failed")
    [found] = [one for one in json.loads(cloud("status", "--json").stdout)["databases"] if one["name"] == "other"]
    assert found["reason"] == "the local cloud runs postgres and aurora-postgresql, not mysql"
    rds.delete_db_instance(DBInstanceIdentifier="other", SkipFinalSnapshot=True)


def test_deleted_it_leaves_nothing(cloud: Cloud, rds: Any, instance: str) -> None:
    pid = here(cloud)["pid"]
    rds.delete_db_instance(DBInstanceIdentifier=instance, SkipFinalSnapshot=True)
    wait(lambda: not processes.alive(pid))
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        described(rds)
    wait(lambda: json.loads(cloud("status", "--json").stdout)["databases"] == [])
    wait(lambda: list((cloud.home / "data" / "postgres").iterdir()) == [])


def test_a_killed_daemon_leaves_no_server(cloud: Cloud, rds: Any) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier="lost",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="litellm",
        MasterUserPassword=PASSWORD,
        DBSubnetGroupName="private",
    )
    wait(lambda: described(rds, "lost")["DBInstanceStatus"] == "available")
    assert len(cloud.crash()) > 3, "Postgres and its own processes"
    cloud("start")
    assert list((cloud.home / "data").iterdir()) == []
