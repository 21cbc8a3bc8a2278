"""Replication groups with cluster mode off: asked for here, run by the data plane as one server.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.account import DatabaseFact
from localcloud.aws.backends import security_group
from localcloud.aws.caches.state import ReplicationGroup, State
from localcloud.aws.caches.subnet_groups import tags_of
from localcloud.aws.model_check import findings
from localcloud.aws.reference_data import cache_node_types, cache_versions
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_PORT = 6379
_SHOWN = ("AtRestEncryptionEnabled", "TransitEncryptionEnabled", "AutoMinorVersionUpgrade", "CacheNodeType", "Engine")
_NOT_SIMULATED = (
    "GlobalReplicationGroupId",
    "PrimaryClusterId",
    "NumNodeGroups",
    "ReplicasPerNodeGroup",
    "NodeGroupConfiguration",
    "CacheSecurityGroupNames",
    "SnapshotArns",
    "SnapshotName",
    "ServerlessCacheSnapshotName",
    "NotificationTopicArn",
    "UserGroupIds",
    "LogDeliveryConfigurations",
    "DataTieringEnabled",
    "KmsKeyId",
    "TransitEncryptionMode",
    "PreferredCacheClusterAZs",
)
_CHANGEABLE = (
    "AutomaticFailoverEnabled",
    "MultiAZEnabled",
    "SecurityGroupIds",
    "PreferredMaintenanceWindow",
    "EngineVersion",
    "AutoMinorVersionUpgrade",
    "SnapshotRetentionLimit",
    "SnapshotWindow",
    "CacheNodeType",
)


def register(rules: Rules, state: State) -> None:
    _register_life(rules, state)
    _register_changes(rules, state)


def _register_life(rules: Rules, state: State) -> None:
    @rules.answer("elasticache", "CreateReplicationGroup")
    def create(call: Call) -> dict[str, Any]:
        _check_request(call)
        settings = _settings(state, call.params)
        id = call.params["ReplicationGroupId"].lower()
        if not re.fullmatch(r"[a-z](?!.*--)[a-z0-9-]{0,39}(?<!-)", id):
            raise Refusal(
                "InvalidParameterValue",
                f"{id!r} is no id of a replication group: it begins with a letter and has at most 40 letters, digits "
                "and hyphens, none doubled or at the end.",
            )
        if id in state.groups:
            raise Refusal("ReplicationGroupAlreadyExists", f"Replication group {id} already exists.")
        token = call.params.get("AuthToken")
        if token is not None:
            _check_token(settings, token)
            state.account.facts.auth_tokens[id] = token
        state.account.facts.caches.pop(id, None)
        group = state.groups[id] = ReplicationGroup(id, settings, tags_of(call.params))
        return {"ReplicationGroup": _described(state, group)}

    @rules.answer("elasticache", "DescribeReplicationGroups")
    def describe(call: Call) -> dict[str, Any]:
        id = call.params.get("ReplicationGroupId")
        groups = [state.group(id)] if id else list(state.groups.values())
        return {"ReplicationGroups": [_described(state, group) for group in groups]}

    @rules.answer("elasticache", "DeleteReplicationGroup")
    def delete(call: Call) -> dict[str, Any]:
        group = state.group(call.params["ReplicationGroupId"])
        if call.params.get("FinalSnapshotIdentifier") or call.params.get("RetainPrimaryCluster"):
            raise Refusal("InvalidParameterCombination", "The simulated ElastiCache keeps no snapshots and no nodes.")
        described = _described(state, group) | {"Status": "deleting"}
        del state.groups[group.id]
        state.account.facts.auth_tokens.pop(group.id, None)
        return {"ReplicationGroup": described}


def _register_changes(rules: Rules, state: State) -> None:
    @rules.answer("elasticache", "ModifyReplicationGroup")
    def modify(call: Call) -> dict[str, Any]:
        _check_request(call)
        params = call.params
        group = _available(state, params["ReplicationGroupId"])
        changed = {name: params[name] for name in _CHANGEABLE if params.get(name) is not None}
        settings = {**group.settings, **changed}
        _check_settings(state, settings)
        if params.get("ReplicationGroupDescription"):
            settings["ReplicationGroupDescription"] = params["ReplicationGroupDescription"]
        strategy = params.get("AuthTokenUpdateStrategy")
        if params.get("AuthToken") is not None:
            if strategy != "SET":
                raise Refusal(
                    "InvalidParameterCombination",
                    "The simulated ElastiCache has one token at a time: change it with AuthTokenUpdateStrategy SET.",
                )
            _check_token(settings, params["AuthToken"])
            state.account.facts.auth_tokens[group.id] = params["AuthToken"]
        elif strategy == "DELETE":
            state.account.facts.auth_tokens.pop(group.id, None)
        group.settings = settings
        return {"ReplicationGroup": _described(state, group)}

    def resize(call: Call) -> dict[str, Any]:
        group = _available(state, call.params["ReplicationGroupId"])
        wanted = call.params.get("NewReplicaCount")
        if wanted is None:
            raise Refusal("InvalidParameterCombination", "NewReplicaCount is required with cluster mode off.")
        settings = {**group.settings, "NumCacheClusters": wanted + 1}
        _check_settings(state, settings)
        group.settings = settings
        return {"ReplicationGroup": _described(state, group)}

    for operation in ("IncreaseReplicaCount", "DecreaseReplicaCount"):
        rules.answer("elasticache", operation)(resize)


def _check_request(call: Call) -> None:
    for _kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise Refusal("InvalidParameterValue", sentence)
    for member in _NOT_SIMULATED:
        if call.params.get(member):
            raise Refusal("InvalidParameterCombination", f"The simulated ElastiCache has no {member}.")
    if call.params.get("ClusterMode", "disabled") != "disabled":
        raise Refusal("InvalidParameterCombination", "The simulated ElastiCache has cluster mode off only.")


def _available(state: State, id: str) -> ReplicationGroup:
    group = state.group(id)
    status = _fact(state, group).status
    if status not in ("available", "failed"):
        raise Refusal("InvalidReplicationGroupState", f"Replication group {group.id} is {status}, not available.")
    return group


def _settings(state: State, params: dict[str, Any]) -> dict[str, Any]:
    """What was asked for with ElastiCache's defaults, checked."""
    engine = params.get("Engine") or "redis"
    settings: dict[str, Any] = {
        "Engine": engine,
        "EngineVersion": max(cache_versions(engine), key=_numbers, default=""),
        "Port": _PORT,
        "NumCacheClusters": 1,
        "AutomaticFailoverEnabled": False,
        "MultiAZEnabled": False,
        "AutoMinorVersionUpgrade": True,
        "SecurityGroupIds": [],
        "SnapshotRetentionLimit": 0,
        # "When engine is valkey, default is true": API_CreateReplicationGroup.html
        "AtRestEncryptionEnabled": engine == "valkey",
        "TransitEncryptionEnabled": False,
        **{name: value for name, value in params.items() if value is not None and name not in ("AuthToken", "Tags")},
    }
    if not settings.get("CacheSubnetGroupName"):
        raise Refusal("InvalidParameterCombination", "Give a CacheSubnetGroupName: there is no default one here.")
    settings["CacheSubnetGroupName"] = state.subnet_group(settings["CacheSubnetGroupName"]).name
    _check_settings(state, settings)
    return settings


