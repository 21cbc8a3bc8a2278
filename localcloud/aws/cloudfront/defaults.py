"""What CloudFront adds to a distribution's configuration where the caller said nothing.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html and the types that it refers to.
"""

from __future__ import annotations

import copy
from typing import Any

_NONE: dict[str, Any] = {"Quantity": 0}
_CONFIG: dict[str, Any] = {
    "Aliases": _NONE,
    "DefaultRootObject": "",
    "OriginGroups": _NONE,
    "CacheBehaviors": _NONE,
    "CustomErrorResponses": _NONE,
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
    "PriceClass": "PriceClass_All",
    "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": False,
    "ContinuousDeploymentPolicyId": "",
    "Staging": False,
}
_ORIGIN: dict[str, Any] = {
    "OriginPath": "",
    "CustomHeaders": _NONE,
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
_TIMEOUTS: dict[str, Any] = {"OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5}
_CUSTOM_ORIGIN: dict[str, Any] = {**_TIMEOUTS, "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]}}
_BEHAVIOUR: dict[str, Any] = {
    "TrustedSigners": {"Enabled": False, "Quantity": 0},
    "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
    "AllowedMethods": {"Quantity": 2, "Items": ["HEAD", "GET"]},
    "SmoothStreaming": False,
    "Compress": False,
    "LambdaFunctionAssociations": _NONE,
    "FunctionAssociations": _NONE,
    "FieldLevelEncryptionId": "",
    "GrpcConfig": {"Enabled": False},
}
_CACHED_METHODS = {"Quantity": 2, "Items": ["HEAD", "GET"]}


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as CloudFront would show it. The argument is left alone."""
    full = _filled(_CONFIG, config)
    for origin in full["Origins"]["Items"]:
        origin.update(_filled(_ORIGIN, origin))
        for name, defaults in (("CustomOriginConfig", _CUSTOM_ORIGIN), ("VpcOriginConfig", _TIMEOUTS)):
            if origin.get(name) is not None:
                origin[name] = _filled(defaults, origin[name])
    for behaviour in [full["DefaultCacheBehavior"], *(full["CacheBehaviors"].get("Items") or [])]:
        behaviour.update(_filled(_BEHAVIOUR, behaviour))
        behaviour["AllowedMethods"].setdefault("CachedMethods", copy.deepcopy(_CACHED_METHODS))
    full["Logging"] = _filled(_CONFIG["Logging"], full["Logging"])
    full["ViewerCertificate"] = _certificate(full["ViewerCertificate"])
    return _without_empty_items(full)


def _filled(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy({**defaults, **{name: value for name, value in given.items() if value is not None}})


def _certificate(certificate: dict[str, Any]) -> dict[str, Any]:
    """CloudFront's own certificate comes with the security policy TLSv1, whatever is asked for.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html
    """
    if certificate.get("CloudFrontDefaultCertificate"):
        return {
            "CloudFrontDefaultCertificate": True,
            "SSLSupportMethod": "vip",
            "MinimumProtocolVersion": "TLSv1",
            "CertificateSource": "cloudfront",
        }
    acm, iam = certificate.get("ACMCertificateArn"), certificate.get("IAMCertificateId")
    source = {"Certificate": acm or iam, "CertificateSource": "acm" if acm else "iam"}
    return {"CloudFrontDefaultCertificate": False, "MinimumProtocolVersion": "TLSv1", **certificate, **source}


def _without_empty_items(value: Any) -> Any:
    """CloudFront leaves out the Items of a list that has none."""
    if isinstance(value, list):
        return [_without_empty_items(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _without_empty_items(item)
            for name, item in value.items()
            if not (name == "Items" and item == [] and value.get("Quantity") == 0)
        }
    return value
