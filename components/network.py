"""Network: the VPC, its subnets in two zones, the way out, and the security groups that say who may speak to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.subnets import plan_subnets
from components.zones import Zone

TASK_PORT = 4000
PUBLIC_DOOR_PORT = 80
ADMIN_DOOR_PORT = 8080
DATABASE_PORT = 5432
HTTPS_PORT = 443


@dataclass(frozen=True)
class NetworkArgs:
    """`prefix` starts the physical names; `zones` are at least two, as a load balancer and a database subnet group
    need; `admin_cidrs` may reach the admin door; `has_database` says whether tasks get a way to one."""

    prefix: str
    region: str
    vpc_cidr: str
    zones: Sequence[Zone]
    admin_cidrs: Sequence[str]
    has_database: bool


class Network(pulumi.ComponentResource):
    """The VPC. Its tiers: `public_subnet_ids` (NAT gateway only), `private_subnet_ids` (tasks, load balancer, relay)
    and `database_subnet_ids` (no route out at all). One security group a role, one rule a resource, and no rule by
    default."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    database_subnet_ids: list[pulumi.Output[str]]
    load_balancer_group_id: pulumi.Output[str]
    task_group_id: pulumi.Output[str]
    relay_group_id: pulumi.Output[str]
    database_group_id: pulumi.Output[str] | None
    egress: pulumi.Resource
    internet_gateway: pulumi.Resource
    rules: list[pulumi.Resource]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:network:Network", name, None, opts)
        self._name, self._args = name, args
        self._mine = pulumi.ResourceOptions(parent=self)

        self._vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.vpc_cidr,
            enable_dns_support=True,
            # the database's and the load balancer's names resolve to private addresses only with this
            enable_dns_hostnames=True,
            tags=self._named("vpc"),
            opts=self._mine,
        )
        self.vpc_id = self._vpc.id
        plan = plan_subnets(args.vpc_cidr)
        public = self._subnets("public", plan.public)
        private = self._subnets("private", plan.private)
        database = self._subnets("database", plan.database) if args.has_database else []
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.database_subnet_ids = [subnet.id for subnet in database]

        self._way_out(public, private)
        self._close_default_group()
        self._security_groups()
        self.register_outputs({"vpcId": self.vpc_id})

    def _named(self, what: str) -> dict[str, str]:
        return {"Name": f"{self._args.prefix}-{what}"}

    def _subnets(self, tier: str, blocks: Sequence[str]) -> list[aws.ec2.Subnet]:
        return [
            aws.ec2.Subnet(
                f"{self._name}-{tier}-{zone.id}",
                vpc_id=self.vpc_id,
                cidr_block=block,
                availability_zone=zone.name,
                tags=self._named(f"{tier}-{zone.id}"),
                opts=self._mine,
            )
            for zone, block in zip(self._args.zones, blocks, strict=False)
        ]

    def _way_out(self, public: list[aws.ec2.Subnet], private: list[aws.ec2.Subnet]) -> None:
        """One NAT gateway for all zones (a second one would double the POC's largest fixed cost), and S3 beside it."""
        # CloudFront's VPC origins want an internet gateway in the VPC, though their traffic doesn't pass it.
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet", vpc_id=self.vpc_id, tags=self._named("internet"), opts=self._mine
        )
        self.internet_gateway = gateway
        to_internet = self._route_table("public", public)
        out = aws.ec2.Route(
            f"{self._name}-public-internet",
            route_table_id=to_internet.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._mine,
        )
        address = aws.ec2.Eip(
            f"{self._name}-nat-address",
            domain="vpc",
            tags=self._named("nat"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        nat = aws.ec2.NatGateway(
            f"{self._name}-nat",
            allocation_id=address.allocation_id,
            subnet_id=public[0].id,
            tags=self._named("nat"),
            # it can't serve before its subnet has a way to the internet, and must go before that way goes
            opts=pulumi.ResourceOptions(parent=self, depends_on=[out]),
        )
        through_nat = self._route_table("private", private)
        self.egress = aws.ec2.Route(
            f"{self._name}-private-nat",
            route_table_id=through_nat.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=nat.id,
            opts=self._mine,
        )
        # free, and keeps the config and log traffic to S3 off the NAT gateway's price per GB
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{self._args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[through_nat.id],
            tags=self._named("s3"),
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

    def _security_groups(self) -> None:
        balancer = self._group("alb", "load balancer")
        task = self._group("task", "LiteLLM tasks")
        relay = self._group("relay", "admin relay")
        self.load_balancer_group_id, self.task_group_id, self.relay_group_id = balancer.id, task.id, relay.id
        self.database_group_id = None
        # the public door's ingress from CloudFront is the edge's: CloudFront's group exists only after its VPC origin
        self.rules = [
            *self._flow("relay-to-admin-door", relay, balancer, ADMIN_DOOR_PORT),
            *self._flow("alb-to-task", balancer, task, TASK_PORT),
            self._out(
                "task-to-aws",
                task,
                "Bedrock, Secrets Manager, CloudWatch Logs, S3 and the image registry, all over TLS",
            ),
            self._out("relay-to-aws", relay, "Secrets Manager and STS over TLS"),
        ]
        if self._args.has_database:
            database = self._group("database", "database")
            self.database_group_id = database.id
            self.rules += self._flow("task-to-database", task, database, DATABASE_PORT)
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
        self, name: str, source: aws.ec2.SecurityGroup, target: aws.ec2.SecurityGroup, port: int
    ) -> list[pulumi.Resource]:
        """Lets `source` open connections to `target` on `port`: out of the one, into the other."""
        description = name.replace("-", " ")
        egress = aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{name}-out",
            security_group_id=source.id,
            referenced_security_group_id=target.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
            opts=self._mine,
        )
        ingress = aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-{name}-in",
            security_group_id=target.id,
            referenced_security_group_id=source.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
            opts=self._mine,
        )
        return [egress, ingress]

    def _out(self, name: str, source: aws.ec2.SecurityGroup, why: str) -> pulumi.Resource:
        """HTTPS to anywhere: AWS's and the registry's addresses change, so a group can't name them."""
        return aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{name}",
            security_group_id=source.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=HTTPS_PORT,
            to_port=HTTPS_PORT,
            description=why,
            opts=self._mine,
        )
