"""The simulated AWS API: one lazily made client a service, calls in threads, errors as sentences."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from localcloud.aws.addresses import AS_STORED
from localcloud.plugins.serve import Refusal

# Calls wait for the simulated API most of the time; more threads than cores, but not so many that they starve it.
_THREADS = 16


class AwsError(Refusal):
    """AWS refused an operation. `code` is AWS's error code."""

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{service} {operation}: {code}: {' '.join(message.split())}")
        self.code = code


def simulated_endpoint(environment: Mapping[str, str]) -> str:
    """AWS_ENDPOINT_URL, which must be a loopback address: this plugin must never reach a real account.

    Raises Refusal with what to do otherwise.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if not endpoint:
        raise Refusal(
            "the local cloud's aws plugin needs AWS_ENDPOINT_URL, the simulated API's loopback address; "
            'run `make up`, or `eval "$(make env)"` before `pulumi`'
        )
    host = urlsplit(endpoint).hostname or ""
    if not _loopback(host):
        raise Refusal(
            "the local cloud's aws plugin only talks to a loopback address and AWS_ENDPOINT_URL names "
            f"{host or 'no host'}; for a stack on AWS leave the shell of `make env`, so that Pulumi takes the official "
            "plugin"
        )
    return endpoint


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _as_stored(request: Any, **_: Any) -> None:
    """What is compared with the program's wishes is what is stored, not what people of this machine are shown."""
    request.headers[AS_STORED] = "plugin"


class Api:
    """AWS in one region, as one set of simulated credentials sees it."""

    def __init__(self, endpoint: str, region: str, access_key: str, secret_key: str) -> None:
        self.region = region
        self.endpoint = endpoint
        self._keys = (access_key, secret_key)
        # No profile, file or proxy of this machine may decide where a call goes or who makes it.
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            os.environ.pop(name, None)
        os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
        self._session = botocore.session.Session()
        self._config = Config(
            region_name=region,
            proxies={},
            max_pool_connections=_THREADS,
            connect_timeout=10,
            read_timeout=120,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"},
        )
        self._clients: dict[str, Any] = {}
        self._elsewhere: dict[str, Api] = {}
        self._models: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._identity: dict[str, str] | None = None
        self._identify = asyncio.Lock()

    def in_region(self, region: str) -> Api:
        """The same account in another region; itself for its own."""
        if region == self.region:
            return self
        if region not in self._elsewhere:
            self._elsewhere[region] = Api(self.endpoint, region, *self._keys)
        return self._elsewhere[region]

    def client(self, service: str) -> Any:
        """The service's client, made at first use: loading a service model takes a while, EC2's most."""
        made = self._clients.get(service)
        if made is None:
            with self._lock:
                made = self._clients.get(service)
                if made is None:
                    key, secret = self._keys
                    made = self._clients[service] = self._session.create_client(
                        service,
                        region_name=self.region,
                        endpoint_url=self.endpoint,
                        aws_access_key_id=key,
                        aws_secret_access_key=secret,
                        config=self._config,
                    )
                    made.meta.events.register("before-sign.ssm.*", _as_stored)
        return made

    async def model(self, service: str, operation: str) -> Any:
        """The operation's model (input and output shapes). Needs no client: a check or a preview may never call AWS."""
        model = self._models.get(service) or await self._thread(self._model, service)
        return model.operation_model(operation)

    def _model(self, service: str) -> Any:
        with self._lock:
            if service not in self._models:
                self._models[service] = self._session.get_service_model(service)
            return self._models[service]

    async def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One call of AWS in a thread. Raises AwsError when AWS refuses it."""
        return await self._thread(self._call, service, operation, params)

    async def identity(self) -> dict[str, str]:
        """The caller's account and ARN, asked once."""
        async with self._identify:
            if self._identity is None:
                self._identity = await self.call("sts", "GetCallerIdentity", {})
        return self._identity

    def _call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = getattr(self.client(service), xform_name(operation))(**params)
            return {key: item.read() if hasattr(item, "read") else item for key, item in answer.items()}
        except ClientError as error:
            said = error.response.get("Error", {})
            raise AwsError(service, operation, said.get("Code", "Unknown"), said.get("Message", "")) from None
        except ParamValidationError as error:
            # botocore's report prints the values; they may be secret.
            lines = [line.split(", value:")[0] for line in error.kwargs["report"].splitlines()]
            raise AwsError(service, operation, "ParamValidation", "; ".join(lines)) from None
        except BotoCoreError as error:
            raise AwsError(
                service, operation, type(error).__name__, f"{error}; is the local cloud running (`make status`)?"
            ) from None

    async def _thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
