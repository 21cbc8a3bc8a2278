"""The provider the engine talks to: checks, diffs and runs the lifecycle of the table's rows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Mapping
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from localcloud.plugins.aws import lifecycle
from localcloud.plugins.aws.api import Api, simulated_endpoint
from localcloud.plugins.aws.checks import Problems, check_inputs
from localcloud.plugins.aws.difference import AUTONAMED, Change, changes, deletes_first
from localcloud.plugins.aws.invokes import INVOKES
from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import COMPUTED, Row
from localcloud.plugins.aws.table import row_of, where
from localcloud.plugins.serve import DiffRequest, Host, PartialFailure, Refusal, UpdateRequest, version_of
from localcloud.plugins.values import UNKNOWN, has_unknown, plain_map, secret_texts, wrap_map

VERSION = version_of("pulumi-aws")
_KINDS = {
    ("add", False): sdk.PropertyDiffKind.ADD,
    ("add", True): sdk.PropertyDiffKind.ADD_REPLACE,
    ("delete", False): sdk.PropertyDiffKind.DELETE,
    ("delete", True): sdk.PropertyDiffKind.DELETE_REPLACE,
    ("update", False): sdk.PropertyDiffKind.UPDATE,
    ("update", True): sdk.PropertyDiffKind.UPDATE_REPLACE,
}
# Where a create that failed midway notes the properties that aren't in AWS yet, for the update that comes next.
_PENDING = "__pending"
# Provider options of pulumi-aws that mean something here, and those whose meaning the local cloud fulfils anyway.
_OPTIONS = {"region", "accessKey", "secretKey", "defaultTags", "version"}
_HARMLESS = {
    *("skipCredentialsValidation", "skipRegionValidation", "skipMetadataApiCheck", "skipRequestingAccountId"),
    *("s3UsePathStyle", "profile", "maxRetries", "retryMode", "allowedAccountIds", "token"),
}


class AwsProvider(sdk.Provider):
    """pulumi-aws 7 as far as the table goes, on the simulated API."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._cancelled = asyncio.Event()
        self._default_tags: dict[str, str] = {}
        self._api: Api | None = None

    @property
    def api(self) -> Api:
        """The simulated API. Raises Refusal when AWS_ENDPOINT_URL names none."""
        if self._api is None:
            self._api = _api({})
        return self._api

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        return sdk.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": VERSION}))

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        strange = request.new_inputs.keys() - _OPTIONS - _HARMLESS
        failures = [
            sdk.CheckFailure(
                name, f"`{name}` means nothing to the local cloud; take it out of the provider's options for this stack"
            )
            for name in sorted(strange)
        ]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff_config(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        assert isinstance(request, DiffRequest)
        old, new = plain_map(request.old_inputs), plain_map(request.new_inputs)
        moved = [name for name in ("region", "accessKey") if old.get(name) != new.get(name)]
        changed = old != new
        return sdk.DiffResponse(changes=changed, replaces=["region"] if "region" in moved else [])

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        options = {name: _parsed(value) for name, value in plain_map(request.args).items()}
        tags = (options.get("defaultTags") or {}).get("tags") or {}
        self._default_tags = {str(key): str(value) for key, value in tags.items() if value is not UNKNOWN}
        self._api = _api(options)
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def cancel(self) -> None:
        self._cancelled.set()

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        row, given = row_of(request.type), plain_map(request.new_inputs)
        inputs = {name: value for name, value in request.new_inputs.items() if value.value is not None}
        named = self._name(row, request, given, inputs)
        problems = Problems(where(row.token), secret_texts(request.new_inputs, row.secrets()))
        await check_inputs(self.api, row, given, problems)
        if named:
            inputs |= wrap_map({AUTONAMED: [named]})
        return sdk.CheckResponse(inputs=inputs, failures=problems.failures)

    def _name(
        self, row: Row, request: sdk.CheckRequest, given: dict[str, Any], inputs: dict[str, PropertyValue]
    ) -> str:
        """Names a resource that the program leaves unnamed: its logical name and 7 hex digits, kept from then on."""
        prop = row.autoname
        given.pop(AUTONAMED, None)
        if not prop or given.get(prop) is not None or given.get(f"{prop}Prefix") is not None:
            return ""
        old = plain_map(request.old_inputs)
        if prop in (old.get(AUTONAMED) or ()):
            name = old[prop]
        else:
            name = f"{request.name[: row.longest - 8]}-{request.random_seed.hex()[:7]}"
            name = name.lower() if row.lowercase else name
        given[prop] = name
        inputs |= wrap_map({prop: name})
        return prop

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        assert isinstance(request, DiffRequest)
        row = row_of(request.type)
        old, new = plain_map(request.old_inputs), plain_map(request.new_inputs)
        found = changes(row, old, new)
        if row.tags and not has_unknown(new.get("tags")):
            wanted = self._default_tags | (new.get("tags") or {})
            recorded = plain_map(request.old_state).get("tagsAll")
            if recorded is not None and wanted != recorded and not any(change.name == "tags" for change in found):
                found.append(Change("tagsAll", "tagsAll", "update", False))
        replaces = sorted({change.name for change in found if change.replace})
        return sdk.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            diffs=sorted({change.name for change in found}),
            delete_before_replace=bool(replaces) and deletes_first(row, old, new),
            detailed_diff={
                change.path: sdk.PropertyDiff(_KINDS[change.kind, change.replace], change.name != "tagsAll")
                for change in found
            },
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        op = self._operation(request, request.properties, seconds=request.timeout)
        if request.preview:
            return sdk.CreateResponse("", self._wrap(op, self._promised(op), request.properties))
        try:
            state = await self._redacted(op, lifecycle.create(op), request.properties)
        except lifecycle.Unfinished as failure:
            left = op.inputs | op.state | {_PENDING: sorted(op.pending)}
            reason = str(self._sentence(op, failure, request.properties))
            raise PartialFailure(reason, op.id, self._wrap(op, left, request.properties)) from None
        return sdk.CreateResponse(op.id, self._wrap(op, state, request.properties))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        assert isinstance(request, UpdateRequest)
        op = self._operation(request, request.news, request.olds, request.old_inputs, request.timeout)
        op.changed = frozenset(change.name for change in changes(op.row, op.old, op.given)) - {"tags"}
        op.changed |= frozenset(op.state.pop(_PENDING, ()))
        if request.preview:
            promised = self._promised(op) if not op.state else self._kept(op)
            return sdk.UpdateResponse(self._wrap(op, promised, request.news))
        retag = op.row.tags is not None and op.tags != (op.state.get("tagsAll") or {})
        # When this fails the old inputs stay in the state: the next update sees the change again.
        state = await self._redacted(op, lifecycle.update(op, retag), request.news)
        return sdk.UpdateResponse(self._wrap(op, state, request.news))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        op = self._operation(request, request.inputs, request.properties)
        data = await self._redacted(op, lifecycle.observe(op), request.properties)
        if data is None:
            return sdk.ReadResponse("", {}, {})
        given = op.given if request.inputs else None
        state = lifecycle.state(op, data)
        if given is None:
            inputs = {name: state[name] for name in op.row.inputs if name in state}
        else:
            inputs = {name: state.get(name) for name in given if name == AUTONAMED or name in state}
            inputs |= {AUTONAMED: given[AUTONAMED]} if AUTONAMED in given else {}
        like = dict(request.properties) | dict(request.inputs)
        return sdk.ReadResponse(
            request.resource_id, self._wrap(op, state, like), self._wrap(op, inputs, request.inputs)
        )

    async def delete(self, request: sdk.DeleteRequest) -> None:
        op = self._operation(request, {}, request.properties, seconds=request.timeout)
        await self._redacted(op, lifecycle.delete(op), request.properties)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        function = INVOKES.get(request.tok)
        if function is None:
            raise Refusal(
                f"the local cloud has no function {request.tok}; add it to INVOKES in localcloud/plugins/aws/invokes.py"
            )
        try:
            answer = await function(self.api, plain_map(request.args))
        except Refusal as refusal:
            raise Refusal(f"{request.tok}: {refusal}") from None
        return sdk.InvokeResponse(wrap_map(answer))

    def _operation(
        self,
        request: Any,
        given: Mapping[str, PropertyValue],
        state: Mapping[str, PropertyValue] | None = None,
        old: Mapping[str, PropertyValue] | None = None,
        seconds: float = 0,
    ) -> Operation:
        region = plain_map(given).get("region") or plain_map(state or {}).get("region")
        return Operation(
            self.api.in_region(region) if isinstance(region, str) else self.api,
            row_of(request.type),
            self._host,
            self._cancelled,
            request.urn,
            id=getattr(request, "resource_id", ""),
            given=plain_map(given),
            old=plain_map(old or {}),
            state=plain_map(state or {}),
            default_tags=self._default_tags,
            seconds=seconds,
        )

    def _promised(self, op: Operation) -> dict[str, Any]:
        """What a preview knows of a resource to be made: its inputs; AWS will say the rest."""
        row = op.row
        unset = [name for name, prop in row.inputs.items() if prop.has(COMPUTED) and op.inputs.get(name) is None]
        state = {name: value for name, value in op.inputs.items() if name != AUTONAMED}
        state |= dict.fromkeys([*row.outputs, *unset], UNKNOWN)
        if row.tags:
            state["tagsAll"] = op.tags if not has_unknown(op.tags) else UNKNOWN
        return state | ({"region": self.api.region} if row.regional else {})

    def _kept(self, op: Operation) -> dict[str, Any]:
        """What a preview knows of a resource to be updated: its outputs stay, but for the volatile ones."""
        state = {name: value for name, value in (op.state | op.inputs).items() if name != AUTONAMED}
        left = {name for name, prop in op.row.inputs.items() if not prop.has(COMPUTED) and op.inputs.get(name) is None}
        state = {name: value for name, value in state.items() if name not in left}
        if op.row.tags:
            state["tagsAll"] = op.tags
        return state | dict.fromkeys(op.row.volatile, UNKNOWN)

    def _wrap(
        self, op: Operation, state: Mapping[str, Any], like: Mapping[str, PropertyValue]
    ) -> dict[str, PropertyValue]:
        kept = {name: value for name, value in state.items() if value is not None}
        return wrap_map(kept, like, op.row.secrets())

    async def _redacted(self, op: Operation, work: Awaitable[Any], properties: Mapping[str, PropertyValue]) -> Any:
        try:
            return await work
        except lifecycle.Unfinished:
            raise
        except Refusal as failure:
            raise self._sentence(op, failure, properties) from None

    def _sentence(self, op: Operation, failure: Refusal, properties: Mapping[str, PropertyValue]) -> Refusal:
        """The failure with the resource type in front and without any secret of the resource."""
        said = str(failure)
        for secret in secret_texts(properties, op.row.secrets()):
            said = said.replace(secret, "[secret]")
        return Refusal(f"{op.row.token}: {said}")


def _parsed(value: Any) -> Any:
    """The engine sends options that are no strings as JSON."""
    if not isinstance(value, str) or value[:1] not in "{[":
        return value
    return json.loads(value)


def _api(options: Mapping[str, Any]) -> Api:
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not isinstance(region, str):
        raise Refusal("no region: set `aws:region` in the stack's configuration, or AWS_REGION")
    endpoint = simulated_endpoint(os.environ)
    keys = [options.get(name) or os.environ.get(variable) for name, variable in _KEYS.items()]
    access, secret = (key if isinstance(key, str) else None for key in keys)
    if not access or not secret:
        raise Refusal('no AWS credentials: `eval "$(make env)"` exports those of the simulated account')
    return Api(endpoint, region, access, secret)


_KEYS = {"accessKey": "AWS_ACCESS_KEY_ID", "secretKey": "AWS_SECRET_ACCESS_KEY"}
