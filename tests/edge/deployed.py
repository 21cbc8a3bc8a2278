"""The program's own network, doors and edge in a simulated account: declared by the program, made by the provider.

What stands behind the doors (service, database, relay, access) isn't made; the tests put a LiteLLM there themselves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as sdk
from pulumi.runtime import mocks

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account
from localcloud.plugins.aws.api import Api
from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.values import plain_map, wrap_map
from tests.components.declared import Declared, Mocked, declare
from tests.plugins.fake import Quiet

T = TypeVar("T")
# Modules and types of pulumi-aws that the edge and the doors are made of.
MADE = (
    *(f"aws:{module}/" for module in ("ec2", "vpc", "lb", "cloudfront", "wafv2")),
    "aws:cloudwatch/logGroup:",
    "aws:cloudwatch/logDelivery",
)


class Realised(Mocked):
    """Makes what the program registers, in the order in which it does; answers the rest as the mocks do."""

    def __init__(self, declared: Declared, account: Account) -> None:
        super().__init__(declared)
        self.made: dict[str, dict[str, Any]] = {}
        # The engine's mocks are asked in threads; the provider belongs to one loop.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="provider")
        self._thread.start()
        self._provider = AwsProvider(Quiet())
        self._provider._api = Api(account.endpoint, account.region, ACCESS_KEY_ID, SECRET_ACCESS_KEY)

    def close(self) -> None:
        """Ends the provider's thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        id, state = super().new_resource(args)
        if args.typ.startswith(MADE):
            id, state = self._run(self._make(args))
            self.made[args.name] = {**state, "id": id}
        return id, state

    async def _make(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        urn = f"urn:pulumi:local::llm-gateway::{args.typ}::{args.name}"
        checked = await self._provider.check(sdk.CheckRequest(urn, {}, wrap_map(args.inputs), bytes(32)))
        assert not checked.failures, (args.name, [failure.reason for failure in checked.failures])
        made = await self._provider.create(sdk.CreateRequest(urn, checked.inputs or {}, 0, False))
        return made.resource_id or "", plain_map(made.properties)

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        if args.token in (
            "aws:ec2/getSecurityGroup:getSecurityGroup",
            "aws:index/getAvailabilityZones:getAvailabilityZones",
        ):
            request = sdk.InvokeRequest(args.token, wrap_map(args.args))
            return plain_map(self._run(self._provider.invoke(request)).return_value or {})
        return super().call(args)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)


def deploy(account: Account, **changes: Any) -> dict[str, dict[str, Any]]:
    """The local stack with `changes` to its config. Returns the state of every resource made, by its logical name."""
    found: list[Realised] = []

    def answers(declared: Declared) -> Realised:
        found.append(Realised(declared, account))
        return found[0]

    try:
        declare("local", answers, **changes)
    finally:
        for answered in found:
            answered.close()
    return found[0].made
