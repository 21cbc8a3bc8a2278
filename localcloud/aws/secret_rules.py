"""Secrets Manager: moto keeps it well; one rule is missing, and one move is forgotten."""

from __future__ import annotations

from typing import Any

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

    @rules.after("secretsmanager", "UpdateSecretVersionStage")
    def current_is_what_is_read(call: Call, result: dict[str, Any]) -> None:
        """moto moves the label and goes on handing out the version that was put last."""
        for secret in backend(account, "secretsmanager").secrets.values():
            if secret.arn == result["ARN"]:
                for id, version in secret.versions.items():
                    if "AWSCURRENT" in version["version_stages"]:
                        secret.default_version_id = id
