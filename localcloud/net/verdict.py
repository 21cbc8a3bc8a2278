"""Would this connection arrive on AWS? Pure: topology, source, destination and port in, a verdict with its reason out.

The order is egress of the source, ingress of the destination, then routes, so that the sentence names the first thing
to repair. Rules: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html (rules only allow; a
referenced group means the private addresses of its members, in the same VPC) and
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html (longest prefix wins; local always there).
Network ACLs are not judged: a VPC's default one allows everything and nothing here creates another.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from localcloud.net.model import Endpoint, Interface, Route, RouteTable, Rule, Topology, Verdict

MACHINE = "127.0.0.1"  # whoever connects on this machine's loopback, from outside of the simulated cloud
HTTPS = 443
# An address that no prefix list or VPC holds, for rules that must cover "any public address of AWS".
AWS_PUBLIC = "52.46.128.1"
# The same over IPv6, and what a client with an IPv6 way out finds: the services whose ordinary name has IPv6 addresses
# as well, and every service by its dual-stack name.
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/ip-access.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_dual-stack_endpoint_support.html
AWS_PUBLIC_IPV6 = "2600:1f00::1"
DUAL_STACK_SERVICES = ("secretsmanager",)
DUAL_STACK_NAMES = (".api.aws", ".api.amazonwebservices.com.cn")
# SigV4 signing names whose endpoint services are called otherwise. Any of the names will do.
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
ENDPOINT_SERVICES = {
    "bedrock": ("bedrock-runtime", "bedrock"),
    "ecr": ("ecr.api", "ecr.dkr"),
    "monitoring": ("monitoring",),
    "execute-api": ("execute-api",),
    "elasticfilesystem": ("elasticfilesystem",),
}


def judge(topology: Topology, source: Interface | str, destination: Interface | str, port: int) -> Verdict:
    """Whether ``source`` may open a TCP connection to ``port`` of ``destination`` (interfaces, or IPv4 addresses)."""
    missing = (
        _missing_egress(topology, source, destination, port)
        or _missing_ingress(topology, source, destination, port)
        or _missing_route(topology, source, destination)
    )
    hop = f"{label(source)} → {label(destination, port)}"
    return Verdict(False, f"{hop}: {missing}") if missing else Verdict(True, f"{hop}: allowed")


def judge_aws(topology: Topology, source: Interface, service: str, host: str = "") -> Verdict:
    """Whether ``source`` may reach the API of the AWS service with the SigV4 signing name ``service`` over HTTPS.

    An interface endpoint with private DNS captures its service's name in the whole VPC; else a gateway endpoint in the
    subnet's route table; else the way to the internet. Outside of a VPC (vpc None) AWS's own network leads there.
    """
    hop = f"{source.label} → AWS {service}:{HTTPS}"
    if source.vpc is None:
        return Verdict(True, f"{hop}: allowed, it is not in a VPC")
    names = ENDPOINT_SERVICES.get(service, (service,))
    endpoints = [e for e in topology.endpoints if e.vpc == source.vpc and e.service in names and e.available]
    interface = next((e for e in endpoints if e.kind == "Interface" and e.private_dns), None)
    if interface is not None:
        return _through_interface_endpoint(topology, source, interface, hop)
    gateway = next((e for e in endpoints if e.kind == "Gateway"), None)
    table = topology.table_of(source.subnet)
    if gateway is not None and table is not None and table.id in gateway.route_tables:
        return _through_gateway_endpoint(topology, source, gateway, service, hop)
    address = _public_address(topology, service)
    missing = _missing_egress(topology, source, address, HTTPS)
    missing = missing or _missing_way_out(topology, source, IPv4Address(address))
    dual_stack = service in DUAL_STACK_SERVICES or host.endswith(DUAL_STACK_NAMES)
    if missing and dual_stack and _has_ipv6(topology, source):
        missing6 = _missing_ipv6(topology, source)
        if not missing6:
            return Verdict(True, f"{hop}: allowed, over IPv6")
        missing += f"; over IPv6, {missing6}"
    if missing and gateway is not None:
        missing += f"; gateway endpoint {gateway.id} exists but isn't in route table {table.id if table else '—'}"
    return Verdict(not missing, f"{hop}: {missing or 'allowed, by the internet route'}")


def label(who: Interface | str, port: int | None = None) -> str:
    """How a sentence names an interface or an address, with its address and port where one is given."""
    if isinstance(who, str):
        name = f"this machine ({who})" if who == MACHINE else who
    else:
        name = who.label if port is None or who.ip in who.label else f"{who.label} {who.ip}"
    return name if port is None else f"{name}:{port}"


def _through_interface_endpoint(topology: Topology, source: Interface, endpoint: Endpoint, hop: str) -> Verdict:
    verdicts = [judge(topology, source, interface, HTTPS) for interface in endpoint.interfaces]
    if any(verdicts):
        return Verdict(True, f"{hop}: allowed, by interface endpoint {endpoint.id}")
    reason = verdicts[0].reason if verdicts else f"interface endpoint {endpoint.id} is in no subnet"
    return Verdict(False, f"{hop} by interface endpoint {endpoint.id}: {reason}")


def _through_gateway_endpoint(
    topology: Topology, source: Interface, endpoint: Endpoint, service: str, hop: str
) -> Verdict:
    missing = _missing_egress(topology, source, _public_address(topology, service), HTTPS)
    if missing:
        return Verdict(False, f"{hop} by gateway endpoint {endpoint.id}: {missing}")
    return Verdict(True, f"{hop}: allowed, by gateway endpoint {endpoint.id}")


def _public_address(topology: Topology, service: str) -> str:
    """An address of the service: of its managed prefix list when it has one (S3, DynamoDB), else any public one."""
    for prefix_list in topology.prefix_lists.values():
        managed = prefix_list.name.startswith("com.amazonaws.") and prefix_list.name.endswith(f".{service}")
        if managed and prefix_list.networks:
            return str(prefix_list.networks[0][1])
    return AWS_PUBLIC


def _missing_egress(topology: Topology, source: Interface | str, destination: Interface | str, port: int) -> str | None:
    if isinstance(source, str) or source.vpc is None:
        return None
    rules = _rules(topology, source.groups, "egress")
    if _allowed(topology, rules, port, destination, source.vpc):
        return None
    return f"{_groups(topology, source.groups)} no egress rule for port {port} to {_side(topology, destination)}"


def _missing_ingress(
    topology: Topology, source: Interface | str, destination: Interface | str, port: int
) -> str | None:
    if isinstance(destination, str) or destination.vpc is None:
        return None
    rules = _rules(topology, destination.groups, "ingress")
    if _allowed(topology, rules, port, source, destination.vpc):
        return None
    return f"{_groups(topology, destination.groups)} no ingress rule for port {port} from {_side(topology, source)}"


def _rules(topology: Topology, groups: Iterable[str], direction: str) -> Iterable[Rule]:
    for group in groups:
        if group in topology.groups:
            yield from getattr(topology.groups[group], direction)


def _allowed(topology: Topology, rules: Iterable[Rule], port: int, other: Interface | str, vpc: str) -> bool:
    return any(rule.covers(port) and _is_peer(topology, rule, other, vpc) for rule in rules)


def _is_peer(topology: Topology, rule: Rule, other: Interface | str, vpc: str) -> bool:
    """Whether ``other`` is the side that the rule names, seen from an interface in ``vpc``."""
    ip = other if isinstance(other, str) else other.ip
    groups = () if isinstance(other, str) else other.groups
    if rule.peer.network is not None:
        return IPv4Address(ip) in rule.peer.network
    if rule.peer.prefix_list is not None:
        return topology.in_prefix_list(rule.peer.prefix_list, ip, groups)
    # A referenced group means its members' private addresses, which reach no further than the VPC.
    return rule.peer.group in groups and not isinstance(other, str) and other.vpc == vpc


def _missing_route(topology: Topology, source: Interface | str, destination: Interface | str) -> str | None:
    if isinstance(source, str):
        # Loopback stands for the office or VPN that adminCidrs names: it has its own way into the VPC.
        return None if source == MACHINE or isinstance(destination, str) else _missing_way_in(topology, destination)
    if isinstance(destination, Interface) and destination.vpc is not None:
        if source.vpc == destination.vpc:
            return None  # the local route of the VPC
        if source.vpc is None:
            return _missing_way_in(topology, destination)
        return f"{source.vpc} has no route to {destination.vpc}"
    if source.vpc is None:
        return None
    ip = destination if isinstance(destination, str) else destination.ip
    return _missing_way_out(topology, source, IPv4Address(ip))


def _missing_way_in(topology: Topology, destination: Interface) -> str | None:
    """From the internet to an interface: it needs a public address, and its subnet a route to an internet gateway."""
    if not _is_public(topology, destination):
        return f"{destination.label} has no public address"
    route = _best_route(topology, topology.table_of(destination.subnet), IPv4Address("192.0.2.1"))
    if route is None or not _is_gateway(topology, route, destination.vpc):
        return f"subnet {destination.subnet} has no route to an internet gateway"
    return None


def _missing_way_out(topology: Topology, source: Interface, ip: IPv4Address) -> str | None:
    """From an interface in a VPC to a public address: by an internet gateway, or a NAT gateway that has one."""
    table = topology.table_of(source.subnet)
    route = _best_route(topology, table, ip)
    if table is None or route is None:
        return f"route table {table.id if table else '—'} of subnet {source.subnet} has no route to {ip}"
    if _is_gateway(topology, route, source.vpc):
        if _is_public(topology, source):
            return None
        return f"subnet {source.subnet} leads to {route.target}, but {source.label} has no public address"
    nat = topology.nats.get(route.target)
    if nat is not None:
        return _missing_beyond_nat(topology, nat.id, nat.subnet, nat.available and nat.public, source.vpc)
    return f"route {ip} of {table.id} leads to {route.target}, which isn't there (blackhole) or leads nowhere"


def _has_ipv6(topology: Topology, source: Interface) -> bool:
    subnet = topology.subnets.get(source.subnet or "")
    return source.dual_stack and subnet is not None and subnet.dual_stack


def _missing_ipv6(topology: Topology, source: Interface) -> str | None:
    """From an interface with an IPv6 address to AWS over IPv6: by an internet gateway, egress-only or not."""
    ip = IPv6Address(AWS_PUBLIC_IPV6)
    rules = _rules(topology, source.groups, "egress")
    if not any(rule.covers(HTTPS) and rule.peer.network6 is not None and ip in rule.peer.network6 for rule in rules):
        return f"{_groups(topology, source.groups)} no egress rule for port {HTTPS} to {ip}"
    table = topology.table_of(source.subnet)
    routes = table.routes if table else ()
    if any(r.network6 is not None and ip in r.network6 and _is_gateway(topology, r, source.vpc) for r in routes):
        return None
    return f"route table {table.id if table else '—'} of subnet {source.subnet} has no route to {ip} by a gateway"


def _missing_beyond_nat(topology: Topology, nat: str, subnet: str, usable: bool, vpc: str | None) -> str | None:
    if not usable:
        return f"NAT gateway {nat} is not available or not public"
    onward = _best_route(topology, topology.table_of(subnet), IPv4Address("192.0.2.1"))
    if onward is not None and _is_gateway(topology, onward, vpc):
        return None
    return f"NAT gateway {nat} is in subnet {subnet}, which has no route to an internet gateway"


def _best_route(topology: Topology, table: RouteTable | None, ip: IPv4Address) -> Route | None:
    best: tuple[int, Route] | None = None
    for route in table.routes if table else ():
        networks = (route.network,) if route.network is not None else ()
        if route.prefix_list is not None and route.prefix_list in topology.prefix_lists:
            networks = topology.prefix_lists[route.prefix_list].networks
        for network in networks:
            if ip in network and (best is None or network.prefixlen > best[0]):
                best = (network.prefixlen, route)
    return best[1] if best else None


def _is_gateway(topology: Topology, route: Route, vpc: str | None) -> bool:
    return vpc in topology.gateways.get(route.target, frozenset())


def _is_public(topology: Topology, interface: Interface) -> bool:
    return interface.public or interface.id in topology.public_interfaces


def _groups(topology: Topology, groups: tuple[str, ...]) -> str:
    """ "security group sg-1 (name) has", "none of the security groups … has": the start of a complaint."""
    if not groups:
        return "it is in no security group, so there is"
    if len(groups) == 1:
        return f"security group {_group(topology, groups[0])} has"
    return f"of the security groups {', '.join(_group(topology, group) for group in groups)} none has"


def _group(topology: Topology, group: str) -> str:
    found = topology.groups.get(group)
    return f"{group} ({found.name})" if found else f"{group} (which doesn't exist)"


def _side(topology: Topology, other: Interface | str) -> str:
    if isinstance(other, str) or not other.groups:
        return other if isinstance(other, str) else other.ip
    return " or ".join(_group(topology, group) for group in other.groups)
