"""What a team brings along: an existing VPC, tags. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

SubnetIds = tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], ...]

# Set on everything by the stack itself; a teardown finds what it has left behind by them.
RESERVED_TAGS = ("Project", "Stack", "ManagedBy")
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html (50 a resource; ours are four)
MOST_TAGS = 46
_TAG_KEY = re.compile(r"[\w .:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")


class OwnNetwork(BaseModel):
    """`network`: an existing VPC. The load balancer, the relay and the tasks go into `private_subnet_ids`, which need a
    way out (a NAT gateway, or endpoints of the services that are called); a database and a cache that the stack makes
    go into `database_subnet_ids`, which need none. The VPC needs an internet gateway for CloudFront's VPC origin, DNS
    names and DNS support.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    vpc_id: Annotated[str, Field(pattern=r"^vpc-[0-9a-f]+$")]
    private_subnet_ids: Annotated[SubnetIds, Field(min_length=2)] = Field(strict=False)
    database_subnet_ids: SubnetIds = Field((), strict=False)


def checked_tags(tags: dict[str, str] | None) -> dict[str, str] | None:
    """Raises ValueError for what AWS, or the stack itself, doesn't let be a tag."""
    for key, value in (tags or {}).items():
        if key in RESERVED_TAGS:
            raise ValueError(f"the tag {key} is set by the stack itself; take another name")
        if key.lower().startswith("aws:"):
            raise ValueError(f"the tag {key} begins with aws:, which is AWS's own; take another name")
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            raise ValueError(f"the tag {key} has characters or a length that AWS doesn't take")
    if tags and len(tags) > MOST_TAGS:
        raise ValueError(f"has {len(tags)} tags, and AWS takes {MOST_TAGS} beside the stack's own")
    return tags
