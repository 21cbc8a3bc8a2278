"""The dynamic resource `Team`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    known,
    patiently,
    plainly,
    same,
    spec_props,
    team_spec,
)
from components.litellm.drift import members, with_drift
from litellm_admin.ensure import delete_team, ensure_team
from litellm_admin.models import TeamSpec
from litellm_admin.plan import team_changes

# members are there by e-mail, for people, and by id, in the same order, for LiteLLM
_NAMES = (*COMMON, "members", "member_ids")


class TeamProvider(ResourceProvider):
    """A team's lifecycle, with its members. Its id is LiteLLM's `team_id`."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = common_failures(news)
        if not news.get("alias"):
            failures.append(CheckFailure("alias", "is needed."))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        return diff_result(_changed(olds, news))

    @plainly
    def create(self, props: Props) -> CreateResult:
        spec, ids = team_spec(props), props.get("member_ids") or ()
        team_id = patiently(props, lambda client: ensure_team(client, spec, ids, props["managed_by"]))
        return CreateResult(team_id, {**kept(_NAMES, props), "team_id": team_id})

    @plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        seen = briefly(props, lambda client: client.get_team(id_))
        if seen is None:
            return ReadResult("", {})
        found = with_drift(kept(_NAMES, props), team_changes(team_spec(props), props["managed_by"], seen))
        if set(seen.members) != set(props.get("member_ids") or ()):
            before = props.get("members") or ()
            found["members"] = members(
                seen.members, before, dict(zip(props.get("member_ids") or (), before, strict=False))
            )
            found["member_ids"] = sorted(seen.members)
        return ReadResult(id_, {**found, "team_id": id_}, dict(found))

    @plainly
    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        if _changed(olds, news) - WAY:
            spec, ids = team_spec(news), news.get("member_ids") or ()
            patiently(news, lambda client: ensure_team(client, spec, ids, news["managed_by"], id_))
        return UpdateResult({**kept(_NAMES, news), "team_id": id_})

    @plainly
    def delete(self, id_: str, props: Props) -> None:
        briefly(props, lambda client: delete_team(client, id_, props["managed_by"]))


def _changed(olds: Props, news: Props) -> frozenset[str]:
    """A preview doesn't know the ids while one of the users changes; the same people have the same ids."""
    found = changed(_NAMES, olds, news)
    ids = news.get("member_ids")
    unknown = not known(ids) or not all(known(id_) for id_ in ids or ())
    return found - {"member_ids"} if unknown or _same_ids(olds.get("member_ids"), ids) else found


def _same_ids(old: object, new: object) -> bool:
    return same("members", old, new)


@dataclass(frozen=True)
class TeamArgs:
    """A team, the `user_id`s of its members by their e-mails in lower case, and the way to LiteLLM."""

    spec: TeamSpec
    user_ids: Mapping[str, pulumi.Input[str]]
    way: Way


class Team(Resource, module="litellm", name="Team"):
    """A team in LiteLLM."""

    team_id: pulumi.Output[str]

    def __init__(self, name: str, args: TeamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {**args.way.props(), **spec_props(args.spec), "team_id": None}
        members: list[str] = props.get("members") or []
        if members:
            props["member_ids"] = [args.user_ids[email] for email in members]
        super().__init__(TeamProvider(), name, props, opts)
