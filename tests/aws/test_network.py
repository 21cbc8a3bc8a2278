"""EC2's networks: interfaces as they were asked for, and no mistake of a stack accepted in silence."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.world import World, refused, trust, zipped


def test_an_interface_keeps_what_it_was_made_with(world: World) -> None:
    wanted = {
        "SubnetId": world.subnets[1],
        "Groups": [world.group],
        "PrivateIpAddress": "10.0.1.77",
        "Description": "task",
    }
    made = world.ec2.create_network_interface(**wanted)["NetworkInterface"]
    found = world.ec2.describe_network_interfaces(NetworkInterfaceIds=[made["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ][0]
    assert found["SubnetId"] == world.subnets[1]
    assert found["VpcId"] == world.vpc
    assert found["PrivateIpAddress"] == "10.0.1.77"
    assert found["PrivateIpAddresses"][0]["PrivateIpAddress"] == "10.0.1.77"
    assert [group["GroupId"] for group in found["Groups"]] == [world.group]
    assert found["Description"] == "task"
    with refused("InvalidIPAddress.InUse", "10.0.1.77"):
        world.ec2.create_network_interface(**wanted)
    world.ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    with refused("InvalidNetworkInterfaceID.NotFound"):
        world.ec2.describe_network_interfaces(NetworkInterfaceIds=[made["NetworkInterfaceId"]])


def test_addresses_are_free_ones_of_the_subnet_until_there_are_none(world: World) -> None:
    subnet = world.subnet("10.0.9.0/28")
    given = [
        world.ec2.create_network_interface(SubnetId=subnet, Groups=[world.group])["NetworkInterface"][
            "PrivateIpAddress"
        ]
        for _ in range(11)
    ]
    assert sorted(map(ip_address, given)) == [ip_network("10.0.9.0/28")[offset] for offset in range(4, 15)]
    with refused("InsufficientFreeAddressesInSubnet", subnet):
        world.ec2.create_network_interface(SubnetId=subnet, Groups=[world.group])
    held = world.ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [subnet]}])
    assert len(held["NetworkInterfaces"]) == 11, "what was refused is not there"


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"PrivateIpAddress": "10.0.1.9"}, "InvalidParameterValue", "10.0.0.0/24"),
        ({"PrivateIpAddress": "10.0.0.3"}, "InvalidParameterValue", "reserved"),
        ({"Groups": ["sg-00000000"]}, "InvalidGroup.NotFound", "sg-00000000"),
        ({"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound", "subnet-00000000"),
    ],
)
def test_interfaces_that_can_not_be(world: World, changes: dict[str, Any], code: str, word: str) -> None:
    with refused(code, word):
        world.ec2.create_network_interface(**{"SubnetId": world.subnets[0], "Groups": [world.group]} | changes)


def test_a_group_of_another_vpc_is_no_group(world: World, account: Account) -> None:
    other = World(account)
    with refused("InvalidGroup.NotFound", other.vpc):
        world.ec2.create_network_interface(SubnetId=world.subnets[0], Groups=[other.group])


@pytest.mark.parametrize(
    ("rule", "code", "word"),
    [
        ({"FromPort": 90, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "InvalidParameterValue", "90-80"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, "InvalidParameterValue", "FromPort"),
        (
            {"FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": "sg-00000000"}]},
            "InvalidGroup.NotFound",
            "sg-0",
        ),
        (
            {"FromPort": 1, "ToPort": 1, "PrefixListIds": [{"PrefixListId": "pl-0"}]},
            "InvalidPrefixListID.NotFound",
            "pl-0",
        ),
    ],
)
def test_rules_that_can_not_be_meant(world: World, rule: dict[str, Any], code: str, word: str) -> None:
    with refused(code, word):
        world.ec2.authorize_security_group_ingress(GroupId=world.group, IpPermissions=[{"IpProtocol": "tcp", **rule}])


def test_a_group_that_a_rule_names_stays(world: World) -> None:
    named = world.security_group("named")
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": named}]}
    world.ec2.authorize_security_group_ingress(GroupId=world.group, IpPermissions=[rule])
    with refused("DependencyViolation", world.group):
        world.ec2.delete_security_group(GroupId=named)
    world.ec2.revoke_security_group_ingress(GroupId=world.group, IpPermissions=[rule])
    world.ec2.delete_security_group(GroupId=named)


def test_the_default_group_stays(world: World) -> None:
    filters = [{"Name": "vpc-id", "Values": [world.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    default = world.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    with refused("CannotDelete", "default"):
        world.ec2.delete_security_group(GroupId=default)


def test_a_nat_gateway_lives_in_its_subnet_and_gives_everything_back(world: World) -> None:
    allocation = world.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = world.ec2.create_nat_gateway(SubnetId=world.subnets[0], AllocationId=allocation)["NatGateway"]
    found = world.ec2.describe_nat_gateways(NatGatewayIds=[nat["NatGatewayId"]])["NatGateways"][0]
    address = found["NatGatewayAddresses"][0]
    assert ip_address(address["PrivateIp"]) in ip_network("10.0.0.0/24")
    interface = world.ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])
    assert interface["NetworkInterfaces"][0]["PrivateIpAddress"] == address["PrivateIp"]
    with refused("DependencyViolation", "mapped public address", nat["NatGatewayId"]):
        world.ec2.detach_internet_gateway(InternetGatewayId=world.gateway, VpcId=world.vpc)
    with refused("InvalidIPAddress.InUse", allocation):
        world.ec2.release_address(AllocationId=allocation)
    with refused("DependencyViolation", nat["NatGatewayId"]):
        world.ec2.delete_subnet(SubnetId=world.subnets[0])
    world.ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    world.ec2.release_address(AllocationId=allocation)
    world.ec2.delete_subnet(SubnetId=world.subnets[0])
    world.ec2.detach_internet_gateway(InternetGatewayId=world.gateway, VpcId=world.vpc)


def test_ways_out_that_lead_nowhere(world: World, account: Account) -> None:
    table = world.ec2.create_route_table(VpcId=world.vpc)["RouteTable"]["RouteTableId"]
    other = World(account, gateway=False)
    everywhere = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    with refused("InvalidNatGatewayID.NotFound", "nat-0"):
        world.ec2.create_route(**everywhere, NatGatewayId="nat-0")
    loose = world.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with refused("InvalidParameterValue", "different networks"):
        world.ec2.create_route(**everywhere, GatewayId=loose)
    allocation = world.ec2.allocate_address(Domain="vpc")["AllocationId"]
    with refused("Gateway.NotAttached", other.vpc):
        world.ec2.create_nat_gateway(SubnetId=other.subnets[0], AllocationId=allocation)
    with refused("MissingParameter", "AllocationId"):
        world.ec2.create_nat_gateway(SubnetId=world.subnets[0])
    with refused("InvalidParameterValue", "already has"):
        world.ec2.attach_internet_gateway(InternetGatewayId=loose, VpcId=world.vpc)
    world.ec2.create_route(**everywhere, GatewayId=world.gateway)


def test_endpoints_have_services_groups_and_reachable_interfaces(world: World, account: Account) -> None:
    def create(kind: str, service: str, **more: Any) -> dict[str, Any]:
        name = f"com.amazonaws.us-west-1.{service}"
        wanted = {"VpcId": world.vpc, "ServiceName": name, "VpcEndpointType": kind}
        return world.ec2.create_vpc_endpoint(**wanted, **more)["VpcEndpoint"]

    table = world.ec2.create_route_table(VpcId=world.vpc)["RouteTable"]["RouteTableId"]
    with refused("InvalidServiceName", "nonsense"):
        create("Interface", "nonsense")
    with refused("InvalidServiceName", "Gateway"):
        create("Gateway", "secretsmanager", RouteTableIds=[table])
    create("Gateway", "s3", RouteTableIds=[table])
    with refused("RouteAlreadyExists", table):
        create("Gateway", "s3", RouteTableIds=[table])
    with refused("InvalidGroup.NotFound", "sg-0"):
        create("Interface", "secretsmanager", SubnetIds=world.subnets, SecurityGroupIds=["sg-0"])
    with refused("InvalidParameter", "not in the VPC"):
        create("Interface", "secretsmanager", SubnetIds=[World(account).subnets[0]])
    made = create("Interface", "secretsmanager", SubnetIds=world.subnets, SecurityGroupIds=[world.group])
    interfaces = world.ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    for interface in interfaces:
        number = world.subnets.index(interface["SubnetId"])
        assert ip_address(interface["PrivateIpAddress"]) in ip_network(f"10.0.{number}.0/24")
        assert [group["GroupId"] for group in interface["Groups"]] == [world.group]
    with refused("DependencyViolation", made["VpcEndpointId"]):
        world.ec2.delete_security_group(GroupId=world.group)
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    world.ec2.delete_security_group(GroupId=world.group)


def test_what_is_in_use_stays(world: World, account: Account) -> None:
    balancer = world.load_balancer()
    name = world.name("function")
    role = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))[
        "Role"
    ]
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
    account.client("iam").attach_role_policy(RoleName=name, PolicyArn=policy)
    group, subnet = world.security_group("function"), world.subnet("10.0.7.0/24")
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="main.handler",
        Code={"ZipFile": zipped()},
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]},
    )
    with refused("DependencyViolation", balancer["LoadBalancerName"]):
        world.ec2.delete_subnet(SubnetId=world.subnets[0])
    with refused("DependencyViolation", f"load balancer {balancer['LoadBalancerName']}"):
        world.ec2.delete_security_group(GroupId=world.group)
    with refused("DependencyViolation", f"function {name}"):
        world.ec2.delete_subnet(SubnetId=subnet)
    with refused("DependencyViolation", f"function {name}"):
        world.ec2.delete_security_group(GroupId=group)
    account.client("lambda").delete_function(FunctionName=name)
    world.ec2.delete_subnet(SubnetId=subnet)
    world.ec2.delete_security_group(GroupId=group)


def test_a_vpc_goes_when_it_is_empty(world: World) -> None:
    with refused("DependencyViolation", *world.subnets, world.group, world.gateway):
        world.ec2.delete_vpc(VpcId=world.vpc)
    for subnet in world.subnets:
        world.ec2.delete_subnet(SubnetId=subnet)
    world.ec2.delete_security_group(GroupId=world.group)
    world.ec2.detach_internet_gateway(InternetGatewayId=world.gateway, VpcId=world.vpc)
    world.ec2.delete_vpc(VpcId=world.vpc)
    with refused("InvalidVpcID.NotFound"):
        world.ec2.describe_vpcs(VpcIds=[world.vpc])


def test_there_are_no_instances(world: World) -> None:
    with refused("UnsupportedOperation", "no instances"):
        world.ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)


def test_ipv6_ranges_are_spelt_as_ec2_does_and_kept_to(world: World) -> None:
    vpc = world.ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = ip_network(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    first = str(next(block.subnets(new_prefix=64)))
    made = world.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.8.0.0/24", Ipv6CidrBlock=first)["Subnet"]
    [found] = world.ec2.describe_subnets(SubnetIds=[made["SubnetId"]])["Subnets"]
    for subnet in (made, found):
        [given] = subnet["Ipv6CidrBlockAssociationSet"]
        assert (given["Ipv6CidrBlock"], given["Ipv6CidrBlockState"]["State"]) == (first, "associated")
    for wrong in ("2600:1f00:1::/64", str(block)):
        with refused("InvalidSubnet.Range", wrong):
            world.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.8.1.0/24", Ipv6CidrBlock=wrong)


def test_a_vpc_with_an_egress_only_gateway_stays(world: World) -> None:
    vpc = world.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    gateway = world.ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    with refused("DependencyViolation", vpc):
        world.ec2.delete_vpc(VpcId=vpc)
    world.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])
    world.ec2.delete_vpc(VpcId=vpc)
