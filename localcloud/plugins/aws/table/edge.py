"""CloudFront: VPC origins, Functions, distributions."""

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
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    flag,
    number,
    one,
    several,
    text,
    texts,
)

_TAGS = Tagging(
    Call("TagResource", {"Resource": "{arn}"}),
    Call("UntagResource", {"Resource": "{arn}"}),
    Call("ListTagsForResource", {"Resource": "{arn}"}, "Tags.Items", into="Tags"),
    member="Tags",
)


def _etag(get: str, **place: str) -> Any:
    """The ETag that CloudFront wants to see with a change."""

    async def read(op: Operation) -> str:
        return str((await op.call(get, **{name: op.text(value) for name, value in place.items()}))["ETag"])

    return read


async def _read_vpc_origin(op: Operation) -> dict[str, Any]:
    said = await op.call("GetVpcOrigin", Id=op.id)
    op.state["arn"] = said["VpcOrigin"]["Arn"]
    return said["VpcOrigin"] | {"ETag": said["ETag"]}


_VPC_ORIGIN_ETAG = _etag("GetVpcOrigin", Id="{id}")

VPC_ORIGIN = Row(
    "aws:cloudfront/vpcOrigin:VpcOrigin",
    "cloudfront",
    inputs={
        "vpcOriginEndpointConfig": one(
            {
                "name": text(REQUIRED),
                "arn": text(REQUIRED),
                "httpPort": number(REQUIRED),
                "httpsPort": number(REQUIRED),
                "originProtocolPolicy": text(REQUIRED),
                "originSslProtocols": one({"items": texts(REQUIRED | UNORDERED), "quantity": number(REQUIRED)}),
            },
            REQUIRED,
        ),
    },
    outputs={"arn": "Arn", "etag": "ETag"},
    create=Call("CreateVpcOrigin"),
    id="VpcOrigin.Id",
    read=_read_vpc_origin,
    updates=(Update("vpcOriginEndpointConfig", Call("UpdateVpcOrigin", {"Id": "{id}", "IfMatch": _VPC_ORIGIN_ETAG})),),
    delete=Call("DeleteVpcOrigin", {"Id": "{id}", "IfMatch": _VPC_ORIGIN_ETAG}),
    gone=("EntityNotFound", "NoSuchResource"),
    busy=("CannotDeleteEntityWhileInUse", "IllegalDelete"),
    ready=Wait("Status", ("Deployed",), ("Failed",), seconds=900),
    ends=900,
    tags=_TAGS,
    volatile=("etag",),
    regional=False,
)

_MOST_CODE = 10 * 1024  # bytes of a Function ("Restrictions on CloudFront Functions")


def _check_code(values: Mapping[str, Any]) -> Mapping[str, str]:
    code = values.get("code")
    size = len(code.encode()) if isinstance(code, str) else 0
    return {"code": f"has {size} bytes; a CloudFront Function may have {_MOST_CODE}"} if size > _MOST_CODE else {}


async def _publish(op: Operation) -> None:
    if op.inputs.get("publish") is not False:
        await op.call("PublishFunction", Name=op.id, IfMatch=await _FUNCTION_ETAG(op))


async def _update_function(op: Operation) -> None:
    if op.changed & {"code", "comment", "runtime"}:
        names = ["code", "comment", "runtime"]
        await op.run(Call("UpdateFunction", {"Name": "{id}", "IfMatch": _FUNCTION_ETAG}), names)
    await _publish(op)


async def _read_function(op: Operation) -> dict[str, Any]:
    said = await op.call("DescribeFunction", Name=op.id, Stage="DEVELOPMENT")
    code = await op.call("GetFunction", Name=op.id, Stage="DEVELOPMENT")
    live = Call("DescribeFunction", {"Name": "{id}", "Stage": "LIVE"}, "ETag", absent=("NoSuchFunctionExists",))
    summary = said["FunctionSummary"]
    op.state["arn"] = summary["FunctionMetadata"]["FunctionARN"]
    return summary | {"ETag": said["ETag"], "live": await op.run(live) or "", "FunctionCode": code["FunctionCode"]}


_FUNCTION_ETAG = _etag("DescribeFunction", Name="{id}", Stage="DEVELOPMENT")

