"""Cache subnet groups and tags.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SubnetGroups.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.backends import subnet
from localcloud.aws.caches.state import State, SubnetGroup
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, state: State) -> None:
    _register_groups(rules, state)
    _register_tags(rules, state)


def _register_groups(rules: Rules, state: State) -> None:
    @rules.answer("elasticache", "CreateCacheSubnetGroup")
    def create(call: Call) -> dict[str, Any]:
        name = call.params["CacheSubnetGroupName"].lower()
        if not re.fullmatch(r"[a-z0-9-]{1,255}", name):
            raise Refusal("InvalidParameterValue", f"{name!r} is no name of a cache subnet group.")
        if name in state.subnet_groups:
            raise Refusal("CacheSubnetGroupAlreadyExists", f"Cache subnet group {name} already exists.")
        vpc, subnets = _subnets(state, call.params["SubnetIds"])
        group = SubnetGroup(name, call.params["CacheSubnetGroupDescription"], vpc, subnets, tags_of(call.params))
        state.subnet_groups[name] = group
        return {"CacheSubnetGroup": _described(state, group)}

    @rules.answer("elasticache", "ModifyCacheSubnetGroup")
    def modify(call: Call) -> dict[str, Any]:
        group = state.subnet_group(call.params["CacheSubnetGroupName"])
        if call.params.get("SubnetIds"):
            vpc, subnets = _subnets(state, call.params["SubnetIds"])
            if vpc != group.vpc_id:
                raise Refusal("InvalidSubnet", f"The subnets are in {vpc}; the group is in {group.vpc_id}.")
            group.subnets = subnets
        group.description = call.params.get("CacheSubnetGroupDescription") or group.description
        return {"CacheSubnetGroup": _described(state, group)}

    @rules.answer("elasticache", "DescribeCacheSubnetGroups")
    def describe(call: Call) -> dict[str, Any]:
        name = call.params.get("CacheSubnetGroupName")
        groups = [state.subnet_group(name)] if name else list(state.subnet_groups.values())
        return {"CacheSubnetGroups": [_described(state, group) for group in groups]}

    @rules.answer("elasticache", "DeleteCacheSubnetGroup")
    def delete(call: Call) -> dict[str, Any]:
        group = state.subnet_group(call.params["CacheSubnetGroupName"])
        using = [one.id for one in state.groups.values() if one.settings["CacheSubnetGroupName"] == group.name]
        if using:
            raise Refusal(
                "CacheSubnetGroupInUse", f"Cache subnet group {group.name} is currently in use by {', '.join(using)}."
            )
        del state.subnet_groups[group.name]
        return {}


def _register_tags(rules: Rules, state: State) -> None:
    @rules.answer("elasticache", "AddTagsToResource")
    def add(call: Call) -> dict[str, Any]:
        tags = state.tagged(call.params["ResourceName"])
        tags |= tags_of(call.params)
        return _listed(tags)

    @rules.answer("elasticache", "RemoveTagsFromResource")
    def remove(call: Call) -> dict[str, Any]:
        tags = state.tagged(call.params["ResourceName"])
        for key in call.params["TagKeys"]:
            tags.pop(key, None)
        return _listed(tags)

    @rules.answer("elasticache", "ListTagsForResource")
    def listed(call: Call) -> dict[str, Any]:
        return _listed(state.tagged(call.params["ResourceName"]))


def tags_of(params: dict[str, Any]) -> dict[str, str]:
    """The call's tags by key."""
    return {tag["Key"]: tag.get("Value", "") for tag in params.get("Tags") or []}


def _listed(tags: dict[str, str]) -> dict[str, Any]:
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _subnets(state: State, ids: list[str]) -> tuple[str, dict[str, str]]:
    """Their VPC, and each with its zone. Raises InvalidSubnet."""
    found = {}
    vpcs = set()
    for id in ids:
        one = subnet(state.account, id)
        if one is None:
            raise Refusal("InvalidSubnet", f"Subnet {id} does not exist.")
        found[id] = one.availability_zone
        vpcs.add(one.vpc_id)
    if len(vpcs) != 1:
        raise Refusal("InvalidSubnet", f"The subnets belong to several VPCs, or there are none: {sorted(vpcs)}.")
    return vpcs.pop(), found


def _described(state: State, group: SubnetGroup) -> dict[str, Any]:
    return {
        "CacheSubnetGroupName": group.name,
        "CacheSubnetGroupDescription": group.description,
        "VpcId": group.vpc_id,
        "Subnets": [
            {"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SupportedNetworkTypes": ["ipv4"]}
            for id, zone in group.subnets.items()
        ],
        "ARN": state.arn("subnetgroup", group.name),
        "SupportedNetworkTypes": ["ipv4"],
    }
