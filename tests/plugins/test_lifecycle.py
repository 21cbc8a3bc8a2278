"""One resource of every type through the real engine: up, no-op, refresh, change, destroy, nothing left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pulumi.automation as auto
import pytest

from localcloud.plugins.aws.table import ROWS
from localcloud.plugins.random import KINDS
from tests.plugins import every
from tests.plugins.emptiness import left_over
from tests.plugins.world import World

pytestmark = [
    pytest.mark.timeout(600),
    # pulumi-aws itself reads deprecated properties of its own.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
FORM = every.Form()


@pytest.fixture(scope="module")
def stack(world: World) -> Iterator[auto.Stack]:
    FORM.changed = False
    made = world.stack("every", lambda: every.program(FORM))
    try:
        yield made
    finally:
        made.destroy()


def stored(world: World) -> dict[str, dict]:
    """The stack's resources as they stand in the state file, secrets encrypted."""
    text = (world.folder / ".pulumi" / "stacks" / "plugins" / "every.json").read_text()
    return {item["urn"].split("::", 2)[2]: item for item in json.loads(text)["checkpoint"]["latest"]["resources"]}


def essence(value: Any) -> Any:
    """A value without an asset's content: the engine keeps only the hash once a provider has read the resource, and
    encrypts secrets anew each time."""
    if isinstance(value, dict):
        if "hash" in value:
            return value["hash"]
        return "secret" if "ciphertext" in value else {key: essence(item) for key, item in value.items()}
    return [essence(item) for item in value] if isinstance(value, list) else value


def test_up_makes_one_of_every_type(stack: auto.Stack, world: World) -> None:
    made = stack.up()
    assert made.summary.resource_changes.keys() == {"create"}
    types = Counter(item["type"] for item in stored(world).values())
    assert not (ROWS.keys() | KINDS.keys()) - types.keys(), "the program leaves types out"


def test_no_secret_stands_in_plain_state(stack: auto.Stack, world: World) -> None:
    items = {urn.split("::")[-1]: item for urn, item in stored(world).items()}
    assert every.SECRET not in json.dumps(items)
    for name, secret in (
        ("password", "result"),
        ("password", "bcryptHash"),
        ("bytes", "hex"),
        ("database", "password"),
    ):
        assert "ciphertext" in items[name]["outputs"][secret], f"{name}.{secret} isn't secret"
    for name, secret in (("value", "secretString"), ("parameter", "value")):
        assert "ciphertext" in items[name]["inputs"][secret]
        assert "ciphertext" in items[name]["outputs"][secret]
    variables = items["function"]["outputs"]["environment"]["variables"]
    assert "ciphertext" in variables["TOKEN"]
    assert variables["WHERE"] == "here", "a plain neighbour of a secret stays plain"


def test_refresh_finds_no_drift_and_leaves_none_behind(stack: auto.Stack, world: World) -> None:
    before = stored(world)
    assert stack.refresh().summary.resource_changes.keys() == {"same"}
    after = stored(world)
    for name, item in before.items():
        for part in ("inputs", "outputs"):
            assert essence(item.get(part)) == essence(after[name].get(part)), (
                f"the refresh changed the {part} of {name}"
            )


def test_the_same_program_changes_nothing(stack: auto.Stack) -> None:
    assert stack.up().summary.resource_changes.keys() == {"same"}


def balancer_attributes(world: World) -> dict[str, str]:
    client = world.account.client("elbv2")
    arn = client.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    found = client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return {"arn": arn} | {item["Key"]: item["Value"] for item in found}


def test_refresh_sees_what_someone_changed_or_deleted(stack: auto.Stack, world: World) -> None:
    attribute = {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}
    world.account.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=balancer_attributes(world)["arn"], Attributes=[attribute]
    )
    world.account.client("logs").delete_log_group(logGroupName="/every/log")
    changes = stack.refresh().summary.resource_changes
    assert (changes["update"], changes["delete"]) == (1, 1)


def test_a_changed_program_previews_and_updates_in_place(stack: auto.Stack, world: World) -> None:
    FORM.changed = True
    steps: dict[str, str] = {}

    def note(event: auto.events.EngineEvent) -> None:
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            steps[metadata.urn.split("::")[-1]] = metadata.op.value

    foreseen = stack.preview(on_event=note).change_summary
    done = stack.up().summary.resource_changes
    assert foreseen == done
    # Containers and a secret's value can't change in place, on AWS neither.
    assert {name for name, step in steps.items() if "replace" in step} == {"task", "value"}
    assert (done["replace"], done["create"]) == (2, 1), "what was deleted comes back"
    assert balancer_attributes(world)["routing.http.drop_invalid_header_fields.enabled"] == "true", "drift is undone"
    check_updated(world)


def check_updated(world: World) -> None:
    """A few of the changes, as the account has them."""
    account = world.account
    service = account.client("ecs").describe_services(cluster="every-cluster", services=["every-service"])["services"][
        0
    ]
    assert service["desiredCount"] == 2
    assert service["healthCheckGracePeriodSeconds"] == 90
    task = account.client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    assert task["containerDefinitions"][0]["image"] == "example/app:2"
    function = account.client("lambda").get_function(FunctionName="every-function")
    assert function["Configuration"]["Environment"]["Variables"]["WHERE"] == "there"
    assert function["Tags"] == {"a": "c"}
    listeners = account.client("elbv2").describe_listeners(
        LoadBalancerArn=account.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )
    assert listeners["Listeners"][0]["Port"] == 8080
    group = account.client("logs").describe_log_groups(logGroupNamePrefix="/every/log")["logGroups"][0]
    assert group["retentionInDays"] == 14
    value = account.client("secretsmanager").get_secret_value(SecretId="every/secret")["SecretString"]
    assert value == every.SECRET + "-then"


def test_after_the_change_there_is_nothing_more_to_do(stack: auto.Stack) -> None:
    assert stack.refresh().summary.resource_changes.keys() == {"same"}
    assert stack.up().summary.resource_changes.keys() == {"same"}


def test_destroy_leaves_nothing(stack: auto.Stack, world: World) -> None:
    assert left_over(world.account), "there is something to destroy"
    stack.destroy()
    assert left_over(world.account) == {}