def _check_settings(state: State, settings: dict[str, Any]) -> None:
    engine, version, size = settings["Engine"], settings["EngineVersion"], settings.get("CacheNodeType")
    if engine != "valkey":
        raise Refusal("InvalidParameterValue", f"The simulated ElastiCache runs Valkey, not {engine}: ask for valkey.")
    versions = cache_versions(engine)
    if version not in versions:
        raise Refusal(
            "InvalidParameterCombination",
            f"Cannot find version {version} for {engine}; there are {', '.join(sorted(versions, key=_numbers))}.",
        )
    if size not in cache_node_types(state.account.region):
        raise Refusal("InvalidParameterValue", f"There is no cache node type {size} in {state.account.region}.")
    count = settings["NumCacheClusters"]
    if not 1 <= count <= 6:
        raise Refusal("InvalidParameterValue", f"A replication group has one to six nodes, not {count}.")
    if settings["AutomaticFailoverEnabled"] and count < 2:
        raise Refusal("InvalidParameterCombination", "Automatic failover needs a replica: NumCacheClusters is 1.")
    if settings["MultiAZEnabled"] and not settings["AutomaticFailoverEnabled"]:
        raise Refusal("InvalidParameterCombination", "Multi-AZ needs automatic failover.")
    subnets = state.subnet_group(settings["CacheSubnetGroupName"])
    if settings["MultiAZEnabled"] and len(set(subnets.subnets.values())) < 2:
        raise Refusal("InvalidParameterCombination", "Multi-AZ needs subnets in two availability zones.")
    for id in settings["SecurityGroupIds"]:
        group = security_group(state.account, id)
        if group is None or group.vpc_id != subnets.vpc_id:
            raise Refusal("InvalidParameterValue", f"Security group {id} isn't in the VPC {subnets.vpc_id}.")


