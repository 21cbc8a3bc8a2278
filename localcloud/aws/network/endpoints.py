"""VPC endpoints: for services that have them, in subnets and groups of their VPC, with real interfaces."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, security_group
from localcloud.aws.network.interfaces import give_address, require_groups, require_subnet
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_GATEWAY_SERVICES = ("s3", "dynamodb")  # https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html


def register(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "CreateVpcEndpoint")
    def sane(call: Call) -> None:
        params = call.params
        kind, service, vpc_id = params.get("VpcEndpointType", "Gateway"), params.get("ServiceName", ""), params["VpcId"]
        if kind not in ("Gateway", "Interface"):
            raise Refusal("InvalidParameter", f"The simulated EC2 has no VPC endpoints of type {kind}.")
        if service not in _services(account, call.region, kind):
            raise Refusal(
                "InvalidServiceName",
                f"The Vpc Endpoint Service '{service}' does not exist as {kind} endpoint in {call.region}.",
            )
        if kind == "Gateway":
            _check_gateway(account, vpc_id, service, params)
            return
        for id in params.get("SubnetIds") or []:
            if require_subnet(account, id).vpc_id != vpc_id:
                raise Refusal("InvalidParameter", f"The subnet {id} is not in the VPC {vpc_id} of the endpoint.")
        require_groups(account, params.get("SecurityGroupIds") or [], vpc_id)

    @rules.after("ec2", "CreateVpcEndpoint")
    def with_real_interfaces(call: Call, result: dict[str, Any]) -> None:
        ec2 = backend(account, "ec2")
        endpoint = ec2.vpc_end_points[result["VpcEndpoint"]["VpcEndpointId"]]
        # Without groups AWS puts the endpoint into the VPC's default one.
        endpoint.security_group_ids = endpoint.security_group_ids or [
            ec2.get_default_security_group(endpoint.vpc_id).id
        ]
        for id in endpoint.network_interface_ids:
            interface = ec2.enis[id]
            give_address(account, interface)
            interface._group_set = [security_group(account, group) for group in endpoint.security_group_ids]
            interface.description = f"VPC Endpoint Interface {endpoint.id}"
            interface.requester_managed = True


def _check_gateway(account: Account, vpc_id: str, service: str, params: dict[str, Any]) -> None:
    ec2 = backend(account, "ec2")
    for id in params.get("RouteTableIds") or []:
        table = ec2.route_tables.get(id)
        if table is not None and table.vpc_id != vpc_id:
            raise Refusal("InvalidParameter", f"The route table {id} is not in the VPC {vpc_id} of the endpoint.")
        for endpoint in ec2.vpc_end_points.values():
            live = endpoint.state != "deleted"  # moto keeps those
            if live and endpoint.service_name == service and id in (endpoint.route_table_ids or []):
                raise Refusal(
                    "RouteAlreadyExists",
                    f"route table {id} already has a route with destination-prefix-list-id of {service}, by "
                    f"{endpoint.id}.",
                )


def _services(account: Account, region: str, kind: str) -> set[str]:
    if kind == "Gateway":
        return {f"com.amazonaws.{region}.{name}" for name in _GATEWAY_SERVICES}
    known = backend(account, "ec2")._collect_default_endpoint_services(account.account_id, region)
    return {service["ServiceName"] for service in known}
