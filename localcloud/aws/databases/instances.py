"""DB instances: asked for here, run by the data plane; the master password goes to it and nowhere else."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account, DatabaseFact
from localcloud.aws.backends import backend, database_subnets
from localcloud.aws.databases.checks import check_change, check_new, newest
from localcloud.aws.ids import new_id
from localcloud.aws.network.gateways import attached_gateway
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_GOING_DOWN = ("stopping", "stopped")
# A failed instance may be changed, unlike on AWS: here the change may be what was wrong with it.
_CHANGEABLE = ("available", "modifying", "failed")
# Operations whose answer has one instance.
_ANSWERING = ("CreateDBInstance", "ModifyDBInstance", "RebootDBInstance", "StartDBInstance", "StopDBInstance")


def register(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBInstance")
    def new(call: Call) -> None:
        if not call.params.get("DBClusterIdentifier"):
            check_new(account, call)

    @rules.after("rds", "CreateDBInstance")
    def created(call: Call, result: dict[str, Any]) -> None:
        id = call.params["DBInstanceIdentifier"].lower()
        rds = backend(account, "rds")
        database = rds.databases[id] = rds.databases.pop(
            call.params["DBInstanceIdentifier"]
        )  # RDS knows it in lower case
        account.facts.databases.pop(id, None)  # of an earlier instance of that name
        if not call.params.get("DBClusterIdentifier"):
            _complete(account, call, database, result["DBInstance"])
        _keep_password(account, call)

    @rules.check("rds", "ModifyDBInstance", "StopDBInstance", "RebootDBInstance")
    def there(call: Call) -> None:
        id = call.params["DBInstanceIdentifier"].lower()
        database = backend(account, "rds").databases.get(id)
        status = account.facts.databases.get(id, DatabaseFact("creating")).status
        if database is not None and status not in _CHANGEABLE:
            raise Refusal("InvalidDBInstanceState", f"Instance {id} is not in available state: it is {status}.")

    @rules.check("rds", "ModifyDBInstance")
    def change(call: Call) -> None:
        check_change(account, call)

    @rules.after("rds", "ModifyDBInstance")
    def changed(call: Call, result: dict[str, Any]) -> None:
        _keep_password(account, call)

    @rules.after("rds", *_ANSWERING)
    def with_status(call: Call, result: dict[str, Any]) -> None:
        _merge(account, result["DBInstance"])

    @rules.after("rds", "DescribeDBInstances")
    def all_with_status(call: Call, result: dict[str, Any]) -> None:
        for instance in result["DBInstances"]:
            _merge(account, instance)

    @rules.check("rds", "DeleteDBInstance")
    def snapshot_or_not(call: Call) -> None:
        skip, snapshot = call.params.get("SkipFinalSnapshot"), call.params.get("FinalDBSnapshotIdentifier")
        database = backend(account, "rds").databases.get(call.params["DBInstanceIdentifier"].lower())
        if database is not None and database.db_cluster_identifier:
            if snapshot:
                raise Refusal("InvalidParameterCombination", "The final snapshot is the cluster's to make.")
            return
        if not skip and not snapshot:
            raise Refusal(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            )
        if skip and snapshot:
            raise Refusal(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier can not be specified when deleting an instance with SkipFinalSnapshot.",
            )

    @rules.after("rds", "DeleteDBInstance")
    def deleted(call: Call, result: dict[str, Any]) -> None:
        account.facts.passwords.pop(call.params["DBInstanceIdentifier"].lower(), None)


def _keep_password(account: Account, call: Call) -> None:
    password = call.params.get("MasterUserPassword")
    if password:
        account.facts.passwords[call.params["DBInstanceIdentifier"].lower()] = password


def _complete(account: Account, call: Call, database: Any, described: dict[str, Any]) -> None:
    """What RDS decides where the caller said nothing, in moto's object and in the answer."""
    params = call.params
    version = newest(params["Engine"], params.get("EngineVersion"))
    database.engine_version = described["EngineVersion"] = version
    if database.storage_encrypted and not params.get("KmsKeyId"):
        key = f"arn:aws:kms:{account.region}:{account.account_id}:alias/aws/rds"
        database.kms_key_id = described["KmsKeyId"] = key
    subnets = database_subnets(database)
    if params.get("PubliclyAccessible") is None:
        # API_CreateDBInstance.html, PubliclyAccessible: public when the subnet group's VPC has an internet gateway
        public = bool(subnets) and attached_gateway(account, subnets[0].vpc_id) is not None
        database.publicly_accessible = described["PubliclyAccessible"] = public
    if subnets and not params.get("AvailabilityZone"):
        database.availability_zone = described["AvailabilityZone"] = subnets[0].availability_zone
    # moto gives every instance the same one
    database.dbi_resource_id = described["DbiResourceId"] = "db-" + new_id("", 26)


def _merge(account: Account, instance: dict[str, Any]) -> None:
    """The status that the data plane reports; on the way to a stop or a start, what RDS calls that."""
    cluster = instance.get("DBClusterIdentifier")
    if cluster:
        # one server stands for all of a cluster's instances
        account.facts.databases[instance["DBInstanceIdentifier"]] = account.facts.clusters.get(
            cluster, DatabaseFact("creating")
        )
    fact = account.facts.databases.get(instance["DBInstanceIdentifier"], DatabaseFact("creating"))
    if instance["DBInstanceStatus"] in _GOING_DOWN:
        instance["DBInstanceStatus"] = fact.status if fact.status in _GOING_DOWN else "stopping"
    else:
        instance["DBInstanceStatus"] = "starting" if fact.status in _GOING_DOWN else fact.status
    if fact.reason:
        # RDS has no member for why an instance failed but this one; its waiters show it.
        infos = instance.setdefault("StatusInfos", [])
        infos.append({"StatusType": "local cloud", "Normal": False, "Status": fact.status, "Message": fact.reason})
