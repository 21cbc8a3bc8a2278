"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Update,
    exactly_one,
    flag,
    not_both,
    number,
    several,
    text,
    texts,
)
from localcloud.plugins.aws.table.vpc import ec2_tags

# IANA's numbers, as EC2 gives them back by name.
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
_GROUP_ARN = "arn:aws:ec2:{region}:{account}:security-group/{id}"


def _protocol(said: Any) -> str:
    return _PROTOCOLS.get(str(said).lower(), str(said).lower())


_INLINE = {
    "protocol": text(REQUIRED, same=_protocol),
    "fromPort": number(REQUIRED),
    "toPort": number(REQUIRED),
    "cidrBlocks": texts(UNORDERED),
    "ipv6CidrBlocks": texts(UNORDERED),
    "prefixListIds": texts(UNORDERED),
    "securityGroups": texts(UNORDERED),
    "self": flag(default=False),
    "description": text(),
}
_BLOCKS = {
    "ingress": several(_INLINE, COMPUTED | UNORDERED),
    "egress": several(_INLINE, COMPUTED | UNORDERED),
}


def _permission(rule: Mapping[str, Any], group: str) -> dict[str, Any]:
    """An inline rule as EC2's IpPermission."""
    protocol = _protocol(rule["protocol"])
    said = {"Description": rule["description"]} if rule.get("description") else {}
    made: dict[str, Any] = {"IpProtocol": protocol}
    if protocol != "-1":
        made |= {"FromPort": int(rule["fromPort"]), "ToPort": int(rule["toPort"])}
    groups = [*(rule.get("securityGroups") or []), *([group] if rule.get("self") else [])]
    ranges = {
        "IpRanges": [{"CidrIp": cidr} | said for cidr in rule.get("cidrBlocks") or []],
        "Ipv6Ranges": [{"CidrIpv6": cidr} | said for cidr in rule.get("ipv6CidrBlocks") or []],
        "PrefixListIds": [{"PrefixListId": found} | said for found in rule.get("prefixListIds") or []],
        "UserIdGroupPairs": [{"GroupId": found} | said for found in groups],
    }
    return made | {name: items for name, items in ranges.items() if items}


async def _authorize(op: Operation, direction: str) -> None:
    rules = [_permission(rule, op.id) for rule in op.inputs.get(direction) or []]
    if rules:
        await op.call(f"AuthorizeSecurityGroup{direction.title()}", GroupId=op.id, IpPermissions=rules)


async def _revoke_all(op: Operation, direction: str) -> None:
    group = (await op.call("DescribeSecurityGroups", GroupIds=[op.id]))["SecurityGroups"][0]
    rules = group["IpPermissions" if direction == "ingress" else "IpPermissionsEgress"]
    if rules:
        await op.call(f"RevokeSecurityGroup{direction.title()}", GroupId=op.id, IpPermissions=rules)


async def _set_rules(op: Operation) -> None:
    for direction in ("ingress", "egress"):
        if direction in op.changed:
            await _revoke_all(op, direction)
            await _authorize(op, direction)


async def _revoke_default_egress(op: Operation) -> None:
    # AWS lets everything out of a new group; terraform-provider-aws takes that rule away, so rules are what is said.
    await _revoke_all(op, "egress")


