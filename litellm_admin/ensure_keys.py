"""Makes a key so, whatever was there before, and rotates its value: the former one goes on working for a while.

LiteLLM knows a key by its value and has each alias once. So a rotation is a second key: the former one is renamed and
told when to expire (LiteLLM ends it by itself, whether or not anybody deploys then), and the new one takes the alias.
No moment lies between in which neither works.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from litellm_admin.client import Client
from litellm_admin.ensure import IN_DOUBT, do, whose
from litellm_admin.errors import AdminError, Conflict, NotFound, Taken
from litellm_admin.models import KeySpec, ObservedKey, token_of
from litellm_admin.plan import KeyWish, is_anothers, plan_key

# So that an alias and what is added to it fit into 128 characters, the most of LiteLLM's own rule for aliases.
_LONGEST_STEM = 100


@dataclass(frozen=True)
class Former:
    """A value that was replaced: it works until `until`. `value` is None for one that isn't known, because the key was
    adopted."""

    token: str
    until: datetime
    value: str | None = field(default=None, repr=False)


def former_alias(alias: str, token: str) -> str:
    """The alias of a key whose value was replaced, such as `ci.former-1f0c2e7a`."""
    return f"{alias[:_LONGEST_STEM]}.former-{token[:8]}"


def ensure_key(
    client: Client, wish: KeyWish, token: str | None = None, formers: Sequence[Former] = (), stale: Sequence[str] = ()
) -> str:
    """Creates or updates the key (three calls to create, two to update, one if nothing differs) and returns its token.
    `token` is the one that it is known by already; by default that of the wished value. `formers` are values that
    still work for a while, `stale` tokens that are deleted in the end.

    Raises:
        Taken: if the alias belongs to a key that isn't to be adopted.
        AdminError: if LiteLLM can't be reached or refuses.
    """
    token = token or token_of(wish.value)
    seen = client.get_key(token)
    spent = [_retire(client, wish, former) for former in formers]
    if seen is None:
        spent += [_step_aside(client, wish.spec, old) for old in stale]
        seen = _create(client, replace(wish, spend=max(spent, default=0.0)), token)
    try:
        do(plan_key(wish, seen, datetime.now(UTC)), client.update_key)
    except Conflict as error:  # it was renamed by hand, and meanwhile another has its alias
        others = [key for key in client.find_keys(wish.spec.alias) if key.token != seen.token]
        raise (taken_key(wish.spec, others[0]) if others else error) from None
    if stale:
        client.delete_keys(stale)
    return seen.token


def delete_key(client: Client, tokens: Iterable[str], managed_by: str) -> bool:
    """Deletes the keys with these tokens. False if all are gone already, or were handed over to something else that
    manages them now."""
    seen = [key for token in tokens if (key := client.get_key(token)) is not None]
    mine = [key.token for key in seen if not is_anothers(key, managed_by)]
    if mine:
        client.delete_keys(mine)
    return bool(mine)


def _create(client: Client, wish: KeyWish, token: str) -> ObservedKey:
    """The key as it is once it was created, or found."""
    try:
        client.create_key(plan_key(wish, None, datetime.now(UTC)).body)
    except IN_DOUBT as error:
        seen = client.get_key(token)
        if seen is None:
            return _other(client, wish, error)
        return seen
    others = client.find_keys(wish.spec.alias)
    mine = next((key for key in others if key.token == token), None)
    if mine is None:  # renamed or deleted by somebody in this very moment
        raise AdminError(f"The key {wish.spec.alias} vanished from LiteLLM as soon as it was made: try again.")
    # LiteLLM looks for the alias before it inserts, so two at once may both get it. The elder stays.
    first = min(others, key=_age)
    if first is not mine:
        client.delete_keys([token])
        raise taken_key(wish.spec, first)
    return mine


def _age(key: ObservedKey) -> tuple[datetime, str]:
    return key.created or datetime.max.replace(tzinfo=UTC), key.token


def _other(client: Client, wish: KeyWish, error: AdminError) -> ObservedKey:
    """The key that has the alias, if that is why the create was refused and it is to be adopted."""
    if not isinstance(error, Conflict):
        raise error from None
    others = client.find_keys(wish.spec.alias)
    if not others:
        raise error from None
    # what this stack made has the wished value, so that this one is somebody else's
    if not wish.spec.adopt or len(others) > 1:
        raise taken_key(wish.spec, others[0]) from None
    return others[0]


def _retire(client: Client, wish: KeyWish, former: Former) -> float:
    """Makes the former value's key one that ends in time, and returns what was spent with it."""
    now = datetime.now(UTC)
    until = min(former.until, wish.spec.expires or former.until)
    spec = replace(wish.spec, alias=former_alias(wish.spec.alias, former.token), expires=until)
    wish = replace(wish, spec=spec, value=former.value or "")
    seen = client.get_key(former.token)
    if seen is not None:
        do(plan_key(wish, seen, now), client.update_key)
        return seen.spend
    # the database is new: who has the value keeps it for its time
    if former.value is not None and former.until > now:
        try:
            client.create_key(plan_key(wish, None, now).body)
        except Conflict:  # by a try whose answer was lost
            do(plan_key(wish, client.get_key(former.token), now), client.update_key)
    return 0.0


def _step_aside(client: Client, spec: KeySpec, token: str) -> float:
    """Frees the alias, without ending the key yet: first there must be another. Returns what was spent with it."""
    seen = client.get_key(token)
    if seen is None:
        return 0.0
    if seen.alias == spec.alias:
        try:
            client.update_key({"key": token, "key_alias": former_alias(spec.alias, token)})
        except NotFound:  # gone in this very moment
            return 0.0
    return seen.spend


def taken_key(spec: KeySpec, seen: ObservedKey) -> Taken:
    """The alias is there, and somebody else made it."""
    return Taken(
        f"The alias {spec.alias} is in LiteLLM already, for key {seen.token[:8]}…, {whose(seen)}: set `adopt: true` on "
        "that entry to take it over, delete or rename that key there, or choose another alias in the access file."
    )
