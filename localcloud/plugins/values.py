"""Property values between the engine's wire format, the SDK's `PropertyValue` and plain Python.

The SDK's own marshalling neither knows unknown values (a preview sends them as sentinel strings) nor keeps the content
hash of assets, by which a changed file under an unchanged path is seen; both are needed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

# What marks a struct as more than one (sdk/go/common/resource/sig/sig.go): part of the protocol, but not of the Python
# SDK's API.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
# One sentinel a type (sdk/go/common/resource/plugin/rpc.go); the Python SDK only ever sends the string one.
_SENTINELS = frozenset(
    {
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """A value that only the update itself will know. There is one, `UNKNOWN`: compare by identity."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


def unmarshal(properties: struct_pb2.Struct) -> dict[str, PropertyValue]:
    """The engine's properties as `PropertyValue`s: unknowns are `Computed`, assets carry the engine's `hash`."""
    return {name: _unmarshal(value) for name, value in properties.fields.items()}


def _unmarshal(value: struct_pb2.Value) -> PropertyValue:
    kind = value.WhichOneof("kind")
    if kind == "string_value" and value.string_value in _SENTINELS:
        return PropertyValue.computed()
    if kind == "list_value":
        return PropertyValue([_unmarshal(item) for item in value.list_value.values])
    if kind != "struct_value":
        return PropertyValue.unmarshal(value)
    fields = value.struct_value.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if not signature:
        return PropertyValue({name: _unmarshal(item) for name, item in fields.items()})
    if signature == _SECRET:
        return _unmarshal(fields["value"]).with_secret(True)
    if signature == _OUTPUT:
        inner = _unmarshal(fields["value"]) if "value" in fields else PropertyValue.computed()
        dependencies = [urn.string_value for urn in fields["dependencies"].list_value.values]
        return inner.with_dependencies(dependencies).with_secret(fields["secret"].bool_value)
    if signature in (_ASSET, _ARCHIVE):
        content = _content(signature, fields)
        content.raw = value  # type: ignore[union-attr]
        return PropertyValue(content)
    return PropertyValue.unmarshal(value)


def _content(signature: str, fields: Mapping[str, struct_pb2.Value]) -> pulumi.Asset | pulumi.Archive:
    asset = signature == _ASSET
    content: pulumi.Asset | pulumi.Archive
    if "path" in fields:
        path = fields["path"].string_value
        content = pulumi.FileAsset(path) if asset else pulumi.FileArchive(path)
    elif "uri" in fields:
        uri = fields["uri"].string_value
        content = pulumi.RemoteAsset(uri) if asset else pulumi.RemoteArchive(uri)
    elif asset:
        # The engine leaves an empty text out.
        content = pulumi.StringAsset(fields["text"].string_value if "text" in fields else "")
    else:
        inner = fields["assets"].struct_value.fields if "assets" in fields else {}
        content = pulumi.AssetArchive({name: _unmarshal(item).value for name, item in inner.items()})  # type: ignore
    if "hash" in fields:
        content.hash = fields["hash"].string_value  # type: ignore[union-attr]
    return content


def marshal(properties: Mapping[str, PropertyValue]) -> struct_pb2.Struct:
    """`PropertyValue`s as the engine wants them: `Computed` becomes the sentinel, assets go back as they came.

    Dependencies are left out: only a provider that accepts outputs may send them, and these don't.
    """
    return struct_pb2.Struct(fields={name: _marshal(value) for name, value in properties.items()})


def _marshal(value: PropertyValue) -> struct_pb2.Value:
    inner = value.value
    if isinstance(inner, Computed):
        made = struct_pb2.Value(string_value=rpc.UNKNOWN)
    elif isinstance(inner, Mapping):
        made = _struct({name: _marshal(item) for name, item in inner.items()})
    elif isinstance(inner, Sequence) and not isinstance(inner, str):
        made = struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_marshal(item) for item in inner]))
    else:
        made = getattr(inner, "raw", None) or PropertyValue(inner).marshal()
    if not value.is_secret:
        return made
    return _struct({_SIGNATURE: struct_pb2.Value(string_value=_SECRET), "value": made})


def _struct(fields: dict[str, struct_pb2.Value]) -> struct_pb2.Value:
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))


def plain(value: PropertyValue) -> Any:
    """The value without its marks: dicts, lists, str, bool, None, assets, `UNKNOWN`; whole numbers are ints."""
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, Mapping):
        return {name: plain(item) for name, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain_map(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Every property as `plain` gives it; those that are null are left out, as Pulumi means by null."""
    return {name: plain(value) for name, value in properties.items() if value.value is not None}


def wrap(value: Any, like: PropertyValue | None = None, secret: bool = False) -> PropertyValue:
    """A plain value as a `PropertyValue`, secret where `secret` says so or where `like`, the same property before, was.

    Maps keep the secrecy of each key, lists of the same length that of each place; a list of another length is secret
    as a whole when anything in it was.
    """
    secret = secret or (like is not None and like.is_secret)
    before = like.value if like is not None else None
    wrapped: Any = value
    if value is UNKNOWN:
        wrapped = Computed()
    elif isinstance(value, Mapping):
        old = before if isinstance(before, Mapping) else {}
        wrapped = {str(name): wrap(item, old.get(name)) for name, item in value.items()}
    elif isinstance(value, Sequence) and not isinstance(value, str):
        same = isinstance(before, Sequence) and not isinstance(before, str) and len(before) == len(value)
        places: Sequence[Any] = before if same else [None] * len(value)  # type: ignore[assignment]
        wrapped = [wrap(item, place) for item, place in zip(value, places, strict=True)]
        secret = secret or (not same and like is not None and like.contains_secret())
    elif isinstance(value, int) and not isinstance(value, bool):
        wrapped = float(value)
    return PropertyValue(wrapped, is_secret=secret)


def wrap_map(
    values: Mapping[str, Any], like: Mapping[str, PropertyValue] | None = None, secrets: frozenset[str] = frozenset()
) -> dict[str, PropertyValue]:
    """Every value wrapped; `secrets` names the properties that are always secret."""
    return {name: wrap(value, (like or {}).get(name), name in secrets) for name, value in values.items()}


def has_unknown(value: Any) -> bool:
    """Whether a plain value is unknown or holds an unknown."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_unknown(item) for item in value)
    return False


def secret_texts(properties: Mapping[str, PropertyValue], always: frozenset[str] = frozenset()) -> list[str]:
    """Every text inside the secret properties (and those named by `always`), longest first, to redact messages."""
    found: set[str] = set()

    def visit(value: PropertyValue, secret: bool) -> None:
        secret = secret or value.is_secret
        inner = value.value
        if isinstance(inner, Mapping):
            for item in inner.values():
                visit(item, secret)
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            for item in inner:
                visit(item, secret)
        elif secret and isinstance(inner, str):
            found.update(_redactable(inner))

    for name, value in properties.items():
        visit(value, name in always)
    return sorted(found, key=lambda text: (-len(text), text))


def _redactable(text: str) -> Iterator[str]:
    # Shorter ones would blank out ordinary words and numbers of a message.
    if len(text) >= 6:
        yield text


def own_type(qualified: str) -> str:
    """The resource's own type: a URN puts the types of its parents before it, with `$` between."""
    return qualified.rpartition("$")[2]
