"""What a refresh shows: the properties as LiteLLM has them, where they differ from the state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.litellm.base import Props
from litellm_admin.models import MANAGED_BY, user_id_of
from litellm_admin.plan import Change


def with_drift(props: Mapping[str, Any], changes: Iterable[Change], names: Mapping[str, str] | None = None) -> Props:
    """`props` with what LiteLLM really has. `names` gives the e-mail or alias of an id, where the state has that."""
    found, names = dict(props), names or {}
    for change in changes:
        match change.field:
            case "metadata":
                metadata = dict(change.before)
                found["managed_by"] = metadata.pop(MANAGED_BY, "")
                found["metadata"] = metadata
            case "owner" | "team":
                found[change.field] = names.get(change.before, change.before)
                if f"{change.field}_id" in props or change.before:
                    found[f"{change.field}_id"] = change.before
            case "expires":
                found["expires"] = change.before.isoformat() if change.before else None
            case "models" | "routes":
                found[change.field] = list(change.before)
            case field:
                found[field] = change.before
    return {name: value for name, value in found.items() if value not in (None, [], {}) or name == "routes"}


def members(ids: Iterable[str], before: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """A team's members by e-mail: `known` gives the e-mail of an id; an id that nobody knows stays as it is."""
    mails = {user_id_of(email): email for email in before} | {id_: email for email, id_ in known.items()}
    return sorted(mails.get(id_, id_) for id_ in ids)
