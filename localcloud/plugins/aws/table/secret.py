"""Secrets Manager, SSM parameters, log groups."""

from __future__ import annotations

import base64
import uuid
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
    document,
    exactly_one,
    flag,
    not_both,
    number,
    text,
    texts,
)
from localcloud.plugins.values import UNKNOWN


async def _secret_policy(op: Operation) -> None:
    if op.inputs.get("policy"):
        await op.call("PutResourcePolicy", SecretId=op.id, ResourcePolicy=op.inputs["policy"])
    else:
        await op.call("DeleteResourcePolicy", SecretId=op.id)


async def _read_secret(op: Operation) -> dict[str, Any] | None:
    secret = await op.call("DescribeSecret", SecretId=op.id)
    if secret.get("DeletedDate"):
        return None
    if op.given.get("policy"):
        secret["policy"] = (await op.call("GetResourcePolicy", SecretId=op.id)).get("ResourcePolicy")
    return secret


async def _delete_secret(op: Operation) -> None:
    window = op.state.get("recoveryWindowInDays", 30)
    how: dict[str, Any] = {"RecoveryWindowInDays": window} if window else {"ForceDeleteWithoutRecovery": True}
    await op.call("DeleteSecret", SecretId=op.id, **how)


SECRET_ROW = Row(
    "aws:secretsmanager/secret:Secret",
    "secretsmanager",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "namePrefix": text(REPLACE | LOCAL),
        "description": text(),
        "kmsKeyId": text(),
        "policy": document(COMPUTED, frm="policy"),
        "recoveryWindowInDays": number(LOCAL | HIDDEN, default=30),
        "forceOverwriteReplicaSecret": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={"arn": "ARN"},
    create=Call("CreateSecret"),
    id="ARN",
    read=_read_secret,
    updates=(
        Update("description kmsKeyId", Call("UpdateSecret", {"SecretId": "{id}"})),
        Update("policy", _secret_policy),
    ),
    delete=_delete_secret,
    gone=("ResourceNotFoundException",),
    tags=Tagging(Call("TagResource", {"SecretId": "{id}"}), Call("UntagResource", {"SecretId": "{id}"})),
    autoname="name",
    longest=512,
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)


async def _token(_op: Operation) -> str:
    return str(uuid.uuid4())


async def _read_version(op: Operation) -> dict[str, Any] | None:
    version = op.state.get("versionId") or op.data.get("VersionId")
    found = await op.call("GetSecretValue", SecretId=op.value("secretId"), VersionId=version)
    if isinstance(found.get("SecretBinary"), bytes):
        found["SecretBinary"] = base64.b64encode(found["SecretBinary"]).decode()
    return found


async def _move_stages(op: Operation) -> None:
    version, secret = op.state["versionId"], op.inputs["secretId"]
    old, new = set(op.state.get("versionStages") or []), set(op.inputs.get("versionStages") or [])
    held = (await op.call("DescribeSecret", SecretId=secret))["VersionIdsToStages"]
    for stage in sorted(new - old):
        holder = next((found for found, stages in held.items() if stage in stages), None)
        said = {"RemoveFromVersionId": holder} if holder and holder != version else {}
        await op.call("UpdateSecretVersionStage", SecretId=secret, VersionStage=stage, MoveToVersionId=version, **said)
    for stage in sorted(old - new - {"AWSCURRENT"}):
        await op.call("UpdateSecretVersionStage", SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)


async def _delete_version(op: Operation) -> None:
    # AWSCURRENT can't be taken off a secret's only version: it goes with the secret, as in the official provider.
    secret, version = op.value("secretId"), op.value("versionId")
    stages = (await op.call("DescribeSecret", SecretId=secret)).get("VersionIdsToStages", {}).get(version, [])
    for stage in stages:
        if stage != "AWSCURRENT":
            await op.call("UpdateSecretVersionStage", SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)


async def _version_id(op: Operation) -> None:
    op.id = f"{op.inputs['secretId']}|{op.data['VersionId']}"


SECRET_VERSION = Row(
    "aws:secretsmanager/secretVersion:SecretVersion",
    "secretsmanager",
    inputs={
        "secretId": text(REQUIRED | REPLACE | HIDDEN),
        "secretString": text(REPLACE | SECRET),
        "secretBinary": text(REPLACE | SECRET, same=base64.b64decode),
        "versionStages": texts(COMPUTED | UNORDERED),
    },
    outputs={"arn": "ARN", "secretArn": "ARN", "versionId": "VersionId"},
    create=Call("PutSecretValue", {"ClientRequestToken": _token}),
    id="VersionId",
    settle=_version_id,
    read=_read_version,
    updates=(Update("versionStages", _move_stages),),
    delete=_delete_version,
    gone=("ResourceNotFoundException", "InvalidRequestException"),
    check=(exactly_one("secretString", "secretBinary"),),
)


