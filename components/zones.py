"""Which availability zones the stack may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# CloudFront VPC origins are not offered in these zones. Zone names are shuffled for each account, ids are not, so the
# choice goes by id.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html (supported
# Regions)
ZONES_WITHOUT_VPC_ORIGINS = frozenset({"use1-az3", "usw1-az2", "apne1-az3", "cac1-az3"})


@dataclass(frozen=True)
class Zone:
    """An availability zone: the account's `name` for it (us-west-1a) and AWS's `id` (usw1-az3)."""

    name: str
    id: str


def choose_zones(available: Sequence[Zone], count: int) -> tuple[Zone, ...]:
    """The first `count` zones, by id, in which CloudFront VPC origins exist.

    Raises:
        ValueError: the region offers fewer than `count` of them.
    """
    usable = sorted((zone for zone in available if zone.id not in ZONES_WITHOUT_VPC_ORIGINS), key=lambda zone: zone.id)
    if len(usable) < count:
        raise ValueError(
            f"this account sees {len(usable)} zones with CloudFront VPC origins "
            f"({', '.join(z.id for z in usable) or 'none'}) "
            f"and the stack needs {count}: set aws:region to another region"
        )
    return tuple(usable[:count])
