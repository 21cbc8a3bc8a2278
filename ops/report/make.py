"""Makes the report: deploys the base to the simulated account, previews the work tree against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops import paths, previewing, trial
from ops.cost.estimate import Estimate, estimate
from ops.cost.prices import Prices, load, regions
from ops.driver import Driver, Options
from ops.errors import CannotRun
from ops.plan import Recorder, stored
from ops.report.facts import Facts

PACK = "policies"
# Where the region's own table isn't there: the report says whose prices it shows.
DEFAULT_PRICES = "us-east-1"


def facts(source: Path, stack: str, base: str, scratch: Path) -> Facts:
    """The base is really deployed (users and keys in a real LiteLLM), so that the preview starts from a state in which
    everything is known, as it would be on AWS.

    Raises:
        CannotRun: not on the simulated account, an unknown base, or the engine fails.
    """
    trial.require_simulated()
    head = trial.copy(source, scratch / "head")
    region = trial.prepare(head, paths.venv(), stack)
    prices = load(region if region in regions() else DEFAULT_PRICES)
    before = _deploy(trial.checkout(source, base, scratch / "base"), stack, base, prices)
    found = previewing.run(head, stack, _packs(source))
    return Facts(stack, base, found.planned, found.findings, before, estimate(found.planned, prices))


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
