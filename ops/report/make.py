"""Makes the report: deploys the base to the simulated account, previews the work tree against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ops import paths, previewing, trial
from ops.cost.estimate import Estimate, estimate
from ops.cost.prices import Prices, load, regions
from ops.driver import Driver, Options
from ops.errors import CannotRun
from ops.plan import Recorder, stored
from ops.report.facts import Facts
from ops.shapes import object_at

PACK = "policies"
# Where the region's own table isn't there: the report says whose prices it shows.
DEFAULT_PRICES = "us-east-1"


DEPLOYED = "what is deployed"


def facts(source: Path, stack: str, base: str | None, scratch: Path) -> Facts:
    """The base is really deployed (users and keys in a real LiteLLM), so that the preview starts from a state in which
    everything is known, as it would be on AWS. Without a `base`, what the stack has here already counts as deployed.

    Raises:
        CannotRun: not on the simulated account, an unknown base, or the engine fails.
    """
    trial.require_simulated()
    head = trial.copy(source, scratch / "head")
    region = trial.prepare(head, paths.venv(), stack)
    prices = load(region if region in regions() else DEFAULT_PRICES)
    if base is None:
        before = estimate(stored(Driver(stack, head).resources()), prices)
    else:
        before = _deploy(trial.checkout(source, base, scratch / "base"), stack, base, prices)
    found = previewing.run(head, stack, _packs(source))
    after = estimate(found.planned, prices)
    return Facts(stack, base or DEPLOYED, found.planned, found.findings, before, after, _image(head, stack))


def _image(folder: Path, stack: str) -> str:
    """As configured, or by default."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    own: dict[str, Any] = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text()) or {}
    config = object_at(own, "config")
    default = object_at(object_at(project, "config"), "image").get("default", "")
    return str(config.get(f"{project['name']}:image", default))


def _packs(source: Path) -> Sequence[Path]:
    pack = source / PACK
    return [pack] if pack.is_dir() else []


def _deploy(folder: Path, stack: str, base: str, prices: Prices) -> Estimate | None:
    """None where the base has no such stack."""
    if not (folder / f"Pulumi.{stack}.yaml").exists():
        return None
    trial.prepare(folder, paths.venv(), stack)
    driver = Driver(stack, folder)
    outcome = driver.run("up", Options(), Recorder(f"deploying {base} to the simulated account"))
    if outcome.result != "succeeded":
        raise CannotRun(f"{base} can't be deployed here, so nothing can be compared with it: its reasons are above")
    return estimate(stored(driver.resources()), prices)
