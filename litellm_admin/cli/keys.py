"""The commands for keys."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from litellm_admin.cli import lookup, shapes
from litellm_admin.cli.changes import Edit, done, edited, edits_text, told
from litellm_admin.cli.context import Context
from litellm_admin.cli.output import Answer
from litellm_admin.errors import Conflict, Failed, Taken, Unreachable
from litellm_admin.models import ObservedKey, token_of
from litellm_admin.plan import lifetime

# Letters and digits, so that a key needs no quoting anywhere; 48 of them are 285 bits, as for keys in the access file.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
KEY_LENGTH = 48
SHOWN_ONCE = "This is the only time that it is shown."


_FIELDS = ("alias", "budget", "duration", "models", "expires", "tpm_limit", "rpm_limit")


def new_value() -> str:
    import secrets  # 10 ms that a command which makes no key shouldn't pay

    return "sk-" + "".join(secrets.choice(_LETTERS) for _ in range(KEY_LENGTH))


def create(context: Context, given: Namespace) -> Answer:
    lookup.check_models(context, given.models)
    owner = lookup.user(context, given.user_id) if given.user_id else None
    if context.dry_run:
        if given.alias and context.client.find_key(given.alias):
            raise _taken(given.alias)
        whose = f" for {lookup.named(owner)}" if owner else ""
        return Answer(
            done("create", True, key=None, alias=given.alias, user_id=owner.user_id if owner else None),
            f"would create key {given.alias or 'without an alias'}{whose}",
        )
    value = new_value()
    made = make(context, new_key(value, owner.user_id if owner else None, given))
    shape = shapes.key(made, {owner.user_id: owner.email} if owner else {})
    text = f"created {lookup.named(made)}\n\n{shapes.key_fields(shape, context.style)}"
    return Answer(
        done("create", False, key=value, **{name: shape[name] for name in ("key_id", "alias", "user_id", "email")}),
        f"{text}\n\n{context.style.paint(value, 'bold')}\n{SHOWN_ONCE}",
    )


def new_key(value: str, owner_id: str | None, given: Namespace) -> dict[str, Any]:
    """The body of /key/generate. The key calls models and administers nothing, whoever owns it."""
    body = {
        "key": value,
        "key_alias": given.alias,
        "key_type": "llm_api",
        "user_id": owner_id,
        "models": list(given.models or ()),
        "max_budget": given.budget,
        "budget_duration": given.duration,
        "duration": lifetime(given.expires, datetime.now(UTC)) if given.expires else None,
        "tpm_limit": given.tpm_limit,
        "rpm_limit": given.rpm_limit,
    }
    return {name: value for name, value in body.items() if value is not None}


def make(context: Context, body: Mapping[str, Any]) -> ObservedKey:
    """Creates the key and reads it back. Its value was chosen here, so a create whose answer was lost is recognised.

    Raises:
        Taken: if another key has the alias.
    """
    token = token_of(body["key"])
    try:
        context.client.create_key(body)
    except (Conflict, Failed, Unreachable) as error:
        if context.client.get_key(token) is None:
            raise _taken(body.get("key_alias", "")) if isinstance(error, Conflict) else error from None
    made = context.client.get_key(token)
    assert made is not None, "LiteLLM said that it made the key"
    return made


def list_all(context: Context, given: Namespace) -> Answer:
    owner = lookup.user(context, given.user_id) if given.user_id else None
    keys = context.client.list_keys(owner.user_id if owner else None)
    owners = _owners(context, keys, owner)
    found = shapes.in_order(shapes.key(seen, owners) for seen in keys)
    return Answer({"keys": found}, shapes.keys_table(found, context.style))


def get(context: Context, given: Namespace) -> Answer:
    seen = lookup.key(context, given.operands[0])
    shape = shapes.key(seen, owner_of(context, seen))
    return Answer({"key": shape}, shapes.key_fields(shape, context.style))


def update(context: Context, given: Namespace) -> Answer:
    told(given, ("user_id", *_FIELDS))
    seen = lookup.key(context, given.operands[0])
    wanted = Namespace(**vars(given), owner_id=_owner_id(context, given.user_id))
    edits = edited(seen, wanted, ("owner_id", *_FIELDS))
    lookup.check_models(context, given.models)
    return _change(context, seen, edits)


def _change(context: Context, seen: ObservedKey, edits: list[Edit]) -> Answer:
    if edits:
        lookup.warn_if_managed(context, seen, "changes it back")
    what = f"key {lookup.named(seen)}"
    if edits and not context.dry_run:
        try:
            context.client.update_key({"key": seen.token, **dict(_field(edit) for edit in edits)})
        except Conflict:
            raise _taken(next(edit.after for edit in edits if edit.field == "alias")) from None
        seen = context.client.get_key(seen.token) or seen
    elif edits:
        seen = replace(seen, **{edit.field: edit.after for edit in edits})
    data = done("update" if edits else "nothing", context.dry_run, edits, key=shapes.key(seen, owner_of(context, seen)))
    return Answer(data, edits_text(what, edits, context.dry_run))


def delete(context: Context, given: Namespace) -> Answer:
    seen = lookup.key(context, given.operands[0])
    lookup.warn_if_managed(context, seen, "brings it back")
    context.confirm(f"Delete {lookup.named(seen)}? Whoever uses it is refused at once.")
    if not context.dry_run:
        context.client.delete_key(seen.token)
    text = f"{'would delete' if context.dry_run else 'deleted'} {lookup.named(seen)}"
    return Answer(done("delete", context.dry_run, key=shapes.key(seen)), text)


def block(context: Context, given: Namespace) -> Answer:
    return _block(context, given, True)


def unblock(context: Context, given: Namespace) -> Answer:
    return _block(context, given, False)


def _block(context: Context, given: Namespace, blocked: bool) -> Answer:
    """Blocking is done in a hurry and for a reason: a deployment leaves it alone, so there is nothing to warn of."""
    seen = lookup.key(context, given.operands[0])
    verb = "block" if blocked else "unblock"
    if seen.blocked == blocked:
        text = f"{lookup.named(seen)} is {'blocked' if blocked else 'not blocked'} already; nothing to change"
        return Answer(done("nothing", context.dry_run, key=shapes.key(seen)), text)
    edits = [Edit("blocked", seen.blocked, blocked)]
    if not context.dry_run:
        (context.client.block_key if blocked else context.client.unblock_key)(seen.token)
        seen = context.client.get_key(seen.token) or seen
    text = f"{'would ' + verb if context.dry_run else verb + 'ed'} {lookup.named(seen)}"
    return Answer(done(verb, context.dry_run, edits, key=shapes.key(seen)), text)


def _field(edit: Edit) -> tuple[str, Any]:
    """The edit as `/key/update` takes it; `litellm_admin/plan.py` has the reasons."""
    match edit.field:
        case "models":
            return "models", list(edit.after)
        case "expires":
            return "duration", lifetime(edit.after, datetime.now(UTC)) if edit.after else "-1"
        case field:
            names = {
                "alias": "key_alias",
                "owner_id": "user_id",
                "budget": "max_budget",
                "duration": "budget_duration",
            }
            return names.get(field, field), edit.after


def _owner_id(context: Context, told: Any) -> Any:
    return lookup.user(context, told).user_id if isinstance(told, str) else told


def owner_of(context: Context, seen: ObservedKey) -> dict[str, str | None]:
    """The e-mail of the key's owner by id."""
    owner = context.client.get_user(seen.owner_id) if seen.owner_id else None
    return {owner.user_id: owner.email} if owner else {}


def _owners(context: Context, keys: list[ObservedKey], only: Any) -> dict[str, str | None]:
    if only is not None:
        return {only.user_id: only.email}
    if not any(seen.owner_id for seen in keys):
        return {}
    return {user.user_id: user.email for user in context.client.list_users()}


def _taken(alias: str) -> Taken:
    return Taken(f"There is a key {alias} already: choose another alias, or change that one with update-key.")
