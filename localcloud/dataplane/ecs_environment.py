"""What a container sees in its environment: as on Fargate, with each AWS address replaced by the task's own hop."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from localcloud.aws.account import Account
from localcloud.dataplane import ecs_secrets, hops
from localcloud.dataplane.ecs_model import ContainerSpec, TaskSpec
from localcloud.dataplane.roles import TASKS, Credentials, Offer, RoleError
from localcloud.dataplane.site import Site
from localcloud.net.model import Interface

# Keys of a JSON secret whose values are secret by themselves; a host or a user name is not.
_SECRET_KEYS = ("password", "secret", "token", "key")
# The descriptions of the services are read once, not for each task.
_LOADER = Loader()


class RoleClients:
    """boto3 clients with a role's credentials, whose every call goes through the task's network."""

    def __init__(self, account: Account, port: int, credentials: Credentials) -> None:
        self._account = account
        self._endpoint = f"http://127.0.0.1:{port}"
        self._session = botocore.session.get_session()
        self._session.register_component("data_loader", _LOADER)
        self._credentials = credentials
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            # One try: a refusal by the network is as final here as a time-out is on AWS.
            config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 1})
            self._clients[service] = self._session.create_client(
                service,
                region_name=self._account.region,
                endpoint_url=self._endpoint,
                config=config,
                aws_access_key_id=self._credentials.key_id,
                aws_secret_access_key=self._credentials.secret,
                aws_session_token=self._credentials.token,
            )
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


async def fetch_secrets(site: Site, task: TaskSpec, interface: Interface, task_id: str) -> dict[str, dict[str, str]]:
    """Container → variable → value. Raises ``ecs_secrets.SecretError``.

    With the execution role's credentials and over the task's interface, as Fargate does since platform version 1.4.0
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-security-considerations.html).
    """
    wanted = [container for container in task.containers if container.secrets]
    if not wanted:
        return {}
    if task.execution_role is None:
        raise ecs_secrets.SecretError(
            f"ClientException: Fargate requires task definition {task.family} to have an execution role ARN "
            "to support its secrets"
        )
    port = await site.fabric.listen_aws(interface)
    return await asyncio.to_thread(_fetch, site, task.execution_role, wanted, port, task_id)


def _fetch(
    site: Site, role: str, containers: Iterable[ContainerSpec], port: int, task_id: str
) -> dict[str, dict[str, str]]:
    try:
        credentials = site.roles.assume(role, TASKS, task_id)
    except RoleError as error:
        raise ecs_secrets.SecretError(
            f"ResourceInitializationError: unable to pull secrets or registry auth: {error}"
        ) from None
    clients = RoleClients(site.account, port, credentials)
    try:
        return {container.name: ecs_secrets.resolve(list(container.secrets), clients) for container in containers}
    finally:
        clients.close()


async def environment(
    site: Site, container: ContainerSpec, secrets: Mapping[str, str], interface: Interface, offer: Offer | None
) -> dict[str, str]:
    """The complete environment of one container."""
    given = {**container.environment, **secrets}
    known = await asyncio.to_thread(site.hosts)
    localised = await hops.localise(given, known, lambda host, port: site.fabric.listen(interface, host, port))
    trust = site.authority.trust()
    return {
        **_of_fargate(site, interface, await site.fabric.listen_aws(interface), offer),
        # what stands in for the public authorities that sign AWS's certificates
        **({"SSL_CERT_FILE": str(trust)} if trust is not None else {}),
        **localised,
    }


def _of_fargate(site: Site, interface: Interface, aws_port: int, offer: Offer | None) -> dict[str, str]:
    """What Fargate sets by itself, and what leads AWS SDKs to the simulated API.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html (credentials)
    """
    region = site.account.region
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOSTNAME": f"ip-{interface.ip.replace('.', '-')}.{region}.compute.internal",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        # Without them an SDK would wait for an instance's metadata service, or read the person's own profile.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    if offer is not None:
        found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = offer.url
        found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = offer.token
    return found


def to_hide(secrets: Mapping[str, str], env: Mapping[str, str], offer: Offer | None = None) -> list[str]:
    """Every text that must not be seen in a log: the secrets, their parts, and what they became in ``env``."""
    found: set[str] = set()
    for name, value in secrets.items():
        for text in (value, env.get(name, value)):
            found |= {text, *_parts(text)}
    if offer is not None:
        found.add(offer.token)
    return sorted(found, key=len, reverse=True)


def _parts(text: str) -> set[str]:
    """A URL's password; the secret values of a JSON object."""
    found: set[str] = set()
    try:
        password = urlsplit(text).password
        found |= {password} if password else set()
    except ValueError:
        pass  # not a URL: it has no parts
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        return found
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, str):
                found |= _parts(value) | ({value} if any(word in name.lower() for word in _SECRET_KEYS) else set())
                if "://" in value:
                    found.add(value)
    return found
