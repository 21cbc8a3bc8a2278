"""The part of the program with every type that makes the network, its rules and the database."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random


@dataclass
class Form:
    """What differs between the first and the changed program."""

    changed: bool = False

    def pick(self, first: Any, then: Any) -> Any:
        return then if self.changed else first


def network(form: Form) -> dict[str, Any]:
    vpc = aws.ec2.Vpc(
        "vpc", cidr_block="10.9.0.0/16", enable_dns_hostnames=form.pick(True, False), tags={"Name": form.pick("a", "b")}
    )
    dual = aws.ec2.Vpc(
        "vpc-dual", cidr_block="10.8.0.0/16", assign_generated_ipv6_cidr_block=True, tags={"Name": form.pick("a", "b")}
    )
    only_out = aws.ec2.EgressOnlyInternetGateway("only-out", vpc_id=dual.id, tags={"Name": form.pick("one", "two")})
    dual_table = aws.ec2.RouteTable("table-dual", vpc_id=dual.id)
    aws.ec2.Route(
        "out-6",
        route_table_id=dual_table.id,
        destination_ipv6_cidr_block="::/0",
        egress_only_gateway_id=only_out.id,
    )
    aws.ec2.Subnet(
        "subnet-dual",
        vpc_id=dual.id,
        cidr_block="10.8.0.0/24",
        ipv6_cidr_block=dual.ipv6_cidr_block.apply(
            lambda block: str(list(ip_network(block).subnets(new_prefix=64))[form.pick(0, 1)])
        ),
    )
    zones = aws.get_availability_zones(state="available")
    subnets = [
        aws.ec2.Subnet(
            f"subnet-{index}",
            vpc_id=vpc.id,
            cidr_block=f"10.9.{index}.0/24",
            availability_zone=zones.names[index],
            map_public_ip_on_launch=form.pick(False, True),
        )
        for index in range(2)
    ]
    gateway = aws.ec2.InternetGateway("internet", vpc_id=vpc.id)
    address = aws.ec2.Eip("address", domain="vpc")
    nat = aws.ec2.NatGateway(
        "nat",
        subnet_id=subnets[0].id,
        allocation_id=address.allocation_id,
        opts=pulumi.ResourceOptions(depends_on=[gateway]),
    )
    tables = [aws.ec2.RouteTable(f"table-{index}", vpc_id=vpc.id) for index in range(2)]
    aws.ec2.RouteTable(
        "table-inline",
        vpc_id=vpc.id,
        routes=[{"cidr_block": form.pick("0.0.0.0/0", "10.0.0.0/8"), "gateway_id": gateway.id}],
    )
    aws.ec2.Route(
        "out",
        route_table_id=tables[0].id,
        destination_cidr_block="0.0.0.0/0",
        **form.pick({"gateway_id": gateway.id}, {"nat_gateway_id": nat.id}),
    )
    aws.ec2.RouteTableAssociation(
        "association", subnet_id=subnets[0].id, route_table_id=form.pick(tables[0], tables[1]).id
    )
    aws.ec2.VpcEndpoint(
        "s3",
        vpc_id=vpc.id,
        service_name="com.amazonaws.us-west-1.s3",
        route_table_ids=form.pick([tables[0].id, tables[1].id], [tables[1].id]),
    )
    return {"vpc": vpc, "subnets": subnets, "gateway": gateway}


def firewall(form: Form, net: dict[str, Any]) -> None:
    vpc = net["vpc"]
    net["group"] = group = aws.ec2.SecurityGroup("group", name="every-group", description="a group", vpc_id=vpc.id)
    aws.ec2.SecurityGroup(
        "inline",
        vpc_id=vpc.id,
        ingress=[
            {
                "protocol": "tcp",
                "from_port": 80,
                "to_port": form.pick(80, 81),
                "cidr_blocks": ["10.0.0.0/8", "192.168.0.0/16"],
                "description": "web",
            }
        ],
        egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "self": True}],
    )
    aws.ec2.DefaultSecurityGroup("default", vpc_id=vpc.id, tags={"Name": form.pick("closed", "shut")})
    rule: dict[str, Any] = {"security_group_id": group.id, "ip_protocol": "tcp"}
    aws.vpc.SecurityGroupIngressRule(
        "in",
        **rule,
        from_port=443,
        to_port=443,
        referenced_security_group_id=group.id,
        description=form.pick("one", "two"),
    )
    aws.vpc.SecurityGroupEgressRule("out", **rule, from_port=443, to_port=form.pick(443, 444), cidr_ipv4="0.0.0.0/0")
    aws.vpc.SecurityGroupIngressRule(
        "any", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="10.9.0.0/16", tags={"Name": "any"}
    )


def database(form: Form, net: dict[str, Any]) -> None:
    subnets = aws.rds.SubnetGroup("subnets", name="every-subnets", subnet_ids=[subnet.id for subnet in net["subnets"]])
    parameters = aws.rds.ParameterGroup(
        "parameters",
        name_prefix="every-",
        family="postgres15",
        parameters=[
            {"name": "rds.force_ssl", "value": form.pick("1", "0")},
            {"name": "log_min_duration_statement", "value": "500", "apply_method": "pending-reboot"},
        ],
    )
    password = random.RandomPassword("password", length=24, special=False)
    aws.rds.Instance(
        "database",
        identifier="every-database",
        engine="postgres",
        engine_version="15",
        instance_class=form.pick("db.t4g.micro", "db.t4g.small"),
        allocated_storage=20,
        storage_type="gp3",
        storage_encrypted=True,
        db_name="litellm",
        username="litellm",
        password=password.result,
        db_subnet_group_name=subnets.name,
        parameter_group_name=parameters.name,
        vpc_security_group_ids=[net["group"].id],
        backup_retention_period=form.pick(1, 2),
        copy_tags_to_snapshot=True,
        skip_final_snapshot=True,
        apply_immediately=True,
        auto_minor_version_upgrade=True,
        tags={"Name": form.pick("first", "then")},
    )
    aurora(form, net, subnets, password)


def aurora(form: Form, net: dict[str, Any], subnets: aws.rds.SubnetGroup, password: random.RandomPassword) -> None:
    parameters = aws.rds.ClusterParameterGroup(
        "cluster-parameters",
        name_prefix="every-",
        family="aurora-postgresql15",
        parameters=[{"name": "rds.force_ssl", "value": form.pick("1", "0")}],
        tags={"a": "b"},
    )
    cluster = aws.rds.Cluster(
        "cluster-database",
        cluster_identifier="every-cluster",
        engine="aurora-postgresql",
        engine_mode="provisioned",
        engine_version="15",
        serverlessv2_scaling_configuration={"min_capacity": 0.5, "max_capacity": form.pick(2, 4)},
        database_name="litellm",
        master_username="litellm",
        master_password=password.result,
        db_subnet_group_name=subnets.name,
        db_cluster_parameter_group_name=parameters.name,
        vpc_security_group_ids=[net["group"].id],
        storage_encrypted=True,
        backup_retention_period=form.pick(1, 7),
        copy_tags_to_snapshot=True,
        skip_final_snapshot=True,
        apply_immediately=True,
        tags={"Name": form.pick("first", "then")},
    )
    aws.rds.ClusterInstance(
        "cluster-instance",
        identifier="every-cluster-0",
        cluster_identifier=cluster.cluster_identifier,
        instance_class="db.serverless",
        engine="aurora-postgresql",
        apply_immediately=True,
        promotion_tier=form.pick(0, 1),
    )


def cache(form: Form, net: dict[str, Any]) -> None:
    subnets = aws.elasticache.SubnetGroup(
        "cache-subnets",
        name="every-cache",
        description=form.pick("one", "two"),
        subnet_ids=[subnet.id for subnet in net["subnets"]],
        tags={"a": form.pick("b", "c")},
    )
    token = random.RandomPassword("token", length=32, special=False)
    aws.elasticache.ReplicationGroup(
        "cache",
        replication_group_id="every-cache",
        description=form.pick("one", "two"),
        engine="valkey",
        engine_version="9.1",
        node_type=form.pick("cache.t4g.micro", "cache.t4g.small"),
        num_cache_clusters=form.pick(2, 3),
        automatic_failover_enabled=True,
        multi_az_enabled=True,
        subnet_group_name=subnets.name,
        security_group_ids=[net["group"].id],
        at_rest_encryption_enabled=True,
        transit_encryption_enabled=True,
        auth_token=token.result,
        auth_token_update_strategy="SET",
        apply_immediately=True,
        tags={"Name": form.pick("first", "then")},
    )
