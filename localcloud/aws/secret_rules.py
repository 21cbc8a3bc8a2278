"""Secrets Manager: moto keeps it well; one rule is missing."""

from __future__ import annotations

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, account: Account) -> None:
    @rules.check("secretsmanager", "CreateSecret")
    def not_on_its_way_out(call: Call) -> None:
        name = call.params["Name"]
        secrets = backend(account, "secretsmanager").secrets.values()
        if any(secret.name == name and secret.is_deleted() for secret in secrets):
            raise Refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion: "
                f"{name}. Restore it, or delete it without a recovery window.",
            )
