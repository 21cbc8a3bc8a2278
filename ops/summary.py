"""What to tell someone whose gateway has just come up: its address, the keys, and three commands to try."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from ops import masking

ANSWERS_WITHIN = 15.0  # seconds


def models_of(gateway: str, key: str, within: float = ANSWERS_WITHIN) -> list[str]:
    """The models that `key` may use, asked of the gateway itself: an address that is told was seen to answer.
    Raises OSError when it doesn't, ValueError when the answer isn't LiteLLM's."""
    request = urllib.request.Request(f"{gateway}/v1/models", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=within) as answer:
        listed = json.load(answer)
    try:
        return [model["id"] for model in listed["data"]]
    except (KeyError, TypeError):
        raise ValueError("the answer to /v1/models is not a list of models") from None


def render(outputs: Mapping[str, Any], stack: str, *, show_keys: bool) -> str:
    """`outputs`: the stack's, secrets in clear. Where an address doesn't answer, that is said instead of commands."""
    gateway = str(outputs.get("gatewayUrl", "")).rstrip("/")
    if not gateway:
        return "The stack has no gatewayUrl yet: it is not up."
    keys = dict(outputs.get("keys") or {})
    lines = ["", f"  gateway  {gateway}"]
    if outputs.get("adminUrl"):
        lines.append(f"  admin    {outputs['adminUrl']}")
    width = max(map(len, keys), default=0)
    for number, (alias, value) in enumerate(sorted(keys.items())):
        lines.append(
            f"  {'keys' if number == 0 else '':<7}  {alias:<{width}}  {value if show_keys else masking.key(value)}"
        )
    return "\n".join([*lines, "", *_commands(gateway, keys, stack, show_keys)])


def _commands(gateway: str, keys: Mapping[str, str], stack: str, show_keys: bool) -> list[str]:
    if not keys:
        return [
            "  No keys were seeded (no database): the master key is the only one.",
            f"    curl -i {gateway}/user/list     # 403: administration is not reachable from here",
        ]
    alias = min(keys)
    try:
        models = models_of(gateway, keys[alias])
    except (OSError, ValueError) as error:
        return [f"  WARNING: {gateway}/v1/models did not answer as it should: {_reason(error)}"]
    model = models[0] if models else "MODEL"
    chosen = "" if stack == "local" else f" STACK={stack}"
    fetch = f"KEY={keys[alias]}" if show_keys else f"KEY=$(make -s key ALIAS={alias}{chosen})"
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    header = '-H "Authorization: Bearer $KEY"'
    return [
        f"  Try ({alias} may use {', '.join(models)}):",
        f"    {fetch}",
        f"    curl {gateway}/v1/chat/completions {header} -H 'Content-Type: application/json' -d '{body}'",
        f"    curl {gateway}/v1/models {header}",
        f"    curl -i {gateway}/user/list {header}     # 403: administration is not reachable from here",
    ]


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    return masking.text(str(error))
