"""What RDS checks before it makes or changes an instance.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, security_group
from localcloud.aws.databases.groups import family
from localcloud.aws.model_check import findings
from localcloud.aws.network.gateways import attached_gateway
from localcloud.aws.reference_data import classes_of_version, engine_versions, instance_classes
from localcloud.aws.refusal import Refusal
from localcloud.aws.wire import Call
from localcloud.postgres.binaries import PostgresMissing
from localcloud.postgres.binaries import version as installed

# GiB, least and most (API_CreateDBInstance.html, AllocatedStorage, "RDS for PostgreSQL").
_STORAGE = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536), "standard": (5, 3072)}
_RESERVED_USERS = {"admin", "rdsadmin", "rds_superuser", "public", "pg_monitor"}


OF_POSTGRES = ("postgres", "aurora-postgresql")


def installed_major() -> str:
    """The major version of Postgres that runs here; empty before set-up."""
    try:
        return installed().partition(".")[0]
    except PostgresMissing:  # the data plane will say so
        return ""


def newest(engine: str, version: str | None) -> str:
    """The full version that RDS would run: of a major one ("15"), the newest minor one. Of none, RDS has a default that
    it changes from time to time; here it is what is installed."""
    version = version or (installed_major() if engine in OF_POSTGRES else "")
    versions = engine_versions(engine)
    if version in versions and "." in (version or ""):
        return version or ""
    minors = [
        one
        for one in versions
        if re.fullmatch(r"\d+(\.\d+)+", one) and one.startswith(f"{version}." if version else "")
    ]
    return max(minors, key=lambda one: [int(part) for part in one.split(".")])


def check_new(account: Account, call: Call) -> None:
    """Refuse an instance that RDS wouldn't make."""
    params = call.params
    for _kind, _path, sentence in findings(call.model.input_shape, params):
        raise Refusal("InvalidParameterValue", sentence)
    id = params["DBInstanceIdentifier"]
    if not re.fullmatch(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)", id):
        raise Refusal(
            "InvalidParameterValue",
            f"The parameter DBInstanceIdentifier is not a valid identifier: {id!r}. It begins with a letter, has at "
            "most 63 letters, digits and hyphens, none doubled or at the end.",
        )
    if id.lower() in backend(account, "rds").databases:
        raise Refusal("DBInstanceAlreadyExists", "DB instance already exists")
    _check_engine(account, params["Engine"], params.get("EngineVersion"), params["DBInstanceClass"])
    _check_storage(params["Engine"], params.get("StorageType") or "gp2", params.get("AllocatedStorage"))
    _check_user(params)
    _check_place(account, params)
    _check_parameter_group(account, params["Engine"], newest(params["Engine"], params.get("EngineVersion")), params)


def check_change(account: Account, call: Call) -> None:
    """Refuse a change that RDS wouldn't make."""
    params = call.params
    database = backend(account, "rds").databases.get(params["DBInstanceIdentifier"].lower())
    if database is None:
        return  # moto says so
    for _kind, _path, sentence in findings(call.model.input_shape, params):
        raise Refusal("InvalidParameterValue", sentence)
    version = params.get("EngineVersion") or database.engine_version
    if params.get("DBInstanceClass") or params.get("EngineVersion"):
        size = params.get("DBInstanceClass") or database.db_instance_class
        _check_engine(account, database.engine, version, size)
    if params.get("MasterUserPassword"):
        check_password(params["MasterUserPassword"])
    allocated = params.get("AllocatedStorage")
    if allocated is not None and int(allocated) < int(database.allocated_storage):
        raise Refusal(
            "InvalidParameterValue",
            f"Requested allocated storage {allocated} is less than the current {database.allocated_storage}: storage "
            "can't shrink.",
        )
    group = getattr(database, "db_subnet_group", None)
    _check_groups(account, params.get("VpcSecurityGroupIds") or [], group.vpc_id if group else None)
    _check_parameter_group(account, database.engine, newest(database.engine, version), params)