FUNCTION = Row(
    "aws:cloudfront/function:Function",
    "cloudfront",
    inputs={
        "name": text(REPLACE | COMPUTED),
        "runtime": text(REQUIRED, to="FunctionConfig.Runtime"),
        "comment": text(default="", to="FunctionConfig.Comment"),
        "code": text(REQUIRED, to="FunctionCode"),
        "publish": flag(LOCAL | HIDDEN, default=True),
    },
    outputs={
        "arn": "FunctionMetadata.FunctionARN",
        "etag": "ETag",
        "liveStageEtag": "live",
    },
    create=Call("CreateFunction"),
    id="FunctionSummary.Name",
    settle=_publish,
    read=_read_function,
    updates=(Update("code comment runtime publish", _update_function),),
    delete=Call("DeleteFunction", {"Name": "{id}", "IfMatch": _FUNCTION_ETAG}),
    gone=("NoSuchFunctionExists",),
    busy=("FunctionInUse",),
    autoname="name",
    longest=64,
    identity=("name",),
    tags=_TAGS,
    volatile=("etag", "liveStageEtag"),
    regional=False,
    check=(_check_code,),
)

_BEHAVIOUR = {
    "targetOriginId": text(REQUIRED),
    "viewerProtocolPolicy": text(REQUIRED),
    "allowedMethods": texts(REQUIRED | UNORDERED),
    "cachedMethods": texts(REQUIRED | UNORDERED, to="AllowedMethods.CachedMethods"),
    "cachePolicyId": text(),
    "originRequestPolicyId": text(),
    "responseHeadersPolicyId": text(),
    "compress": flag(default=False),
    "smoothStreaming": flag(),
    "fieldLevelEncryptionId": text(),
    "realtimeLogConfigArn": text(),
    "functionAssociations": several(
        {"eventType": text(REQUIRED), "functionArn": text(REQUIRED, to="FunctionARN")}, UNORDERED
    ),
    "lambdaFunctionAssociations": several(
        {
            "eventType": text(REQUIRED),
            "lambdaArn": text(REQUIRED, to="LambdaFunctionARN"),
            "includeBody": flag(default=False),
        },
        UNORDERED,
    ),
    "grpcConfig": one({"enabled": flag(default=False)}),
    "minTtl": number(),
    "defaultTtl": number(COMPUTED),
    "maxTtl": number(COMPUTED),
    "forwardedValues": one(
        {
            "queryString": flag(REQUIRED),
            "cookies": one({"forward": text(REQUIRED), "whitelistedNames": texts(UNORDERED)}, REQUIRED),
            "headers": texts(UNORDERED),
            "queryStringCacheKeys": texts(UNORDERED),
        }
    ),
}
_ORIGIN = {
    "originId": text(REQUIRED, to="Id"),
    "domainName": text(REQUIRED),
    "originPath": text(default=""),
    "connectionAttempts": number(default=3),
    "connectionTimeout": number(default=10),
    "responseCompletionTimeout": number(),
    "originAccessControlId": text(default=""),
    "customHeaders": several(
        {"name": text(REQUIRED, to="HeaderName"), "value": text(REQUIRED, to="HeaderValue")}, UNORDERED
    ),
    "customOriginConfig": one(
        {
            "httpPort": number(REQUIRED),
            "httpsPort": number(REQUIRED),
            "originProtocolPolicy": text(REQUIRED),
            "originSslProtocols": texts(REQUIRED | UNORDERED),
            "originKeepaliveTimeout": number(default=5),
            "originReadTimeout": number(default=30),
        }
    ),
    "vpcOriginConfig": one(
        {
            "vpcOriginId": text(REQUIRED),
            "originKeepaliveTimeout": number(default=5),
            "originReadTimeout": number(default=30),
        }
    ),
    "s3OriginConfig": one({"originAccessIdentity": text()}),
    "originShield": one({"enabled": flag(REQUIRED), "originShieldRegion": text()}),
}


async def _read_distribution(op: Operation) -> dict[str, Any]:
    said = await op.call("GetDistribution", Id=op.id)
    found = said["Distribution"]
    op.state["arn"] = found["ARN"]
    return found["DistributionConfig"] | found | {"ETag": said["ETag"]}


async def _delete_distribution(op: Operation) -> None:
    """Disabled first, then deleted once that has reached every edge; CloudFront refuses otherwise."""
    said = await op.call("GetDistributionConfig", Id=op.id)
    if said["DistributionConfig"]["Enabled"]:
        config = said["DistributionConfig"] | {"Enabled": False}
        await op.call("UpdateDistribution", Id=op.id, IfMatch=said["ETag"], DistributionConfig=config)
    if op.state.get("retainOnDelete") is True:
        return

    async def deployed() -> str | None:
        found = await op.call("GetDistribution", Id=op.id)
        return str(found["ETag"]) if found["Distribution"]["Status"] == "Deployed" else None

    etag = await op.until(deployed, lambda: f"distribution {op.id} is still being disabled", _DEPLOYS)
    await op.call("DeleteDistribution", Id=op.id, IfMatch=etag)


