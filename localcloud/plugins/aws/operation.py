"""One operation on one resource: what the table's calls and functions work with."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import jmespath

from localcloud.plugins.aws.api import Api, AwsError
from localcloud.plugins.aws.rows import Call, Prop, Row
from localcloud.plugins.aws.shapes import request, root_of
from localcloud.plugins.serve import Host, Refusal

_HOLE = re.compile(r"\{(\w+)\}")
_EMPTY: dict[str, Any] = {"text": "", "document": "", "many": [], "several": [], "mapping": {}}
T = TypeVar("T")


class TimedOut(Refusal):
    """AWS took longer than the wait allows."""


class Operation:
    """A create, read, update or delete under way.

    `inputs` are the wanted properties with the defaults filled in, `given` only what the program set; `old` the inputs
    of the last update, `state` the outputs so far, `changed` the properties to bring to AWS and `pending` those
    that aren't there yet; `data` is AWS's last answer, `live_tags` its tags.
    """

    def __init__(
        self,
        api: Api,
        row: Row,
        host: Host,
        cancelled: asyncio.Event,
        urn: str,
        *,
        id: str = "",
        given: Mapping[str, Any] | None = None,
        old: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        default_tags: Mapping[str, str] | None = None,
        seconds: float = 0,
    ) -> None:
        self.api, self.row, self.host, self.cancelled, self.urn, self.id = api, row, host, cancelled, urn, id
        self.given = dict(given or {})
        defaults = {name: prop.default for name, prop in row.inputs.items() if prop.default is not None}
        self.inputs: dict[str, Any] = defaults | self.given
        self.old = dict(old or {})
        self.state = dict(state or {})
        self.default_tags = dict(default_tags or {})
        self.changed: frozenset[str] = frozenset()
        self.pending: set[str] = set()
        self.seconds = seconds
        self.account = ""
        self.data: dict[str, Any] = {}
        self.live_tags: dict[str, str] = {}

    @property
    def tags(self) -> dict[str, str]:
        """The wanted tags, the provider's default ones included."""
        return self.default_tags | (self.inputs.get("tags") or {})

    @property
    def label(self) -> str:
        """The resource in a sentence: its name, else its id."""
        return str((self.value(self.row.autoname) if self.row.autoname else None) or self.id)

    def value(self, name: str) -> Any:
        """A property as the program wants it, else as the state has it."""
        special = {"id": self.id, "region": self.api.region, "account": self.account}
        if name in special:
            return special[name]
        if name == "unique":
            return unique()
        wanted = self.inputs.get(name)
        return self.state.get(name) if wanted is None else wanted

    async def fill(self, template: Any) -> Any:
        """A template of the table with its holes filled; parameters whose value is unset are left out."""
        if callable(template):
            return await cast(Callable[[Operation], Awaitable[Any]], template)(self)
        if isinstance(template, Mapping):
            filled = {key: await self.fill(item) for key, item in template.items()}
            return {key: item for key, item in filled.items() if item is not None}
        if isinstance(template, (list, tuple)):
            items = [await self.fill(item) for item in template]
            return [item for item in items if item is not None]
        return self.text(template) if isinstance(template, str) else template

    def text(self, template: str) -> Any:
        """A string template filled; None when one of its values is unset."""
        whole = _HOLE.fullmatch(template)
        if whole:
            return self.value(whole[1])
        values = {name: self.value(name) for name in _HOLE.findall(template)}
        if any(value is None for value in values.values()):
            return None
        return _HOLE.sub(lambda hole: str(values[hole[1]]), template)

    async def call(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """One AWS operation with ready parameters. Raises AwsError."""
        return await self.api.call(self.row.service, operation, params)

    async def run(self, call: Call, names: Iterable[str] = (), extra: Mapping[str, Any] | None = None) -> Any:
        """A call of the table: its own parameters, the properties in `names` mapped into it, and `extra`."""
        service = call.service or self.row.service
        params = dict(await self.fill(call.params))
        mapped = await self.request(call, names)
        merge(params, mapped)
        params |= extra or {}
        try:
            answer = await self.api.call(service, call.operation, params)
        except AwsError as error:
            if error.code in call.absent:
                return None
            raise
        return jmespath.search(call.pick, answer) if call.pick else answer

    async def request(self, call: Call, names: Iterable[str]) -> dict[str, Any]:
        """The request that says the properties in `names`; what the program took away is sent as empty."""
        props = {name: self.row.inputs[name] for name in names if name not in call.said}
        if not props:
            return {}
        model = await self.api.model(call.service or self.row.service, call.operation)
        values = {name: self._sent(name, prop) for name, prop in props.items()}
        made = request(root_of(model, call), props, values, _refuse)
        for step in reversed([step for step in call.root.split(".") if step]):
            made = {step: made}
        return made

    async def shaped(self, operation: str, props: Mapping[str, Prop], values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of some properties as the request of an operation says them."""
        model = await self.api.model(self.row.service, operation)
        return request(model.input_shape, props, values, _refuse)

    def _sent(self, name: str, prop: Prop) -> Any:
        wanted = self.inputs.get(name)
        if wanted is not None or name not in self.changed:
            return wanted
        return _EMPTY.get(prop.kind) if prop.reset is None else prop.reset

    async def until(self, look: Callable[[], Awaitable[T | None]], doing: Callable[[], str], seconds: float) -> T:
        """Looks again and again until there is something to return, without holding up other resources.

        Raises TimedOut after `seconds` (the program's custom timeout goes first), Refusal when the engine cancels.
        """
        limit, started, pause, said = self.seconds or seconds, time.monotonic(), 0.05, 2.0
        while True:
            found = await look()
            if found is not None:
                return found
            waited = time.monotonic() - started
            if waited > limit:
                raise TimedOut(f"{doing()} after {limit:.0f} s; `make logs` tells what the local cloud did meanwhile")
            if waited > said:
                said = waited + 2
                await self.host.status(self.urn, f"{doing()} ({waited:.0f} s)")
            try:
                await asyncio.wait_for(self.cancelled.wait(), pause)
            except TimeoutError:
                pause = min(pause * 1.5, 1.0)
            else:
                raise Refusal(f"cancelled while {doing()}")


def unique() -> str:
    """26 characters that no other resource has: the time and random digits, as the official provider's prefix names."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(6)


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merges a request into another, structure by structure; what `into` already says stays."""
    for key, item in more.items():
        if isinstance(into.get(key), dict) and isinstance(item, Mapping):
            merge(into[key], item)
        else:
            into.setdefault(key, item)


def _refuse(path: str, wrong: str) -> None:
    raise Refusal(f"`{path}` {wrong}")
