"""`make setup`: do what isn't set up yet. Silent and quick when there is nothing to do.

Names of steps as arguments: only those, and what they need.
"""

from __future__ import annotations

import sys

from ops.setup import steps
from ops.setup.progress import Progress
from ops.setup.runner import Runner, Step

OLDEST_PYTHON = (3, 11)


def _chosen(names: list[str]) -> list[Step]:
    known = {step.name: step for step in steps.steps()}
    for name in names:
        if name not in known:
            sys.exit(f"set-up: there is no step {name!r}; there are: {', '.join(known)}")
    wanted = set(names or known)
    while missing := {need for name in wanted for need in known[name].needs} - wanted:
        wanted |= missing
    return [step for step in known.values() if step.name in wanted]


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        print(
            f"set-up: Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version.split()[0]}"
        )
        return 1
    runner = Runner(_chosen(sys.argv[1:]), steps.home(), Progress())
    try:
        return 0 if runner.run() else 1
    except KeyboardInterrupt:
        print("set-up: interrupted; `make setup` goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
