"""IAM: roles, their policies, managed policies."""

from __future__ import annotations

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
    Tagging,
    Update,
    document,
    flag,
    not_both,
    number,
    several,
    text,
    texts,
)

_MISSING = ("NoSuchEntity",)


async def _inline_policies(op: Operation) -> None:
    wanted = {item["name"]: item["policy"] for item in op.inputs.get("inlinePolicies") or [] if item.get("name")}
    had = (await op.call("ListRolePolicies", RoleName=op.id))["PolicyNames"]
    for name in had:
        if name not in wanted:
            await op.call("DeleteRolePolicy", RoleName=op.id, PolicyName=name)
    for name, policy in wanted.items():
        await op.call("PutRolePolicy", RoleName=op.id, PolicyName=name, PolicyDocument=policy)


async def _attached(op: Operation) -> list[str]:
    found = (await op.call("ListAttachedRolePolicies", RoleName=op.id))["AttachedPolicies"]
    return [item["PolicyArn"] for item in found]


async def _managed_policies(op: Operation) -> None:
    had, wanted = set(await _attached(op)), set(op.inputs.get("managedPolicyArns") or [])
    for arn in sorted(had - wanted):
        await op.call("DetachRolePolicy", RoleName=op.id, PolicyArn=arn)
    for arn in sorted(wanted - had):
        await op.call("AttachRolePolicy", RoleName=op.id, PolicyArn=arn)


async def _boundary(op: Operation) -> None:
    boundary = op.inputs.get("permissionsBoundary")
    if boundary:
        await op.call("PutRolePermissionsBoundary", RoleName=op.id, PermissionsBoundary=boundary)
    else:
        await op.call("DeleteRolePermissionsBoundary", RoleName=op.id)


async def _read_role(op: Operation) -> dict[str, Any] | None:
    role = (await op.call("GetRole", RoleName=op.id))["Role"]
    # Policies that are resources of their own are none of the role's: only those it names are compared.
    if "managedPolicyArns" in op.given:
        role["managedPolicyArns"] = await _attached(op)
    if "inlinePolicies" in op.given:
        names = (await op.call("ListRolePolicies", RoleName=op.id))["PolicyNames"]
        found = [await op.call("GetRolePolicy", RoleName=op.id, PolicyName=name) for name in names]
        role["inlinePolicies"] = [{"name": item["PolicyName"], "policy": item["PolicyDocument"]} for item in found]
    return role


async def _delete_role(op: Operation) -> None:
    force = op.state.get("forceDetachPolicies") is True
    if force or op.state.get("managedPolicyArns"):
        for arn in await _attached(op):
            await op.call("DetachRolePolicy", RoleName=op.id, PolicyArn=arn)
    if force or op.state.get("inlinePolicies"):
        for name in (await op.call("ListRolePolicies", RoleName=op.id))["PolicyNames"]:
            await op.call("DeleteRolePolicy", RoleName=op.id, PolicyName=name)
    await op.call("DeleteRole", RoleName=op.id)


ROLE = Row(
    "aws:iam/role:Role",
    "iam",
    inputs={
        "name": text(REPLACE | COMPUTED, to="RoleName"),
        "namePrefix": text(REPLACE | LOCAL),
        "assumeRolePolicy": document(REQUIRED, to="AssumeRolePolicyDocument"),
        "description": text(),
        "path": text(REPLACE, default="/"),
        "maxSessionDuration": number(default=3600),
        "permissionsBoundary": text(frm="PermissionsBoundary.PermissionsBoundaryArn"),
        "managedPolicyArns": texts(COMPUTED | UNORDERED),
        "inlinePolicies": several({"name": text(), "policy": document()}, COMPUTED | UNORDERED),
        "forceDetachPolicies": flag(LOCAL | HIDDEN, default=False),
    },
    outputs={"arn": "Arn", "uniqueId": "RoleId", "createDate": "CreateDate"},
    create=Call("CreateRole"),
    id="Role.RoleName",
    read=_read_role,
    updates=(
        Update(
            "assumeRolePolicy",
            Call("UpdateAssumeRolePolicy", {"RoleName": "{id}", "PolicyDocument": "{assumeRolePolicy}"}),
        ),
        Update("description maxSessionDuration", Call("UpdateRole", {"RoleName": "{id}"}), whole=True),
        Update("permissionsBoundary", _boundary),
        Update("managedPolicyArns", _managed_policies),
        Update("inlinePolicies", _inline_policies),
    ),
    delete=_delete_role,
    gone=_MISSING,
    # Policies of the role that are being deleted at the same time.
    busy=("DeleteConflict",),
    tags=Tagging(Call("TagRole", {"RoleName": "{id}"}), Call("UntagRole", {"RoleName": "{id}"})),
    autoname="name",
    longest=64,
    identity=("name",),
    regional=False,
    check=(not_both("name", "namePrefix"),),
)

