"""An AWS API whose answers a test writes down, and the provider on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from localcloud.plugins.aws.api import AwsError
from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.serve import DiffRequest, Host, UpdateRequest
from localcloud.plugins.values import wrap_map
from tests.plugins import models

Answer = Mapping[str, Any] | Exception | Callable[[dict[str, Any]], Any]


def refused(code: str, message: str = "no") -> AwsError:
    return AwsError("service", "Operation", code, message)


class FakeApi:
    """`answers` holds an answer for each operation, or a list of them that is used up from the front."""

    region = "us-west-1"

    def __init__(self, answers: dict[str, Answer | list[Answer]]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls]

    async def identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn", "UserId": "user"}

    async def model(self, service: str, operation: str) -> Any:
        return models.operation(service, operation)

    async def call(self, _service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, dict(params)))
        answer = self.answers[operation]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer(dict(params)) if callable(answer) else answer)


class Quiet(Host):
    """An engine that keeps the messages."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.said: list[str] = []

    async def status(self, urn: str, message: str) -> None:
        self.said.append(message)


class Bench:
    """The provider on a fake API, one resource type."""

    def __init__(self, token: str, **answers: Any) -> None:
        self.urn = f"urn:pulumi:stack::project::{token}::name"
        self.host = Quiet()
        self.provider = AwsProvider(self.host)
        self.api = FakeApi(answers)
        self.provider._api = self.api  # type: ignore[assignment]

    def create(self, inputs: dict[str, PropertyValue], timeout: float = 0) -> sdk.CreateResponse:
        return asyncio.run(self.provider.create(sdk.CreateRequest(self.urn, inputs, timeout, False)))

    def update(self, old: dict[str, Any], state: dict[str, PropertyValue], new: dict[str, Any]) -> sdk.UpdateResponse:
        request = UpdateRequest(self.urn, "id", state, wrap_map(new), 0, [], False)
        request.old_inputs = wrap_map(old)
        return asyncio.run(self.provider.update(request))

    def diff(self, old: dict[str, Any], state: dict[str, Any], new: dict[str, Any]) -> sdk.DiffResponse:
        request = DiffRequest(self.urn, "id", wrap_map(state), wrap_map(new), [])
        request.old_inputs = wrap_map(old)
        return asyncio.run(self.provider.diff(request))

    def read(self, state: dict[str, Any], inputs: dict[str, Any]) -> sdk.ReadResponse:
        request = sdk.ReadRequest(self.urn, "id", wrap_map(state), wrap_map(inputs))
        return asyncio.run(self.provider.read(request))

    def delete(self, state: dict[str, Any], timeout: float = 0) -> None:
        asyncio.run(self.provider.delete(sdk.DeleteRequest(self.urn, "id", wrap_map(state), timeout)))
