"""RDS's IAM authentication: is a token that stands in a password's place good for this database user?

A token is a presigned request without its scheme: `host:port/?Action=connect&DBUser=…&X-Amz-Signature=…`, good for
fifteen minutes. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

from urllib.parse import parse_qs

from localcloud.aws.account import Account
from localcloud.aws.iam import authority
from localcloud.aws.iam.signature import Received
from localcloud.aws.refusal import Refusal

_SERVICE = "rds-db"
_LONGEST_SECONDS = 900


class BadToken(Exception):
    """Why a token lets nobody in; the sentence is for a log, never for the caller."""


def check(account: Account, token: str, user: str, resource_id: str) -> None:
    """Raises BadToken unless `token` was signed by somebody who may connect as `user` to the cluster or instance with
    the `resource_id`. The host in it isn't compared: here it is the loopback hop by which the caller came."""
    place, _, query = token.partition("/?")
    given = parse_qs(query)
    if given.get("Action") != ["connect"] or given.get("DBUser") != [user]:
        raise BadToken(f"the password is no token to connect as {user}")
    try:
        principal, signature = authority.signer(account, Received("GET", "/", query, {"host": place}, b""))
    except Refusal as refusal:
        raise BadToken(refusal.message) from None
    if signature.service != _SERVICE or not 0 < signature.expires <= _LONGEST_SECONDS:
        raise BadToken(f"the token isn't signed for {_SERVICE}, for {_LONGEST_SECONDS} seconds at most")
    arn = f"arn:aws:rds-db:{account.region}:{account.account_id}:dbuser:{resource_id}/{user}"
    because = authority.refusal_of(account, principal, "rds-db:connect", arn)
    if because is not None:
        raise BadToken(authority.sentence(principal.arn, "rds-db:connect", arn, because))
