"""VPC origins: CloudFront's way into a private subnet, and the security group that AWS makes for it.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.backends import backend, load_balancer, referring_groups
from localcloud.aws.cloudfront.state import State, VpcOrigin, new_etag, page, require_match, require_valid
from localcloud.aws.cloudfront.tags import as_dict, set_tags
from localcloud.aws.ids import new_id, now
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

MANAGED_GROUP = "CloudFront-VPCOrigins-Service-SG"
# Zone ids without VPC origins (same page, "Supported AWS Regions"), of the regions that have two others.
ZONES_WITHOUT = {"use1-az3", "usw1-az2", "apne1-az3", "cac1-az3"}


def users(state: State, origin_id: str) -> list[str]:
    """Ids of the distributions that have the VPC origin among their origins."""
    return [
        distribution.id
        for distribution in state.distributions.values()
        if any(
            (origin.get("VpcOriginConfig") or {}).get("VpcOriginId") == origin_id
            for origin in distribution.config["Origins"]["Items"]
        )
    ]


def of_load_balancer(state: State, arn: str) -> list[VpcOrigin]:
    """The VPC origins that point to a load balancer."""
    return [origin for origin in state.vpc_origins.values() if origin.config["Arn"] == arn]


def _endpoint_vpc(state: State, config: dict[str, Any]) -> str:
    """The VPC of the endpoint that a VPC origin may point to; refused where AWS wouldn't deploy one."""
    arn = config["Arn"]
    balancer = load_balancer(state.account, arn)
    if balancer is None:
        raise Refusal(
            "InvalidArgument",
            f"The VPC origin's endpoint {arn} does not exist: give the ARN of an internal load balancer (the "
            "simulated API has no instances).",
        )
    if balancer.scheme != "internal":
        raise Refusal(
            "InvalidArgument",
            f"The VPC origin's endpoint {arn} is internet-facing: a VPC origin takes one in private subnets (scheme "
            "internal).",
        )
    ec2 = backend(state.account, "ec2")
    if not any(gateway.vpc and gateway.vpc.id == balancer.vpc_id for gateway in ec2.internet_gateways.values()):
        raise Refusal(
            "InvalidArgument",
            f"The VPC {balancer.vpc_id} has no internet gateway: attach one, VPC origins need it although no traffic "
            "flows through it.",
        )
    zones = {subnet.availability_zone: _zone_id(ec2, subnet.availability_zone) for subnet in balancer.subnets}
    barred = sorted(name for name, zone in zones.items() if zone in ZONES_WITHOUT)
    if barred:
        raise Refusal(
            "InvalidArgument",
            f"The load balancer {arn} has subnets in {', '.join(barred)}, where there are no VPC origins: choose "
            "zones by their zone id.",
        )
    return balancer.vpc_id


def _zone_id(ec2: Any, name: str) -> str:
    return next((zone.zone_id for zone in ec2.describe_availability_zones(zone_names=[name])), "")


def _checked(state: State, config: dict[str, Any]) -> str:
    for port in ("HTTPPort", "HTTPSPort"):
        # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CustomOriginConfig.html: 80, 443, 1024–65535
        if config[port] not in (80, 443) and not 1024 <= config[port] <= 65535:
            raise Refusal("InvalidArgument", f"{port} is {config[port]}; it can be 80, 443 or 1024 to 65535.")
    return _endpoint_vpc(state, config)


def _ensure_group(state: State, vpc_id: str) -> None:
    ec2 = backend(state.account, "ec2")
    if ec2.get_security_group_from_name(MANAGED_GROUP, vpc_id) is None:
        ec2.create_security_group(
            MANAGED_GROUP, "Managed by CloudFront: carries the interfaces of VPC origins", vpc_id=vpc_id
        )


def _drop_group(state: State, vpc_id: str) -> None:
    """Remove the managed group with the VPC's last VPC origin, unless a rule still names it (then AWS can't either)."""
    if any(origin.vpc_id == vpc_id for origin in state.vpc_origins.values()):
        return
    ec2 = backend(state.account, "ec2")
    group = ec2.get_security_group_from_name(MANAGED_GROUP, vpc_id)
    if group is not None and not referring_groups(state.account, group.id):
        ec2.delete_security_group(group_id=group.id)