def _check_engine(account: Account, engine: str, version: str | None, size: str) -> None:
    versions = engine_versions(engine)
    if not versions:
        raise Refusal("InvalidParameterValue", f"Invalid DB engine: {engine}")
    if version is not None and version not in versions:
        raise Refusal("InvalidParameterCombination", f"Cannot find version {version} for {engine}")
    full = newest(engine, version)
    of_version = classes_of_version(engine, full)
    if size not in instance_classes(account.region, engine) or (of_version is not None and size not in of_version):
        raise Refusal(
            "InvalidParameterCombination",
            f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={size}, "
            f"Engine={engine}, EngineVersion={full}, region {account.region}.",
        )


def _check_storage(engine: str, kind: str, size: int | None) -> None:
    if kind not in _STORAGE:
        raise Refusal("InvalidParameterValue", f"Invalid storage type: {kind}; there are {', '.join(_STORAGE)}.")
    low, high = _STORAGE[kind]
    if size is None or not low <= int(size) <= high:
        raise Refusal(
            "InvalidParameterValue",
            f"Invalid storage size for engine name {engine} and storage type {kind}: {size}; it can be {low} to "
            f"{high} GiB.",
        )


def _check_user(params: dict[str, Any]) -> None:
    user = params.get("MasterUsername")
    if not user or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", user):
        raise Refusal(
            "InvalidParameterValue",
            f"The parameter MasterUsername is not valid: {user!r}. It begins with a letter and has at most 63 "
            "letters, digits and underscores.",
        )
    if user.lower() in _RESERVED_USERS:
        raise Refusal(
            "InvalidParameterValue",
            f"MasterUsername {user} cannot be used as it is a reserved word used by the engine",
        )
    name = params.get("DBName")
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise Refusal(
            "InvalidParameterValue",
            f"DBName must begin with a letter and contain only alphanumeric characters: {name!r}.",
        )
    if params.get("ManageMasterUserPassword"):
        raise Refusal(
            "InvalidParameterCombination",
            "The simulated RDS manages no master passwords: give MasterUserPassword.",
        )
    check_password(params.get("MasterUserPassword") or "")


def check_password(password: str) -> None:
    """API_CreateDBInstance.html, MasterUserPassword. The password itself is in no message."""
    if not 8 <= len(password) <= 128:
        raise Refusal(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password because it is "
            f"{'shorter than 8' if len(password) < 8 else 'longer than 128'} characters.",
        )
    if not all(32 < ord(letter) < 127 and letter not in '/@"' for letter in password):
        raise Refusal(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used.",
        )


def _check_place(account: Account, params: dict[str, Any]) -> None:
    name = params.get("DBSubnetGroupName")
    group = backend(account, "rds").subnet_groups.get(name.lower()) if name else None
    if name and group is None:
        raise Refusal("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
    vpc_id = group.vpc_id if group else None
    _check_groups(account, params.get("VpcSecurityGroupIds") or [], vpc_id)
    if params.get("PubliclyAccessible") and vpc_id and attached_gateway(account, vpc_id) is None:
        raise Refusal(
            "InvalidVPCNetworkStateFault",
            "Cannot create a publicly accessible DBInstance. The specified VPC does not have internet gateway "
            "attached. Update the VPC and then try again",
        )


def _check_groups(account: Account, ids: list[str], vpc_id: str | None) -> None:
    for id in ids:
        group = security_group(account, id)
        if group is None:
            raise Refusal("InvalidParameterValue", f"Invalid security group , groupId= {id}, groupName=.")
        if vpc_id and group.vpc_id != vpc_id:
            raise Refusal(
                "InvalidParameterCombination",
                f"The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc_id} and "
                f"the EC2 security group is in {group.vpc_id}",
            )


def _check_parameter_group(account: Account, engine: str, version: str, params: dict[str, Any]) -> None:
    name = params.get("DBParameterGroupName")
    if not name or name.startswith("default."):
        return
    group = backend(account, "rds").db_parameter_groups.get(name)
    if group is None:
        raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    wanted = family(engine, version)
    if group.family != wanted:
        raise Refusal(
            "InvalidParameterCombination",
            f"The parameter group {name} with DBParameterGroupFamily {group.family} can't be used for this instance. "
            f"Please use a parameter group with DBParameterGroupFamily {wanted}.",
        )
