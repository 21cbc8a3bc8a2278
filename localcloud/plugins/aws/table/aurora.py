"""RDS: Aurora clusters, their parameter groups and instances."""

from __future__ import annotations

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
    Update,
    Wait,
    flag,
    not_both,
    number,
    one,
    several,
    text,
    texts,
)
from localcloud.plugins.aws.table.database import (
    LOT,
    PARAMETER,
    PARAMETERS,
    check_password,
    instance_arn,
    last_snapshot,
    list_tags,
    rds_tags,
    same_version,
)
from localcloud.plugins.serve import Refusal


async def _set_parameters(op: Operation) -> None:
    wanted = {item["name"]: item for item in op.inputs.get("parameters") or []}
    had = {item["name"] for item in op.state.get("parameters") or []}
    made = await op.shaped(
        "ModifyDBClusterParameterGroup", {"parameters": PARAMETERS}, {"parameters": [*wanted.values()]}
    )
    for start in range(0, len(wanted), LOT):
        lot = made["Parameters"][start : start + LOT]
        await op.call("ModifyDBClusterParameterGroup", DBClusterParameterGroupName=op.id, Parameters=lot)
    if had - wanted.keys():
        names = ", ".join(sorted(had - wanted.keys()))
        raise Refusal(f"the local cloud takes no parameter away from a cluster's group ({names}): give it a value")


async def _read_parameters(op: Operation) -> dict[str, Any] | None:
    groups = await op.call("DescribeDBClusterParameterGroups", DBClusterParameterGroupName=op.id)
    if not groups["DBClusterParameterGroups"]:
        return None
    wanted = {item["name"]: item for item in op.inputs.get("parameters") or []}
    answer = await op.call("DescribeDBClusterParameters", DBClusterParameterGroupName=op.id)
    found = [item for item in answer["Parameters"] if item.get("ParameterValue") is not None]
    for item in found:
        item["ApplyMethod"] = wanted.get(item["ParameterName"], {}).get("applyMethod") or "immediate"
    return groups["DBClusterParameterGroups"][0] | {"Parameters": found}