def _described(state: State, origin: VpcOrigin) -> dict[str, Any]:
    return {
        "Id": origin.id,
        "Arn": origin.arn,
        "AccountId": state.account.account_id,
        "Status": origin.status,
        "CreatedTime": origin.created,
        "LastModifiedTime": origin.modified,
        "VpcOriginEndpointConfig": origin.config,
    }


def _summary(state: State, origin: VpcOrigin) -> dict[str, Any]:
    described = _described(state, origin)
    config = described.pop("VpcOriginEndpointConfig")
    return described | {
        "Name": config["Name"],
        "OriginEndpointArn": config["Arn"],
        "IpAddressType": config["IpAddressType"],
    }


def _get(state: State, call: Call) -> VpcOrigin:
    origin = state.vpc_origins.get(call.params["Id"])
    if origin is None:
        raise Refusal("EntityNotFound", f"The VPC origin {call.params['Id']} does not exist.")
    return origin


def _with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    defaults = {"OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]}, "IpAddressType": "ipv4"}
    return defaults | {name: value for name, value in config.items() if value is not None}


def register(rules: Rules, state: State) -> None:
    @rules.answer("cloudfront", "CreateVpcOrigin")
    def create(call: Call) -> dict[str, Any]:
        require_valid(call)
        config = _with_defaults(call.params["VpcOriginEndpointConfig"])
        if any(origin.config["Name"] == config["Name"] for origin in state.vpc_origins.values()):
            raise Refusal("EntityAlreadyExists", f"A VPC origin with the name {config['Name']} already exists.")
        vpc_id = _checked(state, config)
        id = new_id("vo_", 25)
        created = now()
        origin = VpcOrigin(id, state.arn("vpcorigin", id), config, new_etag(), created, created, vpc_id)
        set_tags(state, origin.arn, as_dict(call.params.get("Tags")))
        state.vpc_origins[id] = origin
        _ensure_group(state, vpc_id)
        location = f"/2020-05-31/vpc-origin/{id}"
        return {"VpcOrigin": _described(state, origin), "ETag": origin.etag, "Location": location}

    @rules.answer("cloudfront", "GetVpcOrigin")
    def get(call: Call) -> dict[str, Any]:
        origin = _get(state, call)
        return {"VpcOrigin": _described(state, origin), "ETag": origin.etag}

    @rules.answer("cloudfront", "UpdateVpcOrigin")
    def update(call: Call) -> dict[str, Any]:
        origin = _get(state, call)
        require_match(origin.etag, call.params.get("IfMatch"))
        require_valid(call)
        using = users(state, origin.id)
        if using:
            raise Refusal(
                "CannotUpdateEntityWhileInUse",
                f"The VPC origin {origin.id} is in use by the distributions {', '.join(using)}: disassociate it "
                "before changing it.",
            )
        config = _with_defaults(call.params["VpcOriginEndpointConfig"])
        vpc_before, origin.vpc_id = origin.vpc_id, _checked(state, config)
        origin.config, origin.etag, origin.modified = config, new_etag(), now()
        _ensure_group(state, origin.vpc_id)
        _drop_group(state, vpc_before)
        return {"VpcOrigin": _described(state, origin), "ETag": origin.etag}

    @rules.answer("cloudfront", "DeleteVpcOrigin")
    def delete(call: Call) -> dict[str, Any]:
        origin = _get(state, call)
        require_match(origin.etag, call.params.get("IfMatch"))
        using = users(state, origin.id)
        if using:
            raise Refusal(
                "CannotDeleteEntityWhileInUse",
                f"The VPC origin {origin.id} is in use by the distributions {', '.join(using)}: delete those, or "
                "their origin, first.",
            )
        if origin.status != "Deployed":
            raise Refusal("IllegalDelete", f"The VPC origin {origin.id} is still being deployed: wait until it is.")
        del state.vpc_origins[origin.id]
        state.tags.pop(origin.arn, None)
        _drop_group(state, origin.vpc_id)
        return {"VpcOrigin": _described(state, origin) | {"Status": "Deleting"}, "ETag": origin.etag}

    @rules.answer("cloudfront", "ListVpcOrigins")
    def list_origins(call: Call) -> dict[str, Any]:
        ordered = sorted(state.vpc_origins.values(), key=lambda origin: origin.id)
        return {"VpcOriginList": page([(origin.id, _summary(state, origin)) for origin in ordered], call)}
