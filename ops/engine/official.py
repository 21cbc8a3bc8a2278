"""The official Pulumi CLI, by Pulumi's own installer in the Automation API.

`reachable` needs the standard library only. `python -m ops.engine.official FOLDER` needs the SDK: set-up runs it with
the virtual environment's Python, so that it can be stopped when the download hangs.
"""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request
from pathlib import Path

from ops.engine import versions

INSTALLER = "https://get.pulumi.com/install.sh"
PROBE_WITHIN = 6.0  # seconds


def reachable(url: str = INSTALLER, within: float = PROBE_WITHIN) -> bool:
    """Does the download site hand out its installer? A proxy's page that says no is not the installer."""
    try:
        with urllib.request.urlopen(url, timeout=within) as answer:
            return answer.read(2) == b"#!"
    except (OSError, http.client.HTTPException, urllib.error.URLError):
        return False


def main(folder: Path) -> None:
    """Install into `folder`/bin. Ends with an error when that fails; the installer's output is on stderr."""
    import subprocess

    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    try:
        command = PulumiCommand.install(root=str(folder), version=VersionInfo.parse(versions.INSTALLED))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{(error.output or b'').decode(errors='replace')}")
    print(f"installed Pulumi {command.version}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