ROLE_POLICY = Row(
    "aws:iam/rolePolicy:RolePolicy",
    "iam",
    inputs={
        "name": text(REPLACE | COMPUTED, to="PolicyName"),
        "namePrefix": text(REPLACE | LOCAL),
        "role": text(REQUIRED | REPLACE, to="RoleName"),
        "policy": document(REQUIRED, to="PolicyDocument"),
    },
    create=Call("PutRolePolicy"),
    id="{role}:{name}",
    read=Call("GetRolePolicy", {"RoleName": "{role}", "PolicyName": "{name}"}),
    updates=(Update("policy", Call("PutRolePolicy", {"RoleName": "{role}", "PolicyName": "{name}"})),),
    delete=Call("DeleteRolePolicy", {"RoleName": "{role}", "PolicyName": "{name}"}),
    gone=_MISSING,
    autoname="name",
    longest=128,
    identity=("name", "role"),
    regional=False,
)


async def _read_attachment(op: Operation) -> dict[str, Any] | None:
    role, arn = op.value("role"), op.value("policyArn")
    found = (await op.call("ListAttachedRolePolicies", RoleName=role))["AttachedPolicies"]
    return {"RoleName": role, "PolicyArn": arn} if any(item["PolicyArn"] == arn for item in found) else None


ATTACHMENT = Row(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "iam",
    inputs={"role": text(REQUIRED | REPLACE, to="RoleName"), "policyArn": text(REQUIRED | REPLACE)},
    create=Call("AttachRolePolicy"),
    id="{role}/{policyArn}",
    read=_read_attachment,
    delete=Call("DetachRolePolicy", {"RoleName": "{role}", "PolicyArn": "{policyArn}"}),
    gone=_MISSING,
    identity=("role", "policyArn"),
    regional=False,
)

_VERSIONS = 5  # that a managed policy may have


async def _new_version(op: Operation) -> None:
    versions = (await op.call("ListPolicyVersions", PolicyArn=op.id))["Versions"]
    spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
    if len(versions) >= _VERSIONS:
        oldest = min(spare, key=lambda version: int(version[1:]))
        await op.call("DeletePolicyVersion", PolicyArn=op.id, VersionId=oldest)
    await op.call("CreatePolicyVersion", PolicyArn=op.id, PolicyDocument=op.inputs["policy"], SetAsDefault=True)


async def _read_policy(op: Operation) -> dict[str, Any] | None:
    policy = (await op.call("GetPolicy", PolicyArn=op.id))["Policy"]
    said = await op.call("GetPolicyVersion", PolicyArn=op.id, VersionId=policy["DefaultVersionId"])
    return policy | {"PolicyDocument": said["PolicyVersion"]["Document"]}


async def _delete_policy(op: Operation) -> None:
    for version in (await op.call("ListPolicyVersions", PolicyArn=op.id))["Versions"]:
        if not version["IsDefaultVersion"]:
            await op.call("DeletePolicyVersion", PolicyArn=op.id, VersionId=version["VersionId"])
    await op.call("DeletePolicy", PolicyArn=op.id)


POLICY = Row(
    "aws:iam/policy:Policy",
    "iam",
    inputs={
        "name": text(REPLACE | COMPUTED, to="PolicyName"),
        "namePrefix": text(REPLACE | LOCAL),
        "description": text(REPLACE),
        "path": text(REPLACE, default="/"),
        "policy": document(REQUIRED, to="PolicyDocument"),
    },
    outputs={"arn": "Arn", "policyId": "PolicyId"},
    create=Call("CreatePolicy"),
    id="Policy.Arn",
    read=_read_policy,
    updates=(Update("policy", _new_version),),
    delete=_delete_policy,
    gone=_MISSING,
    busy=("DeleteConflict",),
    tags=Tagging(Call("TagPolicy", {"PolicyArn": "{id}"}), Call("UntagPolicy", {"PolicyArn": "{id}"})),
    autoname="name",
    longest=128,
    identity=("name", "path"),
    regional=False,
    check=(not_both("name", "namePrefix"),),
)

ROWS = (ROLE, ROLE_POLICY, ATTACHMENT, POLICY)
