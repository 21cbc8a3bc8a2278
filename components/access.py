"""Access: the teams, users and keys of `access/<stack>.yaml`, made in LiteLLM through the relay."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_random as random

from components.access_file import AccessSpec
from components.litellm.base import Way
from components.litellm.key import Key, KeyArgs
from components.litellm.packed import unpack
from components.litellm.ring import KeyRing, KeyRingArgs, generations
from components.litellm.roster import Roster, RosterArgs
from components.litellm.roster_state import key_name
from components.litellm.team import Team, TeamArgs
from components.litellm.user import User, UserArgs
from components.published_key import PublishedKey, PublishedKeyArgs
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.values import ROOT_BYTES, Generation, Rotation, derive


@dataclass(frozen=True)
class AccessArgs:
    """`relay` is the relay function's name and `region` where it is. `managed_by` names the stack in the metadata of
    what it makes, such as `llm-gateway/poc`, and `prefix` starts the names of published secrets. `database` is where
    everything lives: it vanishes and comes back with it. `ready` is what must be there before LiteLLM can be asked: the
    service, the doors, the relay's way. With more than `roster_above` entries, they are one resource, since the engine
    writes its state anew after each."""

    spec: AccessSpec
    relay: pulumi.Input[str]
    region: pulumi.Input[str]
    managed_by: str
    prefix: str
    database: pulumi.Resource | None
    ready: Sequence[pulumi.Resource] = ()
    roster_above: int = 100
    protect: bool = False


class Access(pulumi.ComponentResource):
    """Outputs: `users` and `teams`, e-mail or alias → id; `keys`, alias → value (secret), without those that were
    adopted and not rotated since, for LiteLLM doesn't tell their values; `published`, alias → ARNs of secret and
    policy.

    Key values are derived from a secret of the stack, so they stay the same when the database is made anew.
    """

    users: pulumi.Output[dict[str, str]]
    teams: pulumi.Output[dict[str, str]]
    keys: pulumi.Output[dict[str, str]]
    published: pulumi.Output[dict[str, dict[str, str]]]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:access:Access", name, None, opts)
        self._name, self._args = name, args
        self._way = Way(args.relay, args.region, args.managed_by)
        self._values_of(args.spec.keys)
        made = self._as_one(args.spec) if args.spec.size > args.roster_above else self._each(args.spec)
        self.users, self.teams = made.users, made.teams
        self.keys = pulumi.Output.secret(
            pulumi.Output.all(made.values, pulumi.Output.all(**made.own_values).apply(dict)).apply(
                lambda of: {alias: value for alias, value in {**of[0], **of[1]}.items() if value}
            )
        )
        published = {alias: self._published(alias, made.own_values[alias]) for alias in sorted(args.spec.published)}
        self.published = pulumi.Output.all(**published).apply(dict)
        self.register_outputs(
            {"users": self.users, "teams": self.teams, "keys": self.keys, "published": self.published}
        )

    # -- the values

    def _values_of(self, keys: Sequence[KeySpec]) -> None:
        mine = pulumi.ResourceOptions(parent=self)
        self._root = random.RandomBytes(f"{self._name}-root", length=ROOT_BYTES, opts=mine).base64
        rotations = {spec.alias: Rotation(spec.rotate, spec.overlap) for spec in keys}
        self._ring = KeyRing(f"{self._name}-ring", KeyRingArgs(rotations), mine).generations
        self._generations = self._ring.apply(generations)

    # -- a resource each

    def _each(self, spec: AccessSpec) -> _Made:
        users = {one.email: self._user(one) for one in spec.users}
        # `id`, not the like-named property: that is unknown in a preview as soon as the user changes, and then its
        # teams and keys would seem to change as well
        ids = {email.lower(): user.id for email, user in users.items()}
        teams = {one.alias: self._team(one, ids).id for one in spec.teams}
        values = {one.alias: self._key(one, ids, teams) for one in spec.keys}
        return _Made(
            pulumi.Output.all(**{email: user.id for email, user in users.items()}).apply(dict),
            pulumi.Output.all(**teams).apply(dict),
            pulumi.Output.from_input({}),
            values,
        )

    def _user(self, spec: UserSpec) -> User:
        # named by the e-mail in lower case, which is what identifies the user
        return User(f"{self._name}-user-{spec.email.lower()}", UserArgs(spec, self._way), self._in_database())

    def _team(self, spec: TeamSpec, user_ids: Mapping[str, pulumi.Input[str]]) -> Team:
        args = TeamArgs(spec, user_ids, self._way)
        return Team(f"{self._name}-team-{spec.alias}", args, self._in_database())

    def _key(
        self, spec: KeySpec, user_ids: Mapping[str, pulumi.Input[str]], team_ids: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Output[str | None]:
        """The key's value once the key exists; None if nobody knows it."""
        root, alias = self._root, spec.alias
        found = self._generations.apply(lambda of: of[alias])
        formers = found.apply(
            lambda one: [{"generation": name, "until": until.isoformat()} for name, until in one.until(spec.overlap)]
        )
        args = KeyArgs(
            spec,
            key=pulumi.Output.all(root, found).apply(lambda of: derive(b64decode(of[0]), alias, of[1].generation)),
            generation=found.apply(lambda one: one.generation),
            way=self._way,
            owner_id=user_ids[spec.owner.lower()] if spec.owner else None,
            team_id=team_ids[spec.team] if spec.team else None,
            formers=formers if spec.overlap else None,
            former_keys=pulumi.Output.all(root, found).apply(lambda of: _former_values(of[0], alias, of[1]))
            if spec.overlap
            else None,
        )
        key = Key(f"{self._name}-key-{alias}", args, self._in_database())
        # by what the key itself says that it has: in a preview it says so unless it changes, whatever the ring does
        return pulumi.Output.all(root, key.generation, key.value_known).apply(
            lambda of: derive(b64decode(of[0]), alias, of[1]) if of[2] is not False else None
        )

    # -- all as one

    def _as_one(self, spec: AccessSpec) -> _Made:
        """A roster for all but the keys that are published: each of those has resources of its own anyway, and so a
        preview tells what becomes of its secret."""
        alone = [one for one in spec.keys if one.alias in spec.published]
        keys = [one for one in spec.keys if one.alias not in spec.published]
        args = RosterArgs(
            users=spec.users,
            teams=spec.teams,
            keys=keys,
            root=self._root,
            ring=self._ring,
            way=replace(self._way, managed_by=f"{self._args.managed_by}#roster"),
            released=[key_name(one.alias) for one in alone],
        )
        roster = Roster(f"{self._name}-roster", args, self._in_database())
        emails = [(one.email, one.user_id) for one in spec.users]
        users = roster.adopted_users.apply(
            lambda adopted: {email: adopted.get(email.lower(), id_) for email, id_ in emails}
        )
        aliases = [(one.alias, one.team_id) for one in spec.teams]
        teams = roster.adopted_teams.apply(lambda adopted: {alias: adopted.get(alias, id_) for alias, id_ in aliases})
        by_email = {one.email.lower(): one.email for one in spec.users}
        owners = {one.owner.lower(): users[by_email[one.owner.lower()]] for one in alone if one.owner}
        return _Made(
            users,
            teams,
            pulumi.Output.all(self._root, roster.generations, roster.tokens).apply(lambda of: _values(*of)),
            {one.alias: self._key(one, owners, {one.team: teams[one.team]} if one.team else {}) for one in alone},
        )

    def _in_database(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(self._args.ready),
            # a database that goes takes them along: no call per user, and none to a gateway that is gone already
            deleted_with=self._args.database,
            # and one that comes anew is empty
            replace_with=[self._args.database] if self._args.database else [],
            delete_before_replace=True,
        )

    # -- Secrets Manager

    def _published(self, alias: str, value: pulumi.Output[str | None]) -> pulumi.Output[dict[str, str]]:
        args = PublishedKeyArgs(
            self._args.prefix, alias, value.apply(lambda one: to_publish(alias, one)), self._args.protect
        )
        key = PublishedKey(f"{self._name}-key-{alias}", args, pulumi.ResourceOptions(parent=self))
        return pulumi.Output.all(secretArn=key.secret_arn, policyArn=key.policy_arn).apply(dict)


