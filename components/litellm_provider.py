"""The dynamic resources `User` and `Key`: Pulumi's lifecycle on `litellm_admin`, through the relay.

The provider classes hold no state and live in an importable module, so they are pickled by reference: the state carries
their name and not their code, and a refresh or destroy runs the code of today. All that a call needs is in the inputs.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown

from litellm_admin import durations
from litellm_admin.client import Client
from litellm_admin.ensure import ensure_key, ensure_user
from litellm_admin.errors import AdminError
from litellm_admin.models import DEFAULT_ROLE, MANAGED_BY, KeySpec, UserSpec, moment, token_of, user_id_of
from litellm_admin.plan import Change, key_changes, same_expiry, same_models, user_changes
from litellm_admin.transport import RelayTransport

# The service counts as deployed when its tasks are healthy; what may still be missing is a route or the relay's first
# start.
READY_SECONDS = 180.0

# Inputs that say how to reach LiteLLM. A change of theirs is a change of the state, and no call.
_WAY = frozenset({"relay", "region"})
_COMMON = (
    "relay",
    "region",
    "managed_by",
    "alias",
    "models",
    "budget",
    "duration",
    "tpm_limit",
    "rpm_limit",
    "metadata",
)
_USER = (*_COMMON, "email", "role")
# `key`, the value, is an input only: the state holds it once, as a secret
_KEY = (*_COMMON, "owner_id", "expires", "routes")

Props = dict[str, Any]

_ready: set[tuple[str, str]] = set()
_waiting = threading.Lock()


def _client(props: Mapping[str, Any], wait: bool) -> Client:
    """A client for the relay in `props`; with `wait`, once LiteLLM is ready, which is asked once for all operations."""
    way = (props["relay"], props["region"])
    client = Client(RelayTransport(*way))
    if wait and way not in _ready:
        with _waiting:
            if way not in _ready:
                client.wait_until_ready(READY_SECONDS)
                _ready.add(way)
    return client


def _plainly(method: Callable) -> Callable:
    """Pulumi's dynamic host prints an error with its traceback. Where the error is a sentence for the user, it says
    all."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        try:
            return method(*args)
        except Exception as error:
            host = getattr(sys.modules["__main__"], "__spec__", None)
            if host is not None and host.name.startswith("pulumi.dynamic"):
                sys.tracebacklimit = 0 if isinstance(error, AdminError) else 1000
            raise

    return wrapper


class UserProvider(ResourceProvider):
    """A user's lifecycle. Its id is LiteLLM's `user_id`."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = _common_failures(news)
        if _known(news.get("email")) and "@" not in str(news.get("email")):
            failures.append(CheckFailure("email", "is needed, and must be an e-mail address."))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        other_person = _known(news["email"]) and user_id_of(olds["email"]) != user_id_of(news["email"])
        return _diff(_changed(_USER, olds, news), ["email"] if other_person else [])

    @_plainly
    def create(self, props: Props) -> CreateResult:
        user_id = ensure_user(_client(props, wait=True), _user_spec(props), props["managed_by"])
        return CreateResult(user_id, {**_kept(_USER, props), "user_id": user_id})

    @_plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        seen = _client(props, wait=False).get_user(id_)
        if seen is None:
            return ReadResult("", {})
        found = _with_drift(_kept(_USER, props), user_changes(_user_spec(props), props["managed_by"], seen))
        return ReadResult(id_, {**found, "user_id": id_}, dict(found))

    @_plainly
    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        if _changed(_USER, olds, news) - _WAY:
            ensure_user(_client(news, wait=True), _user_spec(news), news["managed_by"], id_)
        return UpdateResult({**_kept(_USER, news), "user_id": id_})

    @_plainly
    def delete(self, id_: str, props: Props) -> None:
        _client(props, wait=False).delete_user(id_)


class KeyProvider(ResourceProvider):
    """A key's lifecycle. Its id is the token, the SHA-256 of its value, under which LiteLLM knows it."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = _common_failures(news)
        if not news.get("alias"):
            failures.append(CheckFailure("alias", "is needed."))
        value = news.get("key")
        # LiteLLM's own rule; the value itself must not appear in the message
        if _known(value) and not (isinstance(value, str) and value.startswith("sk-") and len(value) >= 16):
            failures.append(CheckFailure("key", "must begin with sk- and have at least 16 characters."))
        return CheckResult(news, failures)

    def diff(self, id_: str, olds: Props, news: Props) -> DiffResult:
        other_value = not _known(news["key"]) or token_of(news["key"]) != id_
        return _diff(_changed(_KEY, olds, news), ["key"] if other_value else [])

    @_plainly
    def create(self, props: Props) -> CreateResult:
        client = _client(props, wait=True)
        token = ensure_key(client, _key_spec(props), props.get("owner_id"), props["managed_by"], props["key"])
        return CreateResult(token, {**_kept(_KEY, props), "token": token})

    @_plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        seen = _client(props, wait=False).get_key(id_)
        if seen is None:
            return ReadResult("", {})
        changes = key_changes(_key_spec(props), props.get("owner_id"), props["managed_by"], seen, _now())
        found = _with_drift(_kept(_KEY, props), changes)
        # inputs only where they differ, because these lack the value, which isn't known here; the next update puts it
        # back
        return ReadResult(id_, {**found, "token": id_}, dict(found) if changes else None)

    @_plainly
    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        if _changed(_KEY, olds, news) - _WAY:
            ensure_key(_client(news, wait=True), _key_spec(news), news.get("owner_id"), news["managed_by"], news["key"])
        return UpdateResult({**_kept(_KEY, news), "token": id_})

    @_plainly
    def delete(self, id_: str, props: Props) -> None:
        _client(props, wait=False).delete_key(id_)


