"""Lambda functions."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    content,
    flag,
    mapping,
    number,
    one,
    text,
    texts,
)
from localcloud.plugins.aws.table.storage import asset_bytes
from localcloud.plugins.serve import Refusal

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can carry: the same files make the same zip


def zip_of(archive: Any) -> bytes:
    """An archive as the zip that Lambda takes. Raises Refusal when it can't be read or is of another kind."""
    if isinstance(archive, pulumi.FileArchive) and Path(archive.path).is_file():
        if not zipfile.is_zipfile(archive.path):
            raise Refusal(f"`code`: {archive.path} is no zip file; give a .zip, a folder or an AssetArchive")
        return Path(archive.path).read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in sorted(_files(archive, "").items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
    return made.getvalue()


def _files(item: Any, at: str) -> dict[str, bytes]:
    if isinstance(item, pulumi.Asset):
        return {at: asset_bytes(item)}
    if isinstance(item, pulumi.AssetArchive):
        found: dict[str, bytes] = {}
        for name, inner in item.assets.items():
            found |= _files(inner, f"{at}/{name}".lstrip("/"))
        return found
    if isinstance(item, pulumi.FileArchive):
        return _folder(Path(item.path), at)
    raise Refusal(f"`code` must be a folder, a zip file or an AssetArchive, not {type(item).__name__}")


def _folder(folder: Path, at: str) -> dict[str, bytes]:
    if not folder.is_dir():
        raise Refusal(f"`code`: {folder} is neither a folder nor a zip file")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {f"{at}/{path.relative_to(folder).as_posix()}".lstrip("/"): path.read_bytes() for path in paths}


async def _code(op: Operation) -> dict[str, Any] | None:
    archive = op.inputs.get("code")
    return {"ZipFile": await asyncio.to_thread(zip_of, archive)} if archive is not None else None


async def _update_code(op: Operation) -> None:
    await _settled(op)
    said = await _code(op) or {}
    for name, member in (("s3Bucket", "S3Bucket"), ("s3Key", "S3Key"), ("s3ObjectVersion", "S3ObjectVersion")):
        if op.inputs.get(name):
            said[member] = op.inputs[name]
    kinds = op.inputs.get("architectures")
    publish = op.inputs.get("publish") is True
    await op.call(
        "UpdateFunctionCode",
        FunctionName=op.id,
        Publish=publish,
        **said,
        **({"Architectures": kinds} if kinds else {}),
    )


async def _settled(op: Operation) -> None:
    """Lambda refuses a change while another is under way."""

    async def look() -> bool | None:
        said = await op.call("GetFunctionConfiguration", FunctionName=op.id)
        return True if said.get("LastUpdateStatus", "Successful") != "InProgress" else None

    await op.until(look, lambda: f"{op.label} is still being updated", 300)


async def _concurrency(op: Operation) -> None:
    wanted = op.inputs.get("reservedConcurrentExecutions", -1)
    if wanted == -1:
        await op.call("DeleteFunctionConcurrency", FunctionName=op.id)
    else:
        await op.call("PutFunctionConcurrency", FunctionName=op.id, ReservedConcurrentExecutions=int(wanted))


async def _read(op: Operation) -> dict[str, Any]:
    said = await op.call("GetFunction", FunctionName=op.id)
    found = said["Configuration"] | {"Tags": said.get("Tags") or {}}
    op.state["arn"] = found["FunctionArn"]
    reserved = (said.get("Concurrency") or {}).get("ReservedConcurrentExecutions")
    return found | {"reservedConcurrentExecutions": -1 if reserved is None else reserved}


async def _delete(op: Operation) -> None:
    if op.state.get("skipDestroy") is not True:
        await op.call("DeleteFunction", FunctionName=op.id)


def _check_source(values: Mapping[str, Any]) -> Mapping[str, str]:
    if (values.get("code") is None) == (values.get("s3Bucket") is None):
        return {"code": "or `s3Bucket` with `s3Key` must be set, one of the two"}
    missing = [name for name in ("handler", "runtime") if values.get(name) is None]
    return {missing[0]: "is required for a function that is a zip"} if missing else {}


_GATEWAY = "arn:aws:apigateway:{region}:lambda:path"
_PLACE = {"FunctionName": "{id}"}

FUNCTION = Row(
    "aws:lambda/function:Function",
    "lambda",
    inputs={
        "name": text(REPLACE | COMPUTED, to="FunctionName"),
        "role": text(REQUIRED),
        "code": content(),
        "s3Bucket": text(HIDDEN, to="Code.S3Bucket"),
        "s3Key": text(HIDDEN, to="Code.S3Key"),
        "s3ObjectVersion": text(HIDDEN, to="Code.S3ObjectVersion"),
        "sourceCodeHash": text(LOCAL | HIDDEN),
        "handler": text(),
        "runtime": text(),
        "description": text(),
        "timeout": number(default=3),
        "memorySize": number(default=128),
        "architectures": texts(COMPUTED),
        "packageType": text(REPLACE, default="Zip"),
        "environment": one({"variables": mapping()}, reset={"variables": {}}),
        "vpcConfig": one(
            {
                "subnetIds": texts(REQUIRED | UNORDERED),
                "securityGroupIds": texts(REQUIRED | UNORDERED),
                "ipv6AllowedForDualStack": flag(default=False),
            },
            reset={"subnetIds": [], "securityGroupIds": []},
        ),
        "layers": texts(frm="Layers[].Arn"),
        "kmsKeyArn": text(),
        "tracingConfig": one({"mode": text(REQUIRED)}, COMPUTED),
        "deadLetterConfig": one({"targetArn": text(REQUIRED)}, reset={"targetArn": ""}),
        "ephemeralStorage": one({"size": number()}, COMPUTED),
        "loggingConfig": one(
            {
                "logFormat": text(REQUIRED),
                "logGroup": text(COMPUTED),
                "applicationLogLevel": text(),
                "systemLogLevel": text(),
            },
            COMPUTED,
        ),
        "publish": flag(LOCAL | HIDDEN, default=False),
        "reservedConcurrentExecutions": number(default=-1),
        "skipDestroy": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={
        "arn": "FunctionArn",
        "invokeArn": _GATEWAY + "/2015-03-31/functions/{arn}/invocations",
        "responseStreamingInvokeArn": _GATEWAY + "/2021-11-15/functions/{arn}/response-streaming-invocations",
        "version": "Version",
        "qualifiedArn": "{arn}:{version}",
        "qualifiedInvokeArn": _GATEWAY + "/2015-03-31/functions/{arn}:{version}/invocations",
        "lastModified": "LastModified",
        "codeSha256": "CodeSha256",
        "sourceCodeSize": "CodeSize",
    },
    create=Call("CreateFunction", {"Code": _code, "Publish": "{publish}"}, said=("code",)),
    id="FunctionName",
    read=_read,
    updates=(
        Update(
            "role handler runtime description timeout memorySize environment vpcConfig layers kmsKeyArn tracingConfig "
            "deadLetterConfig ephemeralStorage loggingConfig",
            Call("UpdateFunctionConfiguration", _PLACE),
        ),
        Update("code s3Bucket s3Key s3ObjectVersion sourceCodeHash architectures", _update_code),
        Update("reservedConcurrentExecutions", _concurrency),
    ),
    delete=_delete,
    gone=("ResourceNotFoundException",),
    busy=("ResourceConflictException",),
    ready=Wait(
        "join('/', [State || 'Active', LastUpdateStatus || 'Successful'])",
        ("Active/Successful", "Inactive/Successful"),
        ("Failed/Successful", "Failed/Failed", "Active/Failed"),
        "StateReason || LastUpdateStatusReason",
        seconds=600,
    ),
    tags=Tagging(Call("TagResource", {"Resource": "{arn}"}), Call("UntagResource", {"Resource": "{arn}"})),
    autoname="name",
    longest=64,
    identity=("name",),
    volatile=("version", "qualifiedArn", "qualifiedInvokeArn", "lastModified", "codeSha256", "sourceCodeSize"),
    check=(_check_source,),
)

ROWS = (FUNCTION,)
