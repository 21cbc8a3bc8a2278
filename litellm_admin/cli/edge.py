"""What to do instead, for a call that went to the gateway's public address."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from litellm_admin import aws, stack
from litellm_admin.cli.commands import PROGRAM
from litellm_admin.errors import AdminError, masked


def advice(arguments: Sequence[str]) -> str:
    """The command that works from here, if a stack can be found; else what to set."""
    command = shlex.join([f"scripts/{PROGRAM}", *arguments])
    try:
        facts = stack.find(None, aws.region())
    except AdminError as error:
        return f"Unset LITELLM_URL and give --stack NAME to go by the relay, with AWS credentials that may. ({error})"
    chosen = "" if "--stack" in arguments else f" --stack {facts.short}"
    return masked(f"This works from here: env -u LITELLM_URL {command}{chosen}")
