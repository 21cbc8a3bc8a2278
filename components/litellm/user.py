"""The dynamic resource `User`."""

from __future__ import annotations

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
    spec_props,
    user_spec,
)
from components.litellm.drift import with_drift
from litellm_admin.ensure import delete_user, ensure_user
from litellm_admin.models import UserSpec, user_id_of
from litellm_admin.plan import user_changes

_NAMES = (*COMMON, "email", "role")


class UserProvider(ResourceProvider):
    """A user's lifecycle. Its id is LiteLLM's `user_id`."""

    serialize_as_secret_always = False

    def check(self, _olds: Props, news: Props) -> CheckResult:
        failures = common_failures(news)
        if known(news.get("email")) and "@" not in str(news.get("email")):
            failures.append(CheckFailure("email", "is needed, and must be an e-mail address."))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        other_person = known(news["email"]) and user_id_of(olds["email"]) != user_id_of(news["email"])
        return diff_result(changed(_NAMES, olds, news), ["email"] if other_person else [])

    @plainly
    def create(self, props: Props) -> CreateResult:
        spec = user_spec(props)
        user_id = patiently(props, lambda client: ensure_user(client, spec, props["managed_by"]))
        return CreateResult(user_id, {**kept(_NAMES, props), "user_id": user_id})

    @plainly
    def read(self, id_: str, props: Props) -> ReadResult:
        seen = briefly(props, lambda client: client.get_user(id_))
        if seen is None:
            return ReadResult("", {})
        changes = user_changes(user_spec(props), props["managed_by"], seen)
        found = with_drift(kept(_NAMES, props), changes)
        return ReadResult(id_, {**found, "user_id": id_}, dict(found))

    @plainly
    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        if changed(_NAMES, olds, news) - WAY:
            spec = user_spec(news)
            patiently(news, lambda client: ensure_user(client, spec, news["managed_by"], id_))
        return UpdateResult({**kept(_NAMES, news), "user_id": id_})

    @plainly
    def delete(self, id_: str, props: Props) -> None:
        briefly(props, lambda client: delete_user(client, id_, props["managed_by"]))


@dataclass(frozen=True)
class UserArgs:
    """A user, and the way to LiteLLM."""

    spec: UserSpec
    way: Way


class User(Resource, module="litellm", name="User"):
    """A user in LiteLLM."""

    user_id: pulumi.Output[str]

    def __init__(self, name: str, args: UserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(UserProvider(), name, {**args.way.props(), **spec_props(args.spec), "user_id": None}, opts)
