"""The dynamic resource `Key`."""

from __future__ import annotations

from collections.abc import Mapping
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

from components.litellm.base import (
    COMMON,
    WAY,
    Props,
    Way,
    briefly,
    changed,
    common_failures,
    diff_result,
    kept,
    key_spec,
    known,
    patiently,
    plainly,
    spec_props,
)
from components.litellm.drift import with_drift
from litellm_admin.ensure_keys import delete_key, ensure_key
from litellm_admin.models import KEY_TYPES, ROUTES, KeySpec, moment, token_of
from litellm_admin.plan import KeyWish, key_changes
from litellm_admin.roster import Held, KeyEntry, key_entry
from litellm_admin.shapes import object_at

# `key` and `former_keys`, the values, are inputs only: the state holds each once, as a secret. `routes` is only there
# once a refresh found them changed by hand.
_SPEC = (*COMMON, "owner", "team", "key_type", "expires", "rotate", "overlap", "routes")
_IDS = {"owner_id": "owner", "team_id": "team"}
_VALUE = ("generation", "formers")
_NAMES = (*_SPEC, *_IDS, *_VALUE)


class KeyProvider(ResourceProvider):
    """A key's lifecycle. Its id is its alias; the token, under which LiteLLM knows it, changes with its value."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = common_failures(news)
        failures += [CheckFailure(name, "is needed.") for name in ("alias", "generation") if not news.get(name)]
        value = news.get("key")
        # LiteLLM's own rule; the value itself must not appear in the message
        if known(value) and not (isinstance(value, str) and value.startswith("sk-") and len(value) >= 16):
            failures.append(CheckFailure("key", "must begin with sk- and have at least 16 characters."))
        if known(news.get("key_type")) and news.get("key_type") not in (None, *KEY_TYPES):
            failures.append(CheckFailure("key_type", f"must be one of {', '.join(KEY_TYPES)}."))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        return diff_result(_changed(olds, news))

    @plainly
    def create(self, props: Props) -> CreateResult:
        return CreateResult(props["alias"], _made({}, props))

    @plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        seen = briefly(props, lambda client: client.get_key(props["token"]))
        if seen is None:
            return ReadResult("", {})
        changes = key_changes(_wish(props, ""), seen, datetime.now(UTC))
        stays = {name: props.get(name) for name in ("tokens", "token", "value_token", "value_known")}
        found = with_drift(kept(_NAMES, props), changes)
        # inputs only where they differ, because these lack the value, which isn't known here; the next update puts it
        # back
        return ReadResult(id_, {**found, **stays}, dict(found) if changes else None)

    @plainly
    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        if _changed(olds, news) - WAY:
            return UpdateResult(_made(olds, news))
        stays = {name: olds.get(name) for name in ("tokens", "token", "value_token", "value_known")}
        return UpdateResult({**kept(_NAMES, news), **stays})

    @plainly
    def delete(self, _id: str, props: Props) -> None:
        briefly(props, lambda client: delete_key(client, props["tokens"].values(), props["managed_by"]))


def _made(olds: Props, news: Props) -> Props:
    """Makes the key so, and says what there is then. `olds` is empty for a new one."""
    entry = _entry(olds, news)
    wish = _wish(news, entry.value)
    token = patiently(news, lambda client: ensure_key(client, wish, entry.token, entry.formers, entry.stale))
    made = kept(_NAMES, news)
    made.pop("routes", None)
    return {
        **made,
        "token": token,
        # generation → token, of the value and of those that still work
        "tokens": {**entry.former_tokens, news["generation"]: token},
        "value_token": token_of(entry.value),
        # not so for a key that was adopted: LiteLLM doesn't tell its value
        "value_known": token == token_of(entry.value),
    }


def _entry(olds: Props, news: Props) -> KeyEntry:
    formers = {former["generation"]: _moment(former["until"]) for former in news.get("formers") or ()}
    values = {**object_at(news, "former_keys"), news["generation"]: news["key"]}
    held = Held(olds.get("tokens") or {}, olds.get("value_token"))
    return key_entry(key_spec(news), news["generation"], formers, values.__getitem__, held, datetime.now(UTC))


def _wish(props: Mapping[str, Any], value: str) -> KeyWish:
    return KeyWish(key_spec(props), props.get("owner_id"), props.get("team_id"), props["managed_by"], value)


def _moment(text: str) -> datetime:
    found = moment(text)
    assert found is not None
    return found


def _changed(olds: Props, news: Props) -> frozenset[str]:
    """A preview doesn't know an owner's id while the owner changes, nor any generation while the ring does. The same
    e-mail has the same id then, and the same `rotate` the same value."""
    found = set(changed(_SPEC, olds, news))
    if not news.get("routes") and (olds.get("routes") or ()) == list(ROUTES[key_spec(olds).key_type]):
        found.discard("routes")
    found |= {id_ for id_ in _IDS if known(news.get(id_)) and olds.get(id_) != news.get(id_)}
    if known(news["generation"]):
        found |= {name for name in _VALUE if known(news.get(name)) and (olds.get(name) or ()) != (news.get(name) or ())}
    # the root secret is another one
    if known(news["key"]) and olds.get("value_token") != token_of(news["key"]):
        found.add("key")
    return frozenset(found)


@dataclass(frozen=True)
class KeyArgs:
    """A key. `key` is the value (`sk-…`) of this `generation`, and `former_keys` has those of `formers`, each a
    `{generation, until}`, by their generations. `owner_id` and `team_id` are of its owner's and team's resources."""

    spec: KeySpec
    key: pulumi.Input[str]
    generation: pulumi.Input[str]
    way: Way
    owner_id: pulumi.Input[str] | None = None
    team_id: pulumi.Input[str] | None = None
    formers: pulumi.Input[list[Any]] | None = None
    former_keys: pulumi.Input[dict[str, Any]] | None = None


class Key(Resource, module="litellm", name="Key"):
    """A virtual key in LiteLLM."""

    token: pulumi.Output[str]
    generation: pulumi.Output[str]
    value_known: pulumi.Output[bool]

    def __init__(self, name: str, args: KeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {
            **args.way.props(),
            **spec_props(args.spec),
            "owner_id": args.owner_id,
            "team_id": args.team_id,
            "key": pulumi.Output.secret(args.key),
            "generation": args.generation,
            "formers": args.formers,
            "former_keys": None if args.former_keys is None else pulumi.Output.secret(args.former_keys),
            **dict.fromkeys(("token", "tokens", "value_token", "value_known")),
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key", "former_keys"])
        super().__init__(KeyProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))