def _blocks_of(permissions: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """EC2's permissions as inline rules: one a protocol, ports and description, as the bridge groups them."""
    blocks: dict[tuple[Any, ...], dict[str, Any]] = {}
    for permission in permissions:
        ports = {"fromPort": permission.get("FromPort", 0), "toPort": permission.get("ToPort", 0)}
        for member, name, key in (
            ("IpRanges", "cidrBlocks", "CidrIp"),
            ("Ipv6Ranges", "ipv6CidrBlocks", "CidrIpv6"),
            ("PrefixListIds", "prefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "securityGroups", "GroupId"),
        ):
            for item in permission.get(member) or []:
                said = item.get("Description")
                where = (permission["IpProtocol"], *ports.values(), said)
                block = blocks.setdefault(where, {"protocol": permission["IpProtocol"], **ports})
                if said:
                    block["description"] = said
                if name == "securityGroups" and item[key] == group:
                    block["self"] = True
                else:
                    block.setdefault(name, []).append(item[key])
    return list(blocks.values())


async def _read_group(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeSecurityGroups", GroupIds=[op.id]))["SecurityGroups"]
    if not found:
        return None
    group = found[0]
    # Rules that are resources of their own are none of the group's: only inline ones are compared.
    for direction, member in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if direction in op.given:
            group[direction] = _blocks_of(group[member], op.id)
    return group


SECURITY_GROUP = Row(
    "aws:ec2/securityGroup:SecurityGroup",
    "ec2",
    inputs={
        "name": text(REPLACE | COMPUTED, to="GroupName"),
        "namePrefix": text(REPLACE | LOCAL),
        "description": text(REPLACE, default="Managed by Pulumi"),
        "vpcId": text(REPLACE | COMPUTED),
        "revokeRulesOnDelete": flag(LOCAL | HIDDEN, default=False),
        **_BLOCKS,
    },
    outputs={"arn": _GROUP_ARN, "ownerId": "OwnerId"},
    create=Call("CreateSecurityGroup"),
    id="GroupId",
    settle=_revoke_default_egress,
    read=_read_group,
    updates=(Update("ingress egress", _set_rules),),
    delete=Call("DeleteSecurityGroup", {"GroupId": "{id}"}),
    gone=("InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
    busy=("DependencyViolation", "InvalidGroup.InUse"),
    tags=ec2_tags("security-group"),
    autoname="name",
    identity=("name",),
    check=(not_both("name", "namePrefix"),),
)


async def _adopt(op: Operation) -> dict[str, Any]:
    """The default group exists with its VPC: it is taken over and emptied, never made."""
    filters = [{"Name": "group-name", "Values": ["default"]}]
    if op.inputs.get("vpcId"):
        filters.append({"Name": "vpc-id", "Values": [op.inputs["vpcId"]]})
    group = (await op.call("DescribeSecurityGroups", Filters=filters))["SecurityGroups"][0]
    op.id = group["GroupId"]
    for direction in ("ingress", "egress"):
        await _revoke_all(op, direction)
    return group


DEFAULT_SECURITY_GROUP = Row(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "ec2",
    inputs={
        "vpcId": text(REPLACE | COMPUTED),
        "revokeRulesOnDelete": flag(LOCAL | HIDDEN, default=False),
        **_BLOCKS,
    },
    outputs={"arn": _GROUP_ARN, "ownerId": "OwnerId", "name": "GroupName", "description": "Description"},
    create=_adopt,
    id="GroupId",
    read=_read_group,
    updates=(Update("ingress egress", _set_rules),),
    delete=None,
    gone=SECURITY_GROUP.gone,
    tags=ec2_tags("security-group"),
)

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


def _check_ports(values: Mapping[str, Any]) -> Mapping[str, str]:
    protocol = str(values.get("ipProtocol"))
    ports = [name for name in ("fromPort", "toPort") if values.get(name) is not None]
    if protocol in ("-1", "all") and ports:
        return {ports[0]: "must be left out when `ipProtocol` is -1: every port is meant"}
    if protocol in ("tcp", "udp", "6", "17") and len(ports) < 2:
        return {"fromPort": f"and `toPort` are required when `ipProtocol` is {protocol}; set both"}
    return {}


async def _one_permission(op: Operation) -> list[dict[str, Any]]:
    rule = op.inputs
    protocol = _protocol(rule["ipProtocol"])
    made: dict[str, Any] = {"IpProtocol": protocol}
    for name, member in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if rule.get(name) is not None:
            made[member] = int(rule[name])
    source = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    name = next(name for name in _SOURCES if rule.get(name))
    member, key = source[name]
    said = {"Description": rule["description"]} if rule.get("description") else {}
    return [made | {member: [{key: rule[name]} | said]}]


async def _modify_rule(op: Operation) -> None:
    rule = {name: op.inputs[name] for name in ("cidrIpv4", "cidrIpv6", "prefixListId") if op.inputs.get(name)}
    said: dict[str, Any] = {name[0].upper() + name[1:]: item for name, item in rule.items()}
    if op.inputs.get("referencedSecurityGroupId"):
        said["ReferencedGroupId"] = op.inputs["referencedSecurityGroupId"]
    permission = (await _one_permission(op))[0]
    said |= {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    said["Description"] = op.inputs.get("description") or ""
    change = [{"SecurityGroupRuleId": op.id, "SecurityGroupRule": said}]
    await op.call("ModifySecurityGroupRules", GroupId=op.inputs["securityGroupId"], SecurityGroupRules=change)


async def _read_rule(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeSecurityGroupRules", SecurityGroupRuleIds=[op.id]))["SecurityGroupRules"]
    if not found:
        return None
    rule = found[0]
    for name in ("FromPort", "ToPort"):
        if rule.get("IpProtocol") == "-1" or rule.get(name) == -1:
            rule.pop(name, None)
    return rule


def _rule(direction: str) -> Row:
    return Row(
        f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
        "ec2",
        inputs={
            "securityGroupId": text(REQUIRED | REPLACE, to="GroupId"),
            "ipProtocol": text(REQUIRED, same=_protocol),
            "fromPort": number(),
            "toPort": number(),
            "cidrIpv4": text(),
            "cidrIpv6": text(),
            "prefixListId": text(),
            "referencedSecurityGroupId": text(frm="ReferencedGroupInfo.GroupId"),
            "description": text(),
        },
        outputs={
            "arn": "arn:aws:ec2:{region}:{account}:security-group-rule/{id}",
            "securityGroupRuleId": "{id}",
        },
        create=Call(
            f"AuthorizeSecurityGroup{direction}",
            {"IpPermissions": _one_permission},
            said=("ipProtocol", "fromPort", "toPort", *_SOURCES, "description"),
        ),
        id="SecurityGroupRules[0].SecurityGroupRuleId",
        read=_read_rule,
        updates=(Update(" ".join(["ipProtocol fromPort toPort description", *_SOURCES]), _modify_rule),),
        delete=Call(
            f"RevokeSecurityGroup{direction}",
            {"GroupId": "{securityGroupId}", "SecurityGroupRuleIds": ["{id}"]},
        ),
        gone=("InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound"),
        tags=ec2_tags("security-group-rule"),
        check=(exactly_one(*_SOURCES), _check_ports),
    )


ROWS = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP, _rule("Ingress"), _rule("Egress"))
