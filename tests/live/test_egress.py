"""The way out is changed while the gateway stands: public addresses and IPv6 instead of a NAT gateway, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.live.cloud import Cloud, chat
from tests.live.test_truth import changes, project


def nat_gateways(cloud: Cloud) -> int:
    found = cloud.client("ec2").describe_nat_gateways()["NatGateways"]
    return len([gateway for gateway in found if gateway["State"] != "deleted"])


def test_public_egress_serves_without_a_nat_gateway(cloud: Cloud, outputs: dict[str, Any], tmp_path: Path) -> None:
    copy = project(tmp_path)
    config = copy / "Pulumi.local.yaml"
    config.write_text(config.read_text() + "  llm-gateway:egress: public\n")
    cloud.pulumi("up", "--yes", "--skip-preview", cwd=copy)
    assert nat_gateways(cloud) == 0
    assert changes(cloud, cwd=copy) == {}
    answer = chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"])
    assert answer.status == 200
    # a cold function: it has to ask STS who calls, and to fetch the master key, over IPv6
    name = outputs["relayFunctionName"]
    cloud.client("lambda").update_function_configuration(FunctionName=name, Description="cold")
    assert cloud.relay("GET", "/user/list")["status"] == 200
    # and it is that way alone: without the route there is none
    ec2 = cloud.client("ec2")
    [(table, gateway)] = [
        (table["RouteTableId"], route["EgressOnlyInternetGatewayId"])
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if route.get("EgressOnlyInternetGatewayId")
    ]
    route = {"RouteTableId": table, "DestinationIpv6CidrBlock": "::/0"}
    ec2.delete_route(**route)
    cloud.client("lambda").update_function_configuration(FunctionName=name, Description="cold again", Timeout=59)
    refused = cloud.relay("GET", "/user/list")
    assert refused["status"] == 502 and "can't reach STS" in refused["body"]["error"]["message"]
    ec2.create_route(**route, EgressOnlyInternetGatewayId=gateway)
    assert cloud.relay("GET", "/user/list")["status"] == 200


def test_and_back_behind_the_nat_gateway(cloud: Cloud, outputs: dict[str, Any]) -> None:
    cloud.ops("up", "--refresh")
    assert nat_gateways(cloud) == 1
    assert changes(cloud) == {}
    assert chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"]).status == 200
    assert cloud.relay("GET", "/user/list")["status"] == 200
