"""Where the values of a stack's keys come from, and when they change. Pure, but for the entropy of a generation's name.

A value is derived from one random secret of the stack, the key's alias and a *generation*: a random name that the
stack's ring remembers for the alias. So a state holds one secret, however many keys there are; a value is the same
after every retry and in every new database; and from one value nobody learns another. The generation is what an alias
and its `rotate` alone would lack: an alias that was taken away and comes back years later has another value, and what a
former holder still has stays dead.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

ROOT_BYTES = 32
"""The length of the root secret: as much entropy as a value can carry."""

# Part of every value: another text here would be another value of every key of every stack.
_CONTEXT = "llm-gateway key"


def derive(root: bytes, alias: str, generation: str) -> str:
    """The value: `sk-` and 52 lower-case letters and digits (256 bits), so that it needs no quoting anywhere.

    HKDF-Expand with SHA-256 (RFC 5869, 2.3) to one block. Extract is left out, as 3.3 allows for a root that is
    uniformly random already."""
    if len(root) != ROOT_BYTES:
        raise ValueError(f"a root secret has {ROOT_BYTES} bytes")
    # aliases and generations have no line breaks, so that no two pairs give one text
    info = "\n".join((_CONTEXT, alias, generation)).encode()
    block = hmac.new(root, info + b"\x01", hashlib.sha256).digest()
    return "sk-" + b32encode(block).decode().rstrip("=").lower()


@dataclass(frozen=True)
class Rotation:
    """What an access file says of a key's value: another `rotate` means another value, and the former one then works
    for `overlap` more seconds. No `rotate` (any more) leaves the value as it is."""

    rotate: str | None = None
    overlap: int = 0


@dataclass(frozen=True)
class Generation:
    """What the ring remembers of a key: the `generation` of its value, the `rotate` that it was made for, and the
    former generations with the moment at which each was replaced, the latest last."""

    generation: str
    rotate: str | None = None
    formers: tuple[tuple[str, datetime], ...] = ()

    def until(self, overlap: int) -> tuple[tuple[str, datetime], ...]:
        """The former generations and the moment at which each ends."""
        return tuple((name, replaced + timedelta(seconds=overlap)) for name, replaced in self.formers if overlap)

    def as_json(self) -> dict[str, Any]:
        """For the stack's state."""
        formers = [{"generation": name, "replaced": replaced.isoformat()} for name, replaced in self.formers]
        return {"generation": self.generation, "rotate": self.rotate, "formers": formers}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Generation:
        """What `as_json` gave; an engine drops what is None or empty."""
        formers = found.get("formers") or ()
        return cls(
            found["generation"],
            found.get("rotate"),
            tuple((former["generation"], datetime.fromisoformat(former["replaced"])) for former in formers),
        )


Ring = Mapping[str, Generation]
"""Key alias → its generation."""


def turned(ring: Ring, wanted: Mapping[str, Rotation], now: datetime) -> dict[str, Generation]:
    """The ring for the keys that are wanted: new aliases get a generation, those with another `rotate` another one, and
    the rest stay exactly as they are, whatever happens to others."""
    return {alias: _next(ring.get(alias), rotation, now) for alias, rotation in wanted.items()}


def _next(before: Generation | None, wanted: Rotation, now: datetime) -> Generation:
    if before is None:
        return Generation(secrets.token_hex(8), wanted.rotate)
    if wanted.rotate in (None, before.rotate):
        return before
    # without an overlap every former value ends at once: that is how one that leaked is stopped
    alive = [former for former in before.formers if former[1] + timedelta(seconds=wanted.overlap) > now]
    formers = (*alive, (before.generation, now)) if wanted.overlap else ()
    return Generation(secrets.token_hex(8), wanted.rotate, formers)
