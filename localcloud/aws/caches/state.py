"""The subnet groups and replication groups of one account, as they were asked for."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.ids import now
from localcloud.aws.refusal import Refusal


@dataclass
class SubnetGroup:
    name: str
    description: str
    vpc_id: str
    subnets: dict[str, str]  # id → availability zone
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class ReplicationGroup:
    """``settings``: members of CreateReplicationGroup with ElastiCache's defaults, without the token."""

    id: str
    settings: dict[str, Any]
    tags: dict[str, str]
    # ElastiCache's names have a part of an account's own in a region
    cluster: str = field(default_factory=lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(6)))
    created: datetime = field(default_factory=now)


class State:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.subnet_groups: dict[str, SubnetGroup] = {}
        self.groups: dict[str, ReplicationGroup] = {}

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:elasticache:{self.account.region}:{self.account.account_id}:{kind}:{name}"

    def subnet_group(self, name: str) -> SubnetGroup:
        found = self.subnet_groups.get(name.lower())
        if found is None:
            raise Refusal("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name} not found.")
        return found

    def group(self, id: str) -> ReplicationGroup:
        found = self.groups.get(id.lower())
        if found is None:
            raise Refusal("ReplicationGroupNotFoundFault", f"ReplicationGroup {id} not found.")
        return found

    def tagged(self, arn: str) -> dict[str, str]:
        """The tags of what an ARN names."""
        kind, _, name = arn.rpartition(":")[0].rpartition(":")[2], "", arn.rpartition(":")[2]
        return self.subnet_group(name).tags if kind == "subnetgroup" else self.group(name).tags

    def users(self) -> Iterator[tuple[str, set[str], set[str]]]:
        """What has interfaces: (what, its subnets, its security groups)."""
        for group in list(self.groups.values()):
            subnets = self.subnet_group(group.settings["CacheSubnetGroupName"]).subnets
            yield f"cache {group.id}", set(subnets), set(group.settings["SecurityGroupIds"])
