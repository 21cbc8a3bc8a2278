"""VPC endpoints: gateway (S3, DynamoDB) and interface."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.api import AwsError
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
    Wait,
    document,
    flag,
    one,
    text,
    texts,
)
from localcloud.plugins.aws.table.vpc import ec2_tags

_ENDPOINT_SETS = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}


async def _endpoint_sets(op: Operation) -> None:
    change: dict[str, list[str]] = {}
    for name, member in _ENDPOINT_SETS.items():
        old, new = set(op.state.get(name) or []), set(op.inputs.get(name) or [])
        if name in op.changed:
            change |= {f"Add{member}": sorted(new - old)} if new - old else {}
            change |= {f"Remove{member}": sorted(old - new)} if old - new else {}
    if change:
        await op.call("ModifyVpcEndpoint", VpcEndpointId=op.id, **change)


async def _endpoint_policy(op: Operation) -> None:
    policy = op.inputs.get("policy")
    said: dict[str, Any] = {"PolicyDocument": policy} if policy else {"ResetPolicy": True}
    await op.call("ModifyVpcEndpoint", VpcEndpointId=op.id, **said)


async def _delete_endpoint(op: Operation) -> None:
    answer = await op.call("DeleteVpcEndpoints", VpcEndpointIds=[op.id])
    for failed in answer.get("Unsuccessful") or []:
        if failed["Error"]["Code"] != "InvalidVpcEndpoint.NotFound":
            raise AwsError("ec2", "DeleteVpcEndpoints", failed["Error"]["Code"], failed["Error"]["Message"])


async def _read_endpoint(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeVpcEndpoints", VpcEndpointIds=[op.id]))["VpcEndpoints"]
    if not found or found[0]["State"].lower() == "deleted":
        return None
    endpoint = found[0]
    if endpoint["VpcEndpointType"] == "Gateway":
        by = [{"Name": "prefix-list-name", "Values": [endpoint["ServiceName"]]}]
        lists = (await op.call("DescribePrefixLists", Filters=by))["PrefixLists"]
        endpoint["list"] = lists[0] if lists else {}
    return endpoint


VPC_ENDPOINT = Row(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "ec2",
    inputs={
        "vpcId": text(REQUIRED | REPLACE),
        "serviceName": text(REQUIRED | REPLACE),
        "vpcEndpointType": text(REPLACE, default="Gateway"),
        "policy": document(COMPUTED, to="PolicyDocument"),
        "routeTableIds": texts(UNORDERED | COMPUTED),
        "subnetIds": texts(UNORDERED | COMPUTED),
        "securityGroupIds": texts(UNORDERED | COMPUTED, frm="Groups[].GroupId"),
        "privateDnsEnabled": flag(COMPUTED),
        "ipAddressType": text(COMPUTED),
        "dnsOptions": one({"dnsRecordIpType": text(COMPUTED)}, COMPUTED),
        "autoAccept": flag(LOCAL | HIDDEN),
    },
    outputs={
        "arn": "arn:aws:ec2:{region}:{account}:vpc-endpoint/{id}",
        "ownerId": "{account}",
        "state": "State",
        "prefixListId": "list.PrefixListId",
        "cidrBlocks": "list.Cidrs",
        "networkInterfaceIds": "NetworkInterfaceIds",
        "requesterManaged": "RequesterManaged",
    },
    create=Call("CreateVpcEndpoint", pick="VpcEndpoint"),
    id="VpcEndpointId",
    read=_read_endpoint,
    updates=(
        Update("routeTableIds subnetIds securityGroupIds", _endpoint_sets),
        Update("policy", _endpoint_policy),
        Update("privateDnsEnabled ipAddressType dnsOptions", Call("ModifyVpcEndpoint", {"VpcEndpointId": "{id}"})),
    ),
    delete=_delete_endpoint,
    gone=("InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound"),
    ready=Wait("State", ("available", "Available"), ("failed", "rejected", "Failed", "Rejected")),
    ends=120,
    tags=ec2_tags("vpc-endpoint"),
)

ROWS = (VPC_ENDPOINT,)
