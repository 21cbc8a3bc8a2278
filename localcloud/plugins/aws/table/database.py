"""RDS: subnet groups, parameter groups, instances."""

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
    Check,
    Row,
    Tagging,
    Update,
    Wait,
    flag,
    not_both,
    number,
    several,
    text,
    texts,
)
from localcloud.plugins.serve import Refusal


def rds_tags(read: str | Call) -> Tagging:
    """RDS's tagging of a resource by its `arn`."""
    place = {"ResourceName": "{arn}"}
    return Tagging(Call("AddTagsToResource", place), Call("RemoveTagsFromResource", place), read)


def list_tags(kind: str) -> Call:
    """Reads the tags of what has no list of them in its description."""
    arn = f"arn:aws:rds:{{region}}:{{account}}:{kind}:{{id}}"
    return Call("ListTagsForResource", {"ResourceName": arn}, "TagList", into="Tags")


SUBNET_GROUP = Row(
    "aws:rds/subnetGroup:SubnetGroup",
    "rds",
    inputs={
        "name": text(REPLACE | COMPUTED, to="DBSubnetGroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "description": text(default="Managed by Pulumi", to="DBSubnetGroupDescription"),
        "subnetIds": texts(REQUIRED | UNORDERED, frm="Subnets[].SubnetIdentifier"),
    },
    outputs={"arn": "DBSubnetGroupArn", "vpcId": "VpcId"},
    create=Call("CreateDBSubnetGroup"),
    id="DBSubnetGroup.DBSubnetGroupName",
    read=Call("DescribeDBSubnetGroups", {"DBSubnetGroupName": "{id}"}, "DBSubnetGroups[0]"),
    # AWS wants the subnets with every change.
    updates=(Update("description subnetIds", Call("ModifyDBSubnetGroup", {"DBSubnetGroupName": "{id}"}), whole=True),),
    delete=Call("DeleteDBSubnetGroup", {"DBSubnetGroupName": "{id}"}),
    gone=("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound"),
    busy=("InvalidDBSubnetGroupStateFault",),
    tags=rds_tags(list_tags("subgrp")),
    autoname="name",
    lowercase=True,
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)

PARAMETER = {
    "name": text(REQUIRED, to="ParameterName"),
    "value": text(REQUIRED, to="ParameterValue"),
    "applyMethod": text(default="immediate"),
}
LOT = 20  # parameters a ModifyDBParameterGroup or ModifyDBClusterParameterGroup call may carry


async def _set_parameters(op: Operation) -> None:
    wanted = {item["name"]: item for item in op.inputs.get("parameters") or []}
    had = {item["name"] for item in op.state.get("parameters") or []}
    made = await op.shaped("ModifyDBParameterGroup", {"parameters": PARAMETERS}, {"parameters": [*wanted.values()]})
    for start in range(0, len(wanted), LOT):
        lot = made["Parameters"][start : start + LOT]
        await op.call("ModifyDBParameterGroup", DBParameterGroupName=op.id, Parameters=lot)
    stale = [{"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in sorted(had - wanted.keys())]
    for start in range(0, len(stale), LOT):
        lot = stale[start : start + LOT]
        await op.call("ResetDBParameterGroup", DBParameterGroupName=op.id, Parameters=lot)


async def _read_parameters(op: Operation) -> dict[str, Any] | None:
    groups = (await op.call("DescribeDBParameterGroups", DBParameterGroupName=op.id))["DBParameterGroups"]
    if not groups:
        return None
    wanted = {item["name"]: item for item in op.inputs.get("parameters") or []}
    answer = await op.call("DescribeDBParameters", DBParameterGroupName=op.id, Source="user")
    found = {item["ParameterName"]: item for item in answer["Parameters"] if item.get("ParameterValue") is not None}
    for name, item in found.items():
        # How a value is applied isn't kept by AWS for a parameter that is in force.
        item["ApplyMethod"] = wanted.get(name, {}).get("applyMethod") or item.get("ApplyMethod") or "immediate"
    return groups[0] | {"Parameters": list(found.values())}


PARAMETERS = several(PARAMETER, COMPUTED | UNORDERED)

PARAMETER_GROUP = Row(
    "aws:rds/parameterGroup:ParameterGroup",
    "rds",
    inputs={
        "name": text(REPLACE | COMPUTED, to="DBParameterGroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "family": text(REQUIRED | REPLACE, to="DBParameterGroupFamily"),
        "description": text(REPLACE, default="Managed by Pulumi"),
        "parameters": several(PARAMETER, UNORDERED),
        "skipDestroy": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={"arn": "DBParameterGroupArn"},
    create=Call("CreateDBParameterGroup"),
    id="DBParameterGroup.DBParameterGroupName",
    read=_read_parameters,
    updates=(Update("parameters", _set_parameters),),
    delete=Call("DeleteDBParameterGroup", {"DBParameterGroupName": "{id}"}),
    gone=("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"),
    busy=("InvalidDBParameterGroupState",),
    tags=rds_tags(list_tags("pg")),
    autoname="name",
    lowercase=True,
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)


def same_version(wanted: Any, live: Any) -> bool:
    """A version that names no minor one is any of its minors: AWS chooses, and upgrades it."""
    return live is not None and (str(live) == str(wanted) or str(live).startswith(f"{wanted}."))


# Changes that AWS can make in place, in the order of the API's reference.
_MODIFIABLE = (
    "allocatedStorage instanceClass vpcSecurityGroupIds password parameterGroupName backupRetentionPeriod backupWindow "
    "maintenanceWindow multiAz engineVersion autoMinorVersionUpgrade iops storageType "
    "caCertIdentifier copyTagsToSnapshot monitoringInterval monitoringRoleArn publiclyAccessible "
    "iamDatabaseAuthenticationEnabled performanceInsightsEnabled performanceInsightsRetentionPeriod deletionProtection "
    "maxAllocatedStorage storageThroughput networkType databaseInsightsMode dbSubnetGroupName"
)


_CHANGE = {
    "DBInstanceIdentifier": "{identifier}",
    "ApplyImmediately": "{applyImmediately}",
    "AllowMajorVersionUpgrade": "{allowMajorVersionUpgrade}",
}


async def _modify_logs(op: Operation) -> None:
    old, new = (set(said.get("enabledCloudwatchLogsExports") or []) for said in (op.state, op.inputs))
    kinds = {"EnableLogTypes": sorted(new - old), "DisableLogTypes": sorted(old - new)}
    name = op.value("identifier")
    await op.call("ModifyDBInstance", DBInstanceIdentifier=name, CloudwatchLogsExportConfiguration=kinds)


def last_snapshot(op: Operation, name: str) -> dict[str, Any]:
    """What a deletion says of the last snapshot: its name, or that there is to be none.

    Raises:
        Refusal: one is to be made and has no name.
    """
    if op.state.get("skipFinalSnapshot") is True:
        return {"SkipFinalSnapshot": True}
    snapshot = op.state.get("finalSnapshotIdentifier")
    if not snapshot:
        raise Refusal(
            f"{name} can't be deleted without its last snapshot having a name: "
            "set `finalSnapshotIdentifier`, or `skipFinalSnapshot=True`, and update first"
        )
    return {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": snapshot}


async def _delete_instance(op: Operation) -> None:
    name = op.state["identifier"]
    said = last_snapshot(op, name)
    automated = op.state.get("deleteAutomatedBackups") is not False
    await op.call("DeleteDBInstance", DBInstanceIdentifier=name, DeleteAutomatedBackups=automated, **said)


async def instance_arn(op: Operation) -> None:
    """Keeps the ARN, by which tags are read."""
    op.state["arn"] = op.data["DBInstanceArn"]


def check_password(member: str) -> Check:
    """CreateDBInstance, MasterUserPassword: 8 to 128 printable characters but / " @ and space (PostgreSQL)."""

    def check(values: Mapping[str, Any]) -> Mapping[str, str]:
        password = values.get(member)
        if not isinstance(password, str):
            return {}
        if not 8 <= len(password) <= 128:
            return {member: "must have 8 to 128 characters"}
        if any(letter in '/"@ ' or not letter.isprintable() or not letter.isascii() for letter in password):
            return {member: 'must be printable ASCII without /, ", @ and spaces'}
        return {}

    return check


INSTANCE = Row(
    "aws:rds/instance:Instance",
    "rds",
    inputs={
        "identifier": text(REPLACE | COMPUTED, to="DBInstanceIdentifier"),
        "identifierPrefix": text(REPLACE | LOCAL),
        "instanceClass": text(REQUIRED, to="DBInstanceClass"),
        "engine": text(REPLACE | COMPUTED),
        "engineVersion": text(COMPUTED, agree=same_version),
        "engineLifecycleSupport": text(REPLACE | COMPUTED),
        "dbName": text(REPLACE | COMPUTED),
        "username": text(REPLACE | COMPUTED, to="MasterUsername"),
        "password": text(SECRET | HIDDEN, to="MasterUserPassword"),
        "port": number(COMPUTED, frm="Endpoint.Port || DbInstancePort"),
        "allocatedStorage": number(COMPUTED),
        "maxAllocatedStorage": number(),
        "storageType": text(COMPUTED),
        "storageThroughput": number(COMPUTED),
        "iops": number(COMPUTED),
        "storageEncrypted": flag(REPLACE, default=False),
        "kmsKeyId": text(REPLACE | COMPUTED),
        "dbSubnetGroupName": text(COMPUTED, frm="DBSubnetGroup.DBSubnetGroupName"),
        "vpcSecurityGroupIds": texts(COMPUTED | UNORDERED, frm="VpcSecurityGroups[].VpcSecurityGroupId"),
        "parameterGroupName": text(
            COMPUTED, to="DBParameterGroupName", frm="DBParameterGroups[0].DBParameterGroupName"
        ),
        "publiclyAccessible": flag(default=False),
        "multiAz": flag(COMPUTED),
        "availabilityZone": text(REPLACE | COMPUTED),
        "networkType": text(COMPUTED),
        "backupRetentionPeriod": number(COMPUTED),
        "backupWindow": text(COMPUTED, to="PreferredBackupWindow"),
        "maintenanceWindow": text(COMPUTED, to="PreferredMaintenanceWindow"),
        "autoMinorVersionUpgrade": flag(default=True),
        "allowMajorVersionUpgrade": flag(LOCAL | HIDDEN),
        "caCertIdentifier": text(COMPUTED, to="CACertificateIdentifier"),
        "copyTagsToSnapshot": flag(default=False),
        "deletionProtection": flag(default=False),
        "iamDatabaseAuthenticationEnabled": flag(
            default=False, to="EnableIAMDatabaseAuthentication", frm="IAMDatabaseAuthenticationEnabled"
        ),
        "monitoringInterval": number(default=0),
        "monitoringRoleArn": text(COMPUTED),
        "performanceInsightsEnabled": flag(
            default=False, to="EnablePerformanceInsights", frm="PerformanceInsightsEnabled"
        ),
        "performanceInsightsRetentionPeriod": number(COMPUTED),
        "databaseInsightsMode": text(COMPUTED),
        "enabledCloudwatchLogsExports": texts(
            UNORDERED, to="EnableCloudwatchLogsExports", frm="EnabledCloudwatchLogsExports"
        ),
        "applyImmediately": flag(LOCAL | HIDDEN),
        "skipFinalSnapshot": flag(LOCAL | HIDDEN, default=False),
        "finalSnapshotIdentifier": text(LOCAL | HIDDEN),
        "deleteAutomatedBackups": flag(LOCAL | HIDDEN, default=True),
    },
    outputs={
        "arn": "DBInstanceArn",
        "address": "Endpoint.Address",
        "endpoint": "Endpoint && join(':', [Endpoint.Address, to_string(Endpoint.Port)])",
        "hostedZoneId": "Endpoint.HostedZoneId",
        "resourceId": "DbiResourceId",
        "status": "DBInstanceStatus",
        "engineVersionActual": "EngineVersion",
    },
    create=Call("CreateDBInstance", pick="DBInstance"),
    id="DbiResourceId",
    settle=instance_arn,
    read=Call("DescribeDBInstances", {"DBInstanceIdentifier": "{identifier}"}, "DBInstances[0]"),
    updates=(
        Update(_MODIFIABLE, Call("ModifyDBInstance", _CHANGE)),
        Update("port", Call("ModifyDBInstance", _CHANGE | {"DBPortNumber": "{port}"})),
        Update("enabledCloudwatchLogsExports", _modify_logs),
    ),
    delete=_delete_instance,
    gone=("DBInstanceNotFound", "DBInstanceNotFoundFault"),
    busy=("InvalidDBInstanceState",),
    ready=Wait(
        "DBInstanceStatus",
        ("available", "storage-optimization"),
        ("failed", "incompatible-parameters", "incompatible-network", "restore-error"),
        "StatusInfos[0].Message",
        seconds=900,
    ),
    ends=900,
    tags=rds_tags("TagList"),
    autoname="identifier",
    longest=63,
    lowercase=True,
    identity=("identifier",),
    check=(not_both("identifier", "identifierPrefix"), check_password("password")),
)

ROWS = (SUBNET_GROUP, PARAMETER_GROUP, INSTANCE)
