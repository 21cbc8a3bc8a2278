"""Fetches a region's prices from the AWS Price List API into the table.

It needs the network and credentials that may call `pricing:GetProducts`; the API is in us-east-1 for all regions.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import yaml

from ops.cost.prices import FOLDER, regions
from ops.errors import CannotRun

API_REGION = "us-east-1"


@dataclass(frozen=True)
class Query:
    """Where a price is in the price list: a service, the end of a usage type (in front of it stands the region's own
    prefix, such as `USW1-`), and further attributes."""

    service: str
    usage: str
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


_POSTGRES = {"databaseEngine": "PostgreSQL", "deploymentOption": "Single-AZ"}
_STORAGE = {**_POSTGRES, "productFamily": "Database Storage"}

QUERIES: dict[str, Query] = {
    "fargate-arm-vcpu-hour": Query("AmazonECS", "Fargate-ARM-vCPU-Hours:perCPU"),
    "fargate-arm-gb-hour": Query("AmazonECS", "Fargate-ARM-GB-Hours"),
    "fargate-x86-vcpu-hour": Query("AmazonECS", "Fargate-vCPU-Hours:perCPU"),
    "fargate-x86-gb-hour": Query("AmazonECS", "Fargate-GB-Hours"),
    "alb-hour": Query("AWSELB", "LoadBalancerUsage", {"productFamily": "Load Balancer-Application"}),
    "alb-lcu-hour": Query("AWSELB", "LCUUsage", {"productFamily": "Load Balancer-Application"}),
    "nat-hour": Query("AmazonEC2", "NatGateway-Hours", {"productFamily": "NAT Gateway"}),
    "nat-gb": Query("AmazonEC2", "NatGateway-Bytes", {"productFamily": "NAT Gateway"}),
    "ipv4-hour": Query("AmazonVPC", "PublicIPv4:InUseAddress"),
    **{
        f"rds-{kind}-hour": Query("AmazonRDS", f"InstanceUsage:{kind}", _POSTGRES)
        for kind in ("db.t4g.micro", "db.t4g.small", "db.t4g.medium", "db.t4g.large", "db.m7g.large")
    },
    "rds-gp3-gb-month": Query("AmazonRDS", "RDS:GP3-Storage", _STORAGE),
    "aurora-acu-hour": Query("AmazonRDS", "Aurora:ServerlessV2Usage", {"databaseEngine": "Aurora PostgreSQL"}),
    "aurora-gb-month": Query("AmazonRDS", "Aurora:StorageUsage"),
    **{
        f"valkey-{kind}-hour": Query("AmazonElastiCache", f"NodeUsage:{kind}", {"cacheEngine": "Valkey"})
        for kind in ("cache.t4g.micro", "cache.t4g.small", "cache.t4g.medium", "cache.m7g.large")
    },
    "ecr-gb-month": Query("AmazonECR", "TimedStorage-ByteHrs"),
    "endpoint-hour": Query("AmazonVPC", "VpcEndpoint-Hours"),
    "endpoint-gb": Query("AmazonVPC", "VpcEndpoint-Bytes"),
    "secret-month": Query("AWSSecretsManager", "AWSSecretsManager-Secrets"),
    "log-gb": Query("AmazonCloudWatch", "DataProcessing-Bytes"),
    "log-gb-month": Query("AmazonCloudWatch", "TimedStorage-ByteHrs"),
    "metric-month": Query("AmazonCloudWatch", "CW:MetricMonitorUsage"),
    "alarm-month": Query("AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    "lambda-gb-second": Query("AWSLambda", "Lambda-GB-Second-ARM"),
    "lambda-million-calls": Query("AWSLambda", "Request-ARM"),
    "s3-gb-month": Query("AmazonS3", "TimedStorage-ByteHrs", {"volumeType": "Standard"}),
    "waf-acl-month": Query("awswaf", "WebACLV2"),
    "waf-rule-month": Query("awswaf", "RuleV2"),
    "kms-key-month": Query("awskms", "KMS-Keys"),
}
# A price for a million of what the list prices by the piece.
_BY_THE_MILLION = {"lambda-million-calls"}


def refresh(region: str, client: Any = None, folder: Path = FOLDER, today: date | None = None) -> str:
    """Rewrites the region's table with what the API says; a price that it doesn't give keeps its old value and stays
    marked as an estimate. Returns a sentence.

    Raises:
        CannotRun: the API can't be reached, or refuses.
    """
    before = _before(region, folder)
    api = client or _client()
    found: dict[str, Decimal] = {}
    missing: list[str] = []
    for id, query in QUERIES.items():
        price = _price(api, region, id, query)
        if price is None:
            missing.append(id)
        else:
            found[id] = price
    prices = {id: found.get(id, before.get(id)) for id in {**before, **QUERIES}}
    kept = {id: _plain(price) for id, price in prices.items() if price is not None}
    table = {
        "region": region,
        "date": (today or datetime.now(UTC).date()).isoformat(),
        "source": "AWS Price List API",
        "estimated": sorted(id for id in kept if id not in found),
        "prices": kept,
    }
    head = f"# AWS's list prices in USD without taxes, discounts and free tiers, by `make prices REGION={region}`.\n"
    (folder / f"{region}.yaml").write_text(head + yaml.safe_dump(table, sort_keys=False))
    lacking = f"; not found, and kept as estimates: {', '.join(missing)}" if missing else ""
    return f"{region}: {len(found)} prices of {table['date']}{lacking}"


def _before(region: str, folder: Path) -> dict[str, Decimal]:
    known = regions(folder)
    if not known:
        return {}
    chosen = region if region in known else known[0]
    content = yaml.safe_load((folder / f"{chosen}.yaml").read_text())
    return {id: Decimal(str(price)) for id, price in content["prices"].items()}


def _client() -> Any:
    import boto3

    return cast(Any, boto3).client("pricing", region_name=API_REGION)


def _price(api: Any, region: str, id: str, query: Query) -> Decimal | None:
    prices = set(_first_prices(api, region, query))
    if len(prices) != 1:  # nothing, or more than one thing that answers to the description: neither is a price
        return None
    [price] = prices
    return price * 1_000_000 if id in _BY_THE_MILLION else price


def _first_prices(api: Any, region: str, query: Query) -> Iterator[Decimal]:
    """USD of the first tier of every product that fits."""
    filters = {"regionCode": region, **query.attributes}
    terms = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters.items()]
    for product in _products(api, query.service, terms):
        usage = product["product"]["attributes"].get("usagetype", "")
        # `USW1-NatGateway-Hours` in most regions, bare in us-east-1; never `…-Provisioned-NatGateway-Hours`
        prefix = usage.removesuffix(query.usage) if usage.endswith(query.usage) else None
        if prefix is None or prefix.count("-") > 1 or (prefix and not prefix.endswith("-")):
            continue
        for term in product["terms"].get("OnDemand", {}).values():
            tiers = [t for t in term["priceDimensions"].values() if t.get("beginRange", "0") == "0"]
            amounts = [Decimal(tier["pricePerUnit"]["USD"]) for tier in tiers if "USD" in tier["pricePerUnit"]]
            yield from (amount for amount in amounts if amount > 0)


def _products(api: Any, service: str, filters: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for page in api.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters):
            yield from (json.loads(text) for text in page["PriceList"])
    except (BotoCoreError, ClientError) as error:
        raise CannotRun(
            f"the AWS Price List API gives no prices ({error}): it needs the network, and credentials that may call"
            " pricing:GetProducts"
        ) from None


def _plain(price: Decimal) -> float:
    return float(price.normalize())
