"""Private addresses for interfaces that the simulated EC2 doesn't make itself, such as a load balancer's."""

from __future__ import annotations

from localcloud.net.topology import TopologyCache

_RESERVED = 4  # AWS keeps the first four addresses of a subnet and the last one
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html


class Addresses:
    """One address a (subnet, key), the same for the same key, from the upper end of the subnet's range."""

    def __init__(self, topology: TopologyCache) -> None:
        self._topology = topology
        self._given: dict[tuple[str, str], str] = {}

    async def get(self, subnet: str, key: str) -> str:
        """The address that belongs to ``key`` in ``subnet``. Raises LookupError: no such subnet, or it is full."""
        if (subnet, key) not in self._given:
            found = (await self._topology.get()).subnets.get(subnet)
            if found is None:
                raise LookupError(f"there is no subnet {subnet}")
            taken = {ip for (other, _), ip in self._given.items() if other == subnet}
            for offset in range(2, found.network.num_addresses - _RESERVED):
                ip = str(found.network[-offset])
                if ip not in taken:
                    self._given[subnet, key] = ip
                    break
            else:
                raise LookupError(f"subnet {subnet} ({found.network}) has no free address")
        return self._given[subnet, key]

    def release(self, key: str) -> None:
        """Give back every address of ``key``."""
        self._given = {place: ip for place, ip in self._given.items() if place[1] != key}
