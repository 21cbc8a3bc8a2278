"""DB clusters (Aurora PostgreSQL): moto keeps them; the data plane runs one Postgres for all instances of a cluster.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from localcloud.aws.account import Account, DatabaseFact
from localcloud.aws.backends import backend, security_group
from localcloud.aws.databases.checks import check_password, newest
from localcloud.aws.databases.groups import family
from localcloud.aws.model_check import findings
from localcloud.aws.reference_data import cluster_versions, engine_versions
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

ENGINE = "aurora-postgresql"
SERVERLESS = "db.serverless"
_GOING_DOWN = ("stopping", "stopped")
_CHANGEABLE = ("available", "modifying", "failed")
_NOT_SIMULATED = (
    "ManageMasterUserPassword",
    "ReplicationSourceIdentifier",
    "GlobalClusterIdentifier",
    "BacktrackWindow",
    "ScalingConfiguration",
)
_ANSWERING = ("CreateDBCluster", "ModifyDBCluster", "StartDBCluster", "StopDBCluster")


def register(rules: Rules, account: Account) -> None:
    _register_life(rules, account)
    _register_members(rules, account)
    _register_groups(rules, account)


def _register_life(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBCluster")
    def new(call: Call) -> None:
        _check_request(call)
        params = call.params
        id = params["DBClusterIdentifier"]
        if not re.fullmatch(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)", id):
            raise Refusal("InvalidParameterValue", f"{id!r} is no identifier of a DB cluster.")
        if id.lower() in backend(account, "rds").clusters:
            raise Refusal("DBClusterAlreadyExistsFault", "DB cluster already exists")
        if params["Engine"] != ENGINE:
            raise Refusal("InvalidParameterValue", f"The simulated RDS has clusters of {ENGINE} only.")
        if params.get("EngineVersion") and params["EngineVersion"] not in cluster_versions(ENGINE):
            raise Refusal("InvalidParameterCombination", f"Cannot find version {params['EngineVersion']} for {ENGINE}")
        check_password(params.get("MasterUserPassword") or "")
        _check_capacity(params)
        _check_place(account, params)
        _check_parameters(account, params, newest(ENGINE, params.get("EngineVersion")))

    @rules.after("rds", "CreateDBCluster")
    def created(call: Call, result: dict[str, Any]) -> None:
        id = call.params["DBClusterIdentifier"].lower()
        cluster = backend(account, "rds").clusters[id]
        cluster.engine_version = result["DBCluster"]["EngineVersion"] = newest(ENGINE, call.params.get("EngineVersion"))
        account.facts.clusters.pop(id, None)
        _keep_password(account, call)
        _keep_http_endpoint(cluster, call, result)

    @rules.check("rds", "ModifyDBCluster", "StopDBCluster")
    def there(call: Call) -> None:
        id = call.params["DBClusterIdentifier"].lower()
        cluster = backend(account, "rds").clusters.get(id)
        if cluster is None:
            raise Refusal("DBClusterNotFoundFault", f"DBCluster {id} not found.")
        status = _fact(account, id).status
        if status not in _CHANGEABLE:
            raise Refusal("InvalidDBClusterStateFault", f"DB cluster {id} is not available: it is {status}.")
        if call.operation == "ModifyDBCluster":
            _check_request(call)
            _check_capacity(call.params)
            if call.params.get("MasterUserPassword"):
                check_password(call.params["MasterUserPassword"])
            _check_parameters(account, call.params, cluster.engine_version)

    @rules.after("rds", "ModifyDBCluster")
    def changed(call: Call, result: dict[str, Any]) -> None:
        _keep_password(account, call)
        cluster = backend(account, "rds").clusters[call.params["DBClusterIdentifier"].lower()]
        if "EnableIAMDatabaseAuthentication" in call.params:
            cluster.iam_auth = bool(call.params["EnableIAMDatabaseAuthentication"])
            result["DBCluster"]["IAMDatabaseAuthenticationEnabled"] = cluster.iam_auth
        _keep_http_endpoint(cluster, call, result)

    @rules.after("rds", *_ANSWERING)
    def with_status(call: Call, result: dict[str, Any]) -> None:
        _merge(account, result["DBCluster"])

    @rules.after("rds", "DescribeDBClusters")
    def all_with_status(call: Call, result: dict[str, Any]) -> None:
        for cluster in result["DBClusters"]:
            _merge(account, cluster)

    @rules.check("rds", "DeleteDBCluster")
    def deletable(call: Call) -> None:
        id = call.params["DBClusterIdentifier"].lower()
        members = members_of(account, id)
        if members:
            raise Refusal(
                "InvalidDBClusterStateFault",
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state: "
                f"{', '.join(members)}.",
            )
        skip, snapshot = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
        if bool(skip) == bool(snapshot):
            raise Refusal(
                "InvalidParameterCombination",
                "Give FinalDBSnapshotIdentifier, or SkipFinalSnapshot, and not both.",
            )

    @rules.after("rds", "DeleteDBCluster")
    def deleted(call: Call, result: dict[str, Any]) -> None:
        account.facts.cluster_passwords.pop(call.params["DBClusterIdentifier"].lower(), None)


def _register_members(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBInstance")
    def fits_its_cluster(call: Call) -> None:
        params = call.params
        if not params.get("DBClusterIdentifier"):
            return
        id = params["DBClusterIdentifier"].lower()
        cluster = backend(account, "rds").clusters.get(id)
        if cluster is None:
            raise Refusal("DBClusterNotFoundFault", f"DBCluster {id} not found.")
        if params["Engine"] != cluster.engine:
            raise Refusal("InvalidParameterCombination", f"The cluster's engine is {cluster.engine}.")
        if params["DBInstanceClass"] == SERVERLESS and not cluster.serverless_v2_scaling_configuration:
            raise Refusal(
                "InvalidParameterCombination",
                f"{SERVERLESS} needs ServerlessV2ScalingConfiguration on the cluster {id}.",
            )
        if params.get("MasterUserPassword") or params.get("AllocatedStorage"):
            raise Refusal("InvalidParameterCombination", "Password and storage are the cluster's.")

    @rules.check("rds", "DeleteDBSubnetGroup")
    def subnets_unused(call: Call) -> None:
        name = call.params["DBSubnetGroupName"].lower()
        using = [id for id, one in backend(account, "rds").clusters.items() if one.db_subnet_group_name == name]
        if using:
            raise Refusal(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database cluster is still using it: "
                f"{', '.join(using)}.",
            )

    account.users.append(lambda: _users(account))


def _register_groups(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBClusterParameterGroup")
    def of_a_family(call: Call) -> None:
        wanted = call.params["DBParameterGroupFamily"]
        if wanted not in {family(ENGINE, version) for version in engine_versions(ENGINE)}:
            raise Refusal(
                "InvalidParameterValue", f"ParameterGroupFamily {wanted} is not a valid parameter group family"
            )

    @rules.check("rds", "DeleteDBClusterParameterGroup")
    def unused(call: Call) -> None:
        name = call.params["DBClusterParameterGroupName"]
        using = [id for id, one in backend(account, "rds").clusters.items() if one.parameter_group == name]
        if using:
            raise Refusal("InvalidDBParameterGroupState", f"{name} is in use by {', '.join(using)}.")


def members_of(account: Account, id: str) -> list[str]:
    """The identifiers of a cluster's instances, in the order of their names."""
    databases = backend(account, "rds").databases.values()
    return sorted(one.db_instance_identifier for one in databases if one.db_cluster_identifier == id)


