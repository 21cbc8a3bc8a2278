"""What Route 53's hosted zones say: which further names lead to a load balancer. Blocking reads.

Names are public here: a private zone's are not told apart by VPC.
"""

from __future__ import annotations

from collections import defaultdict

from localcloud.aws.account import Account


def aliases(account: Account) -> dict[str, list[str]]:
    """Target's name → the names that alias records give it, all in lower case and without a final dot."""
    found: dict[str, list[str]] = defaultdict(list)
    client = account.client("route53")
    for zone in client.list_hosted_zones()["HostedZones"]:
        for page in client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"]):
            for record in page["ResourceRecordSets"]:
                target = record.get("AliasTarget")
                if target and record["Type"] == "A":
                    found[_bare(target["DNSName"]).removeprefix("dualstack.")].append(_bare(record["Name"]))
    return dict(found)


def _bare(name: str) -> str:
    return name.rstrip(".").lower()
