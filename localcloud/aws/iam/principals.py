"""Who calls: an access key's owner, as moto's IAM and STS know it, and the policies that speak of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, SERVICE_KEY_ID, Account
from localcloud.aws.iam.policy import Document, Policies

_ADMIN_ID = "AIDALOCALCLOUDADMIN0"


@dataclass(frozen=True)
class Principal:
    """`id`: the unique id that STS tells. `free`: the account's administrator, or AWS itself, whom no policy holds
    back. `token` is a session's."""

    arn: str
    id: str
    free: bool = False
    service: bool = False  # AWS itself, acting for a service that has checked the role's trust
    role: str | None = None
    user: str | None = None
    secret: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    expires: datetime | None = None
    session_policy: Document | None = None


def find(account: Account, key_id: str) -> Principal | None:
    """The owner of an access key, or None."""
    if key_id in (ACCESS_KEY_ID, SERVICE_KEY_ID):
        admin = f"arn:aws:iam::{account.account_id}:user/local-admin"
        service = key_id == SERVICE_KEY_ID
        return Principal(admin, _ADMIN_ID, free=True, service=service, secret=SECRET_ACCESS_KEY)
    for session in _backend(account, "sts").assumed_roles:
        if session.access_key_id == key_id:
            return Principal(
                session.arn,
                session.user_id,
                role=session.role_arn,
                secret=session.secret_access_key,
                token=session.session_token,
                expires=_utc(session.expiration),
                session_policy=json.loads(session.policy) if session.policy else None,
            )
    for name, user in _users(account).items():
        for key in user.access_keys:
            if key.access_key_id == key_id and key.status == "Active":
                return Principal(user.arn, user.id, user=name, secret=key.secret_access_key)
    return None


def policies(account: Account, principal: Principal) -> Policies:
    """The policies of a role session or user; a role that is gone has none."""
    if principal.user is not None:
        user = _users(account)[principal.user]
        groups = _backend(account, "iam").get_groups_for_user(principal.user)
        documents = [document for holder in (user, *groups) for document in _documents(holder)]
        return Policies(tuple(documents), boundary=_boundary(account, user))
    role = role_by_arn(account, principal.role or "")
    if role is None:
        return Policies((), session=principal.session_policy)
    return Policies(tuple(_documents(role)), boundary=_boundary(account, role), session=principal.session_policy)


def role_by_arn(account: Account, arn: str) -> Any | None:
    """moto's role, or None."""
    return next((role for role in _backend(account, "iam").roles.values() if role.arn == arn), None)


def _documents(holder: Any) -> list[Document]:
    """The inline and attached policies of a role, user or group."""
    texts = [*holder.policies.values(), *map(_text, holder.managed_policies.values())]
    return [json.loads(text) for text in texts]


def _text(policy: Any) -> str:
    """A managed policy's default version."""
    return next(one.document for one in policy.versions if one.version_id == policy.default_version_id)


def _boundary(account: Account, holder: Any) -> Document | None:
    arn = getattr(holder, "permissions_boundary_arn", None)  # moto keeps none for users
    return json.loads(_text(_backend(account, "iam").managed_policies[arn])) if arn else None


def _users(account: Account) -> dict[str, Any]:
    return _backend(account, "iam").users


def _backend(account: Account, service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)[account.account_id]["aws"]  # type: ignore[call-overload]


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
