"""What policies speak of. Nothing here knows Pulumi, so every rule can be tried on plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Unknown:
    """A value that a preview can't tell yet. A rule says nothing about it; the update itself checks it again."""

    def __repr__(self) -> str:
        return "unknown until the update"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Resource:
    """A resource as it will be. `protect` is Pulumi's own option."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any] = field(default_factory=dict[str, Any])
    protect: bool = False

    def known(self, name: str, otherwise: Any = None) -> Any:
        """The property; `otherwise` when it is unset or not known yet."""
        value = self.props.get(name)
        return otherwise if value is None or value is UNKNOWN else value

    def items(self, name: str) -> list[Any]:
        """The property's list; an empty one when it is unset or not known yet."""
        return self.known(name) or []

    def is_unknown(self, name: str) -> bool:
        return self.props.get(name) is UNKNOWN


@dataclass(frozen=True)
class Stack:
    """All resources of a stack."""

    name: str
    resources: Sequence[Resource]

    def of(self, *types: str) -> Iterator[Resource]:
        """Those of the types, such as `aws:rds/instance:Instance`."""
        return (resource for resource in self.resources if resource.type in types)


# What is wrong, and with which resource (None: with the stack as a whole).
Found = tuple[Resource | None, str]
Check = Callable[[Stack], Iterator[Found]]

HIGH, MEDIUM, LOW = "high", "medium", "low"


@dataclass(frozen=True)
class Policy:
    """`reason`: why it matters, a sentence. `severity`: a high one stops the operation, the others are told. `maps`:
    what cdk-nag and checkov call the same or the nearest rule."""

    id: str
    severity: str
    reason: str
    check: Check
    maps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """`suppressed` is the written reason for which it is let pass."""

    policy: Policy
    resource: Resource | None
    message: str
    suppressed: str = ""
