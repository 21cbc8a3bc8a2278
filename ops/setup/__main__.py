"""`make setup`: do what isn't set up yet. Silent and quick when there is nothing to do."""

from __future__ import annotations

import sys

from ops.setup import steps
from ops.setup.progress import Progress
from ops.setup.runner import Runner

OLDEST_PYTHON = (3, 11)


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        print(f"set-up: Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version.split()[0]}")
        return 1
    runner = Runner(steps.steps(), steps.home(), Progress())
    try:
        return 0 if runner.run() else 1
    except KeyboardInterrupt:
        print("set-up: interrupted; `make setup` goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
