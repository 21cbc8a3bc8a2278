"""The rules that CloudFront checks before it takes a distribution's configuration, each with the error it answers.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html (errors)
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesGeneral.html and its like (rules)
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html (limits)
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws import firewall
from localcloud.aws.cloudfront import policies
from localcloud.aws.cloudfront.state import State
from localcloud.aws.refusal import Refusal

MOST_BEHAVIOURS = 75
MOST_ORIGINS = 100
_METHOD_SETS = [
    {"GET", "HEAD"},
    {"GET", "HEAD", "OPTIONS"},
    {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"},
]
_PATH_PATTERN = re.compile(r"[A-Za-z0-9_\-.*$/~\"'@:+&?]{1,255}")
_ERROR_CODES = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}
_RESPONSE_CODES = {"200", *(str(code) for code in _ERROR_CODES)}
# Seconds, without a raised quota: DownloadDistValuesOrigin.html, "Response timeout" and "Keep-alive timeout".
MOST_READ_SECONDS = 120
MOST_KEEPALIVE_SECONDS = 120


def check(state: State, config: dict[str, Any], own_id: str | None = None) -> None:
    """Refuse a complete configuration that CloudFront would; ``own_id`` is the distribution that it updates."""
    _check_origins(state, config["Origins"]["Items"])
    origin_ids = {origin["Id"] for origin in config["Origins"]["Items"]}
    groups = {group["Id"] for group in config["OriginGroups"].get("Items") or []}
    ordered = config["CacheBehaviors"].get("Items") or []
    if len(ordered) + 1 > MOST_BEHAVIOURS:
        raise Refusal("TooManyCacheBehaviors", f"{len(ordered) + 1} cache behaviours; {MOST_BEHAVIOURS} is the most.")
    _check_patterns([behaviour["PathPattern"] for behaviour in ordered])
    for behaviour in (config["DefaultCacheBehavior"], *ordered):
        _check_behaviour(state, behaviour, origin_ids | groups)
    _check_names(state, config, own_id)
    if config["WebACLId"] and not firewall.exists(state.account, config["WebACLId"]):
        raise Refusal(
            "InvalidWebACLId",
            f"Web ACL {config['WebACLId']} is not one for CloudFront: give the ARN of one with the scope CLOUDFRONT.",
        )
    _check_errors(config["CustomErrorResponses"].get("Items") or [])
    root = config["DefaultRootObject"]
    if root.startswith("/") or len(root) > 255:
        raise Refusal(
            "InvalidDefaultRootObject",
            f"DefaultRootObject is {root!r}: no leading slash, at most 255 characters.",
        )


def _check_origins(state: State, origins: list[dict[str, Any]]) -> None:
    if len(origins) > MOST_ORIGINS:
        raise Refusal("TooManyOrigins", f"{len(origins)} origins; {MOST_ORIGINS} is the most.")
    ids = [origin["Id"] for origin in origins]
    for id in ids:
        if ids.count(id) > 1:
            raise Refusal("InvalidArgument", f"The origin id {id!r} is used twice; each origin needs its own.")
    for origin in origins:
        _check_origin(state, origin)


def _check_origin(state: State, origin: dict[str, Any]) -> None:
    name = f"The origin {origin['Id']!r}"
    kinds = [
        kind for kind in ("S3OriginConfig", "CustomOriginConfig", "VpcOriginConfig") if origin.get(kind) is not None
    ]
    if len(kinds) != 1:
        raise Refusal(
            "InvalidArgument",
            f"{name} needs exactly one of S3OriginConfig, CustomOriginConfig and VpcOriginConfig; it has "
            f"{' and '.join(kinds) or 'none'}.",
        )
    if origin["OriginPath"] and (not origin["OriginPath"].startswith("/") or origin["OriginPath"].endswith("/")):
        raise Refusal(
            "InvalidRelativePath",
            f"{name} has OriginPath {origin['OriginPath']!r}: it begins with a slash and doesn't end with one.",
        )
    settings = origin[kinds[0]]
    _within(name, settings, "OriginReadTimeout", 1, MOST_READ_SECONDS, "InvalidOriginReadTimeout")
    _within(name, settings, "OriginKeepaliveTimeout", 1, MOST_KEEPALIVE_SECONDS, "InvalidOriginKeepaliveTimeout")
    _within(name, origin, "ConnectionAttempts", 1, 3, "InvalidArgument")
    _within(name, origin, "ConnectionTimeout", 1, 10, "InvalidArgument")
    if kinds[0] == "VpcOriginConfig":
        _check_vpc_origin(state, name, settings["VpcOriginId"])


def _within(name: str, settings: dict[str, Any], member: str, low: int, high: int, code: str) -> None:
    value = settings.get(member)
    if value is not None and not low <= value <= high:
        raise Refusal(code, f"{name} has {member} {value}; it can be {low} to {high}.")


def _check_vpc_origin(state: State, name: str, id: str) -> None:
    vpc_origin = state.vpc_origins.get(id)
    if vpc_origin is None:
        raise Refusal("EntityNotFound", f"{name} names the VPC origin {id}, which does not exist.")
    if vpc_origin.status != "Deployed":
        raise Refusal(
            "InvalidOrigin",
            f"{name} names the VPC origin {id}, which is {vpc_origin.status}: wait until it is Deployed.",
        )


def _check_patterns(patterns: list[str]) -> None:
    for pattern in patterns:
        if not _PATH_PATTERN.fullmatch(pattern) and pattern != "*":
            raise Refusal(
                "InvalidArgument",
                f"The path pattern {pattern!r} is empty, longer than 255 characters or has a character that "
                "CloudFront doesn't take.",
            )
        if patterns.count(pattern) > 1:
            raise Refusal("InvalidArgument", f"Two cache behaviours have the path pattern {pattern!r}.")


def _check_behaviour(state: State, behaviour: dict[str, Any], origins: set[str]) -> None:
    name = f"The cache behaviour {behaviour.get('PathPattern', 'Default (*)')!r}"
    if behaviour["TargetOriginId"] not in origins:
        raise Refusal(
            "NoSuchOrigin",
            f"{name} names the origin {behaviour['TargetOriginId']!r}, which the distribution does not have: it has "
            f"{', '.join(sorted(origins))}.",
        )
    _check_methods(name, behaviour["AllowedMethods"])
    _check_policies(name, behaviour)
    _check_functions(state, name, behaviour)


def _check_methods(name: str, methods: dict[str, Any]) -> None:
    allowed, cached = set(methods["Items"]), set(methods["CachedMethods"]["Items"])
    if allowed not in _METHOD_SETS:
        raise Refusal(
            "InvalidArgument",
            f"{name} has AllowedMethods {sorted(allowed)}: it can be GET and HEAD, those and OPTIONS, or all seven.",
        )
    if cached not in _METHOD_SETS[:2] or not cached <= allowed:
        raise Refusal(
            "InvalidArgument",
            f"{name} has CachedMethods {sorted(cached)}: it can be GET and HEAD, or those and OPTIONS if they are "
            "allowed.",
        )


def _check_policies(name: str, behaviour: dict[str, Any]) -> None:
    cache_id, legacy = behaviour.get("CachePolicyId"), behaviour.get("ForwardedValues")
    if bool(cache_id) == bool(legacy):
        raise Refusal("InvalidArgument", f"{name} needs a CachePolicyId or ForwardedValues, and not both.")
    if cache_id:
        policies.require(policies.CACHE, cache_id)
        for ttl in ("MinTTL", "DefaultTTL", "MaxTTL"):
            if behaviour.get(ttl) is not None:
                raise Refusal("InvalidArgument", f"{name} has a CachePolicyId and {ttl}: the policy holds the TTLs.")
    if behaviour.get("OriginRequestPolicyId"):
        if not cache_id:
            raise Refusal("InvalidArgument", f"{name} has an OriginRequestPolicyId; that needs a CachePolicyId too.")
        policies.require(policies.ORIGIN_REQUEST, behaviour["OriginRequestPolicyId"])
    if behaviour.get("ResponseHeadersPolicyId"):
        policies.require(policies.RESPONSE_HEADERS, behaviour["ResponseHeadersPolicyId"])


def _check_functions(state: State, name: str, behaviour: dict[str, Any]) -> None:
    if behaviour["LambdaFunctionAssociations"].get("Items"):
        raise Refusal(
            "InvalidLambdaFunctionAssociation",
            f"{name} names a Lambda@Edge function; the simulated CloudFront runs CloudFront Functions only.",
        )
    arns = {function.arn: function for function in state.functions.values()}
    seen: set[str] = set()
    for association in behaviour["FunctionAssociations"].get("Items") or []:
        arn, event = association["FunctionARN"], association["EventType"]
        if event not in ("viewer-request", "viewer-response"):
            raise Refusal(
                "InvalidFunctionAssociation",
                f"{name} associates {arn} with {event}; a CloudFront Function runs at viewer-request or "
                "viewer-response.",
            )
        if event in seen:
            raise Refusal("TooManyFunctionAssociations", f"{name} has two functions for {event}; one is the most.")
        seen.add(event)
        if arn not in arns:
            raise Refusal("InvalidFunctionAssociation", f"{name} names the function {arn}, which does not exist.")
        if arns[arn].live is None:
            raise Refusal(
                "InvalidFunctionAssociation",
                f"{name} names the function {arn}, which is not published to the LIVE stage: publish it first.",
            )


def _check_names(state: State, config: dict[str, Any], own_id: str | None) -> None:
    aliases = config["Aliases"].get("Items") or []
    certificate = config["ViewerCertificate"]
    if certificate["CloudFrontDefaultCertificate"] and aliases:
        raise Refusal(
            "InvalidViewerCertificate",
            f"The aliases {', '.join(aliases)} need a certificate of their own: CloudFront's default one covers "
            "*.cloudfront.net.",
        )
    acm = certificate.get("ACMCertificateArn")
    if acm and ":acm:us-east-1:" not in acm:
        raise Refusal(
            "InvalidViewerCertificate",
            f"The certificate {acm} is not in us-east-1; CloudFront takes ACM certificates from there only.",
        )
    if not certificate["CloudFrontDefaultCertificate"] and not certificate.get("SSLSupportMethod"):
        raise Refusal(
            "InvalidViewerCertificate",
            "ViewerCertificate needs an SSLSupportMethod with a certificate of one's own (sni-only, unless very old "
            "clients matter).",
        )
    for other in state.distributions.values():
        taken = set(aliases) & set(other.config["Aliases"].get("Items") or [])
        if other.id != own_id and taken:
            raise Refusal("CNAMEAlreadyExists", f"{', '.join(sorted(taken))} is an alias of {other.id} already.")


def _check_errors(responses: list[dict[str, Any]]) -> None:
    for response in responses:
        code, page, status = response["ErrorCode"], response.get("ResponsePagePath"), response.get("ResponseCode")
        if code not in _ERROR_CODES:
            raise Refusal("InvalidErrorCode", f"CustomErrorResponses has ErrorCode {code}, which can't be customised.")
        if bool(page) != bool(status):
            raise Refusal(
                "InvalidArgument",
                f"The custom error response for {code} needs both ResponsePagePath and ResponseCode, or neither.",
            )
        if status and status not in _RESPONSE_CODES:
            raise Refusal("InvalidResponseCode", f"The custom error response for {code} has ResponseCode {status}.")
