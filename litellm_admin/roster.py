"""Many teams, users and keys as one: makes what is wanted so, and what is no longer wanted go.

Few changes are made one by one, each with a look at what is there (`change`). Many are planned from lists of all that
there is (`reconcile`): then a user costs a five-hundredth of a call and a key one.

One identity has one writer: LiteLLM looks before it inserts, so two at once would leave two. Users come before the
teams that they are members of, these before the keys in them; what goes, goes in the opposite order and last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from litellm_admin.client import Client
from litellm_admin.ensure import delete_team, delete_user, ensure_team, ensure_user
from litellm_admin.ensure_keys import Former, delete_key, ensure_key
from litellm_admin.errors import AdminError
from litellm_admin.models import KeySpec, TeamSpec, UserSpec, token_of
from litellm_admin.plan import KeyWish

T = TypeVar("T")

FEW = 20
"""Up to so many changes are made one by one; a list of a thousand users and keys takes some twenty calls."""

# LiteLLM gets no faster beyond some eight calls at a time.
_AT_ONCE = 8

Tell = Callable[[str], None]
"""Is told, in a few words and from any thread, how far it is."""


@dataclass(frozen=True)
class KeyEntry:
    """A key that is wanted. `token` is the one that it is known by already, if that isn't its value's (it was adopted);
    `formers` are values that still work for a while, `stale` tokens that end now."""

    spec: KeySpec
    value: str = field(repr=False)
    token: str | None = None
    formers: tuple[Former, ...] = ()
    stale: tuple[str, ...] = ()
    # of the formers, by their generations
    former_tokens: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def tokens(self) -> frozenset[str]:
        """All that belong to it."""
        return frozenset([self.token or token_of(self.value), *(former.token for former in self.formers), *self.stale])


@dataclass(frozen=True)
class Held:
    """What a state knows of a key: generation → token of its values that work, and the token that its latest value
    should have (it has another one if the key was adopted)."""

    tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    value_token: str | None = None


def key_entry(
    spec: KeySpec,
    generation: str,
    formers: Mapping[str, datetime],
    value_of: Callable[[str], str],
    held: Held,
    now: datetime,
) -> KeyEntry:
    """The entry for a key whose value is that of `generation`. `formers` are former generations and when each ends; one
    that has ended is `stale`, and so is every other token that is held."""
    value = value_of(generation)
    # with another root secret, the same generation has another value
    same_root = held.value_token in (None, token_of(value)) or generation not in held.tokens
    token = held.tokens.get(generation) if same_root else None
    alive: dict[str, Former] = {}
    for name, until in formers.items():
        if until > now:
            derived = value_of(name)
            its = held.tokens.get(name, token_of(derived))
            alive[name] = Former(its, until, derived if its == token_of(derived) else None)
    tokens = {name: former.token for name, former in alive.items()}
    current = {token or token_of(value), *tokens.values()}
    stale = tuple(sorted(set(held.tokens.values()) - current))
    adopted = token if token != token_of(value) else None
    return KeyEntry(spec, value, adopted, tuple(alive.values()), stale, tokens)


@dataclass(frozen=True)
class Entries:
    """Teams, users and keys."""

    users: tuple[UserSpec, ...] = ()
    teams: tuple[TeamSpec, ...] = ()
    keys: tuple[KeyEntry, ...] = ()

    def __len__(self) -> int:
        return len(self.users) + len(self.teams) + len(self.keys)


@dataclass(frozen=True)
class Gone:
    """What is no longer wanted, by LiteLLM's ids."""

    user_ids: tuple[str, ...] = ()
    team_ids: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.user_ids) + len(self.team_ids) + len(self.tokens)


