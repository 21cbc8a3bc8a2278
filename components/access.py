"""Access: the users and keys of `access/<stack>.yaml`, made in LiteLLM through the relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from components.access_file import AccessSpec
from components.litellm_provider import Key, KeyArgs, User, UserArgs
from litellm_admin.models import KeySpec, UserSpec

# Letters and digits only, so that a key needs no quoting anywhere; 48 of them are 285 bits.
KEY_LENGTH = 48


@dataclass(frozen=True)
class AccessArgs:
    """`relay` is the relay function's name and `region` where it is. `managed_by` names the stack in the metadata of
    what it makes, such as `llm-gateway/poc`. `database` is where users and keys live: they vanish and come back with
    it. `ready` is what must be there before LiteLLM can be asked: the service, the doors, the relay's way."""

    spec: AccessSpec
    relay: pulumi.Input[str]
    region: pulumi.Input[str]
    managed_by: str
    database: pulumi.Resource | None
    ready: Sequence[pulumi.Resource] = ()


class Access(pulumi.ComponentResource):
    """Outputs: `users`, e-mail → id, and `keys`, alias → value (secret).

    Key values are generated here and belong to the stack, so they stay the same when the database is made anew.
    """

    users: pulumi.Output[dict[str, str]]
    keys: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:access:Access", name, None, opts)
        self._name, self._args = name, args
        users = {spec.email: self._user(spec) for spec in args.spec.users}
        owners = {email.lower(): user for email, user in users.items()}
        keys = {spec.alias: self._key(spec, owners) for spec in args.spec.keys}
        # `id`, not the like-named property: that is unknown in a preview as soon as the user changes, and then its keys
        # would seem to change as well
        self.users = pulumi.Output.all(**{email: user.id for email, user in users.items()}).apply(dict)
        self.keys = pulumi.Output.secret(pulumi.Output.all(**keys).apply(dict))
        self.register_outputs({"users": self.users, "keys": self.keys})

    def _user(self, spec: UserSpec) -> User:
        args = UserArgs(spec, self._args.relay, self._args.region, self._args.managed_by)
        # named by the e-mail in lower case, which is what identifies the user
        return User(f"{self._name}-user-{spec.email.lower()}", args, self._in_database())

    def _key(self, spec: KeySpec, owners: dict[str, User]) -> pulumi.Output[str]:
        """The key's value, once the key exists."""
        name = f"{self._name}-key-{spec.alias}"
        generated = random.RandomPassword(
            f"{name}-value", length=KEY_LENGTH, special=False, opts=pulumi.ResourceOptions(parent=self)
        )
        value = pulumi.Output.concat("sk-", generated.result)
        owner_id = owners[spec.owner.lower()].id if spec.owner else None
        args = KeyArgs(spec, value, owner_id, self._args.relay, self._args.region, self._args.managed_by)
        key = Key(name, args, self._in_database())
        return pulumi.Output.all(value, key.id).apply(lambda made: made[0])

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
