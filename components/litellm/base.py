"""What the resources share: the way to LiteLLM, patience, plain errors, and properties that mean the same."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pulumi
from pulumi.dynamic import CheckFailure, DiffResult
from pulumi.output import Unknown

from components.numbers import whole
from litellm_admin import durations
from litellm_admin.client import Client, Patience
from litellm_admin.errors import AdminError, Failed, Unreachable
from litellm_admin.models import DEFAULT_KEY_TYPE, DEFAULT_ROLE, KeySpec, TeamSpec, UserSpec, moment
from litellm_admin.plan import same_expiry, same_models
from litellm_admin.transport import RelayTransport

T = TypeVar("T")
Props = dict[str, Any]

# The service counts as deployed when its tasks are healthy; what may still be missing is a route or the relay's first
# start, and a database or a task may be replaced at any time.
READY_SECONDS = 180.0
# Whoever reads or deletes doesn't wait for a gateway to come up: it may be gone for good.
_BRIEF = Patience(attempts=4, within=60.0)

# Inputs that say how to reach LiteLLM. A change of theirs is a change of the state, and no call.
WAY = frozenset({"relay", "region"})
COMMON = (
    *("relay", "region", "managed_by"),
    *("alias", "models", "budget", "duration", "tpm_limit", "rpm_limit", "metadata"),
)


@dataclass(frozen=True)
class Way:
    """How LiteLLM is reached, and in whose name. `relay` is the relay function's name, in `region`; `managed_by` goes
    into the metadata of what is made, such as `llm-gateway/poc`."""

    relay: pulumi.Input[str]
    region: pulumi.Input[str]
    managed_by: str

    def props(self) -> Props:
        return {"relay": self.relay, "region": self.region, "managed_by": self.managed_by}


# -- calls


def briefly(props: Mapping[str, Any], operation: Callable[[Client], T]) -> T:
    """Does it, and gives up after a minute. Raises AdminError."""
    return operation(Client(RelayTransport(props["relay"], props["region"]), _BRIEF))


def patiently(props: Mapping[str, Any], operation: Callable[[Client], T]) -> T:
    """Does it; if LiteLLM can't be reached or fails, waits until it is ready and does it once more. What is done here
    may be done again: it looks at what is there first. Raises AdminError."""
    client = Client(RelayTransport(props["relay"], props["region"]))
    try:
        return operation(client)
    except AdminError as error:
        if not passing(error):
            raise
    client.wait_until_ready(READY_SECONDS)
    return operation(client)


def passing(error: AdminError) -> bool:
    """Whether what failed may succeed a little later: for one of several, it is enough that one may."""
    return isinstance(error, (Unreachable, Failed)) or any(passing(one) for one in getattr(error, "errors", ()))


def plainly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Pulumi's dynamic host prints an error with its traceback. Where the error is a sentence for the user, it says
    all."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        try:
            return method(*args)
        except Exception as error:
            host = getattr(sys.modules["__main__"], "__spec__", None)
            if host is not None and host.name.startswith("pulumi.dynamic"):
                sys.tracebacklimit = 0 if isinstance(error, AdminError) else 1000
            raise

    return wrapper


# -- between specs and Pulumi's properties


def spec_props(spec: TeamSpec | UserSpec | KeySpec) -> Props:
    """A spec's properties, without those that are as if left out. An owner and a team are there by e-mail and alias."""
    props: Props = {
        "alias": spec.alias,
        "models": list(spec.models),
        "budget": spec.budget,
        "duration": spec.duration,
        "tpm_limit": spec.tpm_limit,
        "rpm_limit": spec.rpm_limit,
        "metadata": dict(spec.metadata),
        "adopt": spec.adopt or None,
    }
    match spec:
        case UserSpec():
            props |= {"email": spec.email, "role": spec.role}
        case TeamSpec():
            props |= {"members": sorted({email.lower() for email in spec.members})}
        case KeySpec():
            expires = spec.expires.isoformat() if spec.expires else None
            props |= {"owner": spec.owner, "team": spec.team, "key_type": spec.key_type, "expires": expires}
            props |= {"rotate": spec.rotate, "overlap": spec.overlap or None}
    return {name: value for name, value in props.items() if value not in (None, [], {})}


