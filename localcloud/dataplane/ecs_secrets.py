"""A container's ``secrets``: parsed and fetched as ECS does, with ECS's words when that fails.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html (the form of valueFrom)
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html (the words)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

_PREFIX = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
    "unable to retrieve secret from {store}: service call has been retried 1 time(s): "
)
_ARN_PARTS = 7  # arn:aws:secretsmanager:region:account:secret:name


class SecretError(Exception):
    """A secret can't be had; the message is ECS's, and names the secret and what is missing. It holds no value."""


class Unreachable(SecretError):
    """The store can't be reached over the task's network."""


class Clients(Protocol):
    """boto3 clients with the execution role's credentials, through the task's own network."""

    def client(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Reference:
    """One ``valueFrom``. ``store`` is "asm" (Secrets Manager) or "ssm" (Parameter Store), as ECS calls them."""

    store: str
    id: str  # ARN, or a parameter's name
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""


def parse(value_from: str) -> Reference:
    """Take a ``valueFrom`` apart. Raises ``SecretError`` when it has neither of the documented forms."""
    if value_from and not value_from.startswith("arn:"):
        return Reference("ssm", value_from)
    parts = value_from.split(":")
    service = parts[2] if len(parts) > 2 else ""
    if service == "ssm":
        return Reference("ssm", value_from)
    if service != "secretsmanager" or len(parts) < _ARN_PARTS or parts[5] != "secret":
        raise SecretError(
            f"ResourceInitializationError: {value_from} is neither the ARN of a Secrets Manager secret "
            "nor a parameter of SSM"
        )
    if len(parts) not in (_ARN_PARTS, _ARN_PARTS + 3):
        raise SecretError(
            f"{_PREFIX.format(store='asm')}unexpected ARN format with parameters when trying to retrieve ASM secret: "
            f"{value_from} needs the form ARN:json-key:version-stage:version-id"
        )
    rest = parts[_ARN_PARTS:] or ["", "", ""]
    return Reference("asm", ":".join(parts[:_ARN_PARTS]), *rest)


def resolve(secrets: list[dict[str, str]], clients: Clients) -> dict[str, str]:
    """Variable → value for a container's ``secrets``. Raises ``SecretError``; blocks for the API's answers."""
    fetched: dict[tuple[str, str, str, str], str] = {}
    found: dict[str, str] = {}
    for item in secrets:
        reference = parse(item["valueFrom"])
        key = (reference.store, reference.id, reference.version_stage, reference.version_id)
        if key not in fetched:
            fetched[key] = _fetch(reference, clients)
        found[item["name"]] = _pick(reference, fetched[key])
    return found


def _fetch(reference: Reference, clients: Clients) -> str:
    try:
        return _fetch_secret(reference, clients) if reference.store == "asm" else _fetch_parameter(reference, clients)
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        store = "secrets manager" if reference.store == "asm" else "ssm"
        raise SecretError(
            f"{_PREFIX.format(store=reference.store)}failed to fetch secret {_named(reference)} from {store}: "
            f"{code}: {said}"
        ) from None
    except BotoCoreError:
        service = "AWS Secrets Manager" if reference.store == "asm" else "AWS Systems Manager"
        raise Unreachable(
            "ResourceInitializationError: unable to pull secrets or registry auth: "
            f"unable to retrieve secret {reference.id}: "
            f"There is a connection issue between the task and {service}. Check your task network configuration"
        ) from None


def _fetch_secret(reference: Reference, clients: Clients) -> str:
    version = {
        name: value
        for name, value in {"VersionStage": reference.version_stage, "VersionId": reference.version_id}.items()
        if value
    }
    answer = clients.client("secretsmanager").get_secret_value(SecretId=reference.id, **version)
    if "SecretString" not in answer:
        raise SecretError(f"{_PREFIX.format(store='asm')}{reference.id} holds binary data, which ECS can't inject")
    return str(answer["SecretString"])


def _fetch_parameter(reference: Reference, clients: Clients) -> str:
    name = reference.id
    if name.startswith("arn:"):
        path = name.partition(":parameter")[2]
        # Parameters outside of any hierarchy have a slash in their ARN that isn't in their name.
        name = path if path.count("/") > 1 else path.lstrip("/")
    # ECS asks for several at once: the permission that it needs is ssm:GetParameters
    answer = clients.client("ssm").get_parameters(Names=[name], WithDecryption=True)
    if not answer["Parameters"]:
        raise SecretError(f"{_PREFIX.format(store='ssm')}invalid parameters: {name}: there is no such parameter")
    return str(answer["Parameters"][0]["Value"])


def _pick(reference: Reference, text: str) -> str:
    """The JSON key of a secret, or all of it. A number is injected as it is written in the document."""
    if not reference.json_key:
        return text
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        raise SecretError(
            f"{_PREFIX.format(store='asm')}{reference.id} is not a JSON document, so json key {reference.json_key} "
            "can't be taken from it"
        ) from None
    if not isinstance(document, dict) or reference.json_key not in document:
        raise SecretError(
            f"{_PREFIX.format(store='asm')}retrieved secret from Secrets Manager did not contain json key "
            f"{reference.json_key} ({reference.id})"
        )
    value = document[reference.json_key]
    return value if isinstance(value, str) else json.dumps(value)


def _named(reference: Reference) -> str:
    version = reference.version_stage or reference.version_id
    return f"{reference.id} (version {version})" if version else reference.id
