"""The commands for users."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litellm_admin.cli import lookup, shapes
from litellm_admin.cli.changes import Edit, done, edited, edits_text, told
from litellm_admin.cli.context import Context
from litellm_admin.cli.output import Answer, count
from litellm_admin.errors import Conflict, Failed, Taken, Unreachable
from litellm_admin.models import ALL_MODELS, DEFAULT_ROLE, ObservedUser, user_id_of

_FIELDS = ("email", "alias", "role", "budget", "duration", "models", "tpm_limit", "rpm_limit")


def create(context: Context, given: Namespace) -> Answer:
    """The id follows from the e-mail, as for users that are managed as code: a create that is repeated after a lost
    answer meets its own user, and a later `pulumi up` finds this one."""
    lookup.check_models(context, given.models)
    body = new_user(given.email, given)
    if context.dry_run:
        _refuse_taken(context, given.email)
        shape = _planned(body)
        return Answer(done("create", True, user=shape), f"would create user {given.email} (id {body['user_id']})")
    made = make(context, body)
    shape = shapes.user(made)
    text = f"created user {made.email}\n\n{shapes.user_fields(shape, context.style)}"
    return Answer(
        done("create", False, user=shape), f"{text}\n\nNo key yet: create-key --alias NAME --user-id {made.user_id}"
    )


def new_user(email: str, given: Namespace) -> dict[str, Any]:
    """The body of /user/new. Without a key of LiteLLM's own making, which nobody would have seen or budgeted."""
    body = {
        "user_id": user_id_of(email),
        "user_email": email,
        "user_alias": given.alias,
        "user_role": given.role or DEFAULT_ROLE,
        "max_budget": given.budget,
        "budget_duration": given.duration,
        "models": list(given.models or ()),
        "tpm_limit": given.tpm_limit,
        "rpm_limit": given.rpm_limit,
        "auto_create_key": False,
    }
    return {name: value for name, value in body.items() if value is not None}


def make(context: Context, body: Mapping[str, Any]) -> ObservedUser:
    """Creates the user and reads it back. Looks first, so that what is there afterwards is known to be of this create,
    even if its answer was lost and a second try met what the first had made.

    Raises:
        Taken: if the e-mail or the id is there already.
    """
    email, user_id = body["user_email"], body["user_id"]
    if context.client.get_user(user_id) is not None:
        raise _taken(context, email)
    try:
        context.client.create_user(body)
    except (Conflict, Failed, Unreachable) as error:
        if context.client.get_user(user_id) is None:
            raise _taken(context, email) if isinstance(error, Conflict) else error from None
    made = context.client.get_user(user_id)
    assert made is not None, "LiteLLM said that it made the user"
    return made


def list_all(context: Context, given: Namespace) -> Answer:
    users = context.client.list_users(given.email)
    keys = shapes.by_owner(context.client.list_keys())
    found = [shapes.user(seen, keys.get(seen.user_id, ())) for seen in users]
    found.sort(key=lambda shape: ((shape["email"] or "~").lower(), shape["user_id"]))
    return Answer({"users": found}, shapes.users_table(found, context.style))


def get(context: Context, given: Namespace) -> Answer:
    seen = lookup.user(context, given.operands[0])
    keys = context.client.list_keys(seen.user_id)
    shape = shapes.user(seen, keys)
    owned = shapes.in_order(shapes.key(key, {seen.user_id: seen.email}) for key in keys)
    text = shapes.user_fields(shape, context.style)
    text += f"\n\n{shapes.keys_table(owned, context.style)}" if owned else "\n\nThe user has no keys."
    return Answer({"user": shape, "keys": owned}, text)


def update(context: Context, given: Namespace) -> Answer:
    told(given, _FIELDS)
    return _update(context, lookup.user(context, given.operands[0]), given)


def update_budget(context: Context, given: Namespace) -> Answer:
    seen = lookup.user(context, given.user_id)
    empty = Namespace(email=None, alias=None, models=None, role=None, tpm_limit=None, rpm_limit=None)
    return _update(context, seen, Namespace(**{**vars(empty), "budget": given.budget, "duration": given.duration}))


def _update(context: Context, seen: ObservedUser, given: Namespace) -> Answer:
    edits = edited(seen, given, _FIELDS)
    lookup.check_models(context, given.models)
    if given.email and given.email.lower() != (seen.email or "").lower() and context.client.find_users(given.email):
        raise Taken(f"{given.email} is the e-mail of another user already.")
    if edits:
        lookup.warn_if_managed(context, seen, "changes it back")
    if edits and not context.dry_run:
        context.client.update_user({"user_id": seen.user_id, **dict(_field(edit) for edit in edits)})
        seen = context.client.get_user(seen.user_id) or seen
    elif edits:
        seen = _as_it_would_be(seen, edits)
    shape = shapes.user(seen, context.client.list_keys(seen.user_id))
    data = done("update" if edits else "nothing", context.dry_run, edits, user=shape)
    return Answer(data, edits_text(f"user {lookup.named(seen)}", edits, context.dry_run))


def delete(context: Context, given: Namespace) -> Answer:
    seen = lookup.user(context, given.operands[0])
    keys = context.client.list_keys(seen.user_id)
    lookup.warn_if_managed(context, seen, "brings it back")
    what = f"user {lookup.named(seen)}" + (f" and {count(len(keys), 'key')}" if keys else "")
    context.confirm(f"Delete {what}?")
    if not context.dry_run:
        context.client.delete_user(seen.user_id)
    data = done("delete", context.dry_run, user=shapes.user(seen, keys), keys=[shapes.key(key) for key in keys])
    return Answer(data, f"{'would delete' if context.dry_run else 'deleted'} {what}")


def _field(edit: Edit) -> tuple[str, Any]:
    """The edit as `/user/update` takes it; `litellm_admin/plan.py` has the reasons."""
    match edit.field:
        case "alias":
            return "user_alias", edit.after or ""
        case "models":
            return "models", list(edit.after) or [ALL_MODELS]
        case field:
            names = {"email": "user_email", "role": "user_role", "budget": "max_budget", "duration": "budget_duration"}
            return names.get(field, field), edit.after


def _as_it_would_be(seen: ObservedUser, edits: list[Edit]) -> ObservedUser:
    return replace(seen, **{edit.field: edit.after for edit in edits})


def _planned(body: Mapping[str, Any]) -> shapes.Shape:
    return shapes.user(
        ObservedUser(
            body["user_id"],
            body["user_email"],
            body.get("user_alias"),
            body["user_role"],
            tuple(body["models"]),
            body.get("max_budget"),
            body.get("budget_duration"),
            body.get("tpm_limit"),
            body.get("rpm_limit"),
            {},
            0.0,
            None,
        )
    )


def _refuse_taken(context: Context, email: str) -> None:
    if context.client.find_users(email) or context.client.get_user(user_id_of(email)):
        raise _taken(context, email)


def _taken(context: Context, email: str) -> Taken:
    others = context.client.find_users(email)
    known = f" (id {others[0].user_id})" if others else ""
    return Taken(f"{email} is a user already{known}: update-user changes it.")
