"""What a resource is called in front of people, from its URN (`urn:pulumi:STACK::PROJECT::TYPE$TYPE…::NAME`)."""

from __future__ import annotations

STACK_TYPE = "pulumi:pulumi:Stack"


def name(urn: str) -> str:
    return urn.rpartition("::")[2]


def types(urn: str) -> list[str]:
    """The types from the outermost component to the resource itself."""
    parts = urn.split("::")
    return parts[2].split("$") if len(parts) >= 4 else []


def short_type(token: str) -> str:
    """`aws:ec2/vpc:Vpc` → `aws:ec2:Vpc`, `pulumi-python:dynamic/litellm:User` → `litellm:User`."""
    package, _, rest = token.partition(":")
    module, _, kind = rest.rpartition(":")
    folder, _, last = module.partition("/")
    if package == "pulumi-python":
        return f"{last or folder}:{kind}"
    return ":".join(part for part in (package, folder, kind) if part)


def component(urn: str) -> str:
    """The component that the resource belongs to: the outermost one's type (`Network`); the resource's own type for one
    that belongs to none."""
    chain = [token for token in types(urn) if token != STACK_TYPE]
    return chain[0].rpartition(":")[2] if chain else "Stack"


def is_bookkeeping(urn: str) -> bool:
    """Does it exist in the state only: the stack, a component of this program, a provider, what a program remembers (a
    dynamic resource of the module `state`)? Nobody counts those."""
    own = types(urn)[-1:]
    inner = ("llm-gateway:", "pulumi:providers:", "pulumi-python:dynamic/state:")
    return not own or own[0] == STACK_TYPE or own[0].startswith(inner)


def label(urn: str) -> str:
    """`aws:ecs:Service llm-gateway-service`."""
    chain = types(urn)
    return f"{short_type(chain[-1])} {name(urn)}" if chain else urn
