"""Create, read, update and delete for any row of the table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import jmespath

from localcloud.plugins.aws.api import AwsError
from localcloud.plugins.aws.canonical import agrees, differs
from localcloud.plugins.aws.operation import Operation, unique
from localcloud.plugins.aws.rows import HIDDEN, LOCAL, Call, Prop, Row, Tagging, Wait, mapping
from localcloud.plugins.aws.shapes import TableError, answer, convert, find, member, pairs, sendable
from localcloud.plugins.serve import Refusal, sentence

# How long a deletion is tried again while something else still holds the resource.
_BUSY_SECONDS = 60
_TAGS = mapping()


class Unfinished(Refusal):
    """The resource exists (the operation's id is set), but is not as it should be."""


async def create(op: Operation) -> dict[str, Any]:
    """Makes the resource and returns its state; `op.id` is set.

    Raises Unfinished when it exists but a later step failed.
    """
    await _know_account(op)
    row = op.row
    prefix = op.inputs.get(f"{row.autoname}Prefix") if row.autoname else None
    if prefix is not None:
        op.inputs[row.autoname] = f"{prefix}{unique()}"[: row.longest]
    if isinstance(row.create, Call):
        model = await op.api.model(row.service, row.create.operation)
        sent = sendable(model, row.create, row.inputs)
        tags = _tags_on_create(row, model, op.tags)
        op.data = await op.run(row.create, sent, tags)
        sent += row.create.said
    else:
        sent, tags = [], {}
        op.data = await row.create(op) or {}
    op.id = str(op.text(row.id) if "{" in row.id else jmespath.search(row.id, op.data))
    later = {
        name
        for name in row.inputs
        if name not in sent and name in op.given and differs(row.inputs[name], None, op.given[name])
    }
    op.changed = frozenset(later)
    op.pending = later
    try:
        if row.settle:
            await row.settle(op)
        await _apply(op, retag=bool(op.tags) and not tags and "tags" not in sent)
        return await finish(op)
    except Exception as failure:
        # Whatever went wrong, the resource is there: the engine must hear of it, or nobody would delete it.
        raise Unfinished(sentence(failure)) from failure


async def update(op: Operation, retag: bool) -> dict[str, Any]:
    """Brings the properties in `op.changed`, and the tags if asked, to AWS and returns the new state."""
    await _know_account(op)
    op.pending = set(op.changed)
    await _apply(op, retag)
    return await finish(op)


async def finish(op: Operation) -> dict[str, Any]:
    """Waits until the resource is ready and reads its state."""
    ready = op.row.ready
    if isinstance(ready, Wait):
        if not ready.unless or op.inputs.get(ready.unless) is not False:
            await _ready(op, ready)
    elif ready:
        await ready(op)
    data = await observe(op)
    if data is None:
        raise Refusal(f"{op.label} isn't there although AWS has just accepted it")
    return state(op, data)


async def _apply(op: Operation, retag: bool) -> None:
    for update in op.row.updates:
        names = update.names(op.row)
        hit = [name for name in names if name in op.changed]
        if not hit:
            continue
        if isinstance(update.step, Call):
            await op.run(update.step, names if update.whole else hit)
        else:
            await update.step(op)
        op.pending -= {*hit}
    if retag and op.row.tags:
        await _retag(op, op.row.tags)


async def _ready(op: Operation, wait: Wait) -> None:
    seen = "unseen"

    async def look() -> bool | None:
        nonlocal seen
        data = await _read(op)
        status = jmespath.search(wait.path, data) if data else None
        seen = str(status or "unseen").lower()
        if status in wait.failed:
            reason = jmespath.search(wait.reason, data) if wait.reason else ""
            raise Refusal(f"{op.label} is {seen}{f': {reason}' if reason else ''}")
        return True if status in wait.done else None

    await op.until(look, lambda: f"{op.label} is still {seen}", wait.seconds)


async def observe(op: Operation) -> dict[str, Any] | None:
    """What AWS says of the resource, further reads and tags merged in; None when it is gone."""
    await _know_account(op)
    data = await _read(op)
    if not data:
        return None
    op.data = data = dict(data)
    calls = list(op.row.more)
    tags = op.row.tags
    if tags and isinstance(tags.read, Call):
        calls.append(tags.read)
    try:
        found = await asyncio.gather(*(op.run(call) for call in calls))
    except AwsError as error:
        if error.code in op.row.gone:
            return None
        raise
    for call, part in zip(calls, found, strict=True):
        if call.into:
            data[call.into] = part
        elif isinstance(part, Mapping):
            data.update(part)
    if tags:
        op.live_tags = _read_tags(data, tags)
    return data


async def _know_account(op: Operation) -> None:
    """ARNs of the table need the account; it is asked once a plugin."""
    if not op.account:
        op.account = (await op.api.identity())["Account"]


async def _read(op: Operation) -> dict[str, Any] | None:
    read = op.row.read
    if read is None:
        return dict(op.inputs)
    try:
        return await (op.run(read) if isinstance(read, Call) else read(op))
    except AwsError as error:
        if error.code in op.row.gone:
            return None
        raise


def state(op: Operation, data: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs: what the program asked for in its own words where AWS agrees, else what AWS has."""
    row = op.row
    sent = {name: prop for name, prop in row.inputs.items() if not prop.has(LOCAL) and not prop.attribute}
    live = answer(sent, data)
    live |= _attributes(row, data)
    outputs: dict[str, Any] = {}
    for name, prop in row.inputs.items():
        wanted = op.inputs.get(name)
        if prop.has(HIDDEN | LOCAL):
            value = op.state.get(name) if wanted is None and not op.given else wanted
        else:
            found = live.get(name, prop.default)
            value = wanted if wanted is not None and agrees(prop, wanted, found) else found
        if value is not None:
            outputs[name] = value
    op.state = op.state | outputs
    for name, source in row.outputs.items():
        found = op.text(source) if "{" in source else jmespath.search(source, data) if source else find(data, name)
        if found is not None:
            outputs[name] = op.state[name] = _plain(found)
    if row.regional:
        outputs["region"] = op.api.region
    if row.tags:
        outputs |= _tag_outputs(op, op.live_tags)
    return outputs


def _tag_outputs(op: Operation, live: Mapping[str, str]) -> dict[str, Any]:
    own = {key: value for key, value in live.items() if not key.startswith("aws:")}
    wanted = op.inputs.get("tags")
    if wanted is not None and own == op.tags:
        return {"tags": wanted, "tagsAll": own}
    rest = {key: value for key, value in own.items() if op.default_tags.get(key) != value}
    return {"tagsAll": own} | ({"tags": rest} if rest or wanted is not None else {})


def _attributes(row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
    """Properties kept as key/value attributes (load balancing)."""
    said = dict(pairs(data.get("Attributes") or []))
    found = {name: said.get(prop.attribute) for name, prop in row.inputs.items() if prop.attribute}
    return {name: _attribute(row.inputs[name], value) for name, value in found.items() if value}


def _attribute(prop: Prop, value: str) -> Any:
    if prop.kind == "flag":
        return value == "true"
    return int(value) if prop.kind == "number" else value


def _plain(value: Any) -> Any:
    """An answer's value as a property value: dates and bytes as text."""
    return json.loads(json.dumps(value, default=lambda item: item.decode() if isinstance(item, bytes) else str(item)))


def _tags_on_create(row: Row, model: Any, tags: Mapping[str, str]) -> dict[str, Any]:
    """The tags as the create call takes them; nothing when it takes none."""
    tagging = row.tags
    if not tagging or not tags or not isinstance(row.create, Call):
        return {}
    shape = model.input_shape
    if tagging.kind and (name := member(shape, "TagSpecifications")):
        pairs_ = convert(_TAGS, tags, shape.members[name].member.members["Tags"], _refuse, "tags")
        return {name: [{"ResourceType": tagging.kind, "Tags": pairs_}]}
    name = member(shape, "tags")
    return {name: convert(_TAGS, tags, shape.members[name], _refuse, "tags")} if name else {}


async def _retag(op: Operation, tagging: Tagging) -> None:
    old = op.state.get("tagsAll") or {}
    gone = sorted(old.keys() - op.tags.keys())
    new = {key: value for key, value in op.tags.items() if old.get(key) != value}
    if tagging.remove is None:
        new = op.tags if gone or new else {}
    elif gone:
        await _tag_call(op, tagging.remove, tagging.keys, gone)
    if new or (gone and tagging.remove is None):
        await _tag_call(op, tagging.add, tagging.member, new)


async def _tag_call(op: Operation, call: Call, place: str, value: Any) -> None:
    service = call.service or op.row.service
    shape = (await op.api.model(service, call.operation)).input_shape
    *outer, last = place.split(".")
    for step in outer:
        shape = shape.members[step]
    target = shape.members[last]
    if isinstance(value, list) and target.type_name == "list" and target.member.type_name == "structure":
        made: Any = [{"Key": key} for key in value]
    elif isinstance(value, list):
        made = {"Items": value} if target.type_name == "structure" else value
    else:
        made = convert(_TAGS, value, target, _refuse, "tags")
    for step in reversed([*outer, last]):
        made = {step: made}
    params = dict(await op.fill(call.params))
    await op.api.call(service, call.operation, params | made)


def _read_tags(data: Mapping[str, Any], tagging: Tagging) -> dict[str, str]:
    raw = data.get(tagging.read.into) if isinstance(tagging.read, Call) else jmespath.search(tagging.read, data)
    if not raw:
        return {}
    return {str(key): str(value) for key, value in raw.items()} if isinstance(raw, Mapping) else dict(pairs(raw))


async def delete(op: Operation) -> None:
    """Deletes the resource; gone already is fine. Raises Refusal when something still holds it after a while."""
    row = op.row
    if row.delete is None:
        return
    await _know_account(op)
    held = ""

    async def attempt() -> bool | None:
        nonlocal held
        try:
            await (op.run(row.delete) if isinstance(row.delete, Call) else row.delete(op))  # type: ignore[misc]
        except AwsError as error:
            if error.code in row.gone:
                return True
            if error.code not in row.busy:
                raise
            held = str(error)
            return None
        return True

    await op.until(attempt, lambda: f"{op.label} can't be deleted yet: {held}", _BUSY_SECONDS)
    if row.ends:

        async def ended() -> bool | None:
            return True if not await _read(op) else None

        await op.until(ended, lambda: f"{op.label} is still being deleted", row.ends)


def _refuse(path: str, wrong: str) -> None:
    raise TableError(f"`{path}` {wrong}")
