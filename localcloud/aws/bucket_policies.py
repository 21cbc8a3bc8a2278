"""Bucket policies as AWS reads them, where moto reads them otherwise."""

from __future__ import annotations

from typing import Any

# The loopback port stands for AWS's TLS endpoints, so that is what a policy's condition is told.
CONTEXT = {"aws:SecureTransport": "true"}


def respect_conditions() -> None:
    """Makes a Deny apply only where its condition holds.

    moto takes a condition that doesn't hold for a denial, whatever the statement's effect; a bucket whose policy
    demands TLS, as AWS recommends it, would refuse everything.
    """
    from moto.iam.access_control import IAMPolicyStatement, PermissionResult

    original = IAMPolicyStatement.is_action_permitted
    if getattr(original, "respects_conditions", False):
        return

    def is_action_permitted(self: Any, *arguments: Any, **named: Any) -> PermissionResult:
        condition = self._statement.get("Condition")
        if self._statement.get("Effect") == "Deny" and condition and not _holds(condition):
            return PermissionResult.NEUTRAL
        return original(self, *arguments, **named)

    is_action_permitted.respects_conditions = True  # type: ignore[attr-defined]
    IAMPolicyStatement.is_action_permitted = is_action_permitted  # type: ignore[method-assign]


def _holds(condition: dict[str, dict[str, Any]]) -> bool:
    """Whether a condition on what is known here holds; one on anything else counts as holding, which denies."""
    for operator, expected in condition.items():
        for key, value in expected.items():
            values = {str(one).lower() for one in (value if isinstance(value, list) else [value])}
            if operator == "Bool" and key in CONTEXT and CONTEXT[key] not in values:
                return False
    return True
