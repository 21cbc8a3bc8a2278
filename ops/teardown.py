"""Ends stacks: in the right order, with patience for what AWS makes wait, and telling what it could not remove."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import yaml

from ops import orphans, paths, trial
from ops.driver import Driver, Options
from ops.errors import CannotRun
from ops.lifetimes import Standing, standing
from ops.orphans import Orphan
from ops.shapes import object_at
from ops.view import View

Say = Callable[[str], None]


@dataclass(frozen=True)
class Patience:
    """AWS holds some things back for a while after what uses them is gone: network interfaces of a function for up to
    forty minutes, a VPC origin and a distribution for a quarter of an hour. `attempts` to destroy, `wait` seconds
    apart."""

    attempts: int = 8
    wait: float = 300
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Ended:
    """What came of it. `left`: found by the stack's tags once it was destroyed, or could not be."""

    name: str
    destroyed: bool
    attempts: int
    left: tuple[Orphan, ...] = field(default=())

    def sentence(self) -> str:
        tries = f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}"
        said = f"{self.name}: {'destroyed and removed' if self.destroyed else 'NOT destroyed'} after {tries}"
        if not self.left:
            return said
        return f"{said}; left in the account, with the command that removes it:\n{orphans.listing(self.left)}"


def standings(work_dir: Path) -> list[Standing]:
    """Every stack of the project on the backend."""
    names = Driver("", work_dir).stacks()
    return [standing(name, Driver(name, work_dir).resources()) for name in names]


def end(work_dir: Path, name: str, patience: Patience, say: Say) -> Ended:
    """Destroys a stack and takes it off the backend. It needs no healthy gateway: users and keys go with the database.
    Nor does it need the stack's own file, which nobody commits for a review stack.

    Raises:
        CannotRun: the stack is protected, or isn't there.
    """
    state = Driver(name, work_dir).exported()
    resources = list(state.get("resources") or [])
    if standing(name, resources).protected:
        raise CannotRun(f"{name} is protected: it is never destroyed here. Take `protect` away and deploy that first.")
    with tempfile.TemporaryDirectory(prefix="llm-gateway-end-") as scratch:
        folder = trial.copy(work_dir, Path(scratch) / "project")
        _complete(folder, name, state)
        driver = Driver(name, folder)
        attempt, done = 0, False
        while not done and attempt < patience.attempts:
            if attempt:
                say(f"{name}: trying again in {patience.wait:.0f} s; AWS holds some things back for a while")
                patience.sleep(patience.wait)
            attempt += 1
            # a later attempt looks first: what an earlier one has removed may still stand in the state
            shown = View(f"destroy {name}, attempt {attempt}")
            outcome = driver.run("destroy", Options(refresh=attempt > 1), shown)
            if outcome.result == "interrupted":
                raise KeyboardInterrupt
            done = outcome.result == "succeeded"
        if done:
            driver.remove()
    return Ended(name, done, attempt, tuple(_left(state, name, say)))


def expired(found: list[Standing], now: datetime) -> list[Standing]:
    return [one for one in found if one.expired(now)]


def _complete(folder: Path, name: str, state: Mapping[str, Any]) -> None:
    """A stack file with what the backend needs to read the state, for a stack whose own file isn't here."""
    (folder / ".venv").symlink_to(paths.venv())
    file = folder / f"Pulumi.{name}.yaml"
    if file.exists():
        return
    known = object_at(object_at(state, "secrets_providers"), "state")
    kept = {
        "encryptionsalt": known.get("salt"),
        "secretsprovider": known.get("url"),
        "encryptedkey": known.get("encryptedkey"),
    }
    file.write_text(yaml.safe_dump({key: value for key, value in kept.items() if value}))


def _left(state: Mapping[str, Any], name: str, say: Say) -> list[Orphan]:
    """By tag. Whoever may destroy a stack may not always list what carries its tags: then that is said."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    clients = cast(Any, boto3)  # it has no types
    found = _region_and_project(state)
    if found is None:
        return []
    region, project = found
    try:
        return orphans.find(lambda service, place: clients.client(service, region_name=place), project, name, region)
    except (ClientError, BotoCoreError) as error:
        say(f"{name}: what is left can't be looked for: {error}")
        return []


def _region_and_project(state: Mapping[str, Any]) -> tuple[str, str] | None:
    resources: list[dict[str, Any]] = state.get("resources") or []
    for item in resources:
        region = object_at(item, "outputs").get("region")
        if item["type"].startswith("aws:") and isinstance(region, str):
            return region, item["urn"].split("::")[1]
    return None
