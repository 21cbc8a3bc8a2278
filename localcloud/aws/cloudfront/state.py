"""CloudFront's state in one account, and what its rooms share: ids, ETags, pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.ids import new_id, now
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.wire import Call

# AWS takes minutes to deploy a VPC origin or a distribution; here time is compressed, but the state is still passed
# through, so that whoever doesn't wait for it fails here as well.
DEPLOY_SECONDS = 0.4


def new_etag() -> str:
    return new_id("E", 13)


@dataclass
class FunctionStage:
    """Code and configuration of one stage of a function."""

    config: dict[str, Any]
    code: bytes
    etag: str
    modified: datetime


@dataclass
class Function:
    name: str
    arn: str
    created: datetime
    development: FunctionStage
    live: FunctionStage | None = None


@dataclass
class VpcOrigin:
    id: str
    arn: str
    config: dict[str, Any]  # VpcOriginEndpointConfig
    etag: str
    created: datetime
    modified: datetime
    vpc_id: str

    @property
    def status(self) -> str:
        return "Deployed" if (now() - self.modified).total_seconds() >= DEPLOY_SECONDS else "Deploying"


@dataclass
class Distribution:
    id: str
    arn: str
    domain: str
    config: dict[str, Any]  # DistributionConfig, complete with AWS's defaults
    etag: str
    modified: datetime


@dataclass
class State:
    account: Account
    functions: dict[str, Function] = field(default_factory=dict)  # by name
    vpc_origins: dict[str, VpcOrigin] = field(default_factory=dict)  # by id
    distributions: dict[str, Distribution] = field(default_factory=dict)  # by id
    tags: dict[str, dict[str, str]] = field(default_factory=dict)  # by ARN

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:cloudfront::{self.account.account_id}:{kind}/{name}"

    def distribution_status(self, distribution: Distribution) -> str:
        """Deployed once the edge runs this very version; without an edge that reports, after a moment."""
        deployed = self.account.facts.deployed
        if deployed is not None:
            return "Deployed" if deployed.get(distribution.id) == distribution.etag else "InProgress"
        return "Deployed" if (now() - distribution.modified).total_seconds() >= DEPLOY_SECONDS else "InProgress"


def require_match(etag: str, given: str | None) -> None:
    """Refuse a change that doesn't name the current version."""
    if not given:
        raise Refusal("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if given != etag:
        raise Refusal(
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        )


def require_valid(call: Call) -> None:
    """Refuse input that the service's model forbids."""
    codes = {"quantity": "InconsistentQuantities", "missing": "InvalidArgument", "value": "InvalidArgument"}
    for kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise Refusal(codes[kind], sentence)


def page(items: Sequence[tuple[str, dict[str, Any]]], call: Call, *, marker_required: bool = True) -> dict[str, Any]:
    """One page of (key, summary) pairs in CloudFront's list shape; ``Marker`` is the last key of the page before."""
    given = call.params.get("MaxItems")
    try:
        size = int(given) if given else 100
    except ValueError:
        size = 0
    if not 1 <= size <= 1000:
        raise Refusal("InvalidArgument", f"MaxItems is {given!r}; give a number from 1 to 1000.")
    marker = call.params.get("Marker") or ""
    keys = [key for key, _ in items]
    first = keys.index(marker) + 1 if marker in keys else 0
    rest = items[first:]
    shown = rest[:size]
    listed: dict[str, Any] = {"MaxItems": size, "Quantity": len(shown), "Items": [item for _, item in shown] or None}
    if marker_required:
        listed |= {"Marker": marker, "IsTruncated": len(rest) > size}
    if len(rest) > size:
        listed["NextMarker"] = shown[-1][0]
    return listed
