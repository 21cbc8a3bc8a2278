"""The distributions that the simulated API holds, as frozen data (blocking reads)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from localcloud.aws.account import Account
from localcloud.aws.firewall import CLOUDFRONT, EDGE_REGION
from localcloud.dataplane.edge_firewall import Rule, rules, web_acl_name
from localcloud.dataplane.edge_log_model import AccessLog, access_logs
from localcloud.dataplane.edge_policies import (
    Forwarding,
    ResponsePolicy,
    forwarding,
    response_policy,
)


@dataclass(frozen=True)
class VpcOrigin:
    """A VPC origin: the load balancer that it stands for. ``problem``: why it can't be used."""

    id: str
    name: str
    host: str = ""
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    http_port: int = 80
    https_port: int = 443
    protocol_policy: str = "match-viewer"
    problem: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where a behaviour's requests go. Times in seconds; ``completion_seconds`` None: no limit."""

    id: str
    domain: str
    path: str
    headers: tuple[tuple[str, str], ...]
    http_port: int
    https_port: int
    protocol_policy: str
    read_seconds: float
    keep_seconds: float
    connect_seconds: float
    attempts: int
    completion_seconds: float | None
    vpc_origin: VpcOrigin | None


@dataclass(frozen=True)
class Behavior:
    """``functions``: event type → function ARN. ``pattern`` None: the default behaviour."""

    pattern: str | None
    origin: str
    protocol_policy: str
    methods: frozenset[str]
    functions: tuple[tuple[str, str], ...]
    forwarding: Forwarding
    response_policy: ResponsePolicy | None

    def function(self, event_type: str) -> str | None:
        """ARN of the function for "viewer-request" or "viewer-response", if any."""
        return dict(self.functions).get(event_type)


@dataclass(frozen=True)
class Distribution:
    """``behaviors`` in order of precedence, the default one last. ``problem``: what of it isn't simulated."""

    id: str
    version: str  # the ETag of the configuration
    domain: str
    aliases: tuple[str, ...]
    root_object: str
    origins: tuple[Origin, ...]
    behaviors: tuple[Behavior, ...]
    enabled: bool = True
    problem: str | None = None
    firewall: tuple[Rule, ...] = ()
    logs: tuple[AccessLog, ...] = ()

    def origin(self, id: str) -> Origin:
        return next(origin for origin in self.origins if origin.id == id)


def read(account: Account) -> tuple[list[Distribution], dict[str, str | None]]:
    """Every distribution, and the LIVE code of the functions that the enabled ones name (None: it has none)."""
    client = account.client("cloudfront")
    pages = client.get_paginator("list_distributions").paginate()
    listed = [summary for page in pages for summary in page["DistributionList"].get("Items", [])]
    distributions: list[Distribution] = []
    reader = _Reader(account)
    for summary in listed:
        try:
            distributions.append(reader.distribution(client.get_distribution(Id=summary["Id"])))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchDistribution":  # deleted meanwhile
                raise
    behaviors = [behavior for d in distributions if d.enabled for behavior in d.behaviors]
    arns = {arn for behavior in behaviors for _, arn in behavior.functions}
    return distributions, {arn: reader.code(arn) for arn in arns}


