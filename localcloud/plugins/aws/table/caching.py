"""ElastiCache: subnet groups and replication groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    SECRET,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    flag,
    number,
    text,
    texts,
)


def _tags(kind: str) -> Tagging:
    place = {"ResourceName": f"arn:aws:elasticache:{{region}}:{{account}}:{kind}:{{id}}"}
    return Tagging(
        Call("AddTagsToResource", place),
        Call("RemoveTagsFromResource", place),
        Call("ListTagsForResource", place, "TagList", into="Tags"),
    )


SUBNET_GROUP = Row(
    "aws:elasticache/subnetGroup:SubnetGroup",
    "elasticache",
    inputs={
        "name": text(REPLACE | COMPUTED, to="CacheSubnetGroupName"),
        "description": text(default="Managed by Pulumi", to="CacheSubnetGroupDescription"),
        "subnetIds": texts(REQUIRED | UNORDERED, frm="Subnets[].SubnetIdentifier"),
    },
    outputs={"arn": "ARN", "vpcId": "VpcId"},
    create=Call("CreateCacheSubnetGroup"),
    id="CacheSubnetGroup.CacheSubnetGroupName",
    read=Call("DescribeCacheSubnetGroups", {"CacheSubnetGroupName": "{id}"}, "CacheSubnetGroups[0]"),
    updates=(
        Update("description subnetIds", Call("ModifyCacheSubnetGroup", {"CacheSubnetGroupName": "{id}"}), whole=True),
    ),
    delete=Call("DeleteCacheSubnetGroup", {"CacheSubnetGroupName": "{id}"}),
    gone=("CacheSubnetGroupNotFoundFault",),
    busy=("CacheSubnetGroupInUse",),
    tags=_tags("subnetgroup"),
    autoname="name",
    lowercase=True,
    identity=("name",),
)

# In place, in the order of the API's reference.
_MODIFIABLE = (
    "description automaticFailoverEnabled multiAzEnabled securityGroupIds maintenanceWindow engineVersion "
    "autoMinorVersionUpgrade snapshotRetentionLimit nodeType"
)
_CHANGE = {"ReplicationGroupId": "{id}", "ApplyImmediately": "{applyImmediately}"}


async def _new_token(op: Operation) -> None:
    token = op.inputs.get("authToken")
    strategy = op.inputs.get("authTokenUpdateStrategy") or "ROTATE"
    said = {"AuthToken": token, "AuthTokenUpdateStrategy": strategy} if token else {"AuthTokenUpdateStrategy": "DELETE"}
    await op.call("ModifyReplicationGroup", ReplicationGroupId=op.id, ApplyImmediately=True, **said)


async def _resize(op: Operation) -> None:
    old, new = op.state.get("numCacheClusters") or 1, op.inputs["numCacheClusters"]
    operation = "IncreaseReplicaCount" if new > old else "DecreaseReplicaCount"
    await op.call(operation, ReplicationGroupId=op.id, NewReplicaCount=int(new) - 1, ApplyImmediately=True)


def _check_token(values: Mapping[str, Any]) -> Mapping[str, str]:
    if isinstance(values.get("authToken"), str) and values.get("transitEncryptionEnabled") is not True:
        return {"authToken": "needs `transitEncryptionEnabled=True`"}
    return {}


async def _read(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeReplicationGroups", ReplicationGroupId=op.id))["ReplicationGroups"]
    if not found:
        return None
    group = found[0]
    on = {"enabled": True, "enabling": True, "disabled": False, "disabling": False}
    return group | {
        "failsOver": on[group["AutomaticFailover"]],
        "multiAz": on[group["MultiAZ"]],
        "nodes": len(group["MemberClusters"]),
    }


REPLICATION_GROUP = Row(
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "elasticache",
    inputs={
        "replicationGroupId": text(REPLACE | COMPUTED),
        "description": text(REQUIRED, to="ReplicationGroupDescription", frm="Description"),
        "engine": text(REPLACE, default="redis"),
        # AWS says the version of the nodes only
        "engineVersion": text(COMPUTED | HIDDEN),
        "nodeType": text(COMPUTED, to="CacheNodeType"),
        "port": number(REPLACE, default=6379, frm="NodeGroups[0].PrimaryEndpoint.Port"),
        "numCacheClusters": number(COMPUTED, frm="nodes"),
        "automaticFailoverEnabled": flag(default=False, frm="failsOver"),
        "multiAzEnabled": flag(default=False, to="MultiAZEnabled", frm="multiAz"),
        "subnetGroupName": text(REPLACE | HIDDEN, to="CacheSubnetGroupName"),
        "securityGroupIds": texts(UNORDERED | HIDDEN),
        "atRestEncryptionEnabled": flag(REPLACE | COMPUTED),
        "transitEncryptionEnabled": flag(REPLACE | COMPUTED),
        "authToken": text(SECRET | HIDDEN),
        "authTokenUpdateStrategy": text(LOCAL | HIDDEN),
        "autoMinorVersionUpgrade": flag(default=True),
        "maintenanceWindow": text(COMPUTED | HIDDEN, to="PreferredMaintenanceWindow"),
        "snapshotRetentionLimit": number(default=0),
        "applyImmediately": flag(LOCAL | HIDDEN),
    },
    outputs={
        "arn": "ARN",
        "primaryEndpointAddress": "NodeGroups[0].PrimaryEndpoint.Address",
        "readerEndpointAddress": "NodeGroups[0].ReaderEndpoint.Address",
        "memberClusters": "MemberClusters",
        "clusterEnabled": "ClusterEnabled",
    },
    create=Call("CreateReplicationGroup"),
    id="ReplicationGroup.ReplicationGroupId",
    read=_read,
    updates=(
        # before failover is turned on, and after it is turned off: the official provider resizes first, too
        Update("numCacheClusters", _resize),
        Update(_MODIFIABLE, Call("ModifyReplicationGroup", _CHANGE)),
        Update("authToken", _new_token),
    ),
    delete=Call("DeleteReplicationGroup", {"ReplicationGroupId": "{id}"}),
    gone=("ReplicationGroupNotFoundFault",),
    busy=("InvalidReplicationGroupState",),
    ready=Wait("Status", ("available",), ("create-failed",), seconds=900),
    ends=900,
    tags=_tags("replicationgroup"),
    autoname="replicationGroupId",
    longest=40,
    lowercase=True,
    identity=("replicationGroupId",),
    volatile=("memberClusters",),
    check=(_check_token,),
)

ROWS = (SUBNET_GROUP, REPLICATION_GROUP)
