"""Security groups: rules that can be meant, and groups that exist."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_AUTHORIZE = ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
_WITH_PORTS = ("tcp", "udp", "6", "17")


def register(rules: Rules, account: Account) -> None:
    @rules.check("ec2", *_AUTHORIZE)
    def meant(call: Call) -> None:
        for permission in call.params.get("IpPermissions") or [call.params]:
            _check_ports(permission)
            _check_prefix_lists(account, permission)

    @rules.check("ec2", "CreateSecurityGroup")
    def in_a_vpc(call: Call) -> None:
        vpc_id = call.params.get("VpcId")
        if vpc_id and vpc_id not in backend(account, "ec2").vpcs:
            raise Refusal("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")

    described: dict[str, str] = {}  # rule id → description of a rule for a group or prefix list: moto forgets it

    @rules.after("ec2", *_AUTHORIZE)
    def remember_descriptions(call: Call, result: dict[str, Any]) -> None:
        said = {
            entry.get("GroupId") or entry.get("PrefixListId"): entry.get("Description")
            for permission in call.params.get("IpPermissions") or []
            for entry in [*(permission.get("UserIdGroupPairs") or []), *(permission.get("PrefixListIds") or [])]
        }
        for rule in result.get("SecurityGroupRules") or []:
            target = (rule.get("ReferencedGroupInfo") or {}).get("GroupId") or rule.get("PrefixListId")
            if description := said.get(target):
                described[rule["SecurityGroupRuleId"]] = rule["Description"] = description

    @rules.after("ec2", "DescribeSecurityGroupRules")
    def show_descriptions(call: Call, result: dict[str, Any]) -> None:
        for rule in result.get("SecurityGroupRules") or []:
            description = described.get(rule["SecurityGroupRuleId"])
            if description and not rule.get("Description"):
                rule["Description"] = description


def _check_ports(permission: dict[str, Any]) -> None:
    protocol = str(permission.get("IpProtocol", "-1")).lower()
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if protocol not in _WITH_PORTS:
        return
    if first is None or last is None:
        raise Refusal(
            "InvalidParameterValue",
            f"Invalid value for portRange: protocol {protocol} needs FromPort and ToPort.",
        )
    if first != -1 and not 0 <= first <= last <= 65535:
        raise Refusal(
            "InvalidParameterValue",
            f"Invalid value for portRange: {first}-{last}. The first port can't be larger than the last, and both are "
            "0 to 65535.",
        )


def _check_prefix_lists(account: Account, permission: dict[str, Any]) -> None:
    for entry in permission.get("PrefixListIds") or []:
        id = entry["PrefixListId"]
        if id not in backend(account, "ec2").managed_prefix_lists:
            raise Refusal("InvalidPrefixListID.NotFound", f"The prefix list ID '{id}' does not exist")
