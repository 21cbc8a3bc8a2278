"""Serves a provider to the engine: gRPC around `pulumi.provider.experimental`.

Beyond the SDK's own server: errors are one sentence and not a traceback, unknown values and asset hashes survive, diff
and update see the old inputs, a create that fails after the resource exists keeps it in the state
(`PartialFailure`), the engine shows status messages, and the plugin never outlives the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from localcloud.plugins.values import marshal, unmarshal

# Those of pulumi's own servers (pulumi/runtime/_grpc_settings.py), which are no part of its API: messages of up to
# 400 MB, which may wait half an hour for a plugin that is busy.
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
]


class Refusal(Exception):
    """What a provider raises to fail an operation: the message is shown to the user as it is."""


class PartialFailure(Refusal):
    """The resource exists, but a later step failed: the engine records it, so that a destroy finds it."""

    def __init__(self, reason: str, resource_id: str, properties: dict[str, PropertyValue]) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.properties = properties


class DiffRequest(sdk.DiffRequest):
    """The SDK's request and the inputs of the last update, which it drops."""

    old_inputs: dict[str, PropertyValue]


class UpdateRequest(sdk.UpdateRequest):
    """The SDK's request and the inputs of the last update, which it drops."""

    old_inputs: dict[str, PropertyValue]


class Host:
    """The engine that runs this plugin. Only shows messages; a failure to show one is no failure of the operation."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: Any = None

    async def status(self, urn: str, message: str) -> None:
        """Shows a passing message beside the resource."""
        await self._log(urn, message, ephemeral=True)

    async def warn(self, urn: str, message: str) -> None:
        """Shows a warning that stays."""
        await self._log(urn, message, severity=engine_pb2.WARNING)

    async def _log(self, urn: str, message: str, severity: Any = engine_pb2.INFO, ephemeral: bool = False) -> None:
        if self._stub is None:
            self._stub = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self._address))
        try:
            await self._stub.Log(
                engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral), timeout=5
            )
        except grpc.aio.AioRpcError as error:
            print(f"the engine did not take a message: {error.code().name}", file=sys.stderr)


class Servicer(ProviderServicer):
    """The provider's gRPC methods."""

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return await self._check(self._provider.check_config, request, context)

    async def Check(self, request: Any, context: Any) -> Any:
        return await self._check(self._provider.check, request, context)

    async def _check(self, check: Callable[[sdk.CheckRequest], Awaitable[Any]], request: Any, context: Any) -> Any:
        olds, news = unmarshal(request.olds), unmarshal(request.news)
        asked = sdk.CheckRequest(request.urn, olds, news, request.randomSeed)
        answer = await _answered(check(asked), context)
        failures = [proto.CheckFailure(property=f.property, reason=f.reason) for f in answer.failures or []]
        return proto.CheckResponse(inputs=marshal(answer.inputs or {}), failures=failures)

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        return await self._diff(self._provider.diff_config, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:
        return await self._diff(self._provider.diff, request, context)

    async def _diff(self, diff: Callable[[sdk.DiffRequest], Awaitable[Any]], request: Any, context: Any) -> Any:
        asked = DiffRequest(
            request.urn, request.id, unmarshal(request.olds), unmarshal(request.news), list(request.ignoreChanges)
        )
        asked.old_inputs = unmarshal(request.old_inputs)
        answer: sdk.DiffResponse = await _answered(diff(asked), context)
        changes = {None: proto.DiffResponse.DIFF_UNKNOWN, True: proto.DiffResponse.DIFF_SOME}
        return proto.DiffResponse(
            changes=changes.get(answer.changes, proto.DiffResponse.DIFF_NONE),
            replaces=answer.replaces,
            stables=answer.stables,
            deleteBeforeReplace=answer.delete_before_replace,
            diffs=answer.diffs,
            detailedDiff={
                path: proto.PropertyDiff(kind=cast(Any, found.kind.value), inputDiff=found.input_diff)
                for path, found in answer.detailed_diff.items()
            },
            hasDetailedDiff=True,
        )

    async def Configure(self, request: Any, context: Any) -> Any:
        asked = sdk.ConfigureRequest(
            dict(request.variables), unmarshal(request.args), request.acceptSecrets, request.acceptResources
        )
        answer: sdk.ConfigureResponse = await _answered(self._provider.configure(asked), context)
        return proto.ConfigureResponse(
            acceptSecrets=answer.accept_secrets,
            supportsPreview=answer.supports_preview,
            acceptResources=answer.accept_resources,
            acceptOutputs=answer.accept_outputs,
        )

    async def Invoke(self, request: Any, context: Any) -> Any:
        asked = sdk.InvokeRequest(request.tok, unmarshal(request.args))
        answer: sdk.InvokeResponse = await _answered(self._provider.invoke(asked), context)
        failures = [proto.CheckFailure(property=f.property, reason=f.reason) for f in answer.failures]
        found: dict[str, Any] = {"return": marshal(answer.return_value or {}), "failures": failures}
        return proto.InvokeResponse(**found)

    async def Create(self, request: Any, context: Any) -> Any:
        asked = sdk.CreateRequest(request.urn, unmarshal(request.properties), request.timeout, request.preview)
        answer: sdk.CreateResponse = await _answered(self._provider.create(asked), context)
        return proto.CreateResponse(id=answer.resource_id or "", properties=marshal(answer.properties))

    async def Update(self, request: Any, context: Any) -> Any:
        asked = UpdateRequest(
            request.urn,
            request.id,
            unmarshal(request.olds),
            unmarshal(request.news),
            timeout=request.timeout,
            ignore_changes=list(request.ignoreChanges),
            preview=request.preview,
        )
        asked.old_inputs = unmarshal(request.old_inputs)
        answer: sdk.UpdateResponse = await _answered(self._provider.update(asked), context)
        return proto.UpdateResponse(properties=marshal(answer.properties))

    async def Delete(self, request: Any, context: Any) -> Any:
        asked = sdk.DeleteRequest(request.urn, request.id, unmarshal(request.properties), timeout=request.timeout)
        await _answered(self._provider.delete(asked), context)
        return empty_pb2.Empty()

    async def Read(self, request: Any, context: Any) -> Any:
        asked = sdk.ReadRequest(request.urn, request.id, unmarshal(request.properties), unmarshal(request.inputs))
        answer: sdk.ReadResponse = await _answered(self._provider.read(asked), context)
        return proto.ReadResponse(
            id=answer.resource_id or "", properties=marshal(answer.properties), inputs=marshal(answer.inputs)
        )

    async def GetSchema(self, request: Any, context: Any) -> Any:
        answer: sdk.GetSchemaResponse = await _answered(
            self._provider.get_schema(sdk.GetSchemaRequest(request.version)), context
        )
        return proto.GetSchemaResponse(schema=answer.schema or "{}")


async def _answered(operation: Awaitable[Any], context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    """The operation's answer, or the gRPC error that makes the engine print exactly the refusal's sentence."""
    try:
        return await operation
    except PartialFailure as failure:
        await cast(Any, context).abort_with_status(_partial(failure))  # the stubs leave it out
    except Refusal as refusal:
        await context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
    except NotImplementedError as missing:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(missing))
    except Exception as mistake:
        await context.abort(grpc.StatusCode.INTERNAL, sentence(mistake))


def sentence(failure: Exception) -> str:
    """What to tell the user: a refusal's own words; of a mistake in a plugin where it is (its text may be secret)."""
    if isinstance(failure, Refusal):
        return str(failure)
    frames = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}plugins{os.sep}" in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown place"
    return f"a mistake in the local cloud's plugin: {type(failure).__name__} in {where}"


