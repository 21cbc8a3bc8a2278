"""How admins get in: what the stack tells them, the two relays, and the two policies."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components import concurrency
from litellm_admin import stack
from tests.components.declared import Declared, declare

FUNCTION = "aws:lambda/function:Function"
POLICY = "aws:iam/policy:Policy"


@pytest.fixture(scope="module")
def poc() -> Declared:
    return declare("poc")


@pytest.fixture(scope="module")
def keyless() -> Declared:
    return declare("poc", relayHoldsKey=False, relayConcurrency=0)


def policy(declared: Declared, role: str) -> dict[str, dict[str, Any]]:
    """Sid → statement."""
    statements = json.loads(declared.of(POLICY)[f"admin-{role}"]["policy"])["Statement"]
    return {statement["Sid"]: statement for statement in statements}


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(statements: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Action → resources."""
    found: dict[str, set[str]] = {}
    for statement in statements.values():
        for action in several(statement["Action"]):
            found.setdefault(action, set()).update(several(statement["Resource"]))
    return found


def test_one_parameter_tells_everything_and_no_secret(poc: Declared) -> None:
    parameter = poc.one("aws:ssm/parameter:Parameter")
    assert parameter["name"] == "/llm-gateway/poc/admin" == stack.parameter_name("poc")
    assert parameter["type"] == "String"
    facts = stack.parsed(parameter["insecureValue"])
    assert (facts.name, facts.short, facts.region) == ("llm-gateway/poc", "poc", "us-west-1")
    assert (facts.relay, facts.reader) == ("llm-gateway-poc-relay", "llm-gateway-poc-relay-read")
    assert facts.admin_url == "http://internal-alb.example:8080"
    assert facts.gateway_url == "https://d111.cloudfront.example"
    assert (facts.database, facts.service, facts.log_group) == (
        "llm-gateway-poc",
        "llm-gateway-poc",
        "/ecs/llm-gateway-poc",
    )
    assert facts.relay_holds_key is True
    assert "generated-for" not in parameter["insecureValue"], "a generated secret is in it"
    assert len(parameter["insecureValue"]) < 4096, "more than a standard parameter holds"


def test_the_reader_is_the_relay_that_reads_only(poc: Declared) -> None:
    relay, reader = (poc.of(FUNCTION)[name] for name in ("relay-function", "relay-read-function"))
    differing = {name for name in relay if name != "code" and relay[name] != reader[name]}
    assert differing == {"name", "description", "role", "environment"}
    assert set(relay["code"].assets) == set(reader["code"].assets) == {"caller.py", "door.py", "handler.py"}
    given, other = relay["environment"]["variables"], reader["environment"]["variables"]
    assert {name for name in given if given[name] != other[name]} == {"READS_ONLY"}
    assert (given["READS_ONLY"], other["READS_ONLY"]) == ("false", "true")


def test_the_relays_have_no_address_and_a_limit(poc: Declared, keyless: Declared) -> None:
    assert not [r for r in poc.resources if "functionUrl" in r.typ or "aws:lambda/permission" in r.typ]
    assert {f["reservedConcurrentExecutions"] for f in poc.of(FUNCTION).values()} == {10}
    assert {f.get("reservedConcurrentExecutions") for f in keyless.of(FUNCTION).values()} == {None}


def test_each_relay_has_a_role_of_its_own_and_its_own_log_only(poc: Declared) -> None:
    for name, function in [("relay", "llm-gateway-poc-relay"), ("relay-read", "llm-gateway-poc-relay-read")]:
        statements = json.loads(poc.of("aws:iam/rolePolicy:RolePolicy")[f"{name}-policy"]["policy"])["Statement"]
        written = [s["Resource"] for s in statements if "logs:PutLogEvents" in several(s["Action"])]
        assert written == [f"arn:aws:cloudwatch:us-west-1:111122223333:{name}-logs:*"]
        assert poc.of("aws:cloudwatch/logGroup:LogGroup")[f"{name}-logs"]["name"] == f"/aws/lambda/{function}"


def test_an_admin_may_call_both_and_a_viewer_the_reader(poc: Declared) -> None:
    admin, viewer = allowed(policy(poc, "admin")), allowed(policy(poc, "viewer"))
    relay, reader = (f"arn:aws:lambda:us-west-1:111122223333:{name}-function" for name in ("relay", "relay-read"))
    assert admin["lambda:InvokeFunction"] == {relay, reader}
    assert viewer["lambda:InvokeFunction"] == {reader}
    assert {action: admin[action] for action in viewer if action != "lambda:InvokeFunction"} == {
        action: resources for action, resources in viewer.items() if action != "lambda:InvokeFunction"
    }
    assert admin.keys() == viewer.keys()


def test_neither_policy_lets_the_master_key_out_or_changes_anything(poc: Declared) -> None:
    for role in ("admin", "viewer"):
        actions = allowed(policy(poc, role)) | {}
        assert "secretsmanager:GetSecretValue" not in actions
        verbs = {action.partition(":")[2] for action in actions} - {"InvokeFunction"}
        assert all(verb.startswith(("Get", "List", "Describe")) for verb in verbs)


def test_a_stack_is_found_by_its_path(poc: Declared) -> None:
    found = allowed(policy(poc, "viewer"))
    account = "arn:aws:ssm:us-west-1:111122223333"
    assert f"{account}:admin-parameter" in found["ssm:GetParameter"]


def test_without_a_key_the_relay_may_not_read_it_and_its_callers_may(keyless: Declared) -> None:
    for name in ("relay-policy", "relay-read-policy"):
        assert "GetSecretValue" not in keyless.of("aws:iam/rolePolicy:RolePolicy")[name]["policy"]
    assert {f["environment"]["variables"]["HOLDS_KEY"] for f in keyless.of(FUNCTION).values()} == {"false"}
    assert "secretsmanager:GetSecretValue" in allowed(policy(keyless, "admin"))
    assert "secretsmanager:GetSecretValue" not in allowed(policy(keyless, "viewer"))
    facts = stack.parsed(keyless.one("aws:ssm/parameter:Parameter")["insecureValue"])
    assert facts.relay_holds_key is False


class Quota:
    def __init__(self, value: float | Exception) -> None:
        self.value = value

    def __call__(self, **_: Any) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self


@pytest.mark.parametrize(
    ("limit", "wanted", "found", "warned"),
    [
        (1000.0, 10, 10, ""),
        (120.0, 10, 10, ""),
        (119.0, 10, None, "may run 119 Lambda executions"),
        (10.0, 1, None, "ask AWS for a higher limit"),
        (Exception("AccessDeniedException"), 10, None, "allow servicequotas:GetServiceQuota"),
        (10.0, 0, None, ""),
    ],
)
def test_executions_are_reserved_where_the_account_has_room_for_them(
    monkeypatch: pytest.MonkeyPatch, limit: Any, wanted: int, found: int | None, warned: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi_aws.servicequotas.get_service_quota", Quota(limit))
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    assert concurrency.reservable(wanted) == found
    assert (warned in said[0]) if warned else said == []