@dataclass(frozen=True)
class _Made:
    """What there is then. `values` are those of many keys, `own_values` each of one key with resources of its own."""

    users: pulumi.Output[dict[str, str]]
    teams: pulumi.Output[dict[str, str]]
    values: pulumi.Output[dict[str, str]]
    own_values: dict[str, pulumi.Output[str | None]]


def _former_values(root: str, alias: str, generation: Generation) -> dict[str, str]:
    return {name: derive(b64decode(root), alias, name) for name, _ in generation.formers}


def _values(root: str, current: str, tokens: str) -> dict[str, str]:
    """Alias → value, but for those whose token says that theirs is another: they were adopted. `current` and `tokens`
    are a roster's `generations` and `tokens`."""
    generation_of, tokens_of, secret = unpack(current), unpack(tokens), b64decode(root)
    derived = {alias: derive(secret, alias, generation) for alias, generation in generation_of.items()}
    return {
        alias: value
        for alias, value in derived.items()
        if tokens_of[alias].get(generation_of[alias]) == token_of(value)
    }


def to_publish(alias: str, value: str | None) -> str:
    """The value, if it is known. Raises RunError, which the engine prints as it is."""
    if value is None:
        raise pulumi.RunError(
            f"The key {alias} was adopted, so that only its holders know its value, and it can't be published: "
            "give it another `rotate` first (`overlap` keeps the value that they have alive for a while)."
        )
    return value
