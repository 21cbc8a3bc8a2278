"""What every part of the data plane works with, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.aws.account import Account
from localcloud.dataplane.logs import Shipper
from localcloud.dataplane.names import aliases
from localcloud.dataplane.roles import Roles
from localcloud.home import Home
from localcloud.net.fabric import Fabric
from localcloud.tls import Authority


@dataclass(frozen=True)
class Site:
    """One running local cloud."""

    home: Home
    account: Account
    fabric: Fabric
    roles: Roles
    shipper: Shipper
    authority: Authority

    def hosts(self) -> dict[str, int]:
        """Host names of databases, caches and load balancers, from the API, whether they are up yet or not. Blocks."""
        found: dict[str, int] = {}
        for page in self.account.client("rds").get_paginator("describe_db_instances").paginate():
            for item in page["DBInstances"]:
                endpoint = item.get("Endpoint") or {}
                if endpoint.get("Address"):
                    found[endpoint["Address"].lower()] = endpoint["Port"]
        for page in self.account.client("rds").get_paginator("describe_db_clusters").paginate():
            for item in page["DBClusters"]:
                found[item["Endpoint"].lower()] = item["Port"]
        if any(True for users in self.account.users for _ in users()):
            cache = self.account.client("elasticache")
            for page in cache.get_paginator("describe_replication_groups").paginate():
                for item in page["ReplicationGroups"]:
                    for node in item["NodeGroups"]:
                        endpoint = node["PrimaryEndpoint"]
                        found[endpoint["Address"].lower()] = endpoint["Port"]
        known = aliases(self.account)
        elb = self.account.client("elbv2")
        for page in elb.get_paginator("describe_load_balancers").paginate():
            for item in page["LoadBalancers"]:
                found[item["DNSName"].lower()] = 80
                found |= dict.fromkeys(known.get(item["DNSName"].lower(), ()), 80)
        return found
