"""DB subnet groups and parameter groups.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithDBInstanceParamGroups.html
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, subnet
from localcloud.aws.reference_data import engine_versions
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

ENGINES = ("postgres", "mysql", "mariadb", "aurora-postgresql", "aurora-mysql")


def family(engine: str, version: str) -> str:
    """The parameter group family of an engine's version: "postgres15", "mysql8.0"."""
    parts = version.split(".")
    return engine + (parts[0] if "postgres" in engine else ".".join(parts[:2]))


def register(rules: Rules, account: Account) -> None:
    _register_subnet_groups(rules, account)
    _register_parameter_groups(rules, account)


def _register_subnet_groups(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBSubnetGroup")
    def new(call: Call) -> None:
        name = call.params["DBSubnetGroupName"].lower()
        if name in backend(account, "rds").subnet_groups:
            raise Refusal("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")

    @rules.after("rds", "CreateDBSubnetGroup")
    def in_lower_case(call: Call, result: dict[str, Any]) -> None:
        given = call.params["DBSubnetGroupName"]
        groups = backend(account, "rds").subnet_groups
        groups[given.lower()] = groups.pop(given)

    @rules.check("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
    def covers_two_zones(call: Call) -> None:
        places = []
        for id in call.params["SubnetIds"]:
            place = subnet(account, id)
            if place is None:
                raise Refusal("InvalidSubnet", f"Some input subnets in :[{id}] are invalid.")
            places.append(place)
        zones, vpcs = {place.availability_zone for place in places}, {place.vpc_id for place in places}
        if len(vpcs) > 1:
            raise Refusal("InvalidSubnet", f"The subnets belong to several VPCs: {', '.join(sorted(vpcs))}.")
        if len(zones) < 2:
            raise Refusal(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
                f"{', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs.",
            )

    @rules.check("rds", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup")
    def known(call: Call) -> None:
        name = call.params["DBSubnetGroupName"].lower()
        rds = backend(account, "rds")
        group = rds.subnet_groups.get(name)
        if group is None:
            raise Refusal("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
        call.note["subnet group"] = group
        if call.operation == "DeleteDBSubnetGroup":
            using = [
                one.db_instance_identifier
                for one in rds.databases.values()
                if getattr(one, "db_subnet_group", None) is group
            ]
            if using:
                raise Refusal(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{name}' because at least one database instance: "
                    f"{', '.join(using)} is still using it.",
                )

    @rules.after("rds", "ModifyDBSubnetGroup")
    def kept(call: Call, result: dict[str, Any]) -> None:
        # moto takes the group out to modify it, and forgets to put it back.
        name = call.params["DBSubnetGroupName"].lower()
        backend(account, "rds").subnet_groups[name] = call.note["subnet group"]


def _register_parameter_groups(rules: Rules, account: Account) -> None:
    @rules.check("rds", "CreateDBParameterGroup")
    def of_a_family(call: Call) -> None:
        wanted = call.params["DBParameterGroupFamily"]
        engine = next((one for one in ENGINES if wanted.startswith(one)), None)
        if engine is None or wanted not in {family(engine, version) for version in engine_versions(engine)}:
            raise Refusal(
                "InvalidParameterValue",
                f"ParameterGroupFamily {wanted} is not a valid parameter group family",
            )

    @rules.check("rds", "DeleteDBParameterGroup")
    def unused(call: Call) -> None:
        name = call.params["DBParameterGroupName"]
        using = [
            one.db_instance_identifier
            for one in backend(account, "rds").databases.values()
            if one.db_parameter_group_name == name
        ]
        if using:
            raise Refusal(
                "InvalidDBParameterGroupState",
                f"One or more database instances are still members of this parameter group {name}, so the group "
                f"cannot be deleted: {', '.join(using)}.",
            )
        if name.startswith("default."):
            raise Refusal("InvalidDBParameterGroupState", f"The default parameter group {name} cannot be deleted.")

    @rules.answer("rds", "ResetDBParameterGroup")
    def reset(call: Call) -> dict[str, Any]:
        name = call.params["DBParameterGroupName"]
        group = backend(account, "rds").db_parameter_groups.get(name)
        if group is None:
            raise Refusal("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
        if call.params.get("ResetAllParameters"):
            group.parameters.clear()
        for parameter in call.params.get("Parameters") or []:
            group.parameters.pop(parameter["ParameterName"], None)
        return {"DBParameterGroupName": name}
