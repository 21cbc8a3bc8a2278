"""DB clusters: Aurora's rules, its instances, and the status that the data plane reports."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account, DatabaseFact
from tests.aws.world import World, refused

PASSWORD = "a-password-of-24-letters"


@pytest.fixture
def subnets(world: World) -> str:
    name = world.name("subnets")
    world.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=world.subnets)
    return name


def asked(world: World, subnets: str, **changes: Any) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": world.name("cluster"),
        "Engine": "aurora-postgresql",
        "EngineVersion": "15",
        "DatabaseName": "litellm",
        "MasterUsername": "litellm",
        "MasterUserPassword": PASSWORD,
        "DBSubnetGroupName": subnets,
        "VpcSecurityGroupIds": [world.group],
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4},
        "StorageEncrypted": True,
    } | changes


def member(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": f"{id}-0",
        "DBClusterIdentifier": id,
        "DBInstanceClass": "db.serverless",
        "Engine": "aurora-postgresql",
    } | changes


def test_a_cluster_and_its_instance_are_what_the_data_plane_reports(
    world: World, account: Account, subnets: str
) -> None:
    wanted = asked(world, subnets)
    id = wanted["DBClusterIdentifier"]
    made = world.rds.create_db_cluster(**wanted)["DBCluster"]
    assert made["EngineVersion"].startswith("15.") and PASSWORD not in str(made)
    assert account.facts.cluster_passwords[id] == PASSWORD
    world.rds.create_db_instance(**member(id))

    def seen() -> tuple[str, str]:
        [cluster] = world.rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"]
        [instance] = world.rds.describe_db_instances(DBInstanceIdentifier=f"{id}-0")["DBInstances"]
        return cluster["Status"], instance["DBInstanceStatus"]

    assert seen() == ("creating", "creating")
    account.facts.clusters[id] = DatabaseFact("available")
    assert seen() == ("available", "available")
    world.rds.stop_db_cluster(DBClusterIdentifier=id)
    assert seen()[0] == "stopping"
    account.facts.clusters[id] = DatabaseFact("stopped")
    assert seen()[0] == "stopped"
    with refused("DependencyViolation", f"database cluster {id}"):
        world.ec2.delete_security_group(GroupId=world.group)
    with refused("InvalidDBClusterStateFault", f"{id}-0"):
        world.rds.delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
    world.rds.delete_db_instance(DBInstanceIdentifier=f"{id}-0", SkipFinalSnapshot=True)
    with refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier"):
        world.rds.delete_db_cluster(DBClusterIdentifier=id)
    world.rds.delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
    assert id not in account.facts.cluster_passwords


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"Engine": "mysql"}, "InvalidParameterValue", "aurora-postgresql only"),
        ({"EngineVersion": "9.1"}, "InvalidParameterCombination", "Cannot find version 9.1"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue", "shorter than 8"),
        ({"DBSubnetGroupName": "nothing"}, "DBSubnetGroupNotFoundFault", "nothing"),
        ({"VpcSecurityGroupIds": ["sg-0"]}, "InvalidParameterValue", "sg-0"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterCombination", "ManageMasterUserPassword"),
        (
            {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.3, "MaxCapacity": 4}},
            "InvalidParameterValue",
            "steps of 0.5",
        ),
        (
            {"ServerlessV2ScalingConfiguration": {"MinCapacity": 8, "MaxCapacity": 4}},
            "InvalidParameterValue",
            "8.0 to 4.0",
        ),
        ({"DBClusterParameterGroupName": "none"}, "DBClusterParameterGroupNotFound", "none"),
    ],
)
def test_clusters_that_rds_refuses(world: World, subnets: str, changes: dict[str, Any], code: str, word: str) -> None:
    with refused(code, word):
        world.rds.create_db_cluster(**asked(world, subnets, **changes))


def test_a_serverless_instance_needs_a_capacity_and_a_cluster(world: World, subnets: str) -> None:
    wanted = asked(world, subnets)
    del wanted["ServerlessV2ScalingConfiguration"]
    id = wanted["DBClusterIdentifier"]
    world.rds.create_db_cluster(**wanted)
    with refused("InvalidParameterCombination", "ServerlessV2ScalingConfiguration"):
        world.rds.create_db_instance(**member(id))
    with refused("DBClusterNotFoundFault", "nothing"):
        world.rds.create_db_instance(**member("nothing"))


def test_a_parameter_group_in_use_stays(world: World, subnets: str) -> None:
    name = world.name("parameters")
    given = {"DBClusterParameterGroupName": name, "Description": "d"}
    with refused("InvalidParameterValue", "aurora-postgresql1"):
        world.rds.create_db_cluster_parameter_group(**given, DBParameterGroupFamily="aurora-postgresql1")
    world.rds.create_db_cluster_parameter_group(**given, DBParameterGroupFamily="aurora-postgresql15")
    with refused("InvalidParameterCombination", "aurora-postgresql16"):
        world.rds.create_db_cluster(**asked(world, subnets, DBClusterParameterGroupName=name, EngineVersion="16"))
    world.rds.create_db_cluster(**asked(world, subnets, DBClusterParameterGroupName=name))
    with refused("InvalidDBParameterGroupState", name):
        world.rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=name)


def test_tokens_and_the_data_api_are_switched_on_and_off(world: World, account: Account, subnets: str) -> None:
    wanted = asked(world, subnets, EnableIAMDatabaseAuthentication=True, EnableHttpEndpoint=True)
    id = wanted["DBClusterIdentifier"]

    def state(cluster: dict[str, Any]) -> tuple[bool, bool]:
        return cluster["IAMDatabaseAuthenticationEnabled"], cluster["HttpEndpointEnabled"]

    def seen() -> tuple[bool, bool]:
        return state(world.rds.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0])

    assert state(world.rds.create_db_cluster(**wanted)["DBCluster"]) == seen() == (True, True)
    account.facts.clusters[id] = DatabaseFact("available")
    off = {"EnableIAMDatabaseAuthentication": False, "EnableHttpEndpoint": False}
    assert state(world.rds.modify_db_cluster(DBClusterIdentifier=id, **off)["DBCluster"]) == seen() == (False, False)
    world.rds.modify_db_cluster(DBClusterIdentifier=id, EnableHttpEndpoint=True)
    assert seen() == (False, True)
