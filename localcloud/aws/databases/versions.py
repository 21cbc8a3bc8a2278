"""One major version of Postgres is installed here: an instance of another one would claim what it isn't."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.databases.checks import OF_POSTGRES, installed_major, newest
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, account: Account) -> None:
    """After the rooms whose refusals are AWS's own: those come first."""

    @rules.check("rds", "CreateDBInstance", "CreateDBCluster")
    def created(call: Call) -> None:
        engine = call.params["Engine"]
        member = call.operation == "CreateDBInstance" and "DBClusterIdentifier" in call.params
        if engine in OF_POSTGRES and not member:  # a cluster's instance has the cluster's version
            _refuse_another(newest(engine, call.params.get("EngineVersion")))

    @rules.check("rds", "ModifyDBInstance", "ModifyDBCluster")
    def changed(call: Call) -> None:
        if given := call.params.get("EngineVersion"):
            _refuse_another(given)


def _refuse_another(wanted: str) -> None:
    here = installed_major()
    if here and wanted.partition(".")[0] != here:
        raise Refusal(
            "InvalidParameterCombination",
            f"The local cloud runs Postgres {here}, not {wanted.partition('.')[0]}: ask for EngineVersion {here} "
            "(databaseEngineVersion) in a local stack.",
        )
