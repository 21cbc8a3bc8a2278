"""Network: the VPC, its subnets in two zones, the way out, and the security groups that say who may speak to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from itertools import islice
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.endpoints import Endpoints, EndpointsArgs
from components.own import OwnNetwork
from components.subnets import plan_subnets
from components.zones import Zone

TASK_PORT = 4000
PUBLIC_DOOR_PORT = 80  # or HTTPS_PORT, where the doors have a certificate
ADMIN_DOOR_PORT = 8080
DATABASE_PORT = 5432
CACHE_PORT = 6379
HTTPS_PORT = 443


@dataclass(frozen=True)
class NetworkArgs:
    """`prefix` starts the physical names; `zones` are at least two, as a load balancer and a database subnet group
    need; `admin_cidrs` may reach the admin door; `has_database` and `has_cache` say whether tasks get a
    way to one. `egress`: tasks go
    out by a NAT gateway (`nat`), from public subnets with addresses of their own (`public`), or not at all: then AWS's
    services are reached by endpoints in the VPC (`endpoints`). With `own`, everything that is a network is there
    already, and `vpc_cidr`, `zones` and `egress` say nothing. `own_database_group_id` is the security group of a
    database that is there already."""

    prefix: str
    region: str
    vpc_cidr: str
    zones: Sequence[Zone]
    admin_cidrs: Sequence[str]
    has_database: bool
    has_cache: bool = False
    egress: Literal["nat", "public", "endpoints"] = "nat"
    own: OwnNetwork | None = None
    own_database_group_id: str = ""


class Network(pulumi.ComponentResource):
    """The VPC. Its tiers: public (NAT gateway, or the tasks with `egress: public`), `private_subnet_ids` (load
    balancer, relay, and the tasks behind a NAT gateway) and `database_subnet_ids` (no route out at all). Tasks belong
    into `task_subnet_ids`. One security group a role, one rule a resource, and no rule by default."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    task_subnet_ids: list[pulumi.Output[str]]
    database_subnet_ids: list[pulumi.Output[str]]
    load_balancer_group_id: pulumi.Output[str]
    task_group_id: pulumi.Output[str]
    relay_group_id: pulumi.Output[str]
    database_group_id: pulumi.Output[str] | None
    cache_group_id: pulumi.Output[str] | None
    egress: list[pulumi.Resource]
    internet_gateway: pulumi.Resource | None
    rules: list[pulumi.Resource]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:network:Network", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)

        if args.own is None:
            self._security_groups(self._make(args))
        else:
            self._adopt(args.own)
            self._security_groups(None)
        self.register_outputs({"vpcId": self.vpc_id})

    def _adopt(self, own: OwnNetwork) -> None:
        self.vpc_id = pulumi.Output.from_input(own.vpc_id)
        self.private_subnet_ids = [pulumi.Output.from_input(id) for id in own.private_subnet_ids]
        self.task_subnet_ids = self.private_subnet_ids
        self.database_subnet_ids = [pulumi.Output.from_input(id) for id in own.database_subnet_ids]
        self.egress, self.internet_gateway = [], None

    def _make(self, args: NetworkArgs) -> aws.ec2.VpcEndpoint:
        """The VPC and all in it but security groups; the way to S3."""
        name = self._name
        self._vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.vpc_cidr,
            enable_dns_support=True,
            # the database's and the load balancer's names resolve to private addresses only with this
            enable_dns_hostnames=True,
            # the relay's way out where there is no NAT gateway
            assign_generated_ipv6_cidr_block=args.egress == "public",
            tags=self._named("vpc"),
            opts=self._mine,
        )
        self.vpc_id = self._vpc.id
        plan = plan_subnets(args.vpc_cidr)
        public = self._subnets("public", plan.public) if args.egress != "endpoints" else []
        private = self._subnets("private", plan.private, dual_stack=args.egress == "public")
        database = self._subnets("database", plan.database) if args.has_database or args.has_cache else []
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.database_subnet_ids = [subnet.id for subnet in database]

        self.task_subnet_ids = [subnet.id for subnet in (public if args.egress == "public" else private)]

        self._close_default_group()
        return self._way_out(public, private)

    def _named(self, what: str) -> dict[str, str]:
        return {"Name": f"{self._args.prefix}-{what}"}

    def _subnets(self, tier: str, blocks: Sequence[str], *, dual_stack: bool = False) -> list[aws.ec2.Subnet]:
        return [
            aws.ec2.Subnet(
                f"{self._name}-{tier}-{zone.id}",
                vpc_id=self.vpc_id,
                cidr_block=block,
                ipv6_cidr_block=self._ipv6_block(place) if dual_stack else None,
                availability_zone=zone.name,
                tags=self._named(f"{tier}-{zone.id}"),
                opts=self._mine,
            )
            for place, (zone, block) in enumerate(zip(self._args.zones, blocks, strict=False))
        ]

    def _ipv6_block(self, place: int) -> pulumi.Output[str]:
        """A /64 of the VPC's /56, which is the size that a subnet has."""
        return self._vpc.ipv6_cidr_block.apply(
            lambda block: str(next(islice(IPv6Network(block).subnets(new_prefix=64), place, None)))
        )

    def _way_out(self, public: list[aws.ec2.Subnet], private: list[aws.ec2.Subnet]) -> aws.ec2.VpcEndpoint:
        """Sets `egress` and `internet_gateway`; the way to S3, which is a gateway endpoint's."""
        # CloudFront's VPC origins want an internet gateway in the VPC, though their traffic doesn't pass it.
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet", vpc_id=self.vpc_id, tags=self._named("internet"), opts=self._mine
        )
        self.internet_gateway = gateway
        inside = leaves = self._route_table("private", private)
        self.egress = []
        if public:
            to_internet = self._route_table("public", public)
            out = aws.ec2.Route(
                f"{self._name}-public-internet",
                route_table_id=to_internet.id,
                destination_cidr_block="0.0.0.0/0",
                gateway_id=gateway.id,
                opts=self._mine,
            )
            if self._args.egress == "nat":
                self.egress = [self._through_nat(public[0], inside, gateway, out)]
            else:
                self.egress = [out, self._over_ipv6(inside)]
                leaves = to_internet
        # free, and keeps the config and log traffic to S3 off the NAT gateway's price per GB
        return aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self._args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[leaves.id],
            tags=self._named("s3"),
            opts=self._mine,
        )

    def _through_nat(
        self,
        public: aws.ec2.Subnet,
        inside: aws.ec2.RouteTable,
        gateway: aws.ec2.InternetGateway,
        out: aws.ec2.Route,
    ) -> aws.ec2.Route:
        """One NAT gateway for all zones: a second one would double the POC's largest fixed cost."""
        address = aws.ec2.Eip(
            f"{self._name}-nat-address",
            domain="vpc",
            tags=self._named("nat"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        nat = aws.ec2.NatGateway(
            f"{self._name}-nat",
            allocation_id=address.allocation_id,
            subnet_id=public.id,
            tags=self._named("nat"),
            # it can't serve before its subnet has a way to the internet, and must go before that way goes
            opts=pulumi.ResourceOptions(parent=self, depends_on=[out]),
        )
        return aws.ec2.Route(
            f"{self._name}-private-nat",
            route_table_id=inside.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=nat.id,
            opts=self._mine,
        )

    def _over_ipv6(self, inside: aws.ec2.RouteTable) -> aws.ec2.Route:
        """The relay's way to Secrets Manager without a NAT gateway. A function in a VPC never gets a public IPv4
        address, but it may have an IPv6 one, Secrets Manager answers to those, and an egress-only gateway costs nothing
        and lets nobody in. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-ipv6
        https://docs.aws.amazon.com/secretsmanager/latest/userguide/ip-access.html"""
        gateway = aws.ec2.EgressOnlyInternetGateway(
            f"{self._name}-egress-only", vpc_id=self.vpc_id, tags=self._named("egress-only"), opts=self._mine
        )
        return aws.ec2.Route(
            f"{self._name}-private-ipv6",
            route_table_id=inside.id,
            destination_ipv6_cidr_block="::/0",
            egress_only_gateway_id=gateway.id,
            opts=self._mine,
        )

    def _route_table(self, tier: str, subnets: list[aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(f"{self._name}-{tier}", vpc_id=self.vpc_id, tags=self._named(tier), opts=self._mine)
        for zone, subnet in zip(self._args.zones, subnets, strict=True):
            aws.ec2.RouteTableAssociation(
                f"{self._name}-{tier}-{zone.id}", route_table_id=table.id, subnet_id=subnet.id, opts=self._mine
            )
        return table

    def _close_default_group(self) -> None:
        """Takes the VPC's default group over without rules, so that nothing gets access by forgetting to name a
        group."""
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default", vpc_id=self.vpc_id, tags=self._named("default"), opts=self._mine
        )

    def _security_groups(self, storage: aws.ec2.VpcEndpoint | None) -> None:
        balancer = self._group("alb", "load balancer")
        task = self._group("task", "LiteLLM tasks")
        relay = self._group("relay", "admin relay")
        self.load_balancer_group_id, self.task_group_id, self.relay_group_id = balancer.id, task.id, relay.id
        self.database_group_id = self.cache_group_id = None
        # the public door's ingress from CloudFront is the edge's: CloudFront's group exists only after its VPC origin
        self.rules = [
            *self._flow("relay-to-admin-door", relay, balancer, ADMIN_DOOR_PORT),
            *self._flow("alb-to-task", balancer, task, TASK_PORT),
            *self._to_aws(task, relay, storage),
        ]
        if self._args.own_database_group_id:
            self.rules += self._flow("task-to-database", task, self._args.own_database_group_id, DATABASE_PORT)
        elif self._args.has_database:
            database = self._group("database", "database")
            self.database_group_id = database.id
            self.rules += self._flow("task-to-database", task, database, DATABASE_PORT)
        if self._args.has_cache:
            cache = self._group("cache", "cache")
            self.cache_group_id = cache.id
            self.rules += self._flow("task-to-cache", task, cache, CACHE_PORT)
        for cidr in self._args.admin_cidrs:
            rule = aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-admins-{cidr.replace('/', '-')}",
                security_group_id=balancer.id,
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=ADMIN_DOOR_PORT,
                to_port=ADMIN_DOOR_PORT,
                description="admin door from adminCidrs",
                opts=self._mine,
            )
            self.rules.append(rule)

    def _to_aws(
        self, task: aws.ec2.SecurityGroup, relay: aws.ec2.SecurityGroup, storage: aws.ec2.VpcEndpoint | None
    ) -> list[pulumi.Resource]:
        if self._args.egress != "endpoints" or storage is None:
            why = "Bedrock, Secrets Manager, CloudWatch Logs, S3 and the image registry, all over TLS"
            over_ipv6 = self._args.egress == "public"
            return [
                self._out("task-to-aws", task, why),
                self._out("relay-to-aws", relay, "Secrets Manager and STS over TLS", over_ipv6=over_ipv6),
            ]
        group = self._group("endpoints", "endpoints of AWS's services")
        args = EndpointsArgs(self._args.prefix, self._args.region, self.vpc_id, self.private_subnet_ids, group.id)
        self.egress = Endpoints(f"{self._name}-endpoints", args, self._mine).all
        return [
            *self._flow("task-to-endpoints", task, group, HTTPS_PORT),
            *self._flow("relay-to-endpoints", relay, group, HTTPS_PORT),
            aws.vpc.SecurityGroupEgressRule(
                f"{self._name}-task-to-s3",
                security_group_id=task.id,
                prefix_list_id=storage.prefix_list_id,
                ip_protocol="tcp",
                from_port=HTTPS_PORT,
                to_port=HTTPS_PORT,
                description="the config, and the image's layers, over TLS",
                opts=self._mine,
            ),
        ]

    def _group(self, role: str, who: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._name}-{role}",
            name=f"{self._args.prefix}-{role}",
            description=f"{self._args.prefix} {who}",
            vpc_id=self.vpc_id,
            tags=self._named(role),
            opts=self._mine,
        )

    def _flow(
        self, name: str, source: aws.ec2.SecurityGroup, target: aws.ec2.SecurityGroup | str, port: int
    ) -> list[pulumi.Resource]:
        """Lets `source` open connections to `target` on `port`: out of the one, into the other."""
        target_id = target if isinstance(target, str) else target.id
        description = name.replace("-", " ")
        egress = aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{name}-out",
            security_group_id=source.id,
            referenced_security_group_id=target_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
            opts=self._mine,
        )
        ingress = aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-{name}-in",
            security_group_id=target_id,
            referenced_security_group_id=source.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
            opts=self._mine,
        )
        return [egress, ingress]

    def _out(self, name: str, source: aws.ec2.SecurityGroup, why: str, *, over_ipv6: bool = False) -> pulumi.Resource:
        """HTTPS to anywhere: AWS's and the registry's addresses change, so a group can't name them."""
        return aws.vpc.SecurityGroupEgressRule(
            # another rule, not the same one changed: a rule keeps its kind of address
            f"{self._name}-{name}{'-ipv6' if over_ipv6 else ''}",
            security_group_id=source.id,
            cidr_ipv4=None if over_ipv6 else "0.0.0.0/0",
            cidr_ipv6="::/0" if over_ipv6 else None,
            ip_protocol="tcp",
            from_port=HTTPS_PORT,
            to_port=HTTPS_PORT,
            description=why,
            opts=self._mine,
        )
