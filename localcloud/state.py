"""What becomes of the Pulumi state when the simulated account is lost.

The account lives in the daemon's memory. A daemon that starts therefore has an empty account, and a state of its
predecessor (a reboot, a kill) that describes resources which are gone: an update on it would fail at the first one.
So the resources that lived in the account are taken out of the state, the ones that live in the state itself
(generated passwords, components) stay, and the next `pulumi up` builds everything anew *with the same passwords and
keys*. No refresh is needed, and plain `pulumi` heals as well as `make up`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.home import write_private

# Providers whose resources live nowhere but in the state. https://www.pulumi.com/registry/packages/random/
_KEPT_PROVIDERS = frozenset({"random"})
# A dynamic resource may live anywhere; one that a program registers in the module `state` says that it lives there.
_DYNAMIC = "pulumi-python"
_KEPT_DYNAMIC = f"{_DYNAMIC}:dynamic/state:"


def forget_account(state: Path) -> int:
    """Take what lived in the lost account out of every checkpoint of a file backend; returns how many resources.

    The checkpoint before is kept beside as ``….json.lost``. Raises ``ValueError`` for a checkpoint of another form.
    """
    forgotten = 0
    for path in sorted(state.glob(".pulumi/stacks/**/*.json")):
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        before = _resources(document, path)
        after = without_account(before)
        if len(after) == len(before):
            continue
        forgotten += len(before) - len(after)
        latest = document["checkpoint"]["latest"]
        latest["resources"] = after
        latest.pop("pending_operations", None)
        write_private(path.with_name(f"{path.name}.lost"), text)
        write_private(path, json.dumps(document))
    return forgotten


def without_account(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources that live in the state alone, with no reference left to one that doesn't."""
    resources = list(resources)
    living = [resource for resource in resources if _lives_in_the_state(resource)]
    dynamic = any(resource["type"].startswith(_KEPT_DYNAMIC) for resource in living)
    kept = [
        dict(resource)
        for resource in resources
        if resource in living or (dynamic and resource["type"] == f"pulumi:providers:{_DYNAMIC}")
    ]
    urns = {resource["urn"] for resource in kept}
    for resource in kept:
        _cut_references(resource, urns)
    return kept


def _lives_in_the_state(resource: dict[str, Any]) -> bool:
    if resource.get("delete"):
        return False  # half replaced: its successor is what counts
    if not resource.get("custom"):
        return True
    kind = resource["type"]
    if kind.startswith("pulumi:providers:"):
        return kind.removeprefix("pulumi:providers:") in _KEPT_PROVIDERS
    return kind.partition(":")[0] in _KEPT_PROVIDERS or kind.startswith(_KEPT_DYNAMIC)


def _cut_references(resource: dict[str, Any], urns: set[str]) -> None:
    """The engine refuses a snapshot in which a resource refers to one that isn't there."""
    if resource.get("parent") not in urns:
        resource.pop("parent", None)
    if resource.get("deletedWith") not in urns:
        resource.pop("deletedWith", None)
    if "dependencies" in resource:
        resource["dependencies"] = [urn for urn in resource["dependencies"] if urn in urns]
    if resource.get("propertyDependencies"):
        resource["propertyDependencies"] = {
            name: [urn for urn in dependencies or [] if urn in urns]
            for name, dependencies in resource["propertyDependencies"].items()
        }
    if not resource.get("custom"):
        resource.pop("outputs", None)  # addresses and ids of the lost account


def _resources(document: Any, path: Path) -> list[dict[str, Any]]:
    try:
        latest = document["checkpoint"]["latest"]
    except (KeyError, TypeError):
        raise ValueError(f"{path} isn't a Pulumi checkpoint of version 3: remove the stack or its file") from None
    return (latest or {}).get("resources") or []
