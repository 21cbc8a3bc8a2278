"""Delivery of CloudFront's access logs: what is kept comes back, and what AWS refuses or isn't simulated is refused."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.aws.account import Account
from tests.aws.world import World, refused


@pytest.fixture
def logs(account: Account) -> Any:
    return account.client("logs", "us-east-1")


@pytest.fixture
def distribution(world: World) -> str:
    made = world.cloudfront.create_distribution(DistributionConfig=world.distribution_config())
    return made["Distribution"]["ARN"]


def group(logs: Any, name: str) -> str:
    logs.create_log_group(logGroupName=name)
    return logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["arn"]


def test_a_delivery_comes_back_whole_and_is_changed(logs: Any, distribution: str) -> None:
    arn = group(logs, "/whole")
    logs.put_delivery_source(name="whole", resourceArn=distribution, logType="ACCESS_LOGS")
    destination = logs.put_delivery_destination(
        name="whole", outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": arn}
    )["deliveryDestination"]
    id = logs.create_delivery(
        deliverySourceName="whole", deliveryDestinationArn=destination["arn"], recordFields=["date", "sc-status"]
    )["delivery"]["id"]
    assert logs.get_delivery(id=id)["delivery"]["recordFields"] == ["date", "sc-status"]
    logs.update_delivery_configuration(id=id, recordFields=["date"])
    assert logs.get_delivery(id=id)["delivery"]["recordFields"] == ["date"]
    with refused("ValidationException", "asn"):
        logs.update_delivery_configuration(id=id, recordFields=["asn"])
    with refused("ResourceNotFoundException"):
        logs.update_delivery_configuration(id="nothere", recordFields=["date"])
    with refused("ConflictException", id):
        logs.delete_delivery_source(name="whole")
    with refused("ConflictException", id):
        logs.delete_delivery_destination(name="whole")
    logs.delete_delivery(id=id)
    logs.delete_delivery_source(name="whole")
    logs.delete_delivery_destination(name="whole")


def test_a_source_is_a_distribution_in_its_region_and_only_once(logs: Any, account: Account, distribution: str) -> None:
    with refused("ValidationException", "us-east-1"):
        account.client("logs").put_delivery_source(name="a", resourceArn=distribution, logType="ACCESS_LOGS")
    with refused("ResourceNotFoundException", "EGONE"):
        gone = f"{distribution.rpartition('/')[0]}/EGONE"
        logs.put_delivery_source(name="a", resourceArn=gone, logType="ACCESS_LOGS")
    with refused("ValidationException", "only CloudFront's ACCESS_LOGS are simulated"):
        bedrock = "arn:aws:bedrock:us-east-1:123456789012:knowledge-base/X"
        logs.put_delivery_source(name="a", resourceArn=bedrock, logType="APPLICATION_LOGS")
    logs.put_delivery_source(name="first", resourceArn=distribution, logType="ACCESS_LOGS")
    with refused("ConflictException", "already been used"):
        logs.put_delivery_source(name="second", resourceArn=distribution, logType="ACCESS_LOGS")
    logs.delete_delivery_source(name="first")


@pytest.mark.parametrize(
    ("code", "word", "given"),
    [
        ("ValidationException", "isn't simulated", {"outputFormat": "plain"}),
        ("ValidationException", "is no log group", {"arn": "arn:aws:s3:::bucket"}),
        ("ResourceNotFoundException", "/nowhere", {"arn": "arn:aws:logs:us-east-1:123456789012:log-group:/nowhere"}),
        ("ValidationException", "name", {"name": "n" * 61}),
    ],
)
def test_destinations_that_are_refused(logs: Any, code: str, word: str, given: dict[str, str]) -> None:
    arn = given.get("arn") or "arn:aws:logs:us-east-1:123456789012:log-group:/whole"
    with refused(code, word):
        logs.put_delivery_destination(
            name=given.get("name", "refused"),
            outputFormat=given.get("outputFormat", "json"),
            deliveryDestinationConfiguration={"destinationResourceArn": arn},
        )


def test_a_delivery_names_its_fields(logs: Any, distribution: str) -> None:
    arn = group(logs, "/fields")
    logs.put_delivery_source(name="fields", resourceArn=distribution, logType="ACCESS_LOGS")
    destination = logs.put_delivery_destination(
        name="fields", outputFormat="json", deliveryDestinationConfiguration={"destinationResourceArn": arn}
    )["deliveryDestination"]["arn"]
    with refused("ValidationException", "recordFields"):
        logs.create_delivery(deliverySourceName="fields", deliveryDestinationArn=destination)
    with refused("ValidationException", "x-forwarded-for"):
        logs.create_delivery(
            deliverySourceName="fields", deliveryDestinationArn=destination, recordFields=["x-forwarded-for"]
        )
    logs.delete_delivery_source(name="fields")
    logs.delete_delivery_destination(name="fields")
