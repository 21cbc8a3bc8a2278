"""Load balancers, listeners, rules and targets: AWS's rules, and health as the data plane measures it."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account, TargetFact
from localcloud.aws.balancing import listeners
from tests.aws.world import World, refused, unchecked


def test_a_load_balancer_reads_as_on_aws(world: World) -> None:
    balancer = world.load_balancer()
    assert balancer["DNSName"].startswith(f"internal-{balancer['LoadBalancerName']}-")
    assert balancer["DNSName"].endswith(".us-west-1.elb.amazonaws.com")
    arn = balancer["LoadBalancerArn"]
    found = world.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    assert found["State"]["Code"] == "active"
    assert found["DNSName"] == balancer["DNSName"]
    attributes = world.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    said = {item["Key"]: item["Value"] for item in attributes}
    assert said["idle_timeout.timeout_seconds"] == "60"
    world.elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "400"}]
    )
    attributes = world.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "400"} in attributes
    outward = world.load_balancer(Scheme="internet-facing")
    assert not outward["DNSName"].startswith("internal-")


@pytest.mark.parametrize("logs", ["access_logs", "connection_logs"])
def test_logs_that_nobody_would_write_are_refused(world: World, logs: str) -> None:
    arn = world.load_balancer()["LoadBalancerArn"]
    for value in ("false", "true"):
        said = [{"Key": f"{logs}.s3.enabled", "Value": value}, {"Key": f"{logs}.s3.bucket", "Value": "logs"}]
        change = {"LoadBalancerArn": arn, "Attributes": said}
        if value == "false":
            world.elb.modify_load_balancer_attributes(**change)
            continue
        with refused("InvalidConfigurationRequest", f"has no {logs.replace('_', ' ')}"):
            world.elb.modify_load_balancer_attributes(**change)


def test_what_has_another_type_is_refused(world: World, account: Account) -> None:
    with refused("OperationNotPermitted", "has no load balancers of type network"):
        world.load_balancer(Type="network")
    with refused("OperationNotPermitted", "application load balancers only", "not TCP"):
        world.target_group(Protocol="TCP")
    with refused("NotImplemented", "has no elb CreateLoadBalancer"):
        account.client("elb").create_load_balancer(
            LoadBalancerName="classic",
            Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
            AvailabilityZones=["us-west-1a"],
        )


def test_load_balancers_that_can_not_be(world: World, account: Account) -> None:
    same_zone = world.subnet("10.0.5.0/24", "us-west-1a")
    with refused("ValidationError", "two different Availability Zones"):
        world.load_balancer(Subnets=world.subnets[:1])
    with refused("ValidationError", "two different Availability Zones"):
        world.load_balancer(Subnets=[world.subnets[0], same_zone])
    with refused("InvalidConfigurationRequest", "same Availability Zone"):
        world.load_balancer(Subnets=[*world.subnets, same_zone])
    with refused("SubnetNotFound", "subnet-00000000"):
        world.load_balancer(Subnets=[world.subnets[0], "subnet-00000000"])
    with refused("InvalidSubnet", "/28"):
        world.load_balancer(Subnets=[world.subnets[0], world.subnet("10.0.6.0/28", "us-west-1b")])
    with refused("InvalidSecurityGroup", "sg-00000000"):
        world.load_balancer(SecurityGroups=["sg-00000000"])
    with refused("InvalidSecurityGroup", world.vpc):
        world.load_balancer(SecurityGroups=[World(account).group])
    with refused("ValidationError", "internal-x"):
        world.load_balancer(Name="internal-x")
    closed = World(account, gateway=False)
    with refused("InvalidSubnet", "no internet gateway"):
        closed.load_balancer(Scheme="internet-facing")
    with refused("OperationNotPermitted", "network"):
        world.load_balancer(Type="network")
    name = world.load_balancer()["LoadBalancerName"]
    with refused("DuplicateLoadBalancerName", name):
        world.load_balancer(Name=name)


def test_deletion_protection_protects(world: World) -> None:
    arn = world.load_balancer()["LoadBalancerArn"]

    def protect(value: str) -> None:
        attribute = {"Key": "deletion_protection.enabled", "Value": value}
        world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])

    protect("true")
    with refused("OperationNotPermitted", "deletion protection"):
        world.elb.delete_load_balancer(LoadBalancerArn=arn)
    protect("false")
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    with refused("LoadBalancerNotFound"):
        world.elb.describe_load_balancers(LoadBalancerArns=[arn])
    world.elb.delete_load_balancer(LoadBalancerArn=arn)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"HealthCheckPath": "health"}, "begin with '/'"),
        ({"HealthCheckIntervalSeconds": 4}, "at least 5"),
        ({"HealthCheckTimeoutSeconds": 121}, "at most 120"),
        ({"HealthyThresholdCount": 1}, "at least 2"),
        ({"HealthCheckPort": "http"}, "traffic-port"),
        ({"Matcher": {"HttpCode": "200-599"}}, "200 to 499"),
        ({"Matcher": {"HttpCode": "ok"}}, "200 to 499"),
        ({"Port": 70000}, "at most 65535"),
        ({"Protocol": "SPDY"}, "SPDY"),
    ],
)
def test_health_checks_that_can_not_be(world: World, account: Account, changes: dict[str, Any], word: str) -> None:
    world.elb = unchecked(account, "elbv2")
    with refused("ValidationError", word):
        world.target_group(**changes)


def test_target_groups_know_who_uses_them(world: World) -> None:
    balancer, group = world.load_balancer()["LoadBalancerArn"], world.target_group()

    def users() -> list[str]:
        return world.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"]

    assert users() == []
    listener = world.listener(balancer, group)
    second = world.listener(balancer, group, 8080)
    assert users() == [balancer], "once, however many listeners"
    with refused("ResourceInUse", group):
        world.elb.delete_target_group(TargetGroupArn=group)
    with refused("TargetGroupAssociationLimit", group):
        world.listener(world.load_balancer()["LoadBalancerArn"], group)
    world.elb.delete_listener(ListenerArn=second)
    assert users() == [balancer]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
    world.elb.modify_listener(ListenerArn=listener, DefaultActions=[answer])
    assert users() == []
    rules = world.elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["Actions"][0]["Type"] for rule in rules] == ["fixed-response"], (
        "the default rule is the listener's action"
    )
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v1/*"]}}
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    rule = world.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[condition], Actions=forward)["Rules"][0]
    assert users() == [balancer]
    world.elb.delete_rule(RuleArn=rule["RuleArn"])
    assert users() == []
    world.elb.delete_target_group(TargetGroupArn=group)


def test_listeners_that_can_not_be(world: World, account: Account) -> None:
    balancer, group = world.load_balancer()["LoadBalancerArn"], world.target_group()
    world.listener(balancer, group)
    with refused("DuplicateListener", "80"):
        world.listener(balancer, group)
    with refused("TargetGroupNotFound"):
        world.listener(balancer, group + "0", 81)
    with refused("InvalidConfigurationRequest", "vpc-"):
        world.listener(balancer, World(account).target_group(), 81)
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
    make = {"LoadBalancerArn": balancer, "Port": 443, "DefaultActions": [answer]}
    with refused("CertificateNotFound", "443"):
        world.elb.create_listener(**make, Protocol="HTTPS")
    with refused("ValidationError", "FixedResponseConfig"):
        world.elb.create_listener(**make | {"DefaultActions": [{"Type": "fixed-response"}]}, Protocol="HTTP")
    with refused("InvalidLoadBalancerAction", "Exactly one"):
        world.elb.create_listener(**make | {"DefaultActions": [answer, answer]}, Protocol="HTTP")


def test_rules_that_can_not_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listeners.MOST_RULES == 100
    monkeypatch.setattr(listeners, "MOST_RULES", 3)
    listener = world.listener(world.load_balancer()["LoadBalancerArn"], world.target_group())
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]

    def create(priority: int, *values: str, agents: tuple[str, ...] = ()) -> None:
        conditions: list[dict[str, Any]] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}]
        if agents:
            config = {"HttpHeaderName": "User-Agent", "Values": list(agents)}
            conditions.append({"Field": "http-header", "HttpHeaderConfig": config})
        world.elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=answer)

    create(1, "/a", "/b", "/c", agents=("x", "y"))
    with refused("ValidationError", "'5' condition values"):
        create(2, "/a", "/b", "/c", agents=("x", "y", "z"))
    with refused("ValidationError", "'3' values; the one on path-pattern has 4"):
        create(2, "/a", "/b", "/c", "/d")
    with refused("PriorityInUse"):
        create(1, "/x")
    with refused("ValidationError", "{"):
        create(3, "/a{b}")
    with refused("ValidationError", "at most 50000"):
        create(50001, "/a")
    for priority in (2, 3):
        create(priority, f"/{priority}")
    with refused("TooManyRules"):
        create(101, "/x")


def test_transforms_are_kept_changed_and_taken_away(world: World) -> None:
    listener = world.listener(world.load_balancer()["LoadBalancerArn"], world.target_group())
    answer = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}]
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}]

    def rewrite(regex: str, replacement: str = "/b", kind: str = "url-rewrite") -> dict[str, Any]:
        return {"Type": kind, "UrlRewriteConfig": {"Rewrites": [{"Regex": regex, "Replace": replacement}]}}

    def create(*transforms: dict[str, Any]) -> str:
        found = world.elb.create_rule(
            ListenerArn=listener, Priority=1, Conditions=conditions, Actions=answer, Transforms=list(transforms)
        )
        return found["Rules"][0]["RuleArn"]

    def shown() -> list[dict[str, Any]] | None:
        return world.elb.describe_rules(RuleArns=[arn])["Rules"][0].get("Transforms")

    for wrong, word in (
        ([rewrite("(")], "not valid"),
        ([rewrite("^(?=/a)")], "looks around"),
        ([rewrite(r"(a)\1")], "refers back"),
        ([rewrite("x" * 1025)], "1024"),
        ([rewrite("^/a", kind="host-header-rewrite")], "needs a HostHeaderRewriteConfig"),
        ([rewrite("^/a"), rewrite("^/b")], "one URL rewrite"),
        ([{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": []}}], "one rewrite"),
    ):
        with refused("ValidationError", word):
            create(*wrong)
    arn = create(rewrite("^[^?]*"))
    assert shown() == [rewrite("^[^?]*")]
    world.elb.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 7}])
    world.elb.modify_rule(RuleArn=arn, Conditions=conditions)
    assert shown() == [rewrite("^[^?]*")], "what isn't said stays"
    world.elb.modify_rule(RuleArn=arn, Conditions=conditions, Transforms=[rewrite("^/a$", "/c")])
    assert shown() == [rewrite("^/a$", "/c")]
    world.elb.modify_rule(RuleArn=arn, Conditions=conditions, ResetTransforms=True)
    assert shown() is None


def test_health_is_what_the_data_plane_measures(world: World, account: Account) -> None:
    group = world.target_group(HealthCheckPath="/health")
    world.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.9", "Port": 4000}])

    def health(**more: Any) -> list[tuple[str, int, str, str | None]]:
        answer = world.elb.describe_target_health(TargetGroupArn=group, **more)["TargetHealthDescriptions"]
        return [
            (
                one["Target"]["Id"],
                one["Target"]["Port"],
                one["TargetHealth"]["State"],
                one["TargetHealth"].get("Reason"),
            )
            for one in answer
        ]

    assert health() == [("10.0.0.9", 4000, "unused", "Target.NotInUse")]
    world.listener(world.load_balancer()["LoadBalancerArn"], group)
    assert health() == [("10.0.0.9", 4000, "initial", "Elb.RegistrationInProgress")]
    sick = TargetFact("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")
    account.facts.targets[group] = {("10.0.0.9", 4000): sick}
    described = world.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert described["TargetHealth"]["Description"] == sick.description
    assert described["HealthCheckPort"] == "4000"
    account.facts.targets[group] = {("10.0.0.9", 4000): TargetFact("healthy")}
    assert health() == [("10.0.0.9", 4000, "healthy", None)]
    assert health(Targets=[{"Id": "10.0.0.8"}]) == [("10.0.0.8", 4000, "unused", "Target.NotRegistered")]
    world.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.9"}, {"Id": "10.0.0.8"}])
    assert health() == []
    account.facts.targets[group] = {("10.0.0.9", 4000): TargetFact("draining", "Target.DeregistrationInProgress")}
    assert health() == [("10.0.0.9", 4000, "draining", "Target.DeregistrationInProgress")]


@pytest.mark.parametrize(
    ("target", "code", "word"),
    [
        ({"Id": "192.168.0.1"}, "ValidationError", "10.0.0.0/16"),
        ({"Id": "i-0123456789abcdef0"}, "ValidationError", "not a valid IPv4"),
        ({"Id": "10.0.0.9", "Port": 0}, "ValidationError", "Port must be at least 1"),
    ],
)
def test_targets_that_can_not_be_reached(
    world: World, account: Account, target: dict[str, Any], code: str, word: str
) -> None:
    group = world.target_group()
    with refused(code, word):
        unchecked(account, "elbv2").register_targets(TargetGroupArn=group, Targets=[target])
