"""The vocabulary of the table: what a row says about a resource type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.plugins.aws.operation import Operation


class Is(Flag):
    """What is special about a property."""

    PLAIN = 0
    REQUIRED = auto()
    REPLACE = auto()  # a change needs a new resource
    COMPUTED = auto()  # when unset, AWS chooses: leaving it out later changes nothing
    SECRET = auto()  # always secret in the state
    UNORDERED = auto()  # AWS treats the list as a set
    LOCAL = auto()  # steers the plugin; never sent by the generic mapping
    HIDDEN = auto()  # AWS never gives it back
    BARE = auto()  # a block that says something even when it is empty, such as WAF's `count: {}`


REQUIRED, REPLACE, COMPUTED, SECRET = Is.REQUIRED, Is.REPLACE, Is.COMPUTED, Is.SECRET
UNORDERED, LOCAL, HIDDEN, BARE = Is.UNORDERED, Is.LOCAL, Is.HIDDEN, Is.BARE


@dataclass(frozen=True)
class Prop:
    """An input property, or a field of one.

    `to` is its dotted place in a request ("." for a block whose fields stand in the parent); without it the request's
    member of the same name is taken, whatever its case. `frm` is the JMESPath of its value in the answer; without it
    the place is the request's. `default` is what AWS does when nothing is said; `reset` is sent to undo what was said
    (texts, lists and maps are emptied without it).
    """

    kind: str
    flags: Is = Is.PLAIN
    default: Any = None
    reset: Any = None
    to: str | None = None
    frm: str | None = None
    of: Prop | None = None
    fields: Mapping[str, Prop] = field(default_factory=dict)
    same: Callable[[Any], Any] | None = None  # canonical form of a text or JSON document
    agree: Callable[[Any, Any], bool] | None = None  # whether what was wanted is what AWS has, where equality isn't it
    attribute: str | None = None  # key among the attributes of a load balancer, target group or listener
    key: str | None = None  # of blocks that AWS keeps in a map: the field that is the map's key

    def has(self, flags: Is) -> bool:
        """Whether any of the flags is set."""
        return bool(self.flags & flags)


def text(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A string."""
    return Prop("text", flags, **more)


def number(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A number; a string of digits is taken as one."""
    return Prop("number", flags, **more)


def flag(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A boolean."""
    return Prop("flag", flags, **more)


def document(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A string that holds JSON and is compared as JSON."""
    return Prop("document", flags, **more)


def mapping(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A map of strings."""
    return Prop("mapping", flags, **more)


def content(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """An asset or archive, compared by the engine's hash of it."""
    return Prop("content", flags | LOCAL | HIDDEN, **more)


def many(of: Prop, flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A list of scalars."""
    return Prop("many", flags, of=of, **more)


def texts(flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A list of strings."""
    return many(text(), flags, **more)


def one(fields: Mapping[str, Prop], flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A block: an object with named fields."""
    return Prop("one", flags, fields=fields, **more)


def several(fields: Mapping[str, Prop], flags: Is = Is.PLAIN, **more: Any) -> Prop:
    """A list of blocks."""
    return Prop("several", flags, fields=fields, **more)


@dataclass(frozen=True)
class Call:
    """An AWS operation.

    In `params` a string with `{name}` is filled from the resource (exactly `{name}`: the value itself, left out when
    unset), and an async function of the operation gives its parameter's value. `pick` is the JMESPath of what matters
    in the answer.
    `root` is where in the request the mapped properties go; those in `said` are left out, as `params` say them already.
    `into` names the key under which a further read is merged; `absent` lists error codes that mean "nothing there".
    """

    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    pick: str = ""
    root: str = ""
    into: str = ""
    absent: tuple[str, ...] = ()
    service: str = ""
    said: tuple[str, ...] = ()


Step = Call | Callable[["Operation"], Awaitable[Any]]


@dataclass(frozen=True)
class Update:
    """How a change of the properties named in `on` (space separated; `*` is all) reaches AWS.

    `whole`: every property of `on` is sent, not only what changed. A property that the create call has no place for is
    set this way right after creation, too.
    """

    on: str
    step: Step
    whole: bool = False

    def names(self, row: Row) -> list[str]:
        """The properties this update covers."""
        return list(row.inputs) if self.on == "*" else self.on.split()


@dataclass(frozen=True)
class Wait:
    """After create and update, reads again until `path` has a value of `done`; one of `failed` is an error.

    `reason` is the JMESPath of AWS's explanation; `unless` names a boolean property that, when false, skips the wait.
    """

    path: str
    done: tuple[str, ...]
    failed: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 600
    unless: str = ""


@dataclass(frozen=True)
class Tagging:
    """How tags are written and read. `read` is a JMESPath on the row's own read, or a call of its own."""

    add: Call
    remove: Call | None
    read: str | Call = "Tags"
    kind: str = ""  # EC2's resource type, sent as TagSpecifications with the create call
    member: str = "Tags"
    keys: str = "TagKeys"


Check = Callable[[Mapping[str, Any]], Mapping[str, str]]


@dataclass(frozen=True)
class Row:
    """A resource type. `id` is a JMESPath of the create call's answer, or a template when it has braces.

    `outputs` maps further outputs to a JMESPath of the read's answer, or to a template. `gone` and `busy` are error
    codes: the resource isn't there, it can't be deleted yet. `identity` are the properties by which AWS tells two
    apart: when all of them stay, a replacement deletes first. `volatile` outputs may change with any update.
    """

    token: str
    service: str
    inputs: Mapping[str, Prop]
    create: Step
    id: str
    read: Step | None
    delete: Step | None
    outputs: Mapping[str, str] = field(default_factory=dict)
    more: tuple[Call, ...] = ()
    updates: tuple[Update, ...] = ()
    gone: tuple[str, ...] = ()
    busy: tuple[str, ...] = ("DependencyViolation",)
    ready: Wait | Callable[[Operation], Awaitable[None]] | None = None
    ends: float = 0  # seconds to wait until a deleted resource is no longer seen; 0: don't look
    tags: Tagging | None = None
    autoname: str = ""
    longest: int = 255
    lowercase: bool = False
    identity: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    check: tuple[Check, ...] = ()
    settle: Callable[[Operation], Awaitable[None]] | None = None  # right after the create call, before anything else
    regional: bool = True
    regions: tuple[str, ...] = ()  # further regions that the type may be made in; CloudFront's things are in us-east-1

    def secrets(self) -> frozenset[str]:
        """Properties that are always secret."""
        return frozenset(name for name, prop in self.inputs.items() if prop.has(SECRET))


def exactly_one(*names: str) -> Check:
    """A check that one, and only one, of the properties is set."""

    def check(values: Mapping[str, Any]) -> Mapping[str, str]:
        given = [name for name in names if values.get(name) is not None]
        if len(given) == 1:
            return {}
        listed = ", ".join(f"`{name}`" for name in names)
        return {given[0] if given else names[0]: f"needs exactly one of {listed}; it has {len(given)}"}

    return check


def not_both(first: str, second: str) -> Check:
    """A check that at most one of two properties is set."""

    def check(values: Mapping[str, Any]) -> Mapping[str, str]:
        both = values.get(first) is not None and values.get(second) is not None
        return {second: f"conflicts with `{first}`; set one of them"} if both else {}

    return check
