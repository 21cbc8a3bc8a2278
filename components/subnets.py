"""How a VPC's address range is divided. Pure, so that a range that doesn't fit is found before anything is created."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

MAX_ZONES = 3
# AWS takes a VPC of /16 to /28 and no subnet smaller than /28; a load balancer wants /27 and 8 free addresses.
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
WIDEST, NARROWEST = 16, 23


@dataclass(frozen=True)
class SubnetPlan:
    """CIDR blocks by zone index: `private` (tasks, load balancer, relay), `public` (NAT gateway), `database` (no
    route out)."""

    private: tuple[str, ...]
    public: tuple[str, ...]
    database: tuple[str, ...]


def plan_subnets(vpc_cidr: str) -> SubnetPlan:
    """Divides `vpc_cidr` for up to three zones.

    Three quarters go to the private subnets, where addresses are used; the last one is cut in eight for the public and
    the database subnets. A block keeps its place when a zone is added, so growing replaces nothing.

    Raises:
        ValueError: not an IPv4 network, host bits set, or a size that doesn't fit.
    """
    network = IPv4Network(vpc_cidr)
    if not WIDEST <= network.prefixlen <= NARROWEST:
        raise ValueError(f"its size is /{network.prefixlen} and must be between /{WIDEST} and /{NARROWEST}")
    *private, rest = network.subnets(prefixlen_diff=2)
    small = [str(block) for block in rest.subnets(prefixlen_diff=3)]
    return SubnetPlan(
        private=tuple(str(block) for block in private[:MAX_ZONES]),
        public=tuple(small[:MAX_ZONES]),
        database=tuple(small[4 : 4 + MAX_ZONES]),
    )
