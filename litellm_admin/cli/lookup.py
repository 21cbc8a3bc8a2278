"""Whom and what the operands mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from litellm_admin.cli.context import Context, secret_operand
from litellm_admin.cli.errors import Stopped, UsageError
from litellm_admin.errors import NotFound
from litellm_admin.models import MANAGED_BY, ObservedKey, ObservedUser, token_of
from litellm_admin.plan import stack_of


def user(context: Context, told: str) -> ObservedUser:
    """The user with this id or e-mail.

    Raises:
        NotFound: if there is none.
        Stopped: if several have the e-mail.
    """
    if "@" not in told:
        found = context.client.get_user(told)
        if found is None:
            raise NotFound(404, "no user", f"There is no user {told}; list-users shows all.")
        return found
    users = context.client.find_users(told)
    if not users:
        # an id may look like anything
        if (found := context.client.get_user(told)) is not None:
            return found
        raise NotFound(404, "no user", f"There is no user {told}; list-users shows all.")
    if len(users) > 1:
        ids = ", ".join(user.user_id for user in users)
        raise Stopped(f"{told} is the e-mail of several users ({ids}): give the id of the one that you mean.")
    return users[0]


def key(context: Context, told: str) -> ObservedKey:
    """The key with this value, id or alias.

    Raises:
        NotFound: if there is none.
    """
    told = secret_operand(told)
    if told.startswith("sk-"):
        if "…" in told or len(told) < 8:
            raise UsageError("That is no whole key: give its value from sk- to its end, its alias or its id.")
        found = context.client.get_key(token_of(told))
        if found is None:
            raise NotFound(404, "no key", "The gateway doesn't know that key (any more); list-keys shows all.")
        return found
    if re.fullmatch(r"[0-9a-f]{64}", told) and (found := context.client.get_key(told)) is not None:
        return found
    found = context.client.find_key(told)
    if found is None:
        raise NotFound(404, "no key", f"There is no key {told}; list-keys shows all.")
    return found


def check_models(context: Context, names: Sequence[str] | None) -> None:
    """LiteLLM takes any name; one that the gateway doesn't serve is a slip.

    Raises:
        NotFound: if a model isn't there.
    """
    if not names:
        return
    known = context.client.model_names()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}."
            raise NotFound(404, "no model", f"The gateway has no model {name}; {hint}")


def named(seen: ObservedUser | ObservedKey) -> str:
    """What to call it in a sentence."""
    if isinstance(seen, ObservedUser):
        return seen.email or seen.user_id
    return seen.alias or f"key {seen.token[:8]}…"


def warn_if_managed(context: Context, seen: ObservedUser | ObservedKey, consequence: str) -> None:
    """A user or key that a stack made comes back, or changes back, with its next deployment."""
    stack = stack_of(seen.metadata.get(MANAGED_BY))
    if stack:
        file = f"access/{stack.rpartition('/')[2]}.yaml"
        context.warn(
            f"{named(seen)} is managed as code by {stack}: the next `pulumi up --refresh` {consequence}. "
            f"Change {file} instead."
        )
