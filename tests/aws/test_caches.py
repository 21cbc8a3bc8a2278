"""ElastiCache: replication groups as they were asked for and as the data plane reports them; mistakes are refused."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account, DatabaseFact
from tests.aws.world import World, refused

TOKEN = "a-token-of-some-length-0123456789"


@pytest.fixture
def subnets(world: World, account: Account) -> str:
    name = world.name("subnets")
    account.client("elasticache").create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=world.subnets
    )
    return name


def asked(world: World, subnets: str, **changes: Any) -> dict[str, Any]:
    return {
        "ReplicationGroupId": world.name("cache"),
        "ReplicationGroupDescription": "limits",
        "Engine": "valkey",
        "EngineVersion": "9.1",
        "CacheNodeType": "cache.t4g.micro",
        "NumCacheClusters": 2,
        "AutomaticFailoverEnabled": True,
        "MultiAZEnabled": True,
        "CacheSubnetGroupName": subnets,
        "SecurityGroupIds": [world.group],
        "TransitEncryptionEnabled": True,
        "AuthToken": TOKEN,
        "Tags": [{"Key": "a", "Value": "b"}],
    } | changes


def test_a_group_is_what_was_asked_for_and_what_the_data_plane_reports(
    world: World, account: Account, subnets: str
) -> None:
    cache = account.client("elasticache")
    wanted = asked(world, subnets)
    id = wanted["ReplicationGroupId"]
    assert cache.create_replication_group(**wanted)["ReplicationGroup"]["Status"] == "creating"
    account.facts.caches[id] = DatabaseFact("available")
    [group] = cache.describe_replication_groups(ReplicationGroupId=id)["ReplicationGroups"]
    assert (group["Status"], group["AutomaticFailover"], group["MultiAZ"]) == ("available", "enabled", "enabled")
    assert group["AuthTokenEnabled"] and group["TransitEncryptionEnabled"] and group["AtRestEncryptionEnabled"]
    assert len(group["MemberClusters"]) == 2
    endpoint = group["NodeGroups"][0]["PrimaryEndpoint"]
    assert endpoint["Address"].startswith(f"master.{id}.") and endpoint["Port"] == 6379
    assert TOKEN not in str(group)
    assert account.facts.auth_tokens[id] == TOKEN
    tags = cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
    assert tags == [{"Key": "a", "Value": "b"}]
    with refused("CacheSubnetGroupInUse", id):
        cache.delete_cache_subnet_group(CacheSubnetGroupName=subnets)
    with refused("DependencyViolation", f"cache {id}"):
        world.ec2.delete_security_group(GroupId=world.group)
    cache.delete_replication_group(ReplicationGroupId=id)
    assert id not in account.facts.auth_tokens
    with refused("ReplicationGroupNotFoundFault"):
        cache.describe_replication_groups(ReplicationGroupId=id)
    cache.delete_cache_subnet_group(CacheSubnetGroupName=subnets)


def test_size_and_token_can_be_changed(world: World, account: Account, subnets: str) -> None:
    cache = account.client("elasticache")
    wanted = asked(world, subnets)
    id = wanted["ReplicationGroupId"]
    cache.create_replication_group(**wanted)
    with refused("InvalidReplicationGroupState", "creating"):
        cache.modify_replication_group(ReplicationGroupId=id, CacheNodeType="cache.t4g.small")
    account.facts.caches[id] = DatabaseFact("available")
    changed = cache.modify_replication_group(ReplicationGroupId=id, CacheNodeType="cache.t4g.small")
    assert changed["ReplicationGroup"]["CacheNodeType"] == "cache.t4g.small"
    more = cache.increase_replica_count(ReplicationGroupId=id, NewReplicaCount=2, ApplyImmediately=True)
    assert len(more["ReplicationGroup"]["MemberClusters"]) == 3
    with refused("InvalidParameterCombination", "SET"):
        cache.modify_replication_group(ReplicationGroupId=id, AuthToken="another-token-of-length")
    cache.modify_replication_group(
        ReplicationGroupId=id, AuthToken="another-token-of-length", AuthTokenUpdateStrategy="SET"
    )
    assert account.facts.auth_tokens[id] == "another-token-of-length"


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"EngineVersion": "5.0"}, "InvalidParameterCombination", "Cannot find version 5.0"),
        ({"CacheNodeType": "cache.t9.micro"}, "InvalidParameterValue", "cache.t9.micro"),
        ({"NumCacheClusters": 1}, "InvalidParameterCombination", "needs a replica"),
        ({"AutomaticFailoverEnabled": False}, "InvalidParameterCombination", "Multi-AZ needs automatic failover"),
        ({"TransitEncryptionEnabled": False}, "InvalidParameterCombination", "TransitEncryptionEnabled"),
        ({"AuthToken": "short"}, "InvalidParameterValue", "16 to 128"),
        ({"ReplicationGroupId": "A--b"}, "InvalidParameterValue", "no id of a replication group"),
        ({"CacheSubnetGroupName": "nothing"}, "CacheSubnetGroupNotFoundFault", "nothing"),
        ({"SecurityGroupIds": ["sg-0"]}, "InvalidParameterValue", "sg-0"),
        ({"Engine": "redis", "EngineVersion": "7.1"}, "InvalidParameterValue", "not redis"),
        ({"NumNodeGroups": 2}, "InvalidParameterCombination", "has no NumNodeGroups"),
    ],
)
def test_groups_that_elasticache_refuses(
    world: World, account: Account, subnets: str, changes: dict[str, Any], code: str, word: str
) -> None:
    with refused(code, word):
        account.client("elasticache").create_replication_group(**asked(world, subnets, **changes))


def test_what_is_not_simulated_is_refused_by_name(account: Account) -> None:
    with refused("NotImplemented", "elasticache CreateServerlessCache", status=501):
        account.client("elasticache").create_serverless_cache(ServerlessCacheName="x", Engine="valkey")