def _check_token(settings: dict[str, Any], token: str) -> None:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html. The token itself is in no message."""
    if not settings["TransitEncryptionEnabled"]:
        raise Refusal("InvalidParameterCombination", "AUTH needs encryption in transit: set TransitEncryptionEnabled.")
    if not 16 <= len(token) <= 128 or not all(32 < ord(letter) < 127 and letter not in '@"/' for letter in token):
        raise Refusal(
            "InvalidParameterValue",
            "AuthToken must have 16 to 128 printable characters without '@', '\"', '/' and spaces.",
        )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _fact(state: State, group: ReplicationGroup) -> DatabaseFact:
    return state.account.facts.caches.get(group.id, DatabaseFact("creating"))


def _described(state: State, group: ReplicationGroup) -> dict[str, Any]:
    settings, fact = group.settings, _fact(state, group)
    on = {True: "enabled", False: "disabled"}
    domain = f"{group.id}.{group.cluster}.{''.join(p[0] for p in state.account.region.split('-'))}1.cache.amazonaws.com"
    nodes = [f"{group.id}-{number:03}" for number in range(1, settings["NumCacheClusters"] + 1)]
    prefix = "master" if settings["TransitEncryptionEnabled"] else ""
    primary = f"{prefix}.{domain}" if prefix else domain.replace(f"{group.cluster}.", f"{group.cluster}.ng.0001.")
    return {
        "ReplicationGroupId": group.id,
        "Description": settings["ReplicationGroupDescription"],
        # as with RDS, the reason of a failure has no member of its own
        "Status": "create-failed" if fact.status == "failed" else fact.status,
        "MemberClusters": nodes,
        "NodeGroups": [
            {
                "NodeGroupId": "0001",
                "Status": fact.status,
                "PrimaryEndpoint": {"Address": primary, "Port": settings["Port"]},
                "ReaderEndpoint": {"Address": primary.replace("master.", "replica."), "Port": settings["Port"]},
                "NodeGroupMembers": [
                    {"CacheClusterId": node, "CacheNodeId": "0001", "CurrentRole": "primary" if n == 0 else "replica"}
                    for n, node in enumerate(nodes)
                ],
            }
        ],
        "AutomaticFailover": on[settings["AutomaticFailoverEnabled"]],
        "MultiAZ": on[settings["MultiAZEnabled"]],
        "SnapshotRetentionLimit": settings["SnapshotRetentionLimit"],
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "AuthTokenEnabled": group.id in state.account.facts.auth_tokens,
        "TransitEncryptionMode": "required" if settings["TransitEncryptionEnabled"] else None,
        "ARN": state.arn("replicationgroup", group.id),
        "ReplicationGroupCreateTime": group.created,
        "DataTiering": "disabled",
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        **{name: settings[name] for name in _SHOWN if name in settings},
    }