@dataclass(frozen=True)
class UserArgs:
    """`relay` is the relay function's name; `managed_by` goes into the metadata, to be found by whoever looks there."""

    spec: UserSpec
    relay: pulumi.Input[str]
    region: pulumi.Input[str]
    managed_by: str


@dataclass(frozen=True)
class KeyArgs:
    """`key` is the value (`sk-…`), `owner_id` the `user_id` of its owner's resource; the rest as with a user."""

    spec: KeySpec
    key: pulumi.Input[str]
    owner_id: pulumi.Input[str] | None
    relay: pulumi.Input[str]
    region: pulumi.Input[str]
    managed_by: str


class User(Resource, module="litellm", name="User"):
    """A user in LiteLLM."""

    user_id: pulumi.Output[str]

    def __init__(self, name: str, args: UserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        way = {"relay": args.relay, "region": args.region, "managed_by": args.managed_by}
        spec = {**_spec_props(args.spec), "email": args.spec.email, "role": args.spec.role}
        super().__init__(UserProvider(), name, {**way, **spec, "user_id": None}, opts)


class Key(Resource, module="litellm", name="Key"):
    """A virtual key in LiteLLM."""

    token: pulumi.Output[str]

    def __init__(self, name: str, args: KeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        way = {"relay": args.relay, "region": args.region, "managed_by": args.managed_by}
        expires = args.spec.expires.isoformat() if args.spec.expires else None
        spec = {**_spec_props(args.spec), "expires": expires, "owner_id": args.owner_id}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        props = {**way, **spec, "key": pulumi.Output.secret(args.key), "token": None}
        super().__init__(KeyProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))


# -- between specs and Pulumi's properties


def _spec_props(spec: UserSpec | KeySpec) -> Props:
    return {
        "alias": spec.alias,
        "models": list(spec.models) or None,
        "budget": spec.budget,
        "duration": spec.duration,
        "tpm_limit": spec.tpm_limit,
        "rpm_limit": spec.rpm_limit,
        "metadata": dict(spec.metadata) or None,
    }


def _common_spec(props: Mapping[str, Any]) -> Props:
    return {
        "models": tuple(props.get("models") or ()),
        "budget": None if props.get("budget") is None else float(props["budget"]),
        "duration": props.get("duration"),
        "tpm_limit": _whole(props.get("tpm_limit")),
        "rpm_limit": _whole(props.get("rpm_limit")),
        "metadata": _whole(props.get("metadata") or {}),
    }


def _user_spec(props: Mapping[str, Any]) -> UserSpec:
    return UserSpec(
        email=props["email"], alias=props.get("alias"), role=props.get("role") or DEFAULT_ROLE, **_common_spec(props)
    )


def _key_spec(props: Mapping[str, Any]) -> KeySpec:
    return KeySpec(alias=props["alias"], expires=moment(props.get("expires")), **_common_spec(props))


def _whole(value: Any) -> Any:
    """Whole numbers as integers: over Pulumi's wire every number comes as a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _kept(names: Iterable[str], props: Mapping[str, Any]) -> Props:
    return {name: props[name] for name in names if props.get(name) is not None}


def _with_drift(props: Props, changes: Iterable[Change]) -> Props:
    """`props` with what LiteLLM really has, where that differs."""
    for change in changes:
        match change.field:
            case "metadata":
                metadata = dict(change.before)
                props["managed_by"] = metadata.pop(MANAGED_BY, "")
                props["metadata"] = metadata
            case "owner":
                props["owner_id"] = change.before
            case "expires":
                props["expires"] = change.before.isoformat() if change.before else None
            case "models" | "routes":
                props[change.field] = list(change.before)
            case field:
                props[field] = change.before
    return {name: value for name, value in props.items() if value not in (None, [], {}) or name == "routes"}


# -- comparing


def _diff(changed: Iterable[str], replaces: list[str]) -> DiffResult:
    # the old one first: it has the same e-mail or alias, or even the same id, which deleting it later would take away
    return DiffResult(changes=bool(replaces or list(changed)), replaces=replaces, delete_before_replace=True)


def _changed(names: Iterable[str], olds: Mapping[str, Any], news: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in names if not _same(name, olds.get(name), news.get(name)))


def _same(name: str, old: Any, new: Any) -> bool:
    if not _known(new):
        return False
    match name:
        case "models":
            return same_models(tuple(old or ()), tuple(new or ()))
        case "duration":
            return durations.same(old, new)
        case "expires":
            return same_expiry(moment(old), moment(new), _now())
        case "metadata" | "alias":
            return (old or None) == (new or None)
        case _:
            return old == new


def _common_failures(news: Mapping[str, Any]) -> list[CheckFailure]:
    failures = [CheckFailure(name, "is needed.") for name in ("relay", "region", "managed_by") if not news.get(name)]
    budget = news.get("budget")
    if (
        budget is not None
        and _known(budget)
        and not (isinstance(budget, (int, float)) and not isinstance(budget, bool) and 0 <= budget < float("inf"))
    ):
        failures.append(CheckFailure("budget", "must be a number of dollars of at least 0."))
    if news.get("duration") is not None and _known(news["duration"]):
        try:
            durations.canonical(str(news["duration"]))
        except ValueError as error:
            failures.append(CheckFailure("duration", f"is wrong: {error}."))
    return failures


def _known(value: Any) -> bool:
    """False for an input that a preview can't tell yet."""
    return not isinstance(value, Unknown)


def _now() -> datetime:
    return datetime.now(UTC)
