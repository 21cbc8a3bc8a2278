"""The way in: explicit URL and key, else the relay by IAM, else the admin door directly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from litellm_admin import aws, stack
from litellm_admin.errors import AdminError, BlockedAtEdge, Denied, NotThere
from litellm_admin.stack import StackFacts
from litellm_admin.transport import Call, DirectTransport, Query, RelayTransport, Response, Transport, read_key, tried

Kind = Literal["url", "relay", "direct"]


@dataclass(frozen=True)
class Wishes:
    """What was told: `url` and `key` from LITELLM_URL and LITELLM_MASTER_KEY, the rest from flags. `only` leaves one
    way out of the usual order."""

    url: str | None = None
    key: str | None = field(default=None, repr=False)
    stack: str | None = None
    region: str | None = None
    only: Literal["relay", "direct"] | None = None


@dataclass(frozen=True)
class Door:
    """One way in. `name` is for people; `open` makes the transport, which may fail, `reads_only` takes no change."""

    kind: Kind
    name: str
    open: Callable[[], Transport] = field(repr=False)
    reads_only: bool = False


class Way:
    """The doors in their order, behind one transport: a door that turns out closed to the caller makes way for the
    next, and the one that opened stays. `facts` is the stack, where one was looked up."""

    batch: ClassVar[int] = RelayTransport.batch
    lanes: ClassVar[int] = RelayTransport.lanes

    def __init__(self, doors: list[Door], facts: StackFacts | None = None) -> None:
        self.facts = facts
        self.doors = tuple(doors)
        self._opened: dict[str, Transport] = {}
        self._closed: dict[str, str] = {}
        self.used: Door | None = None

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        """By the first door that opens, many at once."""
        if not calls:
            return []
        # the first one finds the door
        first = tried(self, calls[0])
        door = self.transport()
        if door is None or (self.used is not None and self.used.reads_only):
            return [first, *(tried(self, call) for call in calls[1:])]
        return [first, *door.request_each(calls[1:])] if calls[1:] else [first]

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        for door in self.doors:
            if door.name in self._closed or (door.reads_only and not reads(method, path)):
                continue
            try:
                answer = self._transport(door).request(method, path, query, body)
            except (Denied, NotThere) as error:
                self._closed[door.name] = str(error)
                continue
            self.used = door
            return answer
        raise self._no_way(method)

    def transport(self) -> Transport | None:
        """The transport that the last call went by."""
        return self._opened.get(self.used.name) if self.used else None

    def _transport(self, door: Door) -> Transport:
        if door.name not in self._opened:
            self._opened[door.name] = door.open()
        return self._opened[door.name]

    def _no_way(self, method: str) -> AdminError:
        reasons = list(dict.fromkeys(self._closed.values()))
        if any(door.reads_only and door.name not in self._closed for door in self.doors) and method != "GET":
            reasons.insert(0, "These AWS credentials may look at the gateway and not change it.")
        return Denied(" ".join(reasons) or "There is no way in.")


def reads(method: str, path: str) -> bool:
    """Whether a call changes nothing, so that the reader takes it. `/v2/key/info` reads by POST."""
    return method == "GET" or path == "/v2/key/info"


def find(wishes: Wishes) -> Way:
    """The way in for these wishes. Looks up only what it must: nothing at all for an explicit URL and key.

    Raises:
        AdminError: if there is none; the sentence says what to set.
    """
    url, key = wishes.url, wishes.key
    if url is not None and key is not None:
        return Way([_explicit(url, lambda: key)])
    facts = _looked_up(wishes)
    if url is not None:
        if facts.gateway_url and url.rstrip("/").lower() == facts.gateway_url.rstrip("/").lower():
            raise BlockedAtEdge(url)
        return Way([_explicit(url, lambda: _key(wishes, facts))], facts)
    doors = {
        "relay": [
            Door("relay", facts.relay, lambda: RelayTransport(facts.relay, facts.region, key)),
            Door("relay", facts.reader, lambda: RelayTransport(facts.reader, facts.region, key), reads_only=True),
        ],
        "direct": [
            Door("direct", facts.admin_url, lambda: DirectTransport(facts.admin_url, _key(wishes, facts))),
        ],
    }
    return Way([door for kind, both in doors.items() if wishes.only in (None, kind) for door in both], facts)


def _explicit(url: str, key: Callable[[], str]) -> Door:
    return Door("url", url, lambda: DirectTransport(url, key()))


def _key(wishes: Wishes, facts: StackFacts) -> str:
    return wishes.key if wishes.key is not None else read_key(facts.master_key_secret, facts.region)


def _looked_up(wishes: Wishes) -> StackFacts:
    missing = [
        name for name, value in (("LITELLM_URL", wishes.url), ("LITELLM_MASTER_KEY", wishes.key)) if value is None
    ]
    try:
        return stack.find(wishes.stack, aws.region(wishes.region))
    except (Denied, NotThere):
        raise
    except AdminError as error:
        if len(missing) == 2:
            raise
        raise type(error)(f"{missing[0]} isn't set and couldn't be looked up. {error}") from None