def _users(account: Account) -> Iterator[tuple[str, set[str], set[str]]]:
    rds = backend(account, "rds")
    for id, cluster in list(rds.clusters.items()):
        group = rds.subnet_groups.get(cluster.db_subnet_group_name)
        subnets = {subnet.id for subnet in group._subnets} if group is not None else set()
        yield f"database cluster {id}", subnets, set(cluster.vpc_security_group_ids or [])


def _check_request(call: Call) -> None:
    for _kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise Refusal("InvalidParameterValue", sentence)
    for member in _NOT_SIMULATED:
        if call.params.get(member):
            raise Refusal(
                "InvalidParameterCombination",
                f"The simulated RDS has no {member} for clusters: leave it out of the local stack.",
            )
    if call.params.get("EngineMode", "provisioned") != "provisioned":
        raise Refusal("InvalidParameterCombination", "The simulated RDS has the engine mode provisioned only.")


def _check_capacity(params: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""
    wanted = params.get("ServerlessV2ScalingConfiguration")
    if not wanted:
        return
    least, most = wanted.get("MinCapacity"), wanted.get("MaxCapacity")
    if least is None or most is None:
        raise Refusal("InvalidParameterCombination", "MinCapacity and MaxCapacity belong together.")
    for value in (least, most):
        if value * 2 != int(value * 2):
            raise Refusal("InvalidParameterValue", f"Serverless v2 capacity {value} isn't in steps of 0.5.")
    if not 0 <= least <= most or not 1 <= most <= 256:
        raise Refusal(
            "InvalidParameterValue",
            f"Serverless v2 capacity can be 0 to 256, and at most 1 or more: {least} to {most}.",
        )


def _check_place(account: Account, params: dict[str, Any]) -> None:
    name = (params.get("DBSubnetGroupName") or "").lower()
    group = backend(account, "rds").subnet_groups.get(name)
    if group is None:
        raise Refusal("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
    for id in params.get("VpcSecurityGroupIds") or []:
        found = security_group(account, id)
        if found is None or found.vpc_id != group.vpc_id:
            raise Refusal("InvalidParameterValue", f"The security group {id} isn't in the VPC {group.vpc_id}.")


def _check_parameters(account: Account, params: dict[str, Any], version: str) -> None:
    name = params.get("DBClusterParameterGroupName")
    if not name or name.startswith("default."):
        return
    group = backend(account, "rds").db_cluster_parameter_groups.get(name)
    if group is None:
        raise Refusal("DBClusterParameterGroupNotFound", f"DBClusterParameterGroup not found: {name}")
    if group.db_parameter_group_family != family(ENGINE, version):
        raise Refusal(
            "InvalidParameterCombination",
            f"The parameter group {name} is of the family {group.db_parameter_group_family}; "
            f"the cluster needs {family(ENGINE, version)}.",
        )


def _keep_password(account: Account, call: Call) -> None:
    password = call.params.get("MasterUserPassword")
    if password:
        account.facts.cluster_passwords[call.params["DBClusterIdentifier"].lower()] = password


def _keep_http_endpoint(cluster: Any, call: Call, result: dict[str, Any]) -> None:
    """moto has the Data API for the old serverless engine mode only."""
    if "EnableHttpEndpoint" in call.params:
        cluster._enable_http_endpoint = bool(call.params["EnableHttpEndpoint"])
    result["DBCluster"]["HttpEndpointEnabled"] = cluster.http_endpoint_enabled


def _fact(account: Account, id: str) -> DatabaseFact:
    return account.facts.clusters.get(id, DatabaseFact("creating"))


def _merge(account: Account, cluster: dict[str, Any]) -> None:
    """The status that the data plane reports. A cluster without instances is available on AWS, and serves nobody."""
    id = cluster["DBClusterIdentifier"]
    fact = _fact(account, id)
    if cluster["Status"] in _GOING_DOWN:
        cluster["Status"] = fact.status if fact.status in _GOING_DOWN else "stopping"
    elif not members_of(account, id) and fact.status != "failed":
        cluster["Status"] = "available"
    else:
        cluster["Status"] = "starting" if fact.status in _GOING_DOWN else fact.status
