"""What the plugins refuse, what they leave behind when AWS does, and what a preview knows."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pulumi.automation as auto
import pulumi_aws as aws
import pulumi_random as random
import pytest

from tests.plugins.emptiness import left_over
from tests.plugins.world import World

# The SDK leaves the event loop of an inline program that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
SECRET = "hush-hush-hush"


@pytest.fixture
def run(world: World) -> Iterator[Callable[..., auto.Stack]]:
    """Makes a stack of a program and destroys it in the end."""
    made: list[auto.Stack] = []

    def make(program: Callable[[], None]) -> auto.Stack:
        made.append(world.stack(f"refusals-{len(made)}", program))
        return made[-1]

    yield make
    world.obliging.refuse = None
    for stack in made:
        if stack.export_stack().deployment.get("resources"):
            stack.destroy()
    assert left_over(world.account) == {}


def failure(stack: auto.Stack, verb: str = "up") -> str:
    """The errors that a failing run prints, on one line."""
    lines: list[str] = []
    with pytest.raises(auto.CommandError):
        getattr(stack, verb)(on_output=lines.append, color="never")
    gc.collect()
    return " ".join(" ".join(lines).split())


def test_unknown_types_properties_and_functions_are_named(run: Any) -> None:
    said = failure(run(lambda: aws.sqs.Queue("queue")), "preview")
    assert (
        "the local cloud has no resource type aws:sqs/queue:Queue; add a row to localcloud/plugins/aws/table/" in said
    )
    said = failure(run(lambda: random.RandomPet("pet")), "preview")
    assert "no resource type random:index/randomPet:RandomPet" in said
    said = failure(run(lambda: aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", ipv4_ipam_pool_id="pool")), "preview")
    assert "`ipv4IpamPoolId` is no property of aws:ec2/vpc:Vpc in localcloud/plugins/aws/table/vpc.py" in said
    said = failure(run(lambda: pulumi.export("a", aws.ec2.get_ami_output(owners=["self"]).id)), "preview")
    assert "the local cloud has no function aws:ec2/getAmi:getAmi; add it to INVOKES" in said


def test_an_error_of_aws_is_one_sentence_without_secrets(run: Any) -> None:
    def program() -> None:
        aws.secretsmanager.SecretVersion("v", secret_id="missing", secret_string=pulumi.Output.secret(SECRET))

    said = failure(run(program))
    assert re.search(
        r"aws:secretsmanager/secretVersion:SecretVersion: secretsmanager PutSecretValue: ResourceNotFoundException: ",
        said,
    )
    assert SECRET not in said
    assert "Traceback" not in said


def task_and_service() -> None:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
    subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
    cluster = aws.ecs.Cluster("cluster")
    task = aws.ecs.TaskDefinition(
        "task",
        family="task",
        cpu="256",
        memory="512",
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        container_definitions='[{"name": "app", "image": "example/app:1"}]',
    )
    aws.ecs.Service(
        "service",
        cluster=cluster.arn,
        task_definition=task.arn,
        desired_count=1,
        launch_type="FARGATE",
        network_configuration={"subnets": [subnet.id]},
        wait_for_steady_state=True,
    )


def test_a_service_that_fails_says_why_stays_in_the_state_and_comes_up_later(run: Any, world: World) -> None:
    world.obliging.refuse = "ECS deployment circuit breaker: tasks failed to start"
    stack = run(task_and_service)
    said = failure(stack)
    assert "did not come up: ECS deployment circuit breaker: tasks failed to start" in said
    types = [item["type"] for item in stack.export_stack().deployment["resources"]]
    assert "aws:ecs/service:Service" in types, "a destroy would leave the service behind"
    world.obliging.refuse = None
    world.account.changes.bump()
    changes = stack.up().summary.resource_changes
    assert changes.get("update") == 1, "the service is tried again"


def test_a_preview_of_nothing_yet_knows_what_it_can(run: Any) -> None:
    known: dict[str, Any] = {}

    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"a": "b"})
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
        group = aws.ec2.SecurityGroup("group", name="fixed", vpc_id=vpc.id)
        policy = pulumi.Output.json_dumps({"Version": "2012-10-17", "Resource": vpc.arn})
        aws.iam.Policy("policy", policy=policy)
        aws.ec2.SecurityGroup(
            "inline",
            vpc_id=vpc.id,
            ingress=[{"protocol": "tcp", "from_port": 1, "to_port": 1, "security_groups": [group.id]}],
        )
        for name, output in {
            "cidr": vpc.cidr_block,
            "tags": vpc.tags_all,
            "group": group.name,
            "description": group.description,
        }.items():
            output.apply(lambda value, name=name: known.__setitem__(name, value))
        for name, output in {"arn": vpc.arn, "zone": subnet.availability_zone}.items():
            output.apply(lambda value, name=name: known.__setitem__(name, value))

    assert run(program).preview().change_summary == {"create": 6}
    assert known == {"cidr": "10.0.0.0/16", "tags": {"a": "b"}, "group": "fixed", "description": "Managed by Pulumi"}


def test_names_are_made_and_kept_and_fixed_ones_are_freed_before_a_replacement_takes_them(run: Any) -> None:
    form = {"vpc": "10.0.0.0/16"}
    names: list[str] = []

    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block=form["vpc"])
        group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id)
        aws.ec2.SecurityGroup("fixed", name="fixed", description=form["vpc"])
        bucket = aws.s3.Bucket("Bucket")
        pulumi.Output.all(group.name, bucket.bucket).apply(names.extend)

    stack = run(program)
    stack.up()
    assert re.fullmatch(r"group-[0-9a-f]{7}", names[0])
    assert re.fullmatch(r"bucket-[0-9a-f]{7}", names[1])
    assert stack.up().summary.resource_changes.keys() == {"same"}
    form["vpc"] = "10.1.0.0/16"
    assert stack.up().summary.resource_changes["replace"] == 3
    assert names[0] == names[2] != names[-2], "a replacement that stands beside the old one needs another name"
    assert names[1] == names[-1], "the bucket stays"


def test_default_tags_of_an_explicit_provider_reach_every_resource(run: Any, world: World) -> None:
    tags = {"team": "one"}

    def program() -> None:
        provider = aws.Provider("here", region="us-west-1", default_tags={"tags": tags})
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"Name": "v"}, opts=pulumi.ResourceOptions(provider=provider))

    def live() -> dict[str, str]:
        vpcs = world.account.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["v"]}])["Vpcs"]
        return {tag["Key"]: tag["Value"] for tag in vpcs[0]["Tags"]}

    stack = run(program)
    stack.up()
    assert live() == {"Name": "v", "team": "one"}
    tags["team"] = "two"
    assert stack.up().summary.resource_changes["update"] == 2, "the provider and what it tags"
    assert live() == {"Name": "v", "team": "two"}
