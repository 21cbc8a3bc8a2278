"""S3: a bucket, what pulumi-aws 7 keeps beside it as resources of their own, objects."""

from __future__ import annotations

import asyncio
import base64
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from localcloud.plugins.aws.api import AwsError
from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Prop,
    Row,
    Tagging,
    Update,
    content,
    document,
    flag,
    mapping,
    number,
    one,
    several,
    text,
)
from localcloud.plugins.serve import Refusal

_BUCKET = {"Bucket": "{bucket}"}
_NO_BUCKET = ("NoSuchBucket", "404")
_LOT = 1000  # objects a DeleteObjects call may name


async def _location(op: Operation) -> dict[str, str] | None:
    # us-east-1 is S3's default and must not be named.
    return None if op.api.region == "us-east-1" else {"LocationConstraint": op.api.region}


async def _read_bucket(op: Operation) -> dict[str, Any] | None:
    await op.call("HeadBucket", Bucket=op.id)
    return {"Bucket": op.id}


async def _delete_bucket(op: Operation) -> None:
    if op.state.get("forceDestroy") is True:
        await _empty(op)
    try:
        await op.call("DeleteBucket", Bucket=op.id)
    except AwsError as error:
        if error.code == "BucketNotEmpty":
            raise Refusal(
                f"{op.id} still has objects: delete them, or set `forceDestroy=True` and update first"
            ) from None
        raise


async def _empty(op: Operation, prefix: str = "", only: str = "") -> None:
    """Deletes every version of every object (of one key with `only`)."""
    while True:
        found = await op.call("ListObjectVersions", Bucket=op.value("bucket"), Prefix=only or prefix, MaxKeys=_LOT)
        versions = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for item in [*(found.get("Versions") or []), *(found.get("DeleteMarkers") or [])]
            if not only or item["Key"] == only
        ]
        if not versions:
            return
        await op.call("DeleteObjects", Bucket=op.value("bucket"), Delete={"Objects": versions, "Quiet": True})


BUCKET = Row(
    "aws:s3/bucket:Bucket",
    "s3",
    inputs={
        "bucket": text(REPLACE | COMPUTED),
        "bucketPrefix": text(REPLACE | LOCAL),
        "forceDestroy": flag(LOCAL | HIDDEN, default=False),
        "objectLockEnabled": flag(REPLACE | HIDDEN, to="ObjectLockEnabledForBucket"),
    },
    outputs={
        "arn": "arn:aws:s3:::{id}",
        "bucketDomainName": "{id}.s3.amazonaws.com",
        "bucketRegionalDomainName": "{id}.s3.{region}.amazonaws.com",
        "bucketRegion": "{region}",
    },
    create=Call("CreateBucket", {"CreateBucketConfiguration": _location}),
    id="{bucket}",
    read=_read_bucket,
    delete=_delete_bucket,
    gone=_NO_BUCKET,
    busy=("OperationAborted",),
    tags=Tagging(
        Call("PutBucketTagging", {"Bucket": "{id}"}),
        None,
        Call("GetBucketTagging", {"Bucket": "{id}"}, "TagSet", into="TagSet", absent=("NoSuchTagSet",)),
        member="Tagging.TagSet",
    ),
    autoname="bucket",
    longest=63,
    lowercase=True,
    identity=("bucket",),
)


def _setting(
    token: str, inputs: Mapping[str, Prop], put: str, get: str, delete: str | None, gone: tuple[str, ...]
) -> Row:
    """A setting of a bucket: one call puts all of it, one gets it, one (or none) takes it away."""
    return Row(
        f"aws:s3/{token[0].lower()}{token[1:]}:{token}",
        "s3",
        inputs={"bucket": text(REQUIRED | REPLACE, frm="Bucket"), **inputs},
        create=Call(put),
        id="{bucket}",
        read=_reading(get),
        updates=(Update("*", Call(put), whole=True),),
        delete=Call(delete, _BUCKET) if delete else None,
        gone=(*_NO_BUCKET, *gone),
        identity=("bucket",),
    )


def _reading(get: str) -> Any:
    async def read(op: Operation) -> dict[str, Any]:
        said = await op.call(get, Bucket=op.value("bucket"))
        # The wrapper of the request is missing in some answers; without it both are alike.
        return said | {"Bucket": op.value("bucket"), "ResponseMetadata": None}

    return read


def _block(name: str) -> Prop:
    return flag(default=False, to=f"PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}")


