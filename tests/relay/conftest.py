"""The relay in front of a door that answers as it is told, with its secret, and an STS that takes every proof."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.litellm_admin.test_transport import Door
from tests.relay.loading import MASTER, identity, load


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.stop()


@pytest.fixture(scope="module")
def secrets() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-west-1")


@pytest.fixture
def secret(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The master key's secret; call it to change the value."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    arn = secrets.create_secret(Name=f"gw/{uuid.uuid4()}", SecretString=MASTER)["ARN"]
    monkeypatch.setenv("MASTER_KEY_SECRET_ARN", arn)
    return lambda value: secrets.put_secret_value(SecretId=arn, SecretString=value)


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Takes every proof; `test_caller.py` has an STS that doesn't."""
    sts = Door()
    sts.answer = (200, {}, identity())
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
    yield sts
    sts.stop()


@pytest.fixture
def relay(door: Door, sts: Door, secret: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ADMIN_DOOR_URL", door.url)
    monkeypatch.setenv("HOLDS_KEY", "true")
    monkeypatch.setenv("READS_ONLY", "false")
    return load()