@dataclass(frozen=True)
class Ids:
    """LiteLLM's ids: of users by their e-mail in lower case, of teams by alias; and tokens of keys by alias."""

    users: Mapping[str, str] = field(default_factory=dict[str, str])
    teams: Mapping[str, str] = field(default_factory=dict[str, str])
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])

    def user(self, email: str | None) -> str | None:
        return None if email is None else self.users[email.lower()]

    def team(self, alias: str | None) -> str | None:
        return None if alias is None else self.teams[alias]

    def members(self, spec: TeamSpec) -> tuple[str, ...]:
        return tuple(self.users[email.lower()] for email in spec.members)

    def wish(self, entry: KeyEntry, managed_by: str) -> KeyWish:
        """The key with the ids of its owner and team."""
        spec = entry.spec
        return KeyWish(spec, self.user(spec.owner), self.team(spec.team), managed_by, entry.value)


class Failures(AdminError):
    """Several entries failed; the sentences of the first few say why."""

    SHOWN = 10

    def __init__(self, errors: Sequence[AdminError]) -> None:
        lines = list(dict.fromkeys(str(error) for error in errors))
        more = f"\n  … and {len(lines) - self.SHOWN} more" if len(lines) > self.SHOWN else ""
        super().__init__("\n  ".join([f"{len(errors)} entries failed:", *lines[: self.SHOWN]]) + more)
        self.errors = list(errors)


def change(client: Client, entries: Entries, gone: Gone, ids: Ids, managed_by: str, tell: Tell) -> Ids:
    """Makes a few entries so and a few others go: two calls for each whose fields change, three to four for each that
    comes or goes. `ids` are all that are known, also of what doesn't change; the result has those that came.

    Raises:
        AdminError: `Failures` if several failed. What could be done was done, except that nothing goes as long as
            something else failed.
    """
    users = dict(ids.users)

    def user(spec: UserSpec) -> None:
        users[spec.email.lower()] = ensure_user(client, spec, managed_by, ids.users.get(spec.email.lower()))

    _all(user, entries.users, "users", tell)
    ids = make_teams(client, entries.teams, Ids(users, ids.teams, ids.tokens), managed_by, tell)
    ids = make_keys(client, entries.keys, ids, managed_by, tell)
    _remove(client, gone, managed_by, tell)
    return ids


def make_teams(client: Client, specs: Sequence[TeamSpec], ids: Ids, managed_by: str, tell: Tell) -> Ids:
    """Makes teams so, one by one. Raises as `change` does."""
    teams = dict(ids.teams)

    def team(spec: TeamSpec) -> None:
        teams[spec.alias] = ensure_team(client, spec, ids.members(spec), managed_by, ids.teams.get(spec.alias))

    _all(team, specs, "teams", tell)
    return Ids(ids.users, teams, ids.tokens)


def make_keys(client: Client, entries: Sequence[KeyEntry], ids: Ids, managed_by: str, tell: Tell) -> Ids:
    """Makes keys so, one by one. Raises as `change` does."""
    tokens = dict(ids.tokens)

    def key(entry: KeyEntry) -> None:
        wish = ids.wish(entry, managed_by)
        tokens[entry.spec.alias] = ensure_key(client, wish, entry.token, entry.formers, entry.stale)

    _all(key, entries, "keys", tell)
    return Ids(ids.users, ids.teams, tokens)


def _remove(client: Client, gone: Gone, managed_by: str, tell: Tell) -> None:
    """Makes a few go, one by one."""
    _all(lambda token: delete_key(client, [token], managed_by), gone.tokens, "keys to delete", tell)
    _all(lambda team_id: delete_team(client, team_id, managed_by), gone.team_ids, "teams to delete", tell)
    _all(lambda user_id: delete_user(client, user_id, managed_by), gone.user_ids, "users to delete", tell)


def _all(action: Callable[[T], object], items: Sequence[T], what: str, tell: Tell) -> None:
    """Does it for each, several at a time. Raises what failed, after the rest is done."""
    if not items:
        return
    done = 0

    def attempt(item: T) -> AdminError | None:
        nonlocal done
        try:
            action(item)
        except AdminError as error:
            return error
        finally:
            done += 1
            tell(f"{what}: {done:,} of {len(items):,}")
        return None

    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        raise_all(error for error in pool.map(attempt, items) if error is not None)


def raise_all(errors: Iterable[AdminError]) -> None:
    """Raises the error, or `Failures` of several; nothing if there is none."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Failures(found)
