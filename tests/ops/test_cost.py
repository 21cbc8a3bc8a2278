"""The estimate and its price table: pure."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.cost import awake, refresh
from ops.cost.assumptions import Assumptions
from ops.cost.estimate import estimate
from ops.cost.prices import load, regions
from ops.cost.refresh import QUERIES
from ops.cost.rules import PRICED, Whole, is_free
from ops.errors import CannotRun
from ops.plan import Planned
from tests.components.declared import declare

PRICES = load("us-east-1")
SCHEDULE = "aws:scheduler/schedule:Schedule"
HOURS = {"start": "08:00", "stop": "18:00", "timezone": "Europe/Berlin"}


def resource(type: str, component: str = "gateway:Gateway", **inputs: Any) -> Planned:
    return Planned(f"urn:pulumi:poc::p::llm-gateway:{component}${type}::{type}", "create", inputs)


def of_stack(stack: str = "poc", **config: Any) -> Any:
    """The estimate of what the program declares for a stack."""
    kinds = {"aws:ecs": "gateway:Gateway", "aws:rds": "database:Database"}
    declared = [
        Planned(f"urn:pulumi:poc::p::llm-gateway:{kinds.get(r.typ[:7], 'x:X')}${r.typ}::{r.name}", "create", r.inputs)
        for r in declare(stack, **config).resources
        if r.typ.startswith("aws:")
    ]
    return estimate(declared, PRICES)


def test_the_poc_costs_what_is_promised() -> None:
    shipped, public = of_stack(), of_stack(egress="public")
    asleep = of_stack(egress="public", officeHours=HOURS)
    assert shipped.unknown == public.unknown == asleep.unknown == ()
    assert Decimal(95) < shipped.total < Decimal(105)
    assert Decimal(60) < public.total < Decimal(75)
    assert Decimal(30) < asleep.total < Decimal(40)


def test_alarms_and_everything_else_that_can_be_declared_has_a_price_or_a_reason() -> None:
    everything = of_stack(alarmEmail="ops@example.com", officeHours=HOURS, egress="public", ttl="7d")
    assert everything.unknown == ()
    assert {"alarm", "additional metrics at the edge"} <= {line.what for line in everything.lines}


def test_the_scale_stack_costs_what_docs_scale_says() -> None:
    shipped = of_stack("scale")
    assert shipped.unknown == ()
    assert Decimal(325) < shipped.total < Decimal(355)
    credential = "arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/ghcr-AbCdEf"
    sealed = of_stack("scale", egress="endpoints", registryCredentialArn=credential)
    assert sealed.unknown == ()
    assert Decimal(45) < sealed.total - shipped.total < Decimal(60), "six endpoints in two zones, no NAT gateway"


def test_a_standby_is_as_large_as_what_it_stands_by_for() -> None:
    scaling = {"minCapacity": 1, "maxCapacity": 4}
    cluster = resource("aws:rds/cluster:Cluster", serverlessv2ScalingConfiguration=scaling)
    one, two = (
        Planned(f"{cluster.urn.rpartition('$')[0]}$aws:rds/clusterInstance:ClusterInstance::{n}", "create", {})
        for n in range(2)
    )
    alone, both = (estimate([cluster, *more], PRICES).fixed for more in ([one], [one, two]))
    assert both == 2 * alone == Decimal("175.20")


def test_a_type_that_nobody_has_priced_is_named() -> None:
    found = estimate([resource("aws:mq/broker:Broker")], PRICES)
    assert found.total == 0 and found.unknown == ("aws:mq:Broker: no price is known for this type",)


def test_a_price_that_the_table_lacks_is_named() -> None:
    found = estimate([resource("aws:rds/instance:Instance", instanceClass="db.x9.huge", storageType="gp3")], PRICES)
    assert any("has no price rds-db.x9.huge-hour" in name for name in found.unknown)


def test_what_goes_costs_nothing_more() -> None:
    nat = resource("aws:ec2/natGateway:NatGateway")
    gone = Planned(nat.urn, "delete", nat.inputs)
    assert estimate([nat], PRICES).total > 30 and estimate([gone], PRICES).total == 0


@pytest.mark.parametrize(
    ("inputs", "usd"),
    [({"vpcEndpointType": "Gateway"}, 0), ({"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}, "14.60")],
)
def test_an_interface_endpoint_costs_by_the_zone(inputs: dict[str, Any], usd: Any) -> None:
    assert estimate([resource("aws:ec2/vpcEndpoint:VpcEndpoint", **inputs)], PRICES).fixed == Decimal(usd)


def test_no_rule_is_for_a_type_that_is_free_as_well() -> None:
    free_alone = {"aws:lb/loadBalancer:LoadBalancer", "aws:s3/bucket:Bucket", "aws:wafv2/webAcl:WebAcl"}
    assert {type for type in PRICED if is_free(type)} <= free_alone, "those are priced first"


def schedule(call: str, expression: str, **given: Any) -> Planned:
    target = {"arn": f"arn:aws:scheduler:::aws-sdk:{call}", "input": json.dumps(given)}
    return resource(SCHEDULE, target=target, scheduleExpression=expression)


def test_awake_is_what_the_schedules_say() -> None:
    stop = schedule("ecs:updateService", "cron(0 18 ? * * *)", DesiredCount=0)
    start = schedule("ecs:updateService", "cron(0 8 ? * MON,TUE *)", DesiredCount=1)
    assert awake.service_hours([start, stop]) == pytest.approx(20 / 168 * 730)
    assert awake.service_hours([stop]) == 730, "what is never started is not asleep by plan"
    assert awake.database_hours([start, stop]) == 730
    disabled = Planned(start.urn, "create", {**start.inputs, "state": "DISABLED"})
    assert awake.service_hours([disabled, stop]) == 730


def test_tables_have_source_date_and_every_price() -> None:
    assert regions() == ["us-east-1", "us-west-1"]
    for region in regions():
        table = load(region)
        assert table.source and date.fromisoformat(table.date) <= date(2100, 1, 1)
        assert table.usd.keys() == PRICES.usd.keys()
        assert table.estimated <= table.usd.keys()
        assert all(0 < price < 100 for price in table.usd.values())
    assert load("us-west-1").estimated == PRICES.usd.keys(), "nobody has looked them up"
    assert PRICES.usd["nat-hour"] == Decimal("0.045") and "nat-hour" not in PRICES.estimated


def test_every_price_that_a_rule_asks_for_can_be_fetched() -> None:
    assert PRICES.usd.keys() - QUERIES.keys() == {"edge-function-million-calls"}, (
        "CloudFront is priced by edge location"
    )


def test_an_unknown_region_is_told_with_those_that_are_known() -> None:
    with pytest.raises(CannotRun, match="only for us-east-1, us-west-1"):
        load("eu-central-1")


class Api:
    """The Price List API as its documentation shows it: pages of products, each a JSON text."""

    def __init__(self, prices: dict[str, str], refuse: bool = False) -> None:
        self.prices, self.refuse = prices, refuse

    def get_paginator(self, operation: str) -> Api:
        assert operation == "get_products"
        return self

    def paginate(self, ServiceCode: str, Filters: list[dict[str, str]]) -> Any:
        if self.refuse:
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url="https://api.pricing")
        assert {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-west-1"} in Filters
        found = [self._product(usage, usd) for usage, usd in self.prices.items()]
        yield {"PriceList": found[:1]}
        yield {"PriceList": found[1:]}

    @staticmethod
    def _product(usage: str, usd: str) -> str:
        tiers = {
            "a": {"beginRange": "0", "pricePerUnit": {"USD": usd}},
            "b": {"beginRange": "1000", "pricePerUnit": {"USD": "0.0000001"}},
        }
        terms = {"OnDemand": {"t": {"priceDimensions": tiers}}}
        return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


def test_a_refresh_takes_what_the_api_says_and_marks_what_it_does_not(tmp_path: Path) -> None:
    api = Api(
        {
            "USW1-NatGateway-Hours": "0.0480000000",
            "USW1-Provisioned-NatGateway-Hours": "9",
            "NatGateway-Bytes": "0.05",
            "USW1-Request-ARM": "0.0000002",
            "USW1-LoadBalancerUsage": "0.02",
            "LoadBalancerUsage": "0.03",
        }
    )
    said = refresh.refresh("us-west-1", api, tmp_path, date(2026, 11, 25))
    table = load("us-west-1", tmp_path)
    assert table.usd["nat-hour"] == Decimal("0.048") and table.usd["nat-gb"] == Decimal("0.05")
    assert table.usd["lambda-million-calls"] == Decimal("0.2")
    assert "alb-hour" not in table.usd, "two answers are none"
    assert (table.date, table.source) == ("2026-11-25", "AWS Price List API")
    assert "not found, and kept as estimates" in said and "alb-hour" in said


def test_a_refresh_keeps_old_prices_as_estimates(tmp_path: Path) -> None:
    old = {"region": "us-west-1", "date": "2026-01-01", "source": "x", "prices": {"alb-hour": 0.0252, "nat-hour": 0.04}}
    (tmp_path / "us-west-1.yaml").write_text(yaml.safe_dump(old))
    refresh.refresh("us-west-1", Api({"USW1-NatGateway-Hours": "0.048"}), tmp_path)
    table = load("us-west-1", tmp_path)
    assert table.usd == {"alb-hour": Decimal("0.0252"), "nat-hour": Decimal("0.048")}
    assert table.estimated == {"alb-hour"}


def test_without_network_the_table_stays(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="needs the network, and credentials"):
        refresh.refresh("us-west-1", Api({}, refuse=True), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_assumptions_are_said_where_they_count() -> None:
    found = estimate([resource("aws:ec2/natGateway:NatGateway")], PRICES, Assumptions(nat_gb=100))
    [line] = [line for line in found.lines if line.usage]
    assert (line.usd, line.basis) == (Decimal("4.50"), "100 GB")
    assert Whole([], Assumptions()).assumed.nat_gb == 5
