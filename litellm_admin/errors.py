"""What can go wrong with an admin call, each as one sentence that says what to change. Never a secret."""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"\bsk-[A-Za-z0-9_.\-]{3,}")
# LiteLLM's own messages can be pages long; the first lines say it.
_LONGEST = 400


class AdminError(Exception):
    """An admin call failed. `str()` is a whole sentence, safe to print."""

    def __init__(self, sentence: str) -> None:
        super().__init__(masked(sentence))


class Unreachable(AdminError):
    """No answer from LiteLLM: the way there is broken or it isn't ready. Trying again may help; whether a call that
    changes something took effect is not known."""


class Denied(AdminError):
    """AWS knows these credentials and doesn't let them do it: this way in is closed to them."""


class NotThere(AdminError):
    """AWS has no such function, parameter or secret: this way in doesn't exist."""


class Refused(AdminError):
    """LiteLLM answered, and not with success. `status` is the HTTP status, `reason` what it said."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = masked(reason)


class NotFound(Refused):
    """404: there is no such user or key."""


class Conflict(Refused):
    """409, or 400 for an alias: there is one already."""


class Unauthorized(Refused):
    """401: the master key is not the one that LiteLLM was started with."""


class BlockedAtEdge(Refused):
    """The call went to the gateway's public address, where administration is blocked by design."""

    def __init__(self, place: str) -> None:
        super().__init__(
            403,
            "blocked at the edge",
            f"{place} is the gateway's public (CloudFront) address, where administration is blocked by design: use the "
            "admin door or the relay.",
        )


class NoDatabase(Refused):
    """LiteLLM runs without a database, so it knows one master key and neither users nor keys."""


class Failed(Refused):
    """5xx: LiteLLM itself failed; whether the call took effect is not known."""


class Taken(AdminError):
    """A user or key with that e-mail or alias is there already, and this project didn't make it."""


def refusal(method: str, path: str, status: int, body: Any) -> Refused:
    """The error for an answer. Goes by status, because bodies and their `type` vary between LiteLLM's versions; the
    text is only looked at for what a status can't tell."""
    reason = message_of(body) or f"status {status}"
    said = f"{method} {path} was refused ({status}): {_sentence(reason)}"
    lower = reason.lower()
    if "not connected to db" in lower or "database not connected" in lower or "no db connected" in lower:
        return NoDatabase(
            status,
            reason,
            "The gateway has no database, so it knows neither users nor keys: set `database: rds`, or remove them.",
        )
    if status == 401:
        if _is_relays(body):  # who calls isn't proven to it; LiteLLM wasn't asked
            return Refused(status, reason, f"The relay refused {method} {path}: {_sentence(reason)}")
        return Unauthorized(
            status,
            reason,
            "LiteLLM doesn't know this master key: it must be the one in the stack's master-key secret, "
            "with which the task was started.",
        )
    if status == 404:
        return NotFound(status, reason, said)
    if status == 409 or (status == 400 and "already exists" in lower):
        return Conflict(status, reason, said)
    if status >= 500:
        return Failed(status, reason, f"LiteLLM failed at {method} {path} ({status}): {_sentence(reason)}")
    return Refused(status, reason, said)


def _is_relays(body: Any) -> bool:
    match body:
        case {"error": {"type": "relay"}}:
            return True
        case _:
            return False


def message_of(body: Any) -> str:
    """The text in an error body, in any of the shapes that LiteLLM 1.108 answers with."""
    match body:
        case {"error": inner} | {"detail": inner} | {"message": inner}:
            return message_of(inner)
        case [{"loc": where, "msg": text}, *_]:
            return f"{'.'.join(str(part) for part in where)}: {text}"
        case str():
            # {"error": {"message": "{'error': 'User with id … already exists'}"}}
            wrapped = re.fullmatch(r"\{'error': (['\"])(.*)\1\}", body.strip(), re.DOTALL)
            return wrapped[2] if wrapped else body.strip()
        case _:
            return ""


def masked(text: str) -> str:
    """`text` with every key replaced: `sk-…`."""
    return _KEY.sub("sk-…", text)


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return line if line.endswith((".", "…")) else f"{line}."