PARAMETER_GROUP = Row(
    "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    "rds",
    inputs={
        "name": text(REPLACE | COMPUTED, to="DBClusterParameterGroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "family": text(REQUIRED | REPLACE, to="DBParameterGroupFamily"),
        "description": text(REPLACE, default="Managed by Pulumi"),
        "parameters": several(PARAMETER, UNORDERED),
    },
    outputs={"arn": "DBClusterParameterGroupArn"},
    create=Call("CreateDBClusterParameterGroup"),
    id="DBClusterParameterGroup.DBClusterParameterGroupName",
    read=_read_parameters,
    updates=(Update("parameters", _set_parameters),),
    delete=Call("DeleteDBClusterParameterGroup", {"DBClusterParameterGroupName": "{id}"}),
    gone=("DBClusterParameterGroupNotFound", "DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"),
    busy=("InvalidDBParameterGroupState", "InvalidDBParameterGroupStateFault"),
    tags=rds_tags(list_tags("cluster-pg")),
    autoname="name",
    lowercase=True,
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)


async def _delete_cluster(op: Operation) -> None:
    name = op.state["clusterIdentifier"]
    await op.call("DeleteDBCluster", DBClusterIdentifier=name, **last_snapshot(op, name))


_MODIFIABLE = (
    "engineVersion masterPassword vpcSecurityGroupIds dbClusterParameterGroupName backupRetentionPeriod "
    "preferredBackupWindow preferredMaintenanceWindow deletionProtection copyTagsToSnapshot "
    "serverlessv2ScalingConfiguration iamDatabaseAuthenticationEnabled enableHttpEndpoint"
)

CLUSTER = Row(
    "aws:rds/cluster:Cluster",
    "rds",
    inputs={
        "clusterIdentifier": text(REPLACE | COMPUTED, to="DBClusterIdentifier"),
        "engine": text(REQUIRED | REPLACE),
        "engineMode": text(REPLACE, default="provisioned"),
        "engineVersion": text(COMPUTED, agree=same_version),
        "databaseName": text(REPLACE | COMPUTED),
        "masterUsername": text(REPLACE | COMPUTED),
        "masterPassword": text(SECRET | HIDDEN, to="MasterUserPassword"),
        "port": number(REPLACE | COMPUTED),
        "dbSubnetGroupName": text(REPLACE | COMPUTED, frm="DBSubnetGroup"),
        "vpcSecurityGroupIds": texts(COMPUTED | UNORDERED, frm="VpcSecurityGroups[].VpcSecurityGroupId"),
        "dbClusterParameterGroupName": text(COMPUTED, frm="DBClusterParameterGroup"),
        "serverlessv2ScalingConfiguration": one(
            {"minCapacity": number(REQUIRED), "maxCapacity": number(REQUIRED)},
            COMPUTED,
            to="ServerlessV2ScalingConfiguration",
        ),
        "storageEncrypted": flag(REPLACE, default=False),
        "backupRetentionPeriod": number(COMPUTED),
        "preferredBackupWindow": text(COMPUTED),
        "preferredMaintenanceWindow": text(COMPUTED),
        "deletionProtection": flag(default=False),
        "copyTagsToSnapshot": flag(default=False),
        "iamDatabaseAuthenticationEnabled": flag(
            default=False, to="EnableIAMDatabaseAuthentication", frm="IAMDatabaseAuthenticationEnabled"
        ),
        "enableHttpEndpoint": flag(default=False, frm="HttpEndpointEnabled"),
        "applyImmediately": flag(LOCAL | HIDDEN),
        "skipFinalSnapshot": flag(LOCAL | HIDDEN, default=False),
        "finalSnapshotIdentifier": text(LOCAL | HIDDEN),
        "deleteAutomatedBackups": flag(LOCAL | HIDDEN, default=True),
    },
    outputs={
        "arn": "DBClusterArn",
        "endpoint": "Endpoint",
        "readerEndpoint": "ReaderEndpoint",
        "clusterResourceId": "DbClusterResourceId",
        "engineVersionActual": "EngineVersion",
        "hostedZoneId": "HostedZoneId",
    },
    create=Call("CreateDBCluster", pick="DBCluster"),
    id="DBClusterIdentifier",
    read=Call("DescribeDBClusters", {"DBClusterIdentifier": "{id}"}, "DBClusters[0]"),
    updates=(
        Update(
            _MODIFIABLE,
            Call("ModifyDBCluster", {"DBClusterIdentifier": "{id}", "ApplyImmediately": "{applyImmediately}"}),
        ),
    ),
    delete=_delete_cluster,
    gone=("DBClusterNotFoundFault",),
    busy=("InvalidDBClusterStateFault",),
    ready=Wait("Status", ("available",), ("failed",), seconds=900),
    ends=900,
    tags=rds_tags("TagList"),
    autoname="clusterIdentifier",
    longest=63,
    lowercase=True,
    identity=("clusterIdentifier",),
    check=(check_password("masterPassword"),),
)


CLUSTER_INSTANCE = Row(
    "aws:rds/clusterInstance:ClusterInstance",
    "rds",
    inputs={
        "identifier": text(REPLACE | COMPUTED, to="DBInstanceIdentifier"),
        "clusterIdentifier": text(REQUIRED | REPLACE, to="DBClusterIdentifier"),
        "instanceClass": text(REQUIRED, to="DBInstanceClass"),
        "engine": text(REQUIRED | REPLACE),
        "publiclyAccessible": flag(default=False),
        "autoMinorVersionUpgrade": flag(default=True),
        "promotionTier": number(default=0),
        "applyImmediately": flag(LOCAL | HIDDEN),
    },
    outputs={"arn": "DBInstanceArn", "dbiResourceId": "DbiResourceId", "availabilityZone": "AvailabilityZone"},
    create=Call("CreateDBInstance", pick="DBInstance"),
    id="DBInstanceIdentifier",
    settle=instance_arn,
    read=Call("DescribeDBInstances", {"DBInstanceIdentifier": "{id}"}, "DBInstances[0]"),
    updates=(
        Update(
            "instanceClass publiclyAccessible autoMinorVersionUpgrade promotionTier",
            Call("ModifyDBInstance", {"DBInstanceIdentifier": "{id}", "ApplyImmediately": "{applyImmediately}"}),
        ),
    ),
    delete=Call("DeleteDBInstance", {"DBInstanceIdentifier": "{id}", "SkipFinalSnapshot": True}),
    gone=("DBInstanceNotFound", "DBInstanceNotFoundFault"),
    busy=("InvalidDBInstanceState",),
    ready=Wait("DBInstanceStatus", ("available",), ("failed",), "StatusInfos[0].Message", seconds=900),
    ends=900,
    tags=rds_tags("TagList"),
    autoname="identifier",
    longest=63,
    lowercase=True,
    identity=("identifier",),
)

ROWS = (PARAMETER_GROUP, CLUSTER, CLUSTER_INSTANCE)