def _partial(failure: PartialFailure) -> Any:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failure.resource_id, properties=marshal(failure.properties), reasons=[str(failure)]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
    status.details.add().Pack(detail)
    trailer = (("grpc-status-details-bin", status.SerializeToString()),)
    return _Status(grpc.StatusCode.UNKNOWN, str(failure), trailer)


class _Status(grpc.Status):
    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


def serve(provider: Callable[[Host], sdk.Provider], version: str, arguments: list[str] | None = None) -> None:
    """Serves `provider(host)` on a free loopback port, printed for the engine, until that ends it or itself."""
    parser = argparse.ArgumentParser(description="Pulumi provider plugin of the local cloud")
    parser.add_argument("engine", help="address of the Pulumi engine")
    known, _ = parser.parse_known_args(arguments)
    asyncio.run(_serve(provider(Host(known.engine)), version, known.engine))
    # Threads may still be inside a call to AWS; nothing here needs them to end well.
    sys.stdout.flush()
    os._exit(0)


async def _serve(provider: sdk.Provider, version: str, engine: str) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    servicer = Servicer([], version, provider, engine_address=engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sys.stdout.buffer.write(f"{port}\n".encode())
    sys.stdout.buffer.flush()
    watch = asyncio.create_task(_orphaned(ended))
    await ended.wait()
    watch.cancel()
    await server.stop(grace=None)


async def _orphaned(ended: asyncio.Event) -> None:
    """Ends the plugin when the process that started it is gone: a killed engine ends no plugin."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    ended.set()


def version_of(package: str) -> str:
    """The installed SDK's version: the plugin says it is as new as the programs written against that SDK expect."""
    return metadata.version(package)