def _check_origins(values: Mapping[str, Any]) -> Mapping[str, str]:
    """CloudFront's own checks of how origins and behaviours hang together."""
    origins = [item for item in values.get("origins") or [] if isinstance(item, dict)]
    ids = [item.get("originId") for item in origins]
    if not all(isinstance(item, str) for item in ids):
        return {}
    wrong = {}
    for index, origin in enumerate(origins):
        kinds = [name for name in ("customOriginConfig", "vpcOriginConfig", "s3OriginConfig") if origin.get(name)]
        if len(kinds) > 1:
            wrong[f"origins[{index}]"] = f"has {' and '.join(kinds)}; an origin is of one kind"
    behaviours = {"defaultCacheBehavior": values.get("defaultCacheBehavior")}
    ordered = values.get("orderedCacheBehaviors") or []
    behaviours |= {f"orderedCacheBehaviors[{index}]": item for index, item in enumerate(ordered)}
    for path, behaviour in behaviours.items():
        target = behaviour.get("targetOriginId") if isinstance(behaviour, dict) else None
        if isinstance(target, str) and target not in ids:
            wrong[f"{path}.targetOriginId"] = f"names `{target}`, but the origins are {', '.join(map(str, ids))}"
    return wrong


async def _tag_items(op: Operation) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in op.tags.items()]


_DEPLOYS = 1800  # seconds

DISTRIBUTION = Row(
    "aws:cloudfront/distribution:Distribution",
    "cloudfront",
    inputs={
        "enabled": flag(REQUIRED),
        "comment": text(default=""),
        "aliases": texts(UNORDERED),
        "defaultRootObject": text(default=""),
        "httpVersion": text(default="http2"),
        "isIpv6Enabled": flag(default=False),
        "priceClass": text(default="PriceClass_All"),
        "webAclId": text(default=""),
        "origins": several(_ORIGIN, REQUIRED | UNORDERED),
        "defaultCacheBehavior": one(_BEHAVIOUR, REQUIRED),
        "orderedCacheBehaviors": several({"pathPattern": text(REQUIRED), **_BEHAVIOUR}, to="CacheBehaviors"),
        "customErrorResponses": several(
            {
                "errorCode": number(REQUIRED),
                "errorCachingMinTtl": number(),
                "responseCode": text(),
                "responsePagePath": text(),
            },
            UNORDERED,
        ),
        "restrictions": one(
            {
                "geoRestriction": one(
                    {"restrictionType": text(REQUIRED), "locations": texts(UNORDERED, to="Items")}, REQUIRED
                )
            },
            REQUIRED,
        ),
        "viewerCertificate": one(
            {
                "cloudfrontDefaultCertificate": flag(),
                "acmCertificateArn": text(),
                "iamCertificateId": text(),
                "minimumProtocolVersion": text(COMPUTED),
                "sslSupportMethod": text(COMPUTED),
            },
            REQUIRED,
        ),
        "waitForDeployment": flag(LOCAL | HIDDEN, default=True),
        "retainOnDelete": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={
        "arn": "ARN",
        "callerReference": "CallerReference",
        "domainName": "DomainName",
        "etag": "ETag",
        "status": "Status",
        "hostedZoneId": "'Z2FDTNDATAQYW2'",
        "lastModifiedTime": "LastModifiedTime",
    },
    create=Call(
        "CreateDistributionWithTags",
        {
            "DistributionConfigWithTags": {
                "DistributionConfig": {"CallerReference": "terraform-{unique}"},
                "Tags": {"Items": _tag_items},
            }
        },
        root="DistributionConfigWithTags.DistributionConfig",
        said=("tags",),
    ),
    id="Distribution.Id",
    read=_read_distribution,
    updates=(
        Update(
            "*",
            Call(
                "UpdateDistribution",
                {
                    "Id": "{id}",
                    "IfMatch": _etag("GetDistribution", Id="{id}"),
                    "DistributionConfig": {"CallerReference": "{callerReference}"},
                },
                root="DistributionConfig",
            ),
            whole=True,
        ),
    ),
    delete=_delete_distribution,
    gone=("NoSuchDistribution",),
    busy=("DistributionNotDisabled", "PreconditionFailed"),
    ready=Wait("Status", ("Deployed",), seconds=_DEPLOYS, unless="waitForDeployment"),
    tags=_TAGS,
    volatile=("etag", "status", "lastModifiedTime"),
    regional=False,
    check=(_check_origins,),
)

ROWS = (VPC_ORIGIN, FUNCTION, DISTRIBUTION)
