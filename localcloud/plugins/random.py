"""`pulumi-resource-random` for the local cloud: passwords, strings, ids, UUIDs and bytes as pulumi-random 4 makes them.

Everything comes from `secrets`. Any change of an input makes a new value (a replacement), as in the official provider.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import bcrypt
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from localcloud.plugins.serve import DiffRequest, Host, Refusal, serve, version_of
from localcloud.plugins.values import UNKNOWN, own_type, plain_map, wrap_map

VERSION = version_of("pulumi-random")
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_DIGITS = "0123456789"
# terraform-provider-random, internal/random/string.go
_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
# bcrypt reads no further; the official provider cuts there too.
_BCRYPT_BYTES = 72

Values = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One resource type: its inputs (name → default; `...` is required), outputs, and how a value is made."""

    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    make: Callable[[Values], tuple[str, Values]]
    secret: frozenset[str] = frozenset()
    check: Callable[[Values], dict[str, str]] | None = None


def _text(wanted: Values) -> str:
    sets = {
        "Lower": _LOWER if wanted["lower"] else "",
        "Upper": _UPPER if wanted["upper"] else "",
        "Numeric": _DIGITS if wanted["numeric"] else "",
        "Special": (wanted["overrideSpecial"] or _SPECIAL) if wanted["special"] else "",
    }
    chosen = [secrets.choice(letters) for name, letters in sets.items() if letters for _ in range(wanted[f"min{name}"])]
    every = "".join(sets.values())
    chosen += [secrets.choice(every) for _ in range(wanted["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _check_text(wanted: Values) -> dict[str, str]:
    length = wanted["length"]
    least = sum(wanted[name] for name in ("minLower", "minUpper", "minNumeric", "minSpecial"))
    if length < 1:
        return {"length": f"must be at least 1, not {length}"}
    if length < least:
        return {"length": f"is {length}, less than the minima together ({least}); raise it or lower a minimum"}
    if not any(wanted[name] for name in ("lower", "upper", "numeric", "special")):
        return {"special": "leaves no character to choose from; set one of lower, upper, numeric, special"}
    return {}


def _check_bytes(name: str) -> Callable[[Values], dict[str, str]]:
    return lambda wanted: {name: f"must be at least 1, not {wanted[name]}"} if wanted[name] < 1 else {}


def _password(wanted: Values) -> tuple[str, Values]:
    result = _text(wanted)
    hashed = bcrypt.hashpw(result.encode()[:_BCRYPT_BYTES], bcrypt.gensalt(10)).decode()
    return "none", {"result": result, "bcryptHash": hashed}


def _string(wanted: Values) -> tuple[str, Values]:
    result = _text(wanted)
    return result, {"result": result}


def _id(wanted: Values) -> tuple[str, Values]:
    raw = secrets.token_bytes(wanted["byteLength"])
    prefix = wanted["prefix"] or ""
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return url, {
        "b64Std": prefix + base64.b64encode(raw).decode(),
        "b64Url": prefix + url,
        "dec": prefix + str(int.from_bytes(raw, "big")),
        "hex": prefix + raw.hex(),
    }


def _uuid(_wanted: Values) -> tuple[str, Values]:
    result = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    return result, {"result": result}


def _bytes(wanted: Values) -> tuple[str, Values]:
    raw = secrets.token_bytes(wanted["length"])
    return "none", {"base64": base64.b64encode(raw).decode(), "hex": raw.hex()}


_TEXT = {
    "length": ...,
    "keepers": None,
    "lower": True,
    "upper": True,
    "numeric": True,
    "number": True,
    "special": True,
    "overrideSpecial": None,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}

KINDS = {
    "random:index/randomPassword:RandomPassword": Kind(
        _TEXT, ("result", "bcryptHash"), _password, frozenset({"result", "bcryptHash"}), _check_text
    ),
    "random:index/randomString:RandomString": Kind(_TEXT, ("result",), _string, check=_check_text),
    "random:index/randomId:RandomId": Kind(
        {"byteLength": ..., "keepers": None, "prefix": None},
        ("b64Std", "b64Url", "dec", "hex"),
        _id,
        check=_check_bytes("byteLength"),
    ),
    "random:index/randomUuid:RandomUuid": Kind({"keepers": None}, ("result",), _uuid),
    "random:index/randomBytes:RandomBytes": Kind(
        {"length": ..., "keepers": None},
        ("base64", "hex"),
        _bytes,
        frozenset({"base64", "hex"}),
        _check_bytes("length"),
    ),
}


def _kind(token: str) -> Kind:
    token = own_type(token)
    if token not in KINDS:
        raise Refusal(
            f"the local cloud has no resource type {token}; add a row to KINDS in localcloud/plugins/random.py"
        )
    return KINDS[token]


def _complete(kind: Kind, given: Values) -> Values:
    """The inputs with the defaults filled in; `number` is the old name of `numeric`."""
    wanted = {name: given.get(name, default) for name, default in kind.inputs.items()}
    if "number" in kind.inputs:
        wanted["numeric"] = wanted["number"] = given.get("numeric", given.get("number", True))
    return wanted


def _wrong_type(name: str, default: Any, value: Any) -> str | None:
    if value is UNKNOWN:
        return None
    if name == "keepers":
        return None if isinstance(value, dict) else "must be a map of strings"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "must be a boolean"
    if default is ... or isinstance(default, int):
        return None if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    return None if isinstance(value, str) else "must be a string"


class RandomProvider(sdk.Provider):
    """Makes a value once, at creation; a read gives back what the state holds."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        return sdk.GetSchemaResponse(schema=json.dumps({"name": "random", "version": VERSION}))

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        raise Refusal(f"the local cloud's random provider has no function {request.tok}")

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        kind, given = _kind(request.type), plain_map(request.new_inputs)
        strange = f"is no property of {request.type} in localcloud/plugins/random.py; remove it, or add it there"
        failures = dict.fromkeys(given.keys() - kind.inputs.keys(), strange)
        for name, default in kind.inputs.items():
            if default is ... and name not in given:
                failures[name] = "is required; set it"
            elif name in given and (wrong := _wrong_type(name, default, given[name])):
                failures[name] = wrong
        if not failures and kind.check and UNKNOWN not in given.values():
            failures = kind.check(_complete(kind, given))
        return sdk.CheckResponse(
            inputs=request.new_inputs,
            failures=[sdk.CheckFailure(name, f"`{name}` {reason}") for name, reason in failures.items()],
        )

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        assert isinstance(request, DiffRequest)
        kind = _kind(request.type)
        old, new = (_complete(kind, plain_map(inputs)) for inputs in (request.old_inputs, request.new_inputs))
        changed = [name for name in kind.inputs if old[name] != new[name] and name not in request.ignore_changes]
        kinds = {
            name: sdk.PropertyDiffKind.ADD_REPLACE
            if name not in request.old_inputs
            else sdk.PropertyDiffKind.DELETE_REPLACE
            if name not in request.new_inputs
            else sdk.PropertyDiffKind.UPDATE_REPLACE
            for name in changed
        }
        return sdk.DiffResponse(
            changes=bool(changed),
            replaces=changed,
            detailed_diff={name: sdk.PropertyDiff(kind, True) for name, kind in kinds.items()},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        kind = _kind(request.type)
        wanted = _complete(kind, plain_map(request.properties))
        if request.preview:
            resource_id, made = "", dict.fromkeys(kind.outputs, UNKNOWN)
        else:
            # bcrypt takes a tenth of a second: other resources go on meanwhile.
            resource_id, made = await asyncio.to_thread(kind.make, wanted)
        state = {name: value for name, value in (wanted | made).items() if value is not None}
        return sdk.CreateResponse(resource_id, wrap_map(state, request.properties, kind.secret))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        raise Refusal(f"{request.type} can't change in place; every property forces a new value")

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        if not request.properties:
            raise Refusal(f"{request.type} can't be imported into the local cloud; let it be created")
        kind = _kind(request.type)
        state: dict[str, PropertyValue] = {
            name: value.with_secret(value.is_secret or name in kind.secret)
            for name, value in request.properties.items()
        }
        return sdk.ReadResponse(request.resource_id, state, request.inputs)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _kind(request.type)


if __name__ == "__main__":
    serve(RandomProvider, VERSION)
