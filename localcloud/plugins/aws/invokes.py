"""Functions of pulumi-aws that look things up."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.plugins.aws.api import Api
from localcloud.plugins.serve import Refusal

Values = Mapping[str, Any]
_DOMAIN = "amazonaws.com"


def _only(args: Values, *known: str) -> None:
    strange = sorted(set(args) - {*known, "region", "id"})
    if strange:
        raise Refusal(
            f"`{strange[0]}` is no argument known to localcloud/plugins/aws/invokes.py; leave it out or add it there"
        )


def _filters(args: Values) -> list[dict[str, Any]]:
    return [{"Name": item["name"], "Values": item["values"]} for item in args.get("filters") or []]


def _single(found: list[Any], what: str) -> Any:
    if len(found) != 1:
        raise Refusal(f"{len(found)} {what} match, and it must be one; say more about which")
    return found[0]


async def _zones(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "state", "filters", "allAvailabilityZones", "excludeNames", "excludeZoneIds")
    every = bool(args.get("allAvailabilityZones"))
    answer = await api.call(
        "ec2", "DescribeAvailabilityZones", {"Filters": _filters(args), "AllAvailabilityZones": every}
    )
    excluded = {*(args.get("excludeNames") or []), *(args.get("excludeZoneIds") or [])}
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: zone["ZoneName"])
        if not {zone["ZoneName"], zone["ZoneId"]} & excluded and args.get("state", zone["State"]) == zone["State"]
    ]
    return dict(args) | {
        "id": api.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName", api.region) for zone in zones}),
        "region": api.region,
    }


async def _zone(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "name", "zoneId", "state", "filters", "allAvailabilityZones")
    asked: dict[str, Any] = {"Filters": _filters(args)}
    if args.get("name"):
        asked["ZoneNames"] = [args["name"]]
    if args.get("zoneId"):
        asked["ZoneIds"] = [args["zoneId"]]
    zones = (await api.call("ec2", "DescribeAvailabilityZones", asked))["AvailabilityZones"]
    zone = _single([zone for zone in zones if args.get("state", zone["State"]) == zone["State"]], "availability zones")
    return dict(args) | {
        "id": zone["ZoneName"],
        "name": zone["ZoneName"],
        "zoneId": zone["ZoneId"],
        "nameSuffix": zone["ZoneName"].removeprefix(zone["RegionName"]),
        "state": zone["State"],
        "groupName": zone.get("GroupName", api.region),
        "groupLongName": zone.get("GroupLongName", ""),
        "networkBorderGroup": zone.get("NetworkBorderGroup", api.region),
        "optInStatus": zone.get("OptInStatus", "opt-in-not-required"),
        "parentZoneId": "",
        "parentZoneName": "",
        "zoneType": zone.get("ZoneType", "availability-zone"),
        "region": api.region,
    }


async def _region(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "name", "endpoint")
    region = args.get("region") or args.get("name") or api.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "endpoint": f"ec2.{region}.{_DOMAIN}",
        "description": region,
    }


async def _caller(api: Api, args: Values) -> dict[str, Any]:
    _only(args)
    said = await api.identity()
    return {"id": said["Account"], "accountId": said["Account"], "arn": said["Arn"], "userId": said["UserId"]}


async def _partition(api: Api, args: Values) -> dict[str, Any]:
    _only(args)
    return {"id": "aws", "partition": "aws", "dnsSuffix": _DOMAIN, "reverseDnsPrefix": "com.amazonaws"}


async def _groups_found(api: Api, args: Values) -> list[dict[str, Any]]:
    filters = _filters(args)
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (args.get("tags") or {}).items()]
    if args.get("name"):
        filters.append({"Name": "group-name", "Values": [args["name"]]})
    if args.get("vpcId"):
        filters.append({"Name": "vpc-id", "Values": [args["vpcId"]]})
    asked: dict[str, Any] = {"Filters": filters}
    if args.get("id"):
        asked["GroupIds"] = [args["id"]]
    found: list[dict[str, Any]] = (await api.call("ec2", "DescribeSecurityGroups", asked))["SecurityGroups"]
    return found


async def _group_arn(api: Api, group: str) -> str:
    return f"arn:aws:ec2:{api.region}:{(await api.identity())['Account']}:security-group/{group}"


async def _security_group(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "name", "vpcId", "filters", "tags")
    group = _single(await _groups_found(api, args), "security groups")
    tags = {tag["Key"]: tag["Value"] for tag in group.get("Tags") or []}
    return dict(args) | {
        "id": group["GroupId"],
        "name": group["GroupName"],
        "arn": await _group_arn(api, group["GroupId"]),
        "description": group["Description"],
        "vpcId": group.get("VpcId", ""),
        "tags": tags,
        "region": api.region,
    }


async def _security_groups(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "filters", "tags")
    groups = sorted(await _groups_found(api, args), key=lambda group: group["GroupId"])
    ids = [group["GroupId"] for group in groups]
    return dict(args) | {
        "id": api.region,
        "ids": ids,
        "arns": [await _group_arn(api, group) for group in ids],
        "vpcIds": [group.get("VpcId", "") for group in groups],
        "tags": args.get("tags") or {},
        "region": api.region,
    }


async def _managed_prefix_list(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "name", "filters")
    filters = _filters(args)
    if args.get("name"):
        filters.append({"Name": "prefix-list-name", "Values": [args["name"]]})
    asked: dict[str, Any] = {"Filters": filters}
    if args.get("id"):
        asked["PrefixListIds"] = [args["id"]]
    found = _single((await api.call("ec2", "DescribeManagedPrefixLists", asked))["PrefixLists"], "prefix lists")
    entries = (await api.call("ec2", "GetManagedPrefixListEntries", {"PrefixListId": found["PrefixListId"]}))["Entries"]
    return dict(args) | {
        "id": found["PrefixListId"],
        "name": found["PrefixListName"],
        "arn": found.get("PrefixListArn", ""),
        "addressFamily": found.get("AddressFamily", "IPv4"),
        "maxEntries": found.get("MaxEntries", len(entries)),
        "ownerId": found.get("OwnerId", "AWS"),
        "version": found.get("Version", 1),
        "entries": [{"cidr": item["Cidr"], "description": item.get("Description", "")} for item in entries],
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags") or []},
        "region": api.region,
    }


async def _prefix_list(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "name", "filters", "prefixListId")
    filters = _filters(args)
    if args.get("name"):
        filters.append({"Name": "prefix-list-name", "Values": [args["name"]]})
    asked: dict[str, Any] = {"Filters": filters}
    if args.get("prefixListId"):
        asked["PrefixListIds"] = [args["prefixListId"]]
    found = _single((await api.call("ec2", "DescribePrefixLists", asked))["PrefixLists"], "prefix lists")
    return dict(args) | {
        "id": found["PrefixListId"],
        "name": found["PrefixListName"],
        "cidrBlocks": found["Cidrs"],
        "region": api.region,
    }


_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _edge_policy(kind: str) -> Callable[[Api, Values], Awaitable[dict[str, Any]]]:
    """Looks a CloudFront policy up by name or id: CachePolicy, OriginRequestPolicy or ResponseHeadersPolicy."""

    async def look(api: Api, args: Values) -> dict[str, Any]:
        _only(args, "name")
        marker, found = "", []
        while True:
            asked = {"Marker": marker} if marker else {}
            listed = (await api.call("cloudfront", f"List{kind[:-1]}ies", asked))[f"{kind}List"]
            found += [item[kind] for item in listed.get("Items") or []]
            marker = listed.get("NextMarker") or ""
            if not marker:
                break
        wanted = [
            item
            for item in found
            if item["Id"] == args.get("id")
            or (not args.get("id") and item[f"{kind}Config"]["Name"] == args.get("name"))
        ]
        said = " ".join(_SNAKE.split(kind)).lower()
        policy = _single(wanted, f"CloudFront {said} named {args.get('name') or args.get('id')}")
        config = policy[f"{kind}Config"]
        account = (await api.identity())["Account"]
        return {
            "id": policy["Id"],
            "name": config["Name"],
            "comment": config.get("Comment", ""),
            "arn": f"arn:aws:cloudfront::{account}:{'-'.join(_SNAKE.split(kind)).lower()}/{policy['Id']}",
            "etag": "",
        } | ({name: config[member] for name, member in _TTLS.items()} if kind == "CachePolicy" else {})

    return look


async def _inference_profiles(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "type")
    asked = {"typeEquals": args["type"]} if args.get("type") else {}
    said = await api.call("bedrock", "ListInferenceProfiles", asked)
    plain = ("inferenceProfileArn", "inferenceProfileId", "inferenceProfileName", "models", "status", "type")
    return dict(args) | {
        "inferenceProfileSummaries": [
            {**{name: one[name] for name in plain}, "description": "", "createdAt": "", "updatedAt": ""}
            for one in said["inferenceProfileSummaries"]
        ],
        "region": api.region,
    }


async def _foundation_models(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "byInferenceType")
    asked = {"byInferenceType": args["byInferenceType"]} if args.get("byInferenceType") else {}
    said = await api.call("bedrock", "ListFoundationModels", asked)
    return dict(args) | {
        "id": api.region,
        "modelSummaries": [
            {
                "modelId": one["modelId"],
                "modelArn": one["modelArn"],
                "modelName": one["modelId"],
                "providerName": one["modelId"].partition(".")[0],
                "inferenceTypesSupporteds": one["inferenceTypesSupported"],
                "inputModalities": [],
                "outputModalities": [],
                "customizationsSupporteds": [],
                "responseStreamingSupported": True,
            }
            for one in said["modelSummaries"]
        ],
        "region": api.region,
    }


_TTLS = {"defaultTtl": "DefaultTTL", "maxTtl": "MaxTTL", "minTtl": "MinTTL"}


async def _service_quota(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "serviceCode", "quotaCode")
    asked = {"ServiceCode": args["serviceCode"], "QuotaCode": args["quotaCode"]}
    quota = (await api.call("service-quotas", "GetServiceQuota", asked))["Quota"]
    return {
        "id": quota["QuotaArn"],
        "arn": quota["QuotaArn"],
        "serviceCode": quota["ServiceCode"],
        "serviceName": quota["ServiceName"],
        "quotaCode": quota["QuotaCode"],
        "quotaName": quota["QuotaName"],
        "value": quota["Value"],
        "defaultValue": quota["Value"],
        "adjustable": quota["Adjustable"],
        "globalQuota": quota["GlobalQuota"],
        "usageMetrics": [],
        "region": api.region,
    }


async def _hosted_zones(api: Api, args: Values) -> dict[str, Any]:
    _only(args)
    ids, asked = [], {}
    while True:
        said = await api.call("route53", "ListHostedZones", asked)
        ids += [zone["Id"].rpartition("/")[2] for zone in said["HostedZones"]]
        if not said["IsTruncated"]:
            return {"id": api.region, "ids": ids}
        asked = {"Marker": said["NextMarker"]}


async def _hosted_zone(api: Api, args: Values) -> dict[str, Any]:
    _only(args, "zoneId")
    if not args.get("zoneId"):
        raise Refusal("the local cloud looks a hosted zone up by `zoneId` alone; name it")
    said = await api.call("route53", "GetHostedZone", {"Id": args["zoneId"]})
    zone, servers = said["HostedZone"], (said.get("DelegationSet") or {}).get("NameServers") or []
    tags = await api.call(
        "route53", "ListTagsForResource", {"ResourceType": "hostedzone", "ResourceId": args["zoneId"]}
    )
    return {
        "id": args["zoneId"],
        "zoneId": args["zoneId"],
        "arn": f"arn:aws:route53:::hostedzone/{args['zoneId']}",
        "name": zone["Name"].rstrip(".").lower(),
        "callerReference": zone.get("CallerReference", ""),
        "comment": zone["Config"].get("Comment", ""),
        "privateZone": zone["Config"].get("PrivateZone", False),
        "resourceRecordSetCount": zone["ResourceRecordSetCount"],
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else "",
        "linkedServiceDescription": "",
        "linkedServicePrincipal": "",
        "enableAcceleratedRecovery": False,
        "tags": {tag["Key"]: tag["Value"] for tag in tags["ResourceTagSet"]["Tags"]},
        "vpcId": "",
    }


INVOKES: dict[str, Callable[[Api, Values], Awaitable[dict[str, Any]]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getAvailabilityZone:getAvailabilityZone": _zone,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:ec2/getSecurityGroup:getSecurityGroup": _security_group,
    "aws:ec2/getSecurityGroups:getSecurityGroups": _security_groups,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _managed_prefix_list,
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:bedrock/getInferenceProfiles:getInferenceProfiles": _inference_profiles,
    "aws:bedrockfoundation/getModels:getModels": _foundation_models,
    "aws:route53/getZone:getZone": _hosted_zone,
    "aws:route53/getZones:getZones": _hosted_zones,
    "aws:servicequotas/getServiceQuota:getServiceQuota": _service_quota,
    "aws:cloudfront/getCachePolicy:getCachePolicy": _edge_policy("CachePolicy"),
    "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": _edge_policy("OriginRequestPolicy"),
    "aws:cloudfront/getResponseHeadersPolicy:getResponseHeadersPolicy": _edge_policy("ResponseHeadersPolicy"),
}