async def _put_parameter(op: Operation) -> None:
    names = ["type", "value", "description", "allowedPattern", "dataType", "tier", "keyId"]
    said = {**{name: op.inputs[name] for name in names if op.inputs.get(name)}, "value": _value(op)}
    made = await op.shaped("PutParameter", {name: op.row.inputs[name] for name in said}, said)
    await op.call("PutParameter", Name=op.id, Overwrite=True, **made)


def _value(op: Operation) -> str:
    return str(op.inputs.get("value") if op.inputs.get("value") is not None else op.inputs["insecureValue"])


async def _parameter_value(op: Operation) -> str:
    return _value(op)


async def _read_parameter(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("GetParameter", Name=op.id, WithDecryption=True))["Parameter"]
    by = [{"Key": "Name", "Option": "Equals", "Values": [op.id]}]
    described = (await op.call("DescribeParameters", ParameterFilters=by))["Parameters"]
    merged = (described[0] if described else {}) | found
    # A value said to be insecure is no secret; only one of the two is an output.
    if op.value("insecureValue") is not None:
        merged["insecure"] = merged.pop("Value")
    return merged


SSM_PARAMETER = Row(
    "aws:ssm/parameter:Parameter",
    "ssm",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "type": text(REQUIRED),
        "value": text(SECRET),
        "insecureValue": text(frm="insecure"),
        "description": text(),
        "allowedPattern": text(),
        "dataType": text(COMPUTED),
        "tier": text(COMPUTED),
        "keyId": text(COMPUTED),
    },
    outputs={"arn": "ARN", "version": "Version"},
    create=Call("PutParameter", {"Value": _parameter_value}, said=("insecureValue", "value")),
    id="{name}",
    read=_read_parameter,
    updates=(Update("type value insecureValue description allowedPattern dataType tier keyId", _put_parameter),),
    delete=Call("DeleteParameter", {"Name": "{id}"}),
    gone=("ParameterNotFound",),
    tags=Tagging(
        Call("AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "{id}"}),
        Call("RemoveTagsFromResource", {"ResourceType": "Parameter", "ResourceId": "{id}"}),
        Call("ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": "{id}"}, "TagList", into="Tags"),
    ),
    autoname="name",
    identity=("name",),
    volatile=("version",),
    check=(exactly_one("value", "insecureValue"),),
)


# PutRetentionPolicy, retentionInDays: the model has no enum for it. 0 is for ever.
_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _check_retention(values: Mapping[str, Any]) -> Mapping[str, str]:
    days = values.get("retentionInDays", 0)
    if days is UNKNOWN or int(days) in _DAYS:
        return {}
    return {"retentionInDays": f"must be one of {', '.join(map(str, _DAYS))}; not {days}"}


async def _retention(op: Operation) -> None:
    days = op.inputs.get("retentionInDays")
    if days:
        await op.call("PutRetentionPolicy", logGroupName=op.id, retentionInDays=int(days))
    else:
        await op.call("DeleteRetentionPolicy", logGroupName=op.id)


async def _read_log_group(op: Operation) -> dict[str, Any] | None:
    groups = (await op.call("DescribeLogGroups", logGroupNamePrefix=op.id))["logGroups"]
    return next((group for group in groups if group["logGroupName"] == op.id), None)


async def _delete_log_group(op: Operation) -> None:
    if op.state.get("skipDestroy") is not True:
        await op.call("DeleteLogGroup", logGroupName=op.id)


_LOGS = "arn:aws:logs:{region}:{account}:log-group:{id}"

LOG_GROUP = Row(
    "aws:cloudwatch/logGroup:LogGroup",
    "logs",
    inputs={
        "name": text(REPLACE | COMPUTED, to="logGroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "retentionInDays": number(default=0),
        "kmsKeyId": text(REPLACE),
        "logGroupClass": text(REPLACE | COMPUTED),
        "skipDestroy": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={"arn": _LOGS},
    create=Call("CreateLogGroup"),
    id="{name}",
    read=_read_log_group,
    updates=(Update("retentionInDays", _retention),),
    delete=_delete_log_group,
    gone=("ResourceNotFoundException",),
    tags=Tagging(
        Call("TagResource", {"resourceArn": _LOGS}),
        Call("UntagResource", {"resourceArn": _LOGS}),
        Call("ListTagsForResource", {"resourceArn": _LOGS}, "tags", into="tags"),
        member="tags",
        keys="tagKeys",
    ),
    autoname="name",
    longest=512,
    identity=("name",),
    regions=("us-east-1",),  # the edge's logs
    check=(not_both("name", "namePrefix"), _check_retention),
)

ROWS = (SECRET_ROW, SECRET_VERSION, SSM_PARAMETER, LOG_GROUP)
