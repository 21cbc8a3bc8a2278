"""Replication groups made with boto3 are real Valkey servers behind TLS that verifies, and want their token."""

from __future__ import annotations

import json
from typing import Any

import pytest
import valkey

from localcloud import processes
from tests.dataplane.cloud import Cloud
from tests.dataplane.network import make_group, make_network
from tests.dataplane.test_rds import wait

TOKEN = "a-token-of-some-length-0123456789"


@pytest.fixture(scope="module")
def elasticache(cloud: Cloud) -> Any:
    return cloud.client("elasticache")


@pytest.fixture(scope="module")
def group(cloud: Cloud, elasticache: Any) -> str:
    network = make_network(cloud, "10.63")
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="inner", CacheSubnetGroupDescription="-", SubnetIds=list(network.subnets)
    )
    elasticache.create_replication_group(
        ReplicationGroupId="limits",
        ReplicationGroupDescription="-",
        Engine="valkey",
        EngineVersion="9.1",
        CacheNodeType="cache.t4g.micro",
        CacheSubnetGroupName="inner",
        SecurityGroupIds=[make_group(cloud, network, "cache", 6379)],
        TransitEncryptionEnabled=True,
        AuthToken=TOKEN,
    )
    wait(lambda: status(elasticache) == "available")
    return "limits"


def status(elasticache: Any) -> str:
    return elasticache.describe_replication_groups(ReplicationGroupId="limits")["ReplicationGroups"][0]["Status"]


def here(cloud: Cloud) -> dict[str, Any]:
    [found] = json.loads(cloud("status", "--json").stdout)["caches"]
    return found


def connect(cloud: Cloud, token: str | None = TOKEN, **options: Any) -> valkey.Valkey:
    trust = str(cloud.home / "data" / "tls" / "trust.pem")
    tls = {"ssl": True, "ssl_ca_certs": trust, "ssl_check_hostname": True} | options
    return valkey.Valkey("127.0.0.1", here(cloud)["port"], password=token, socket_timeout=10, **tls)


def opens(cloud: Cloud, token: str | None) -> bool:
    try:
        return bool(connect(cloud, token).ping())
    except valkey.ValkeyError:
        return False


def test_it_is_valkey_behind_tls_that_verifies_and_wants_its_token(cloud: Cloud, group: str) -> None:
    with connect(cloud) as client:
        assert client.incr("counted") == 1
        assert client.info("server")["server_name"] == "valkey"
        with pytest.raises(valkey.ResponseError, match="unknown command"):
            client.config_get("requirepass")
    with pytest.raises(valkey.AuthenticationError):
        connect(cloud, None).ping()
    with pytest.raises(valkey.AuthenticationError):
        connect(cloud, "another").ping()
    with pytest.raises(valkey.ConnectionError):
        connect(cloud, ssl=False).ping()
    with pytest.raises(valkey.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        connect(cloud, ssl_ca_certs=None).ping()
    found = here(cloud)
    assert (found["name"], found["status"]) == (group, "available") and found["memory_bytes"] > 0
    assert found["address"].startswith("master.limits.") and found["address"].endswith(".amazonaws.com:6379")


def test_the_token_is_on_no_command_line_and_in_no_file_of_others(cloud: Cloud, group: str) -> None:
    process = processes.psutil.Process(here(cloud)["pid"])
    assert TOKEN not in " ".join(process.cmdline())
    holding = [path for path in cloud.home.rglob("*.conf") if TOKEN in path.read_text(errors="replace")]
    assert holding and all(path.stat().st_mode & 0o077 == 0 for path in holding)


def test_a_server_that_dies_comes_back_empty(cloud: Cloud, group: str) -> None:
    before = here(cloud)["pid"]
    with connect(cloud) as client:
        client.set("kept", "no")
    processes.psutil.Process(before).kill()
    wait(lambda: here(cloud)["pid"] not in (before, None) and opens(cloud, TOKEN))
    with connect(cloud) as client:
        assert client.get("kept") is None


def test_another_token_ends_the_old_one(cloud: Cloud, elasticache: Any, group: str) -> None:
    another = "another-token-of-some-length"
    elasticache.modify_replication_group(
        ReplicationGroupId=group, AuthToken=another, AuthTokenUpdateStrategy="SET", ApplyImmediately=True
    )
    wait(lambda: opens(cloud, another))
    assert not opens(cloud, TOKEN)


def test_a_deleted_group_leaves_no_process_and_no_folder(cloud: Cloud, elasticache: Any, group: str) -> None:
    pid = here(cloud)["pid"]
    elasticache.delete_replication_group(ReplicationGroupId=group)
    wait(lambda: not processes.alive(pid))
    wait(lambda: not (cloud.home / "data" / "valkey" / group).exists())
    assert json.loads(cloud("status", "--json").stdout)["caches"] == []
