"""The last part: the gateway's public address, asked as a developer's program would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from litellm_admin.cli.doctor.findings import REPAIR, Finding, Step, note
from litellm_admin.shapes import is_object

SECONDS = 15.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str


def look(url: str, key: str | None = None) -> Step:
    """Models pass (with a key, or LiteLLM's own 401 without), and administration doesn't."""
    step = Step("edge")
    try:
        open_, closed = get(f"{url}/v1/models", key), get(f"{url}/user/list", None)
    except OSError as error:
        reason = getattr(error, "reason", error)
        remedy = "Is the distribution deployed, and this machine on the internet?"
        return step.fail(Finding(f"{url} can't be reached: {reason}.", remedy))
    if closed.status != 403:
        step.fail(
            Finding(
                f"{url}/user/list answers {closed.status} and must answer 403: administration is open to the public.",
                f"Deploy at once: `{REPAIR}` puts the distribution's behaviours back.",
            )
        )
    if _answered(open_):
        step.findings.append(note(f"{url} passes models and blocks administration"))
        return step
    return step.fail(_why(url, open_))


def _answered(reply: Reply) -> bool:
    """Whether it came from LiteLLM: a list of models, or its own refusal of who has no key or a wrong one."""
    if reply.status == 200:
        return True
    return reply.status in (400, 401, 422) and "error" in _json(reply.text)


def _why(url: str, reply: Reply) -> Finding:
    said = f"{url}/v1/models answers {reply.status}"
    if reply.status == 403:
        return Finding(
            f"{said}: the path isn't let through.",
            f"`{REPAIR}` puts the guard and the public door's rules back.",
        )
    # CloudFront passes the load balancer's 502 to 504 on, and has its own for one that it can't reach
    return Finding(
        f"{said}: nobody takes the request behind CloudFront.",
        f"See LiteLLM, above. If that is well, CloudFront doesn't reach the public door: `{REPAIR}` puts the "
        "VPC origin and the security group's rule back.",
    )


def get(url: str, key: str | None) -> Reply:
    """One GET; a refusal is a reply. Raises OSError when nothing answers."""
    import urllib.error
    import urllib.request

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return Reply(answer.status, _lower(answer.headers), answer.read(65_536).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return Reply(error.code, _lower(error.headers), error.read(65_536).decode(errors="replace"))


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if is_object(found) else {}
