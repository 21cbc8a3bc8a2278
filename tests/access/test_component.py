"""What `Access` registers, seen by mocks in the engine's place."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func

from components.access import Access, AccessArgs
from components.access_file import AccessSpec
from litellm_admin.models import KeySpec, UserSpec

DEV = UserSpec("Dev@Example.com", alias="Dev", models=("haiku",), budget=50.0, duration="1mo")
OWNED = KeySpec("ci/eu", owner="dev@example.com", budget=5.0)
FREE = KeySpec("production")


class Registered(mocks.Mocks):
    """Remembers every resource."""

    def __init__(self) -> None:
        self.resources: dict[str, mocks.MockResourceArgs] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources[args.name] = args
        return f"{args.name}-id", {**args.inputs, "result": "r" * 48}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"nothing is looked up, and here {args.token} was")

    def of(self, kind: str) -> dict[str, mocks.MockResourceArgs]:
        return {name: args for name, args in self.resources.items() if args.typ.endswith(kind)}


def register(spec: AccessSpec) -> tuple[Registered, dict[str, Any]]:
    """The resources, and the two outputs as values with what is known of them."""
    registered, found = Registered(), {}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def program() -> None:
        database = pulumi.CustomResource("test:index:Database", "database", {})
        args = AccessArgs(
            spec, pulumi.Output.from_input("gw-relay"), "us-west-1", "llm-gateway/test", database, [database]
        )
        access = Access("access", args)
        for name in ("users", "keys"):
            output = getattr(access, name)
            found[name] = (await output.future(), await output.is_secret())

    try:
        pulumi.runtime.set_mocks(registered, project="llm-gateway", stack="test", preview=False)
        loop.run_until_complete(run_pulumi_func(lambda: asyncio.ensure_future(program())))
    finally:
        loop.close()
    return registered, found


@pytest.fixture(scope="module")
def made() -> tuple[Registered, dict[str, Any]]:
    return register(AccessSpec((DEV,), (OWNED, FREE)))


def test_names_stay_as_they_are_because_another_name_is_another_key(made: tuple[Registered, dict[str, Any]]) -> None:
    assert set(made[0].of("litellm:User")) == {"access-user-dev@example.com"}
    assert set(made[0].of("litellm:Key")) == {"access-key-ci/eu", "access-key-production"}
    assert set(made[0].of("RandomPassword")) == {"access-key-ci/eu-value", "access-key-production-value"}


def test_outputs_are_ids_by_e_mail_and_secret_values_by_alias(made: tuple[Registered, dict[str, Any]]) -> None:
    users, keys = made[1]["users"], made[1]["keys"]
    assert users == ({"Dev@Example.com": "access-user-dev@example.com-id"}, False)
    assert keys == ({"ci/eu": "sk-" + "r" * 48, "production": "sk-" + "r" * 48}, True)


def test_a_key_belongs_to_its_owner_in_whatever_spelling(made: tuple[Registered, dict[str, Any]]) -> None:
    keys = made[0].of("litellm:Key")
    assert keys["access-key-ci/eu"].inputs["owner_id"] == "access-user-dev@example.com-id"
    assert "owner_id" not in keys["access-key-production"].inputs


def test_a_spec_goes_over_in_litellms_terms_and_without_nulls(made: tuple[Registered, dict[str, Any]]) -> None:
    inputs = dict(made[0].resources["access-user-dev@example.com"].inputs)
    inputs.pop("__provider")
    assert inputs == {
        "relay": "gw-relay",
        "region": "us-west-1",
        "managed_by": "llm-gateway/test",
        "email": "Dev@Example.com",
        "alias": "Dev",
        "role": "internal_user",
        "models": ["haiku"],
        "budget": 50.0,
        "duration": "1mo",
    }


def test_values_are_long_and_need_no_quoting(made: tuple[Registered, dict[str, Any]]) -> None:
    for password in made[0].of("RandomPassword").values():
        assert password.inputs == {"length": 48, "special": False}


def test_nobody_is_an_access_too() -> None:
    registered, outputs = register(AccessSpec())
    assert set(registered.resources) == {"database", "access"}
    assert outputs == {"users": ({}, False), "keys": ({}, True)}
