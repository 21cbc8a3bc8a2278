"""What `Access` registers, seen by mocks in the engine's place."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import botocore.session
import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key
from pulumi.runtime.stack import run_pulumi_func

from components.access import Access, AccessArgs, to_publish
from components.access_file import AccessSpec
from components.litellm.packed import pack
from components.published_key import policy_name
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.values import derive

DEV = UserSpec("Dev@Example.com", alias="Dev", models=("haiku",), budget=50.0, duration="1mo")
OWNED = KeySpec("ci/eu", owner="dev@example.com", budget=5.0)
FREE = KeySpec("production")


ROOT = base64.b64encode(bytes(range(32))).decode()
VALUES = {alias: derive(bytes(range(32)), alias, "g1") for alias in ("ci/eu", "production", "app")}


class Registered(mocks.Mocks):
    """Remembers every resource, and answers as their providers would."""

    def __init__(self) -> None:
        self.resources: dict[str, mocks.MockResourceArgs] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources[f"{args.name} {args.typ}" if args.typ.startswith("aws:") else args.name] = args
        outs = {**args.inputs}
        if args.typ.endswith("KeyRing"):
            outs["generations"] = pack({alias: {"generation": "g1"} for alias in args.inputs["keys"]})
        elif args.typ.endswith("RandomBytes"):
            outs["base64"] = ROOT
        elif args.typ.endswith("Roster"):
            aliases = [name.removeprefix("key:") for name in args.inputs if name.startswith("key:")]
            outs |= {"adopted_users": {"lead@example.com": "by-hand"}, "adopted_teams": {}}
            outs["generations"] = pack(dict.fromkeys(aliases, "g1"))
            outs["tokens"] = pack({alias: {"g1": token_of(VALUES[alias])} for alias in aliases})
        elif args.typ.endswith(":Key"):
            outs["value_known"] = args.inputs["alias"] != "adopted"
        elif args.typ.startswith("aws:"):
            kind = {"secret": "secretsmanager:us-west-1:111122223333:secret", "policy": "iam::111122223333:policy"}
            outs["arn"] = f"arn:aws:{kind.get(args.typ.split('/')[1].split(':')[0])}:{args.inputs.get('name')}"
        return f"{args.name}-id", outs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"nothing is looked up, and here {args.token} was")

    def of(self, kind: str) -> dict[str, mocks.MockResourceArgs]:
        return {args.name: args for args in self.resources.values() if args.typ.endswith(kind)}


def register(spec: AccessSpec, **more: Any) -> tuple[Registered, dict[str, Any]]:
    """The resources, and the outputs as values with what is known of them."""
    registered, found = Registered(), {}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def program() -> None:
        database = pulumi.CustomResource("test:index:Database", "database", {})
        args = AccessArgs(
            spec,
            pulumi.Output.from_input("gw-relay"),
            "us-west-1",
            "llm-gateway/test",
            "llm-gateway-test",
            database,
            [database],
            **more,
        )
        access = Access("access", args)
        for name in ("users", "teams", "keys", "published"):
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
    assert set(made[0].of("state:KeyRing")) == {"access-ring"}


def test_outputs_are_ids_by_e_mail_and_secret_values_by_alias(made: tuple[Registered, dict[str, Any]]) -> None:
    users, keys = made[1]["users"], made[1]["keys"]
    assert users == ({"Dev@Example.com": "access-user-dev@example.com-id"}, False)
    assert keys == ({alias: VALUES[alias] for alias in ("ci/eu", "production")}, True)


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


def test_values_come_from_one_random_secret_of_the_stack_and_are_secrets_themselves(
    made: tuple[Registered, dict[str, Any]],
) -> None:
    [(name, root)] = made[0].of("RandomBytes").items()
    assert (name, root.inputs) == ("access-root", {"length": 32})
    key = made[0].of("litellm:Key")["access-key-production"].inputs
    assert (key["key"][_special_sig_key], key["key"]["value"]) == (_special_secret_sig, VALUES["production"])
    assert key["generation"] == "g1"


def test_nobody_is_an_access_too() -> None:
    registered, outputs = register(AccessSpec())
    assert set(registered.resources) == {"database", "access", "access-root", "access-ring"}
    assert outputs == {"users": ({}, False), "teams": ({}, False), "keys": ({}, True), "published": ({}, False)}


def test_a_team_has_its_members_by_e_mail_and_by_id() -> None:
    spec = AccessSpec((DEV,), (KeySpec("ci/eu", team="core"),), (TeamSpec("core", ("dev@example.com",)),))
    registered, outputs = register(spec)
    team = registered.of("litellm:Team")["access-team-core"].inputs
    assert (team["members"], team["member_ids"]) == (["dev@example.com"], ["access-user-dev@example.com-id"])
    key = registered.of("litellm:Key")["access-key-ci/eu"].inputs
    assert (key["team"], key["team_id"]) == ("core", "access-team-core-id")
    assert outputs["teams"] == ({"core": "access-team-core-id"}, False)


LEAD = UserSpec("lead@example.com")
MANY = AccessSpec(
    (DEV, LEAD),
    (OWNED, FREE, KeySpec("app", owner="lead@example.com", team="core")),
    (TeamSpec("core", ("lead@example.com",)),),
    published=frozenset(["app"]),
)


def test_a_large_file_is_one_resource_and_its_published_keys_are_resources_of_their_own() -> None:
    registered, outputs = register(MANY, roster_above=5)
    [roster] = registered.of("litellm:Roster").values()
    assert roster.inputs["managed_by"] == "llm-gateway/test#roster"
    assert roster.inputs["released"] == ["key:app"]
    assert {name for name in roster.inputs if ":" in name} == {
        *("user:dev@example.com", "user:lead@example.com", "team:core", "key:ci/eu", "key:production"),
    }
    assert json.loads(roster.inputs["user:dev@example.com"])["budget"] == 50.0
    [(name, key)] = registered.of("litellm:Key").items()
    assert (name, key.inputs["managed_by"], key.inputs["owner_id"]) == ("access-key-app", "llm-gateway/test", "by-hand")
    assert key.inputs["team_id"] == TeamSpec("core").team_id
    assert not registered.of("litellm:User")
    users = {"Dev@Example.com": DEV.user_id, "lead@example.com": "by-hand"}
    assert outputs["users"] == (users, False)
    assert outputs["keys"] == (VALUES, True)
    # one entry more than is readable, and not one less
    assert not register(MANY, roster_above=6)[0].of("litellm:Roster")


def test_a_published_key_has_a_secret_and_a_policy_for_just_that_secret() -> None:
    registered, outputs = register(MANY)
    secret = registered.of("secret:Secret")["access-key-app-secret"].inputs
    version = registered.of("secretVersion:SecretVersion")["access-key-app-secret"].inputs
    policy = registered.of("policy:Policy")["access-key-app-policy"].inputs
    assert secret["name"] == "llm-gateway-test/keys/app"
    assert secret["recoveryWindowInDays"] == 0
    assert version["secretString"] == {_special_sig_key: _special_secret_sig, "value": VALUES["app"]}
    arn = "arn:aws:secretsmanager:us-west-1:111122223333:secret:llm-gateway-test/keys/app"
    [statement] = json.loads(policy["policy"])["Statement"]
    assert statement["Resource"] == arn
    assert statement["Action"] == ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    from parliament import analyze_policy_string  # late: it reads a large file

    assert not analyze_policy_string(policy["policy"]).findings
    published, secret_ = outputs["published"]
    assert (published["app"]["secretArn"], secret_) == (arn, False)
    assert published["app"]["policyArn"].endswith("llm-gateway-test-key-app")
    kept = register(MANY, protect=True)[0].of("secret:Secret")["access-key-app-secret"].inputs
    assert kept["recoveryWindowInDays"] == 7


def test_a_key_whose_value_nobody_knows_is_no_output_and_cant_be_published() -> None:
    spec = AccessSpec((), (KeySpec("adopted", adopt=True), FREE))
    assert register(spec)[1]["keys"] == ({"production": VALUES["production"]}, True)
    with pytest.raises(pulumi.RunError, match=r"The key adopted was adopted.*`rotate`"):
        to_publish("adopted", None)
    assert to_publish("production", VALUES["production"]) == VALUES["production"]


def test_policy_names_are_what_iam_takes_and_no_two_aliases_share_one() -> None:
    aliases = ["app", "a/b", "a.b", "x" * 128, "x" * 127 + "y", "team@x.co"]
    names = [policy_name("llm-gateway-poc", alias) for alias in aliases]
    model = botocore.session.get_session().get_service_model("iam").operation_model("CreatePolicy")
    shape = model.input_shape.members["PolicyName"]
    assert all(re.fullmatch(shape.metadata["pattern"], name) and len(name) <= shape.metadata["max"] for name in names)
    assert len(set(names)) == len(names)
    assert names[0] == "llm-gateway-poc-key-app"
