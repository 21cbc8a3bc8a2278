"""The walk: what answers, part by part, and at which part it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litellm_admin import aws
from litellm_admin.cli.doctor.findings import REPAIR, Finding, Step, note
from litellm_admin.errors import (
    AdminError,
    BlockedAtEdge,
    Denied,
    NoDatabase,
    NotThere,
    Unreachable,
    message_of,
    refusal,
)
from litellm_admin.shapes import is_object
from litellm_admin.stack import StackFacts
from litellm_admin.transport import RelayTransport, Response, Transport
from litellm_admin.way import Way

INVALID_KEY = "Invalid API Key: LiteLLM doesn't know the key that is presented to it."
NO_DATABASE = "Database not connected: this gateway was set up without a database, so it has neither users nor keys."


@dataclass
class Walk:
    """Asks along a way in. `facts` is the stack, None where only an address is known."""

    way: Way
    facts: StackFacts | None
    transport: Transport | None = None

    def credentials(self) -> Step:
        step = Step("credentials")
        if self.facts is None:
            step.findings.append(note("LITELLM_URL and LITELLM_MASTER_KEY are set; no AWS is asked"))
            return step
        try:
            who = aws.call("sts", self.facts.region, "get_caller_identity", "ask who they are")["Arn"]
        except AdminError as error:
            return step.fail(Finding(str(error)))
        step.findings.append(note(f"{who}; stack {self.facts.name} in {self.facts.region}"))
        return step

    def relay(self) -> Step:
        """Finds the door that opens, and keeps its transport for the rest of the way."""
        step = Step("relay")
        doors = self.way.doors
        if not any(door.kind == "relay" for door in doors):
            self.transport = self._opened(doors[0].open, step)
            return step if step.status == "broken" else step.skip("not on this way")
        closed: list[str] = []
        for door in (door for door in doors if door.kind == "relay"):
            transport = door.open()
            try:
                answer = transport.request("GET", "/health/liveliness")
            except (Denied, NotThere) as error:
                closed.append(str(error))
                continue
            except AdminError as error:
                return step.fail(Finding(str(error), self._relay_log(door.name)))
            self.transport = transport
            return self._judged(step, door.name, door.reads_only, answer)
        return step.fail(*(Finding(text, self._ask_for_policy(text)) for text in dict.fromkeys(closed)))

    def door(self) -> Step:
        step = Step("admin door")
        answer = self._ask(step, "/health/liveliness")
        if answer is None:
            return step
        if (code := relay_code(answer)).startswith("door_"):
            return step.fail(Finding(message_of(answer.body), _DOOR[code]))
        step.findings.append(note(self._place()))
        return step

    def litellm(self) -> Step:
        step = Step("LiteLLM")
        answer = self._ask(step, "/health/liveliness")
        if answer is None:
            return step
        if answer.status != 200:
            return step.fail(Finding(f"It doesn't answer: {_said(answer)}"))
        details = self._ask(step, "/health/readiness/details")
        if details is None:
            return step
        if details.status == 401:
            return step.fail(Finding(INVALID_KEY, self._key_remedy()))
        if relay_code(details) in ("key_unreadable", "litellm_timeout"):
            return step.fail(Finding(message_of(details.body)))
        version = details.body.get("litellm_version") if is_object(details.body) else None
        step.findings.append(note(f"answers{f' (version {version})' if version else ''}"))
        return step

    def database(self) -> Step:
        step = Step("database")
        answer = self._ask(step, "/health/readiness")
        if answer is None:
            return step
        state = answer.body.get("db") if is_object(answer.body) else None
        if answer.status == 200 and state == "connected":
            # that it is connected is not yet that it answers: LiteLLM finds out at the first query
            return self._queried(step)
        if answer.status == 200 and self.facts is not None and self.facts.database:
            what = "Database not connected: LiteLLM was started without the address of its database."
            return step.fail(Finding(what, f"`{REPAIR}` gives it to the task again."))
        if answer.status == 200:
            remedy = "For users, keys and budgets set `database: rds` in the stack's config and deploy."
            step.findings.append(Finding(NO_DATABASE, remedy))
            step.status = "warning"
            return step
        return step.fail(Finding(f"LiteLLM can't reach its database: {_said(answer)}"))

    def _queried(self, step: Step) -> Step:
        answer = self._ask(step, "/user/list")
        if answer is None:
            return step
        if answer.status == 200:
            step.findings.append(note("connected"))
            return step
        error = refusal("GET", "/user/list", answer.status, answer.body)
        if isinstance(error, NoDatabase):
            return step.fail(Finding(NO_DATABASE))
        return step.fail(Finding(f"LiteLLM can't use its database: {_said(answer)}"))

    # -- asking

    def _ask(self, step: Step, path: str) -> Response | None:
        if self.transport is None:
            step.skip("there is no way to it")
            return None
        try:
            return self.transport.request("GET", path)
        except BlockedAtEdge as error:
            step.fail(Finding(str(error), "Unset LITELLM_URL, and give --stack NAME to go by the relay."))
        except AdminError as error:
            remedy = "Outside of the VPC and of `adminCidrs` go by the relay." if isinstance(error, Unreachable) else ""
            step.fail(Finding(str(error), remedy))
        return None

    def _opened(self, opening: Callable[[], Transport], step: Step) -> Transport | None:
        try:
            return opening()
        except AdminError as error:
            step.fail(Finding(str(error)))
            return None

    def _judged(self, step: Step, name: str, reads_only: bool, answer: Response) -> Step:
        code, said = relay_code(answer), message_of(answer.body)
        if code == "caller_unproven":
            return step.fail(Finding(said, "Set this machine's clock, or log in again."))
        if code == "key_unreadable":
            return step.fail(Finding(said, f"`{REPAIR}` makes secret and permission anew."))
        step.findings.append(note(f"{name} answers{', and lets you look only' if reads_only else ''}"))
        return step

    def _place(self) -> str:
        if isinstance(self.transport, RelayTransport):
            return "the relay reaches it"
        return f"{getattr(self.transport, 'url', '')} answers"

    def _key_remedy(self) -> str:
        if isinstance(self.transport, RelayTransport) and self.transport.key is None:
            return (
                f"The secret has another key than the one that the task was started with: `{REPAIR}` puts "
                "the secret right, or force a new deployment of the service so that it starts with the new one."
            )
        return "Set LITELLM_MASTER_KEY to the master key, or unset it: it is found in Secrets Manager then."

    def _relay_log(self, name: str) -> str:
        region = self.facts.region if self.facts else ""
        return f"Its log says more: aws logs tail /aws/lambda/{name} --since 30m --region {region}"

    def _ask_for_policy(self, text: str) -> str:
        if "may not" not in text or self.facts is None:
            return f"`{REPAIR}` makes it anew."
        prefix = self.facts.relay.removesuffix("-relay")
        return f"Have the policy {prefix}-gateway-admin attached to your role, or {prefix}-gateway-viewer to look only."


_DOOR = {
    "door_no_name": f"`{REPAIR}` makes the load balancer anew.",
    "door_refused": f"`{REPAIR}` makes the listener anew.",
    "door_timeout": f"`{REPAIR}` puts the security groups' rules back.",
    "door_broke_off": "Try again; if it stays so, look at the load balancer.",
}


def relay_code(answer: Response) -> str:
    """The code of an error of the relay's own; empty for everything else."""
    match answer.body:
        case {"error": {"type": "relay", "code": str(code)}}:
            return code
        case _:
            return ""


def _said(answer: Response) -> str:
    body: Any = answer.body
    if isinstance(body, str) and "<" in body:
        # a load balancer's own page
        kinds = {502: "Bad Gateway", 503: "no healthy target", 504: "the target didn't answer in time"}
        return f"the load balancer says {answer.status} ({kinds.get(answer.status, 'its own page')})."
    text = " ".join(message_of(body).split())[:300].rstrip(".")
    return f"{answer.status}{f', {text}' if text else ''}."
