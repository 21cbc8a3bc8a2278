"""RDS: status as the data plane reports it, the password to it alone, and mistakes refused."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account, DatabaseFact
from localcloud.aws.reference_data import classes_of_version, engine_versions, instance_classes
from tests.aws.world import World, refused

PASSWORD = "correct-horse-battery"


@pytest.fixture
def subnets(world: World) -> str:
    name = world.name("subnets")
    world.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=world.subnets)
    return name


def parameters(world: World, family: str = "postgres15") -> str:
    name = world.name("parameters")
    world.rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily=family, Description="d")
    return name


def asked(world: World, subnets: str, **changes: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": world.name("db"),
        "Engine": "postgres",
        "EngineVersion": "15",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20,
        "StorageType": "gp3",
        "StorageEncrypted": True,
        "MasterUsername": "litellm",
        "MasterUserPassword": PASSWORD,
        "DBName": "litellm",
        "DBSubnetGroupName": subnets,
        "VpcSecurityGroupIds": [world.group],
        "PubliclyAccessible": False,
        "BackupRetentionPeriod": 0,
    } | changes


def described(world: World, id: str) -> dict[str, Any]:
    return world.rds.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]


def test_an_instance_is_there_when_the_data_plane_says_so(world: World, subnets: str, account: Account) -> None:
    group = parameters(world)
    force = {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}
    world.rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=[force])
    wanted = asked(world, subnets, DBParameterGroupName=group)
    id = wanted["DBInstanceIdentifier"]
    made = world.rds.create_db_instance(**wanted)["DBInstance"]
    assert made["DBInstanceStatus"] == "creating"
    assert account.facts.passwords[id] == PASSWORD
    found = described(world, id)
    for name in set(wanted) - {
        "MasterUserPassword",
        "DBSubnetGroupName",
        "VpcSecurityGroupIds",
        "DBParameterGroupName",
        "EngineVersion",
    }:
        assert found[name] == wanted[name], name
    assert found["EngineVersion"].startswith("15."), "a major version becomes a full one"
    assert found["EngineVersion"] in engine_versions("postgres")
    assert found["Endpoint"]["Address"].startswith(f"{id}.")
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == group
    assert found["KmsKeyId"].startswith("arn:aws:kms:us-west-1:333333333333:")
    assert PASSWORD not in str(world.rds.describe_db_instances())
    with refused("InvalidDBInstanceState", "creating"):
        world.rds.modify_db_instance(DBInstanceIdentifier=id, BackupRetentionPeriod=1)
    account.facts.databases[id] = DatabaseFact("available")
    world.rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=id)
    user = world.rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"]
    assert [(one["ParameterName"], one["ParameterValue"]) for one in user] == [("rds.force_ssl", "1")]
    world.rds.reset_db_parameter_group(
        DBParameterGroupName=group, Parameters=[{"ParameterName": "rds.force_ssl", "ApplyMethod": "immediate"}]
    )
    assert world.rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"] == []


def test_a_failure_says_why(world: World, subnets: str, account: Account) -> None:
    wanted = asked(world, subnets)
    world.rds.create_db_instance(**wanted)
    account.facts.databases[wanted["DBInstanceIdentifier"]] = DatabaseFact("failed", "Postgres did not start: no space")
    found = described(world, wanted["DBInstanceIdentifier"])
    assert found["DBInstanceStatus"] == "failed"
    assert [info["Message"] for info in found["StatusInfos"]] == ["Postgres did not start: no space"]


def test_stopping_and_starting_take_their_way(world: World, subnets: str, account: Account) -> None:
    id = world.rds.create_db_instance(**asked(world, subnets))["DBInstance"]["DBInstanceIdentifier"]
    account.facts.databases[id] = DatabaseFact("available")
    world.rds.stop_db_instance(DBInstanceIdentifier=id)
    assert described(world, id)["DBInstanceStatus"] == "stopping"
    account.facts.databases[id] = DatabaseFact("stopped")
    assert described(world, id)["DBInstanceStatus"] == "stopped"
    world.rds.start_db_instance(DBInstanceIdentifier=id)
    assert described(world, id)["DBInstanceStatus"] == "starting"
    account.facts.databases[id] = DatabaseFact("available")
    assert described(world, id)["DBInstanceStatus"] == "available"


def test_a_new_password_reaches_the_data_plane_and_goes_with_the_instance(
    world: World, subnets: str, account: Account
) -> None:
    id = world.rds.create_db_instance(**asked(world, subnets, DBInstanceIdentifier=world.name("Mixed")))["DBInstance"]
    id = id["DBInstanceIdentifier"]
    assert id == id.lower(), "RDS knows an instance in lower case"
    account.facts.databases[id] = DatabaseFact("available")
    world.rds.modify_db_instance(DBInstanceIdentifier=id, MasterUserPassword="another-password", ApplyImmediately=True)
    assert account.facts.passwords[id] == "another-password"
    with refused("InvalidParameterValue", "not a valid password"):
        world.rds.modify_db_instance(DBInstanceIdentifier=id, MasterUserPassword="has a space in it")
    assert account.facts.passwords[id] == "another-password", "what was refused is not in force"
    with refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier"):
        world.rds.delete_db_instance(DBInstanceIdentifier=id)
    world.rds.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True)
    assert id not in account.facts.passwords
    with refused("DBInstanceNotFound"):
        described(world, id)


INSTANCES = [
    ({"Engine": "oracle"}, "InvalidParameterValue", "oracle"),
    ({"EngineVersion": "15.999"}, "InvalidParameterCombination", "15.999"),
    ({"DBInstanceClass": "db.t4g.nano"}, "InvalidParameterCombination", "db.t4g.nano"),
    ({"AllocatedStorage": 10}, "InvalidParameterValue", "20 to 65536"),
    ({"StorageType": "gp9"}, "InvalidParameterValue", "gp9"),
    ({"MasterUsername": "admin"}, "InvalidParameterValue", "reserved word"),
    ({"MasterUserPassword": "short"}, "InvalidParameterValue", "shorter than 8"),
    ({"MasterUserPassword": "with@an-at-sign"}, "InvalidParameterValue", "'@'"),
    ({"DBName": "lite-llm"}, "InvalidParameterValue", "DBName"),
    ({"DBInstanceIdentifier": "two--hyphens"}, "InvalidParameterValue", "two--hyphens"),
    ({"DBSubnetGroupName": "none"}, "DBSubnetGroupNotFoundFault", "none"),
    ({"VpcSecurityGroupIds": ["sg-00000000"]}, "InvalidParameterValue", "sg-00000000"),
    ({"DBParameterGroupName": "none"}, "DBParameterGroupNotFound", "none"),
]


@pytest.mark.parametrize(("changes", "code", "word"), INSTANCES, ids=[row[2] for row in INSTANCES])
def test_instances_that_rds_refuses(world: World, subnets: str, changes: dict[str, Any], code: str, word: str) -> None:
    with refused(code, word):
        world.rds.create_db_instance(**asked(world, subnets, **changes))


def test_a_refused_password_is_in_no_message(world: World, subnets: str) -> None:
    secret = "p@ssword-that-is-secret"
    with pytest.raises(Exception, match="MasterUserPassword") as caught:
        world.rds.create_db_instance(**asked(world, subnets, MasterUserPassword=secret))
    assert secret not in str(caught.value)


def test_networks_and_parameters_must_fit(world: World, subnets: str, account: Account) -> None:
    other = World(account, gateway=False)
    with refused("InvalidParameterCombination", other.vpc):
        world.rds.create_db_instance(**asked(world, subnets, VpcSecurityGroupIds=[other.group]))
    with refused("InvalidParameterCombination", "postgres15"):
        world.rds.create_db_instance(**asked(world, subnets, DBParameterGroupName=parameters(world, "postgres14")))
    name = other.name("subnets")
    other.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=other.subnets)
    with refused("InvalidVPCNetworkStateFault", "internet gateway"):
        other.rds.create_db_instance(**asked(other, name, PubliclyAccessible=True))
    wanted = asked(other, name)
    del wanted["PubliclyAccessible"]
    assert other.rds.create_db_instance(**wanted)["DBInstance"]["PubliclyAccessible"] is False


def test_subnet_groups_cover_two_zones_and_stay_while_used(world: World, account: Account) -> None:
    def create(name: str, *ids: str) -> None:
        world.rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=list(ids))

    name = world.name("Subnets")
    with refused("DBSubnetGroupDoesNotCoverEnoughAZs", "us-west-1a"):
        create(name, world.subnets[0], world.subnet("10.0.20.0/24", "us-west-1a"))
    with refused("InvalidSubnet", "subnet-00000000"):
        create(name, "subnet-00000000")
    with refused("InvalidSubnet", "several VPCs"):
        create(name, world.subnets[0], World(account).subnets[1])
    create(name, *world.subnets)
    with refused("DBSubnetGroupAlreadyExists"):
        create(name, *world.subnets)
    third = world.subnet("10.0.21.0/24", "us-west-1b")
    world.rds.modify_db_subnet_group(DBSubnetGroupName=name, SubnetIds=[world.subnets[0], third])
    group = world.rds.describe_db_subnet_groups(DBSubnetGroupName=name.lower())["DBSubnetGroups"][0]
    assert {subnet["SubnetIdentifier"] for subnet in group["Subnets"]} == {world.subnets[0], third}
    parameter_group = parameters(world)
    id = world.rds.create_db_instance(**asked(world, name, DBParameterGroupName=parameter_group))["DBInstance"]
    id = id["DBInstanceIdentifier"]
    with refused("InvalidDBSubnetGroupStateFault", id):
        world.rds.delete_db_subnet_group(DBSubnetGroupName=name)
    with refused("InvalidDBParameterGroupState", id):
        world.rds.delete_db_parameter_group(DBParameterGroupName=parameter_group)
    with refused("DependencyViolation", f"database {id}"):
        world.ec2.delete_security_group(GroupId=world.group)
    with refused("DependencyViolation", f"database {id}"):
        world.ec2.delete_subnet(SubnetId=third)
    world.rds.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True)
    world.rds.delete_db_subnet_group(DBSubnetGroupName=name)
    world.rds.delete_db_parameter_group(DBParameterGroupName=parameter_group)
    world.ec2.delete_subnet(SubnetId=third)


def test_families_are_those_of_engines(world: World) -> None:
    with refused("InvalidParameterValue", "postgres99"):
        parameters(world, "postgres99")


def test_the_tables_of_sizes_are_there() -> None:
    """The checks are worth as much as cfn-lint's tables: an emptied one would refuse everything, or nothing."""
    assert "db.t4g.micro" in instance_classes("us-west-1", "postgres")
    assert "db.t4g.micro" in (classes_of_version("postgres", "15.14") or ())
    assert {"15", "15.14"} <= set(engine_versions("postgres"))
    assert engine_versions("oracle") == ()
