"""A deployed network in the simulated API, made with boto3 as a program would, and the data plane that serves it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from localcloud.aws.account import Account
from localcloud.dataplane.alb import LoadBalancers
from localcloud.dataplane.edge import Distributions
from localcloud.dataplane.readings import Readings
from localcloud.net.fabric import Fabric
from localcloud.net.model import Interface
from localcloud.tls import Authority
from tests.net.raw import hang_up

MACHINE_CIDR = "127.0.0.1/32"
_numbers = itertools.count(1)


def permission(port: int, *, group: str | None = None, cidr: str | None = None, prefix_list: str | None = None) -> Any:
    """One EC2 IpPermission for a TCP port."""
    found: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if group:
        found["UserIdGroupPairs"] = [{"GroupId": group}]
    if cidr:
        found["IpRanges"] = [{"CidrIp": cidr}]
    if prefix_list:
        found["PrefixListIds"] = [{"PrefixListId": prefix_list}]
    return found


@dataclass
class World:
    """One VPC with two private subnets and a public one, and an internal load balancer with two listeners.

    The public door (80) answers 403 unless a rule forwards; the admin door (8080) forwards everything.
    """

    account: Account
    name: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"w{next(_numbers)}"
        self.ec2, self.elb = self.account.client("ec2"), self.account.client("elbv2")
        self.cloudfront = self.account.client("cloudfront")
        self._network()
        self._groups()
        self._load_balancer()

    def _network(self) -> None:
        ec2, ids = self.ec2, self.ids
        vpc = ids["vpc"] = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        for name, cidr, zone in (
            ("a", "10.20.1.0/24", "a"),
            ("b", "10.20.2.0/24", "b"),
            ("public", "10.20.3.0/24", "a"),
        ):
            zone = f"{self.account.region}{zone}"
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]
            ids[f"subnet-{name}"] = subnet["SubnetId"]
        gateway = ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        for name, subnets in (("private", ("a", "b")), ("public", ("public",))):
            table = ids[f"table-{name}"] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            for subnet in subnets:
                ec2.associate_route_table(RouteTableId=table, SubnetId=ids[f"subnet-{subnet}"])
        self.ec2.create_route(RouteTableId=ids["table-public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def _groups(self) -> None:
        for name in ("alb", "task"):
            group = self.ec2.create_security_group(
                GroupName=f"{self.name}-{name}", Description=name, VpcId=self.ids["vpc"]
            )
            self.ids[name] = group["GroupId"]
            self.close("egress", name, {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
        self.open("egress", "alb", permission(4000, group=self.ids["task"]))
        self.open("ingress", "task", permission(4000, group=self.ids["alb"]))
        self.open("ingress", "alb", permission(80, cidr=MACHINE_CIDR), permission(8080, cidr=MACHINE_CIDR))

    def open(self, direction: str, group: str, *permissions: Any) -> None:
        """Authorize rules of a security group (by its short name, or its id)."""
        call = getattr(self.ec2, f"authorize_security_group_{direction}")
        call(GroupId=self.ids.get(group, group), IpPermissions=list(permissions))

    def close(self, direction: str, group: str, *permissions: Any) -> None:
        """Revoke rules of a security group."""
        call = getattr(self.ec2, f"revoke_security_group_{direction}")
        call(GroupId=self.ids.get(group, group), IpPermissions=list(permissions))

    def _load_balancer(self) -> None:
        ids = self.ids
        balancer = self.elb.create_load_balancer(
            Name=f"{self.name}-gw",
            Subnets=[ids["subnet-a"], ids["subnet-b"]],
            SecurityGroups=[ids["alb"]],
            Scheme="internal",
            Type="application",
        )["LoadBalancers"][0]
        ids["balancer"], ids["dns"] = balancer["LoadBalancerArn"], balancer["DNSName"]
        group = self.elb.create_target_group(
            Name=f"{self.name}-tg",
            Protocol="HTTP",
            Port=4000,
            VpcId=ids["vpc"],
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        )["TargetGroups"][0]
        ids["targets"] = group["TargetGroupArn"]
        ids["public-door"] = self.listener(80, fixed(403, "no"))
        ids["admin-door"] = self.listener(8080, self.forward())

    def forward(self) -> dict[str, Any]:
        return {"Type": "forward", "TargetGroupArn": self.ids["targets"]}

    def listener(self, port: int, action: dict[str, Any]) -> str:
        answer = self.elb.create_listener(
            LoadBalancerArn=self.ids["balancer"], Protocol="HTTP", Port=port, DefaultActions=[action]
        )
        return answer["Listeners"][0]["ListenerArn"]

    def rule(
        self,
        door: str,
        priority: int,
        action: dict[str, Any],
        transforms: Sequence[dict[str, Any]] = (),
        **conditions: Any,
    ) -> str:
        """Add a rule; ``path=[…]``, or a condition's own configuration by its field's name with underscores."""
        found = [_condition(field, value) for field, value in conditions.items()]
        more = {"Transforms": list(transforms)} if transforms else {}
        answer = self.elb.create_rule(
            ListenerArn=self.ids[door], Priority=priority, Conditions=found, Actions=[action], **more
        )
        return answer["Rules"][0]["RuleArn"]

    def register(self, *ips: str) -> None:
        targets = [{"Id": ip, "Port": 4000} for ip in ips]
        self.elb.register_targets(TargetGroupArn=self.ids["targets"], Targets=targets)

    def deregister(self) -> None:
        health = self.elb.describe_target_health(TargetGroupArn=self.ids["targets"])["TargetHealthDescriptions"]
        targets = [item["Target"] for item in health]
        if targets:
            self.elb.deregister_targets(TargetGroupArn=self.ids["targets"], Targets=targets)

    def health(self) -> dict[str, str]:
        """State of every target as the API tells it, with the reason code when there is one."""
        health = self.elb.describe_target_health(TargetGroupArn=self.ids["targets"])["TargetHealthDescriptions"]
        return {
            item["Target"]["Id"]: " ".join(
                filter(None, (item["TargetHealth"]["State"], item["TargetHealth"].get("Reason")))
            )
            for item in health
        }

    def task(self, ip: str = "10.20.1.50") -> Interface:
        return Interface(f"eni-{ip}", "task one", self.ids["vpc"], self.ids["subnet-a"], ip, (self.ids["task"],))


def fixed(status: int, body: str) -> dict[str, Any]:
    """A fixed-response action."""
    config = {"StatusCode": str(status), "ContentType": "text/plain", "MessageBody": body}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def _condition(field: str, value: Any) -> dict[str, Any]:
    if field == "path":
        return {"Field": "path-pattern", "PathPatternConfig": {"Values": value}}
    name = field.replace("_", "-")
    return {"Field": name, "".join(word.capitalize() for word in field.split("_")) + "Config": value}


@dataclass
class Plane:
    """The running data plane of a world."""

    world: World
    fabric: Fabric
    balancers: LoadBalancers
    distributions: Distributions
    authority: Authority

    async def reconcile(self) -> None:
        await self.balancers.reconcile()
        await self.distributions.reconcile()

    def door(self, port: int) -> int:
        """Loopback port of a listener of the load balancer."""
        return self.port(f"http://{self.world.ids['dns']}:{port}")

    def port(self, url: str) -> int:
        return int(self.world.account.facts.hosts[url].rpartition(":")[2])

    async def serve_task(self, backend_port: int, ip: str = "10.20.1.50") -> None:
        """Register a target and let a loopback backend stand behind it; returns when it is healthy."""
        await self.fabric.bind(ip, 4000, self.world.task(ip), ("127.0.0.1", backend_port))
        await asyncio.to_thread(self.world.register, ip)
        await self.balancers.reconcile()
        await until(lambda: self.world.health().get(ip) == "healthy")


@asynccontextmanager
async def running(world: World, readings: Readings | None = None) -> AsyncIterator[Plane]:
    """The data plane, reconciled, for as long as the block lasts."""
    fabric = Fabric(world.account)
    folder = TemporaryDirectory()
    authority = Authority(Path(folder.name) / "tls")
    plane = Plane(
        world,
        fabric,
        LoadBalancers(world.account, fabric, authority, readings),
        Distributions(world.account, fabric, authority, readings),
        authority,
    )
    try:
        await plane.reconcile()
        yield plane
    finally:
        folder.cleanup()
        await hang_up()
        await plane.distributions.close()
        await plane.balancers.close()
        await fabric.close()
        await asyncio.to_thread(world.deregister)


async def until(check: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until ``check`` holds (it may block); AssertionError when it doesn't in time."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(check):
            await asyncio.sleep(0.05)