def user_spec(props: Mapping[str, Any]) -> UserSpec:
    return UserSpec(
        email=props["email"], alias=props.get("alias"), role=props.get("role") or DEFAULT_ROLE, **_common_spec(props)
    )


def team_spec(props: Mapping[str, Any]) -> TeamSpec:
    return TeamSpec(alias=props["alias"], members=tuple(props.get("members") or ()), **_common_spec(props))


def key_spec(props: Mapping[str, Any]) -> KeySpec:
    return KeySpec(
        alias=props["alias"],
        owner=props.get("owner"),
        team=props.get("team"),
        key_type=props.get("key_type") or DEFAULT_KEY_TYPE,
        expires=moment(props.get("expires")),
        rotate=props.get("rotate"),
        overlap=int(props.get("overlap") or 0),
        **_common_spec(props),
    )


def _common_spec(props: Mapping[str, Any]) -> Props:
    return {
        "models": tuple(props.get("models") or ()),
        "budget": None if props.get("budget") is None else float(props["budget"]),
        "duration": props.get("duration"),
        "tpm_limit": whole(props.get("tpm_limit")),
        "rpm_limit": whole(props.get("rpm_limit")),
        "metadata": whole(props.get("metadata") or {}),
        "adopt": bool(props.get("adopt")),
    }


def kept(names: Iterable[str], props: Mapping[str, Any]) -> Props:
    """Those of `props` that go into the state: the named ones that are set."""
    return {name: props[name] for name in names if props.get(name) is not None}


# -- comparing


def diff_result(changed: Iterable[str], replaces: Iterable[str] = ()) -> DiffResult:
    # the old one first: it has the same e-mail or alias, which LiteLLM gives once
    replaced = list(replaces)
    return DiffResult(changes=bool(replaced or list(changed)), replaces=replaced, delete_before_replace=True)


def changed(names: Iterable[str], olds: Mapping[str, Any], news: Mapping[str, Any]) -> frozenset[str]:
    """Properties that don't mean the same."""
    return frozenset(name for name in names if not same(name, olds.get(name), news.get(name)))


def same(name: str, old: Any, new: Any) -> bool:
    """Whether two values of a property mean the same. One that isn't known yet is a change."""
    if not known(new):
        return False
    match name:
        case "models":
            return same_models(tuple(old or ()), tuple(new or ()))
        case "duration":
            return durations.same(old, new)
        case "expires":
            return same_expiry(moment(old), moment(new), datetime.now(UTC))
        case "members":
            return sorted(old or ()) == sorted(new or ())
        case "metadata" | "alias" | "overlap" | "adopt":
            return (old or None) == (new or None)
        case _:
            return old == new


def common_failures(news: Mapping[str, Any]) -> list[CheckFailure]:
    """What is wrong with the properties that all have."""
    failures = [CheckFailure(name, "is needed.") for name in ("relay", "region", "managed_by") if not news.get(name)]
    budget = news.get("budget")
    if (
        budget is not None
        and known(budget)
        and not (isinstance(budget, (int, float)) and not isinstance(budget, bool) and 0 <= budget < float("inf"))
    ):
        failures.append(CheckFailure("budget", "must be a number of dollars of at least 0."))
    if news.get("duration") is not None and known(news["duration"]):
        try:
            durations.canonical(str(news["duration"]))
        except ValueError as error:
            failures.append(CheckFailure("duration", f"is wrong: {error}."))
    return failures


def known(value: Any) -> bool:
    """False for an input that a preview can't tell yet."""
    return not isinstance(value, Unknown)
