"""Which access logs the account's distributions have, as frozen data (blocking reads)."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.aws.account import Account
from localcloud.aws.log_delivery import EDGE_REGION, group_name


@dataclass(frozen=True)
class AccessLog:
    """Where a distribution's records go, and which fields they have."""

    group: str
    stream: str
    fields: tuple[str, ...]


def access_logs(account: Account) -> dict[str, tuple[AccessLog, ...]]:
    """By a distribution's ARN, its logs (blocking reads)."""
    client = account.client("logs", EDGE_REGION)
    sources = {one["name"]: one["resourceArns"] for one in client.describe_delivery_sources()["deliverySources"]}
    groups = {
        one["arn"]: group_name(one["deliveryDestinationConfiguration"]["destinationResourceArn"])
        for one in client.describe_delivery_destinations()["deliveryDestinations"]
    }
    found: dict[str, tuple[AccessLog, ...]] = {}
    for delivery in client.describe_deliveries()["deliveries"]:
        fields = tuple(delivery.get("recordFields") or ())
        for arn in sources.get(delivery["deliverySourceName"], ()):
            group = groups[delivery["deliveryDestinationArn"]]
            log = AccessLog(group, f"CloudFront_{arn.rpartition('/')[2]}", fields)
            found[arn] = (*found.get(arn, ()), log)
    return found