class _Reader:
    """Reads what distributions refer to, each thing once."""

    def __init__(self, account: Account) -> None:
        self._client = account.client("cloudfront")
        self._elb = account.client("elbv2")
        self._waf = account.client("wafv2", EDGE_REGION)
        self._logs = access_logs(account)
        self._cache: dict[tuple[str, str], Any] = {}

    def distribution(self, answer: dict[str, Any]) -> Distribution:
        item = answer["Distribution"]
        config = item["DistributionConfig"]
        distribution = Distribution(
            id=item["Id"],
            version=answer["ETag"],
            domain=item["DomainName"],
            aliases=tuple(config.get("Aliases", {}).get("Items", [])),
            root_object=config.get("DefaultRootObject", ""),
            origins=tuple(self._origin(origin) for origin in config["Origins"]["Items"]),
            behaviors=(
                *(self._behavior(behavior) for behavior in config.get("CacheBehaviors", {}).get("Items", [])),
                self._behavior(config["DefaultCacheBehavior"]),
            ),
        )
        firewall, unsimulated = self._firewall(config.get("WebACLId", ""))
        problem = _unsupported(config) or self._caching(config) or unsimulated
        return replace(
            distribution,
            enabled=config["Enabled"],
            problem=problem,
            firewall=firewall,
            logs=self._logs.get(item["ARN"], ()),
        )

    def _firewall(self, arn: str) -> tuple[tuple[Rule, ...], str | None]:
        if not arn:
            return (), None
        name, id = web_acl_name(arn)
        try:
            return rules(self._waf.get_web_acl(Name=name, Id=id, Scope=CLOUDFRONT)["WebACL"])
        except ClientError as error:
            return (), f"the web ACL {name}: {error.response['Error'].get('Message', error)}"

    def code(self, arn: str) -> str | None:
        """LIVE code of a function; None when it was never published."""
        try:
            answer = self._client.get_function(Name=arn.rpartition("/")[2], Stage="LIVE")
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchFunctionExists":
                return None
            raise
        code = answer["FunctionCode"]
        return (code if isinstance(code, bytes) else code.read()).decode()

    def _get(self, kind: str, operation: str, id: str) -> dict[str, Any]:
        if (kind, id) not in self._cache:
            self._cache[kind, id] = getattr(self._client, operation)(Id=id)[kind]
        return self._cache[kind, id]

    def _caching(self, config: dict[str, Any]) -> str | None:
        """A behaviour whose policy would let CloudFront answer instead of the origin."""
        for behavior in (*config.get("CacheBehaviors", {}).get("Items", []), config["DefaultCacheBehavior"]):
            policy = self._get("CachePolicy", "get_cache_policy", behavior["CachePolicyId"])["CachePolicyConfig"]
            if policy["MaxTTL"]:
                where = behavior.get("PathPattern", "the default behaviour")
                return f"caching isn't simulated ({where} has the policy {policy['Name']}); use Managed-CachingDisabled"
        return None

    def _behavior(self, item: dict[str, Any]) -> Behavior:
        cache_id, request_id = item.get("CachePolicyId"), item.get("OriginRequestPolicyId")
        headers_id = item.get("ResponseHeadersPolicyId")
        cache = self._get("CachePolicy", "get_cache_policy", cache_id)["CachePolicyConfig"] if cache_id else {}
        request: dict[str, Any] = {}
        if request_id:
            found = self._get("OriginRequestPolicy", "get_origin_request_policy", request_id)
            request = found["OriginRequestPolicyConfig"]
        headers = None
        if headers_id:
            found = self._get("ResponseHeadersPolicy", "get_response_headers_policy", headers_id)
            headers = response_policy(found["ResponseHeadersPolicyConfig"])
        associations = item.get("FunctionAssociations", {}).get("Items", [])
        return Behavior(
            pattern=item.get("PathPattern"),
            origin=item["TargetOriginId"],
            protocol_policy=item["ViewerProtocolPolicy"],
            methods=frozenset(item.get("AllowedMethods", {}).get("Items") or ("GET", "HEAD")),
            functions=tuple((entry["EventType"], entry["FunctionARN"]) for entry in associations),
            forwarding=forwarding(cache, request),
            response_policy=headers,
        )

    def _origin(self, item: dict[str, Any]) -> Origin:
        custom, vpc = item.get("CustomOriginConfig", {}), item.get("VpcOriginConfig", {})
        vpc_origin = self._vpc_origin(vpc["VpcOriginId"]) if vpc else None
        timeouts = vpc or custom
        completion = item.get("ResponseCompletionTimeout")
        return Origin(
            id=item["Id"],
            domain=item["DomainName"],
            path=item.get("OriginPath", ""),
            headers=tuple(
                (header["HeaderName"], header["HeaderValue"])
                for header in item.get("CustomHeaders", {}).get("Items", [])
            ),
            http_port=vpc_origin.http_port if vpc_origin else int(custom.get("HTTPPort", 80)),
            https_port=vpc_origin.https_port if vpc_origin else int(custom.get("HTTPSPort", 443)),
            protocol_policy=(
                vpc_origin.protocol_policy if vpc_origin else custom.get("OriginProtocolPolicy", "match-viewer")
            ),
            read_seconds=float(timeouts.get("OriginReadTimeout") or 30),
            keep_seconds=float(timeouts.get("OriginKeepaliveTimeout") or 5),
            connect_seconds=float(item.get("ConnectionTimeout") or 10),
            attempts=int(item.get("ConnectionAttempts") or 3),
            completion_seconds=float(completion) if completion else None,
            vpc_origin=vpc_origin,
        )

    def _vpc_origin(self, id: str) -> VpcOrigin:
        try:
            item = self._get("VpcOrigin", "get_vpc_origin", id)
        except ClientError as error:
            return VpcOrigin(id, id, problem=f"VPC origin {id}: {error.response['Error'].get('Message', error)}")
        config = item["VpcOriginEndpointConfig"]
        origin = VpcOrigin(
            id=id,
            name=config["Name"],
            http_port=int(config["HTTPPort"]),
            https_port=int(config["HTTPSPort"]),
            protocol_policy=config["OriginProtocolPolicy"],
        )
        if item["Status"] != "Deployed":
            return replace(origin, problem=f"VPC origin {origin.name} isn't deployed yet ({item['Status']})")
        try:
            found = self._elb.describe_load_balancers(LoadBalancerArns=[config["Arn"]])["LoadBalancers"]
        except ClientError:
            found = []
        if not found:
            return replace(origin, problem=f"VPC origin {origin.name}: there is no load balancer {config['Arn']}")
        return replace(
            origin,
            host=found[0]["DNSName"],
            vpc=found[0]["VpcId"],
            subnets=tuple(zone["SubnetId"] for zone in found[0]["AvailabilityZones"]),
        )


