"""Rules for all tests: cheap ones first, none skipped, no process left behind; and how workers share them out.

`make test` runs two workers or more (pytest-xdist). What stands something expensive up once a run stays together on
one of them: the live gateway, and all files that need the real LiteLLM. The rest goes file by file."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

REPO = Path(__file__).resolve().parent.parent
MARK = "LLM_GATEWAY_TEST_RUN"
ENDS_WITHIN = 5.0  # seconds for processes that are on their way out when the last test has ended

# Rooms that take longer come later: a mistake shows as early as it can. Those that aren't named need nothing but
# Python.
LATER = {
    **dict.fromkeys(("dataplane", "plugins", "aws"), 1),
    **dict.fromkeys(("images", "ops", "relay"), 2),
    **dict.fromkeys(("edge", "engine"), 3),
    **dict.fromkeys(("scale", "live"), 4),
}

# Every process that a test starts, and whatever that starts, carries the mark in its environment.
os.environ[MARK] = uuid.uuid4().hex

# what it keeps between runs, which is `.hypothesis` in the clone otherwise
set_hypothesis_home_dir(REPO / ".local" / "hypothesis")
settings.register_profile("here", deadline=None)
settings.load_profile("here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    shared = hasattr(config, "workerinput")
    items.sort(key=lambda item: _rank(item.path.relative_to(here), shared))


def _rank(test: Path, shared: bool) -> int:
    """Within its room, a file that runs the engine or the real LiteLLM says so by its name. Where several workers share
    the tests, the longest piece of work comes first, so that nobody waits for it in the end."""
    if shared and test.parts[0] in ("live", "scale"):
        return -1
    return max(LATER.get(test.parts[0], 0), 3 if test.name.startswith(("test_engine", "test_live_")) else 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    # pytest-xdist's own groups (`--dist loadgroup`) have no effect with pytest 9.2, whose node ids can't be written to
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def group(nodeid: str) -> str:
    """What one worker must have to itself: the live gateway, LiteLLM, or a file."""
    path = nodeid.partition("::")[0]
    if path.startswith("tests/live/"):
        return "live"
    return "litellm" if "/test_live_" in path or path.startswith("tests/edge/") else path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _not_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _not_skipped(report)


def _not_skipped(report):
    """A test that doesn't run proves nothing, and one that is expected to fail hides that it does: both are
    failures."""
    if report.outcome == "skipped":
        reason = (
            report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", report.longrepr)
        )
        report.outcome = "failed"
        report.longrepr = f"no test may be skipped or expected to fail here, and this one is: {reason}"
        report.__dict__.pop("wasxfail", None)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Each worker looks for its own. The controller starts nothing but workers, and fails if one had to clean up."""
    lines = session.config.stash.setdefault(_LEFT, [])
    if not session.config.pluginmanager.has_plugin("dsession"):
        left = _left_over()
        lines += [_describe(process) for process in left]
        for process in left:
            process.kill()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = lines
    if lines:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


class _Controller:
    """What the controller hears of its workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        lines = self._config.stash.setdefault(_LEFT, [])
        lines += getattr(node, "workeroutput", {}).get("left", [])


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Controller(config), "left-behind")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_LEFT, []):
        terminalreporter.write_line(f"ERROR left behind by the tests (now ended): {line}", red=True)


_LEFT = pytest.StashKey[list[str]]()


def _left_over() -> list[psutil.Process]:
    """Processes of this run that are still there, after those that are ending have had their time."""
    mine = [process for process in psutil.process_iter() if process.pid != os.getpid() and _marked(process)]
    return psutil.wait_procs(mine, timeout=ENDS_WITHIN)[1]


def _marked(process: psutil.Process) -> bool:
    try:
        return process.environ().get(MARK) == os.environ[MARK]
    except psutil.Error:  # another user's, or gone
        return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline()[:4])}"
    except psutil.Error:
        return str(process.pid)
