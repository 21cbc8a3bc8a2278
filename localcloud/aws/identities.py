"""Who signed a request: users and sessions of the simulated account, and its own administrator.

Signatures are verified where somebody relies on them: STS's GetCallerIdentity is how a program proves to another who
it is (``components/relay/caller.py`` does), so here it refuses what AWS would refuse. Elsewhere the access key is taken
at its word, as the rest of moto does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call, Http

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<scope>\d{8}/[^/,\s]+/[^/,\s]+/aws4_request),\s*"
    r"SignedHeaders=(?P<signed>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
MOST_AGE = timedelta(minutes=15)  # STS is more patient than the five minutes of most services
_ADMIN_ID = "AIDALOCALCLOUDADMIN0"


@dataclass(frozen=True)
class Principal:
    """A user or session. ``policies`` are its policy documents; None for the administrator, who may do anything."""

    arn: str
    id: str
    account: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires: datetime | None = None
    policies: tuple[dict[str, Any], ...] | None = ()


def register(rules: Rules, account: Account) -> None:
    @rules.answer("sts", "GetCallerIdentity")
    def caller(call: Call) -> dict[str, Any]:
        principal = verified(account, call.http)
        return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}


def principal_of(account: Account, access_key: str) -> Principal | None:
    """Whose access key that is; None for one that the account doesn't know."""
    if access_key == ACCESS_KEY_ID:
        arn = f"arn:aws:iam::{account.account_id}:user/local-admin"
        return Principal(arn, _ADMIN_ID, account.account_id, SECRET_ACCESS_KEY, policies=None)
    return _session(account, access_key) or _user(account, access_key)


def access_key_of(http: Http) -> str:
    """The access key in a request's Authorization header or presigned URL; empty when it is unsigned."""
    found = _AUTHORIZATION.fullmatch(http.headers.get("authorization", ""))
    if found:
        return found["key"]
    return dict(parse_qsl(http.query)).get("X-Amz-Credential", "").partition("/")[0]


def verified(account: Account, http: Http | None) -> Principal:
    """Who signed the request, its signature checked. Raises ``Refusal`` as STS would."""
    found = _AUTHORIZATION.fullmatch(http.headers.get("authorization", "")) if http else None
    if http is None or found is None:
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token")
    principal = principal_of(account, found["key"])
    if principal is None:
        raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
    _check_session(principal, http)
    date = http.headers.get("x-amz-date", "")
    _check_age(date)
    if not hmac.compare_digest(_signature(principal.secret, found, http, date), found["signature"]):
        raise Refusal(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    return principal


def _check_session(principal: Principal, http: Http) -> None:
    if principal.token is not None and http.headers.get("x-amz-security-token") != principal.token:
        raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
    if principal.expires is not None and principal.expires <= datetime.now(UTC):
        raise Refusal("ExpiredToken", "The security token included in the request is expired")


def _check_age(date: str) -> None:
    try:
        age = datetime.now(UTC) - datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal("IncompleteSignature", f"Date must be in ISO-8601 'basic format'. Got '{date}'.") from None
    if abs(age) > MOST_AGE:
        raise Refusal("SignatureDoesNotMatch", f"Signature expired: {date} is too far from the current time")


def _signature(secret: str, found: re.Match[str], http: Http, date: str) -> str:
    names = found["signed"].split(";")
    if "host" not in names or any(name.startswith("x-amz-") and name not in names for name in http.headers):
        return ""  # AWS wants every x-amz header signed
    headers = "".join(f"{name}:{' '.join(http.headers.get(name, '').split())}\n" for name in names)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(http.query, keep_blank_values=True))
    )
    body = hashlib.sha256(http.body).hexdigest()
    canonical = "\n".join([http.method, quote(http.path, safe="/-_.~"), query, headers, found["signed"], body])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, found["scope"], hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in found["scope"].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


# -- moto's own objects


def _session(account: Account, access_key: str) -> Principal | None:
    from moto.sts.models import sts_backends

    found = sts_backends[account.account_id]["aws"].get_assumed_role_from_access_key(access_key)
    if found is None:
        return None
    role = next((role for role in _iam(account).roles.values() if role.arn == found.role_arn), None)
    expires = found.expiration if found.expiration.tzinfo else found.expiration.replace(tzinfo=UTC)
    policies = _documents(role) if role is not None else ()
    return Principal(
        found.arn, found.user_id, found.account_id, found.secret_access_key, found.session_token, expires, policies
    )


def _user(account: Account, access_key: str) -> Principal | None:
    for user in _iam(account).users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                groups = [group for group in _iam(account).groups.values() if user in group.users]
                policies = tuple(document for holder in (user, *groups) for document in _documents(holder))
                return Principal(user.arn, user.id, account.account_id, key.secret_access_key, policies=policies)
    return None


def _iam(account: Account) -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[account.account_id]["aws"]


def _documents(holder: Any) -> tuple[dict[str, Any], ...]:
    """The inline and attached policies of a user, group or role."""
    texts = list(holder.policies.values())
    for managed in holder.managed_policies.values():
        texts += [version.document for version in managed.versions if version.is_default]
    return tuple(json.loads(text) if isinstance(text, str) else text for text in texts)
