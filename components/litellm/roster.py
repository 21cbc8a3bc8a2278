"""The dynamic resource `Roster`: the teams, users and keys of a large file as one resource.

A state file is written anew after every step, so that a thousand resources cost a thousand large files; one resource
costs one. Each entry is a property of its own, named after what it is (`user:dev@example.com`, `team:core`, `key:ci`),
so that a plain preview still names who changes. `packed` says how a property's value is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

from components.litellm import roster_state as state
from components.litellm.base import Props, Way, briefly, common_failures, known, patiently, plainly, spec_props
from components.litellm.packed import pack, packed, unpacked
from components.litellm.status import teller
from litellm_admin.client import Client
from litellm_admin.models import KeySpec, TeamSpec, UserSpec
from litellm_admin.reconcile import reconcile
from litellm_admin.roster import FEW, Entries, Gone, Ids, change


class RosterProvider(ResourceProvider):
    """A roster's lifecycle."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = common_failures(news)
        failures += [CheckFailure(name, "is needed.") for name in ("root", "ring") if not news.get(name)]
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        olds, news = unpacked(olds), unpacked(news)
        names = {*state.changed(olds, news), *state.gone(olds, news)}
        way = {name for name in ("relay", "region", "managed_by") if not _same(olds.get(name), news.get(name))}
        return DiffResult(changes=bool(names or way))

    @plainly
    def create(self, props: Props) -> CreateResult:
        return CreateResult("roster", packed(_made({}, unpacked(props))))

    @plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        props = unpacked(props)

        def look(client: Client) -> Props:
            users, teams, keys = client.list_users(), client.list_teams(), client.list_keys()
            return state.observed(props, users, teams, keys)

        found = briefly(props, look)
        # the root secret isn't known here; the next update puts it back
        inputs = {name: value for name, value in found.items() if state.is_input(name)}
        return ReadResult(id_, packed(found), None if _entries_of(found) == _entries_of(props) else packed(inputs))

    @plainly
    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(packed(_made(unpacked(olds), unpacked(news))))

    @plainly
    def delete(self, _id: str, props: Props) -> None:
        props = unpacked(props)
        everything = state.gone_ids(props, state.names(props))
        ids, managed_by, tell = state.ids(props), props["managed_by"], teller("deleting")

        def go(client: Client) -> None:
            reconcile(client, Entries(), Entries(), everything, ids, managed_by, tell)

        briefly(props, go)


def _made(olds: Props, news: Props) -> Props:
    """Makes the entries so, and says what there is then. `olds` is empty for a new roster."""
    wanted = state.entries(olds, news, datetime.now(UTC))
    changed = state.changed(olds, news) if olds.get("managed_by") == news["managed_by"] else state.names(news)
    some = _only(wanted, changed)
    gone = state.gone_ids(olds, state.gone(olds, news))
    ids = state.ids(olds)
    if len(some) or len(gone):
        ids = patiently(news, lambda client: _apply(client, olds, wanted, some, gone, ids, news["managed_by"]))
    return state.outs(olds, news, wanted, changed, ids)


def _apply(client: Client, olds: Props, wanted: Entries, some: Entries, gone: Gone, ids: Ids, managed_by: str) -> Ids:
    tell = teller("seeding")
    if olds and len(some) + len(gone) <= FEW:
        return change(client, some, gone, ids, managed_by, tell)
    return reconcile(client, wanted, some, gone, ids, managed_by, tell)


def _only(entries: Entries, names: Iterable[str]) -> Entries:
    chosen = set(names)
    return Entries(
        tuple(user for user in entries.users if state.user_name(user.email) in chosen),
        tuple(team for team in entries.teams if state.team_name(team.alias) in chosen),
        tuple(key for key in entries.keys if state.key_name(key.spec.alias) in chosen),
    )


def _entries_of(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in (*state.names(props), "managed_by") if name in props}


def _same(old: Any, new: Any) -> bool:
    return known(new) and old == new


@dataclass(frozen=True)
class RosterArgs:
    """Teams, users and keys. `root` is the root secret in base64 and `ring` what `KeyRing.generations` gave.
    `released` names entries that have resources of their own now (`user:…`, `team:…`, `key:…`): they leave the roster
    without being deleted. The way's `managed_by` must be the roster's alone."""

    users: Sequence[UserSpec]
    teams: Sequence[TeamSpec]
    keys: Sequence[KeySpec]
    root: pulumi.Input[str]
    ring: pulumi.Input[str]
    way: Way
    released: Sequence[str] = ()


class Roster(Resource, module="litellm", name="Roster"):
    """Teams, users and keys in LiteLLM. `generations` has the generation of each key's value, `tokens` the tokens of
    its generations (both are JSON objects by alias), and the `adopted_…` the ids of those that were there before, by
    e-mail or alias."""

    generations: pulumi.Output[str]
    tokens: pulumi.Output[str]
    adopted_users: pulumi.Output[dict[str, str]]
    adopted_teams: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: RosterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: Props = {
            **args.way.props(),
            "root": pulumi.Output.secret(args.root),
            "ring": args.ring,
            "released": sorted(args.released) or None,
            **{state.user_name(spec.email): pack(spec_props(spec)) for spec in args.users},
            **{state.team_name(spec.alias): pack(spec_props(spec)) for spec in args.teams},
            **{state.key_name(spec.alias): pack(spec_props(spec)) for spec in args.keys},
            **dict.fromkeys(state.FOUND),
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["root"])
        super().__init__(RosterProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))