PUBLIC_ACCESS_BLOCK = _setting(
    "BucketPublicAccessBlock",
    {
        **{
            name: _block(name)
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
        "skipDestroy": flag(LOCAL | HIDDEN),
    },
    "PutPublicAccessBlock",
    "GetPublicAccessBlock",
    "DeletePublicAccessBlock",
    ("NoSuchPublicAccessBlockConfiguration",),
)

OWNERSHIP = _setting(
    "BucketOwnershipControls",
    {"rule": one({"objectOwnership": text(REQUIRED)}, REQUIRED, to="OwnershipControls.Rules")},
    "PutBucketOwnershipControls",
    "GetBucketOwnershipControls",
    "DeleteBucketOwnershipControls",
    ("OwnershipControlsNotFoundError",),
)

POLICY = _setting(
    "BucketPolicy",
    {"policy": document(REQUIRED)},
    "PutBucketPolicy",
    "GetBucketPolicy",
    "DeleteBucketPolicy",
    ("NoSuchBucketPolicy",),
)

_ENCRYPTION_RULE = {
    "applyServerSideEncryptionByDefault": one(
        {"sseAlgorithm": text(REQUIRED), "kmsMasterKeyId": text()},
    ),
    "bucketKeyEnabled": flag(),
}

ENCRYPTION = _setting(
    "BucketServerSideEncryptionConfiguration",
    {"rules": several(_ENCRYPTION_RULE, REQUIRED | UNORDERED, to="ServerSideEncryptionConfiguration.Rules")},
    "PutBucketEncryption",
    "GetBucketEncryption",
    "DeleteBucketEncryption",
    ("ServerSideEncryptionConfigurationNotFoundError",),
)

_SIZES = {"objectSizeGreaterThan": number(), "objectSizeLessThan": number()}
_LIFECYCLE_RULE = {
    "id": text(REQUIRED),
    "status": text(REQUIRED),
    "prefix": text(),
    "filter": one(
        {
            "prefix": text(),
            "tag": one({"key": text(REQUIRED), "value": text(REQUIRED)}),
            "and": one({"prefix": text(), "tags": mapping(), **_SIZES}),
            **_SIZES,
        }
    ),
    "expiration": one({"date": text(), "days": number(), "expiredObjectDeleteMarker": flag()}),
    "transitions": several({"date": text(), "days": number(), "storageClass": text(REQUIRED)}, UNORDERED),
    "abortIncompleteMultipartUpload": one({"daysAfterInitiation": number()}),
    "noncurrentVersionExpiration": one({"noncurrentDays": number(REQUIRED), "newerNoncurrentVersions": number()}),
    "noncurrentVersionTransitions": several(
        {"noncurrentDays": number(REQUIRED), "newerNoncurrentVersions": number(), "storageClass": text(REQUIRED)},
        UNORDERED,
    ),
}

LIFECYCLE = _setting(
    "BucketLifecycleConfiguration",
    {"rules": several(_LIFECYCLE_RULE, REQUIRED, to="LifecycleConfiguration.Rules", frm="Rules")},
    "PutBucketLifecycleConfiguration",
    "GetBucketLifecycleConfiguration",
    "DeleteBucketLifecycle",
    ("NoSuchLifecycleConfiguration",),
)


async def _read_versioning(op: Operation) -> dict[str, Any] | None:
    said = await op.call("GetBucketVersioning", Bucket=op.value("bucket"))
    status = {"Status": said.get("Status", "Disabled"), "MFADelete": said.get("MFADelete")}
    return {"Bucket": op.value("bucket"), "VersioningConfiguration": status}


async def _versioning_status(op: Operation) -> dict[str, Any] | None:
    # "Disabled" is the state of a bucket that never was versioned; S3 takes only Enabled and Suspended.
    said = op.inputs["versioningConfiguration"]
    status = "Suspended" if said["status"] == "Disabled" else said["status"]
    return {"Status": status} | ({"MFADelete": said["mfaDelete"]} if said.get("mfaDelete") else {})


async def _suspend(op: Operation) -> None:
    if (await op.call("GetBucketVersioning", Bucket=op.value("bucket"))).get("Status") == "Enabled":
        said = {"Status": "Suspended"}
        await op.call("PutBucketVersioning", Bucket=op.value("bucket"), VersioningConfiguration=said)


_PUT_VERSIONING = Call(
    "PutBucketVersioning",
    {"Bucket": "{bucket}", "VersioningConfiguration": _versioning_status},
    said=("versioningConfiguration",),
)

VERSIONING = Row(
    "aws:s3/bucketVersioning:BucketVersioning",
    "s3",
    inputs={
        "bucket": text(REQUIRED | REPLACE),
        "versioningConfiguration": one({"status": text(REQUIRED), "mfaDelete": text(COMPUTED)}, REQUIRED),
    },
    create=_PUT_VERSIONING,
    id="{bucket}",
    read=_read_versioning,
    updates=(Update("versioningConfiguration", _PUT_VERSIONING),),
    delete=_suspend,
    gone=_NO_BUCKET,
    identity=("bucket",),
)


async def _body(op: Operation) -> bytes:
    inputs = op.inputs
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    if inputs.get("source") is not None:
        return await asyncio.to_thread(asset_bytes, inputs["source"])
    return str(inputs.get("content") or "").encode()


def asset_bytes(asset: Any) -> bytes:
    """What an asset holds. Raises Refusal when its file can't be read."""
    if isinstance(asset, pulumi.StringAsset):
        return asset.text.encode()
    if isinstance(asset, pulumi.FileAsset):
        try:
            return Path(asset.path).read_bytes()
        except OSError as error:
            raise Refusal(f"{asset.path} can't be read: {error.strerror}") from None
    if isinstance(asset, pulumi.RemoteAsset):
        with urllib.request.urlopen(asset.uri, timeout=60) as answer:
            return bytes(answer.read())
    raise Refusal(f"`source` must be a file, text or remote asset, not {type(asset).__name__}")


async def _put_object(op: Operation) -> None:
    names = [name for name in op.row.inputs if name in op.inputs]
    await op.run(_PUT_OBJECT, [name for name in names if name not in ("bucket", "key")])
    if op.tags:
        # Writing an object takes its tags off.
        tags = [{"Key": key, "Value": item} for key, item in op.tags.items()]
        await op.call("PutObjectTagging", Bucket=op.value("bucket"), Key=op.value("key"), Tagging={"TagSet": tags})


async def _read_object(op: Operation) -> dict[str, Any] | None:
    place = {"Bucket": op.value("bucket"), "Key": op.value("key")}
    head = await op.call("HeadObject", **place)
    head["ETag"] = str(head.get("ETag", "")).strip('"')
    head["StorageClass"] = head.get("StorageClass") or "STANDARD"
    return head | place


async def _delete_object(op: Operation) -> None:
    await _empty(op, only=op.value("key"))


async def _object_id(op: Operation) -> None:
    op.id = f"{op.inputs['bucket']}/{op.inputs['key']}"


def _one_body(values: Mapping[str, Any]) -> Mapping[str, str]:
    given = [name for name in ("content", "contentBase64", "source") if values.get(name) is not None]
    return {given[1]: f"conflicts with `{given[0]}`; set one of them"} if len(given) > 1 else {}


_PUT_OBJECT = Call("PutObject", {"Bucket": "{bucket}", "Key": "{key}", "Body": _body})
_OBJECT_TAGS = {"Bucket": "{bucket}", "Key": "{key}"}

OBJECT = Row(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "s3",
    inputs={
        "bucket": text(REQUIRED | REPLACE),
        "key": text(REPLACE | COMPUTED),
        "content": text(LOCAL | HIDDEN),
        "contentBase64": text(LOCAL | HIDDEN),
        "source": content(),
        "sourceHash": text(LOCAL | HIDDEN),
        "contentType": text(COMPUTED),
        "cacheControl": text(),
        "contentDisposition": text(),
        "contentEncoding": text(),
        "contentLanguage": text(),
        "metadata": mapping(),
        "storageClass": text(COMPUTED),
        "serverSideEncryption": text(COMPUTED),
        "kmsKeyId": text(COMPUTED, to="SSEKMSKeyId"),
        "bucketKeyEnabled": flag(COMPUTED),
        "forceDestroy": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={"arn": "arn:aws:s3:::{id}", "etag": "ETag", "versionId": "VersionId || ''"},
    create=_PUT_OBJECT,
    id="ETag",
    settle=_object_id,
    read=_read_object,
    updates=(Update("*", _put_object),),
    delete=_delete_object,
    gone=(*_NO_BUCKET, "NoSuchKey"),
    tags=Tagging(
        Call("PutObjectTagging", _OBJECT_TAGS),
        None,
        Call("GetObjectTagging", _OBJECT_TAGS, "TagSet", into="TagSet"),
        member="Tagging.TagSet",
    ),
    autoname="key",
    volatile=("etag", "versionId"),
    check=(_one_body,),
)

ROWS = (
    BUCKET,
    PUBLIC_ACCESS_BLOCK,
    OWNERSHIP,
    POLICY,
    ENCRYPTION,
    LIFECYCLE,
    VERSIONING,
    OBJECT,
)
