"""Ways out of a VPC: internet gateways, NAT gateways, their addresses, and the routes to them."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.network.interfaces import give_address, require_subnet
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def attached_gateway(account: Account, vpc_id: str) -> Any | None:
    """moto's internet gateway of a VPC, or None."""
    gateways = backend(account, "ec2").internet_gateways.values()
    return next((gateway for gateway in gateways if gateway.vpc and gateway.vpc.id == vpc_id), None)


def live_nat_gateways(account: Account) -> list[Any]:
    """moto's NAT gateways that are not deleted."""
    return [gateway for gateway in backend(account, "ec2").nat_gateways.values() if gateway.state != "deleted"]


def register(rules: Rules, account: Account) -> None:
    _register_nat(rules, account)
    _register_internet(rules, account)

    @rules.check("ec2", "CreateRoute", "ReplaceRoute")
    def to_somewhere(call: Call) -> None:
        table = backend(account, "ec2").route_tables.get(call.params["RouteTableId"])
        if table is not None:  # else moto refuses
            _check_target(account, table, call.params)


def _check_target(account: Account, table: Any, params: dict[str, Any]) -> None:
    ec2 = backend(account, "ec2")
    nat, gateway = params.get("NatGatewayId"), params.get("GatewayId") or ""
    if nat:
        found = ec2.nat_gateways.get(nat)
        if found is None or found.state == "deleted":
            raise Refusal("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
        if found.vpc_id != table.vpc_id:
            raise Refusal(
                "InvalidParameterValue",
                f"route table {table.id} and NAT gateway {nat} belong to different networks",
            )
    if gateway.startswith("igw-"):
        found = ec2.internet_gateways.get(gateway)
        if found is not None and (found.vpc is None or found.vpc.id != table.vpc_id):
            raise Refusal(
                "InvalidParameterValue",
                f"route table {table.id} and network gateway {gateway} belong to different networks",
            )


def _register_nat(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "CreateNatGateway")
    def possible(call: Call) -> None:
        place = require_subnet(account, call.params["SubnetId"])
        if call.params.get("ConnectivityType", "public") != "public":
            return
        if not call.params.get("AllocationId"):
            raise Refusal(
                "MissingParameter",
                "The request must include the AllocationId parameter: a public NAT gateway needs an Elastic IP "
                "address.",
            )
        if attached_gateway(account, place.vpc_id) is None:
            # AWS makes it and lets it fail; said at once, it is the same sentence.
            raise Refusal("Gateway.NotAttached", f"Network {place.vpc_id} has no Internet gateway attached")

    @rules.after("ec2", "CreateNatGateway")
    def addressed(call: Call, result: dict[str, Any]) -> None:
        described = result["NatGateway"]
        gateway = backend(account, "ec2").nat_gateways[described["NatGatewayId"]]
        give_address(account, gateway._eni)
        gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
        gateway._eni.requester_managed = True
        gateway.private_ip = gateway._eni.private_ip_address
        gateway.connectivity_type = described["ConnectivityType"] = gateway.connectivity_type or "public"
        for address in gateway.address_set:
            address["privateIp"] = gateway.private_ip
        for address in described["NatGatewayAddresses"]:
            address["PrivateIp"] = gateway.private_ip

    @rules.check("ec2", "DeleteNatGateway")
    def known(call: Call) -> None:
        if call.params["NatGatewayId"] not in backend(account, "ec2").nat_gateways:
            raise Refusal("NatGatewayNotFound", f"The Nat Gateway {call.params['NatGatewayId']} was not found")

    @rules.after("ec2", "DeleteNatGateway")
    def gone_with_its_interface(call: Call, result: dict[str, Any]) -> None:
        ec2 = backend(account, "ec2")
        gateway = ec2.nat_gateways[call.params["NatGatewayId"]]
        for address in ec2.addresses:
            if address.eni is gateway._eni and address.association_id:
                ec2.disassociate_address(association_id=address.association_id)
        ec2.enis.pop(gateway._eni.id, None)

    @rules.check("ec2", "ReleaseAddress")
    def unused(call: Call) -> None:
        id = call.params.get("AllocationId")
        for address in backend(account, "ec2").addresses:
            if id and address.allocation_id == id and address.association_id:
                raise Refusal(
                    "InvalidIPAddress.InUse",
                    f"Address with allocation id {id} is in use by "
                    f"{address.network_interface_id or address.instance_id}: it can't be released.",
                )


def _register_internet(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "DetachInternetGateway")
    def without_public_addresses(call: Call) -> None:
        vpc_id = call.params["VpcId"]
        mapped = [
            gateway.id
            for gateway in live_nat_gateways(account)
            if gateway.vpc_id == vpc_id and gateway.connectivity_type == "public"
        ]
        balancers = backend(account, "elbv2").load_balancers.values()
        mapped += [one.name for one in balancers if one.vpc_id == vpc_id and one.scheme == "internet-facing"]
        if mapped:
            raise Refusal(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
                f"detaching the gateway. They belong to {', '.join(mapped)}.",
            )

    @rules.check("ec2", "AttachInternetGateway")
    def one_a_vpc(call: Call) -> None:
        existing = attached_gateway(account, call.params["VpcId"])
        if existing is not None and existing.id != call.params["InternetGatewayId"]:
            raise Refusal(
                "InvalidParameterValue",
                f"Network {call.params['VpcId']} already has an internet gateway attached",
            )
