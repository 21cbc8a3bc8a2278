"""valueFrom in all its forms, and ECS's words for what is missing; never a value in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from localcloud.dataplane.ecs_environment import to_hide
from localcloud.dataplane.ecs_secrets import Reference, SecretError, Unreachable, parse, resolve

ARN = "arn:aws:secretsmanager:us-west-1:123456789012:secret:app/db-AbCdEf"
VALUE = "very-secret-value"


class Stored:
    """Both stores with a few secrets; counts the questions."""

    def __init__(self, secrets: dict[str, Any]) -> None:
        self.secrets = secrets
        self.asked: list[dict[str, Any]] = []
        self.forbidden = ""

    def _require(self, action: str, resource: str) -> None:
        if resource == self.forbidden:
            said = f"not authorized to perform: {action} on resource: {resource}"
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": said}}, action)

    def client(self, service: str) -> Any:
        return self

    def get_secret_value(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        self._require("secretsmanager:GetSecretValue", question["SecretId"])
        if question["SecretId"] not in self.secrets:
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": "can't find it"}}, "GetSecretValue"
            )
        return self.secrets[question["SecretId"]]

    def get_parameters(self, Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        self._require("ssm:GetParameters", f"arn:{Names[0]}")
        return {"Parameters": [{"Value": self.secrets[name]} for name in Names if name in self.secrets]}


def secret(name: str, value_from: str) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": value_from}]


@pytest.mark.parametrize(
    ("value_from", "expected"),
    [
        (ARN, Reference("asm", ARN)),
        (f"{ARN}:key::", Reference("asm", ARN, "key")),
        (f"{ARN}:key:AWSPREVIOUS:", Reference("asm", ARN, "key", "AWSPREVIOUS")),
        (f"{ARN}:::7f", Reference("asm", ARN, "", "", "7f")),
        ("/app/name", Reference("ssm", "/app/name")),
        ("arn:aws:ssm:us-west-1:1:parameter/app/name", Reference("ssm", "arn:aws:ssm:us-west-1:1:parameter/app/name")),
    ],
)
def test_forms(value_from: str, expected: Reference) -> None:
    assert parse(value_from) == expected


@pytest.mark.parametrize(
    "value_from", ["arn:aws:s3:::bucket", "arn:aws:secretsmanager:us-west-1", f"{ARN}:key", f"{ARN}:a:b:c:d"]
)
def test_other_forms_are_refused(value_from: str) -> None:
    with pytest.raises(SecretError, match=r"ARN|neither"):
        parse(value_from)


@given(st.text(alphabet="abc:/-_.", max_size=40))
def test_no_text_breaks_the_parser(value_from: str) -> None:
    try:
        found = parse(value_from)
    except SecretError:
        return
    assert found.id and value_from.startswith(found.id)


def test_values_keys_and_versions() -> None:
    store = Stored(
        {ARN: {"SecretString": json.dumps({"password": VALUE, "port": 5432})}, "/app/name": VALUE, "plain": "x"}
    )
    items = secret("P", f"{ARN}:password::") + secret("PORT", f"{ARN}:port::") + secret("ALL", f"{ARN}:::7f")
    items += secret("S", "/app/name") + secret("T", "arn:aws:ssm:us-west-1:1:parameter/app/name")
    items += secret("U", "arn:aws:ssm:us-west-1:1:parameter/plain")
    found = resolve(items, store)
    assert (found["P"], found["PORT"], found["S"], found["T"], found["U"]) == (VALUE, "5432", VALUE, VALUE, "x")
    assert json.loads(found["ALL"])["password"] == VALUE
    assert store.asked == [{"SecretId": ARN}, {"SecretId": ARN, "VersionId": "7f"}], "each version is asked for once"


@pytest.mark.parametrize(
    ("content", "value_from", "says"),
    [
        ({}, ARN, "failed to fetch secret .*app/db-AbCdEf from secrets manager: ResourceNotFoundException"),
        (
            {ARN: {"SecretString": json.dumps({"password": VALUE})}},
            f"{ARN}:pasword::",
            r"did not contain json key pasword \(.*app/db",
        ),
        ({ARN: {"SecretString": VALUE}}, f"{ARN}:password::", "app/db-AbCdEf is not a JSON document"),
        ({ARN: {"SecretString": json.dumps([VALUE])}}, f"{ARN}:password::", "did not contain json key password"),
        ({ARN: {"SecretBinary": VALUE.encode()}}, ARN, "holds binary data"),
        ({}, "/app/name", "invalid parameters: /app/name"),
    ],
)
def test_what_is_missing_is_named_and_no_value_is_told(content: dict[str, Any], value_from: str, says: str) -> None:
    with pytest.raises(SecretError, match=f"ResourceInitializationError: .*{says}") as caught:
        resolve(secret("S", value_from), Stored(content))
    assert VALUE not in str(caught.value) and caught.value.__cause__ is None


def test_without_permission_the_action_and_the_resource_are_named() -> None:
    store = Stored({ARN: {"SecretString": VALUE}, "plain": VALUE})
    store.forbidden = ARN
    with pytest.raises(
        SecretError,
        match=r"from secrets manager: AccessDenied.*secretsmanager:GetSecretValue on resource: arn:.*app/db",
    ):
        resolve(secret("S", ARN), store)
    store.forbidden = "arn:plain"
    with pytest.raises(SecretError, match=r"from ssm: AccessDenied.*ssm:GetParameters on resource: arn:plain"):
        resolve(secret("S", "plain"), store)


def test_a_store_out_of_reach_is_told_apart() -> None:
    class Cut(Stored):
        def get_secret_value(self, **question: Any) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(Unreachable, match="connection issue between the task and AWS Secrets Manager"):
        resolve(secret("S", ARN), Cut({}))


def test_what_must_not_be_seen_in_a_log() -> None:
    url = "postgresql://web:pass-word-1@host:5432/db"
    secrets = {
        "KEY": "sk-1",
        "URL": url,
        "DOC": json.dumps({"username": "web", "password": "pass-word-2", "host": "h", "url": url}),
    }
    hidden = to_hide(secrets, {"URL": url.replace("host:5432", "127.0.0.1:9999")})
    assert {"sk-1", url, "postgresql://web:pass-word-1@127.0.0.1:9999/db", "pass-word-1", "pass-word-2"} <= set(hidden)
    assert not {"web", "h"} & set(hidden), "ordinary words stay readable"
