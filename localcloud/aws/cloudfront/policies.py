"""CloudFront's managed policies, by AWS's ids and names. Custom ones are not simulated.

``policies.json`` holds what these pages say:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.aws.cloudfront.state import State, page, require_valid
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# When the first of them came out; CloudFront shows a date, and nothing depends on it.
_PUBLISHED = datetime(2021, 6, 1, tzinfo=UTC)
_ALL_METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True)
class Kind:
    """One kind of policy: its name in ``policies.json`` and in operations, and the code for an unknown id."""

    data: str
    shape: str
    missing: str
    config: Callable[[dict[str, Any]], dict[str, Any]]

    @property
    def plural(self) -> str:
        return self.shape.removesuffix("y") + "ies"


def quantity(items: list[Any]) -> dict[str, Any]:
    """A list as CloudFront writes it: ``Items`` only when there are some."""
    return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}


def _choice(value: str | list[str] | None, behaviour: str, names: str) -> dict[str, Any]:
    if isinstance(value, list):
        return {behaviour: "whitelist", names: quantity(value)}
    return {behaviour: value or "none"}


def _cache_config(row: dict[str, Any]) -> dict[str, Any]:
    low, default, high = row["TTL"]
    return {
        "Name": row["Name"],
        "Comment": row["Comment"],
        "MinTTL": low,
        "DefaultTTL": default,
        "MaxTTL": high,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": row["Gzip"],
            "EnableAcceptEncodingBrotli": row["Brotli"],
            "HeadersConfig": _choice(row.get("Headers"), "HeaderBehavior", "Headers"),
            "CookiesConfig": _choice(row.get("Cookies"), "CookieBehavior", "Cookies"),
            "QueryStringsConfig": _choice(row.get("QueryStrings"), "QueryStringBehavior", "QueryStrings"),
        },
    }


def _request_config(row: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"HeaderBehavior": row["HeaderBehavior"]}
    if "Headers" in row:
        headers["Headers"] = quantity(row["Headers"])
    return {
        "Name": row["Name"],
        "Comment": row["Comment"],
        "HeadersConfig": headers,
        "CookiesConfig": _choice(row.get("Cookies"), "CookieBehavior", "Cookies"),
        "QueryStringsConfig": _choice(row.get("QueryStrings"), "QueryStringBehavior", "QueryStrings"),
    }


def _response_config(row: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {"Name": row["Name"], "Comment": row["Comment"]}
    if "Cors" in row:
        preflight = row["Cors"] == "preflight"
        config["CorsConfig"] = {
            "AccessControlAllowOrigins": {"Quantity": 1, "Items": ["*"]},
            "AccessControlAllowHeaders": {"Quantity": 0, "Items": []},
            "AccessControlAllowMethods": {"Quantity": 7, "Items": _ALL_METHODS}
            if preflight
            else {"Quantity": 0, "Items": []},
            "AccessControlAllowCredentials": False,
            "AccessControlExposeHeaders": quantity(["*"] if preflight else []),
            "OriginOverride": False,
        }
    if row.get("Security"):
        config["SecurityHeadersConfig"] = {
            "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
            "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
            "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
            "ContentTypeOptions": {"Override": True},
            "StrictTransportSecurity": {"Override": False, "AccessControlMaxAgeSec": 31536000},
        }
    return config


CACHE = Kind("cache", "CachePolicy", "NoSuchCachePolicy", _cache_config)
ORIGIN_REQUEST = Kind("origin-request", "OriginRequestPolicy", "NoSuchOriginRequestPolicy", _request_config)
RESPONSE_HEADERS = Kind("response-headers", "ResponseHeadersPolicy", "NoSuchResponseHeadersPolicy", _response_config)


@cache
def _data() -> dict[str, dict[str, Any]]:
    return json.loads(Path(__file__).with_name("policies.json").read_text())


def _policy(kind: Kind, id: str) -> dict[str, Any]:
    return {"Id": id, "LastModifiedTime": _PUBLISHED, f"{kind.shape}Config": kind.config(_data()[kind.data][id])}


def require(kind: Kind, id: str) -> None:
    """Refuse the id of a policy that doesn't exist."""
    if id not in _data()[kind.data]:
        raise Refusal(
            kind.missing,
            f"The {kind.data.replace('-', ' ')} policy {id} does not exist: the simulated CloudFront has AWS's "
            "managed policies.",
        )


def register(rules: Rules, state: State) -> None:
    for kind in (CACHE, ORIGIN_REQUEST, RESPONSE_HEADERS):
        _register(rules, kind)


def _register(rules: Rules, kind: Kind) -> None:
    etag = "E23ZP02F085DFQ"  # never changes: managed policies can't be updated

    @rules.answer("cloudfront", f"Get{kind.shape}")
    def get(call: Call) -> dict[str, Any]:
        require(kind, call.params["Id"])
        return {kind.shape: _policy(kind, call.params["Id"]), "ETag": etag}

    @rules.answer("cloudfront", f"Get{kind.shape}Config")
    def get_config(call: Call) -> dict[str, Any]:
        require(kind, call.params["Id"])
        return {f"{kind.shape}Config": _policy(kind, call.params["Id"])[f"{kind.shape}Config"], "ETag": etag}

    @rules.answer("cloudfront", f"List{kind.plural}")
    def list_policies(call: Call) -> dict[str, Any]:
        require_valid(call)
        ids = [] if call.params.get("Type") == "custom" else sorted(_data()[kind.data])
        items = [(id, {"Type": "managed", kind.shape: _policy(kind, id)}) for id in ids]
        return {f"{kind.shape}List": page(items, call, marker_required=False)}
