"""What tests have counted, said at the end of the run, whichever worker counted it."""

from __future__ import annotations

from typing import Any

import pytest

_COUNTS = pytest.StashKey[list[str]]()


def counts(config: pytest.Config) -> list[str]:
    """The lines to be said; add to them."""
    return config.stash.setdefault(_COUNTS, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    counts(node.config).extend(getattr(node, "workeroutput", {}).get("counts", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["counts"] = counts(session.config)  # pyright: ignore[reportAttributeAccessIssue]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if counts(config):
        terminalreporter.section("counted")
    for line in counts(config):
        terminalreporter.write_line(line)
