"""The dynamic resource `KeyRing`: which generation of its value each key is at. It calls nobody.

It is there before the keys, so that a key whose creation failed half-way has the same value when it is tried again.
`litellm_admin.values` says what a generation is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

from components.litellm.base import Props, known
from components.litellm.packed import pack, unpack
from litellm_admin.values import Generation, Rotation, turned


class KeyRingProvider(ResourceProvider):
    """A ring's lifecycle. Nothing in it is secret: without the root secret, a generation is only a name."""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        before, wanted = _before(olds), _wanted(news)
        return DiffResult(changes=turned(before, wanted, datetime.now(UTC)) != before)

    def create(self, props: Props) -> CreateResult:
        return CreateResult("ring", _turned({}, props))

    def read(self, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(_turned(_before(olds), news))

    def delete(self, _id: str, _props: Props) -> None:
        """There is nothing outside of the state."""


def generations(found: str | Mapping[str, Any]) -> dict[str, Generation]:
    """The generation of each key, of what `KeyRing.generations` gave, unpacked or not."""
    return {alias: Generation.from_json(one) for alias, one in unpack(found).items()}


def _before(props: Props) -> dict[str, Generation]:
    return generations(props.get("generations") or "{}")


def _turned(before: Mapping[str, Generation], props: Props) -> Props:
    now = turned(before, _wanted(props), datetime.now(UTC))
    return {"keys": props["keys"], "generations": pack({alias: one.as_json() for alias, one in now.items()})}


def _wanted(props: Mapping[str, Any]) -> dict[str, Rotation]:
    found = {alias: unpack(one) for alias, one in props["keys"].items() if known(one)}
    return {alias: Rotation(one["rotate"] or None, int(one["overlap"])) for alias, one in found.items()}


@dataclass(frozen=True)
class KeyRingArgs:
    """Key alias → when its value changes."""

    keys: Mapping[str, Rotation]


# Not in the module `litellm` as the others: it lives in the state and nowhere else, and its type says so to whoever
# goes through a state.
class KeyRing(Resource, module="state", name="KeyRing"):
    """The generations of the keys' values: a JSON object, alias → `Generation.as_json`."""

    generations: pulumi.Output[str]

    def __init__(self, name: str, args: KeyRingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        keys = {alias: pack({"rotate": one.rotate or "", "overlap": one.overlap}) for alias, one in args.keys.items()}
        super().__init__(KeyRingProvider(), name, {"keys": keys, "generations": None}, opts)
