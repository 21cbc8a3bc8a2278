"""Credentials of roles for tasks and functions: real STS sessions of the simulated account.

A container gets them from a loopback endpoint of the daemon, by the variables that every AWS SDK knows.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from localcloud.aws.account import Account
from localcloud.aws.iam.policy import Request, trusts
from localcloud.control import Control, NotAllowed, NotFound, same

TASKS = "ecs-tasks.amazonaws.com"
FUNCTIONS = "lambda.amazonaws.com"
_PREFIX = "credentials"


class RoleError(Exception):
    """The role can't be assumed; the message says why, as AWS would."""


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials; ``expires`` in UTC."""

    role: str
    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True)
class Offer:
    """Where a container fetches its role's credentials, and the token that it shows for them."""

    id: str
    url: str
    token: str = field(repr=False)


class Roles:
    """Assumes roles for tasks and functions, and offers credentials on the control endpoint."""

    def __init__(self, account: Account, control: Control) -> None:
        self._account = account
        self._control = control
        self._offers: dict[str, tuple[str, str, str, str]] = {}  # id → token, role, service, session name
        control.route(_PREFIX, self._answer)

    def assume(self, role: str, service: str, session: str) -> Credentials:
        """An STS session of ``role`` as ``service`` (a service principal) gets it. Raises ``RoleError``; blocks."""
        self._check_trust(role, service)
        answer = self._account.service_client("sts").assume_role(RoleArn=role, RoleSessionName=session[:64])
        found = answer["Credentials"]
        return Credentials(
            role, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"]
        )

    def offer(self, role: str, service: str, session: str) -> Offer:
        """Let a container fetch the role's credentials until ``withdraw``. Raises ``RoleError``; blocks."""
        self._check_trust(role, service)
        id, token = secrets.token_hex(8), secrets.token_urlsafe(24)
        self._offers[id] = (token, role, service, session)
        return Offer(id, f"{self._control.url}/{_PREFIX}/{id}", token)

    def withdraw(self, offer: Offer) -> None:
        """End an offer. Repeatable."""
        self._offers.pop(offer.id, None)

    def _answer(self, id: str, given: str) -> dict[str, str]:
        if id not in self._offers:
            raise NotFound
        token, role, service, session = self._offers[id]
        if not same(given, token):
            raise NotAllowed
        found = self.assume(role, service, session)
        return {
            "RoleArn": role,
            "AccessKeyId": found.key_id,
            "SecretAccessKey": found.secret,
            "Token": found.token,
            "Expiration": found.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _check_trust(self, role: str, service: str) -> None:
        """moto lets anybody assume anything; AWS asks the role's trust policy."""
        who = "ECS" if service == TASKS else "Lambda"
        try:
            found = self._account.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            raise RoleError(f"{who} was unable to assume the role '{role}': there is no such role") from None
        if found["Arn"] != role:
            raise RoleError(f"{who} was unable to assume the role '{role}': the role of that name is {found['Arn']}")
        # ECS and Lambda both tell for which account they act, against the confused deputy
        context = {"aws:sourceaccount": self._account.account_id}
        request = Request(service, "sts:AssumeRole", role, context=context)
        if not trusts(found["AssumeRolePolicyDocument"], service, request):
            raise RoleError(
                f"{who} was unable to assume the role '{role}' that was provided for it: "
                f"its trust policy doesn't let {service} assume it"
            )


def expired(credentials: Credentials) -> bool:
    """Whether credentials have less than five minutes left."""
    return (credentials.expires - datetime.now(UTC)).total_seconds() < 300