def _unsupported(config: dict[str, Any]) -> str | None:
    """The first feature that would change what a request meets and that isn't simulated."""
    if config.get("OriginGroups", {}).get("Quantity"):
        return "origin groups aren't simulated"
    if config.get("Restrictions", {}).get("GeoRestriction", {}).get("RestrictionType", "none") != "none":
        return "geographic restrictions aren't simulated"
    if any(page.get("ResponsePagePath") for page in config.get("CustomErrorResponses", {}).get("Items", [])):
        return "custom error pages aren't simulated"
    if any("S3OriginConfig" in origin for origin in config["Origins"]["Items"]):
        return "S3 origins aren't simulated"
    outside = [origin.get("CustomOriginConfig") for origin in config["Origins"]["Items"]]
    if any(custom and custom["OriginProtocolPolicy"] != "http-only" for custom in outside):
        return "TLS with an origin outside of the VPC isn't simulated; reach it by http-only or as a VPC origin"
    if config.get("Logging", {}).get("Enabled"):
        return "standard logs to a bucket aren't simulated; deliver them to a log group"
    if config.get("Staging"):
        return "continuous deployment isn't simulated: a staging distribution answers nobody"
    for behavior in (*config.get("CacheBehaviors", {}).get("Items", []), config["DefaultCacheBehavior"]):
        where = behavior.get("PathPattern", "the default behaviour")
        if behavior.get("LambdaFunctionAssociations", {}).get("Quantity"):
            return f"Lambda@Edge isn't simulated ({where})"
        if behavior.get("TrustedKeyGroups", {}).get("Enabled") or behavior.get("TrustedSigners", {}).get("Enabled"):
            return f"signed URLs aren't simulated ({where})"
        if not behavior.get("CachePolicyId"):
            return f"ForwardedValues aren't simulated, use a cache policy ({where})"
        if behavior.get("FieldLevelEncryptionId"):
            return f"field-level encryption isn't simulated ({where})"
        if behavior.get("RealtimeLogConfigArn"):
            return f"real-time logs aren't simulated ({where})"
    return None
