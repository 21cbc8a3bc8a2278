"""Network interfaces: in their subnet, each with an address of its own, in groups that exist."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, security_group, subnet
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# AWS keeps the first four addresses of a subnet and its last one:
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
_RESERVED = 4


def register(rules: Rules, account: Account) -> None:
    @rules.check("ec2", "CreateNetworkInterface")
    def sane(call: Call) -> None:
        place = require_subnet(account, call.params["SubnetId"])
        require_groups(account, call.params.get("Groups") or [], place.vpc_id)
        wanted = call.params.get("PrivateIpAddress")
        if wanted:
            _require_free(account, place, wanted)

    @rules.after("ec2", "CreateNetworkInterface")
    def addressed(call: Call, result: dict[str, Any]) -> None:
        described = result["NetworkInterface"]
        interface = backend(account, "ec2").enis[described["NetworkInterfaceId"]]
        if not call.params.get("PrivateIpAddress"):
            give_address(account, interface)
            described["PrivateIpAddress"] = interface.private_ip_address
            described["PrivateIpAddresses"] = [{"Primary": True, "PrivateIpAddress": interface.private_ip_address}]


def require_subnet(account: Account, id: str) -> Any:
    """moto's subnet. Raises InvalidSubnetID.NotFound."""
    found = subnet(account, id)
    if found is None:
        raise Refusal("InvalidSubnetID.NotFound", f"The subnet ID '{id}' does not exist")
    return found


def require_groups(account: Account, ids: Iterable[str], vpc_id: str) -> None:
    """Refuse security groups that don't exist, or not in ``vpc_id``."""
    for id in ids:
        group = security_group(account, id)
        if group is None:
            raise Refusal("InvalidGroup.NotFound", f"The security group '{id}' does not exist")
        if group.vpc_id != vpc_id:
            raise Refusal(
                "InvalidGroup.NotFound",
                f"The security group '{id}' does not exist in VPC '{vpc_id}': it is in '{group.vpc_id}'.",
            )


def give_address(account: Account, interface: Any) -> None:
    """Replace the interface's address by the lowest free one of its subnet.

    moto takes any at random: one that is in use, that AWS reserves, even outside the subnet. From the lower end,
    because the data plane takes the addresses of what has no interface in EC2 (load balancers…) from the upper one.
    """
    taken = {IPv4Address(other.private_ip_address) for other in _neighbours(account, interface.subnet, interface)}
    network = IPv4Network(interface.subnet.cidr_block)
    for offset in range(_RESERVED, network.num_addresses - 1):
        if network[offset] not in taken:
            interface.private_ip_address = str(network[offset])
            interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": interface.private_ip_address}]
            return
    backend(account, "ec2").enis.pop(interface.id, None)
    raise Refusal("InsufficientFreeAddressesInSubnet", f"The subnet {interface.subnet.id} has no free address.")


def _require_free(account: Account, place: Any, wanted: str) -> None:
    network = IPv4Network(place.cidr_block)
    address = IPv4Address(wanted)
    if address not in network:
        raise Refusal(
            "InvalidParameterValue",
            f"Address {wanted} does not fall within the subnet's address range {place.cidr_block}.",
        )
    if address in [*(network[offset] for offset in range(_RESERVED)), network[-1]]:
        raise Refusal("InvalidParameterValue", f"Address {wanted} is in subnet's reserved address range.")
    if any(other.private_ip_address == wanted for other in _neighbours(account, place)):
        raise Refusal("InvalidIPAddress.InUse", f"Address {wanted} is in use.")


def _neighbours(account: Account, place: Any, but: Any = None) -> list[Any]:
    enis = backend(account, "ec2").enis.values()
    return [interface for interface in enis if interface.subnet.id == place.id and interface is not but]
