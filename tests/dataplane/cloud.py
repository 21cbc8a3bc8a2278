"""A local cloud in a folder of the test's own, used by its command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3

from localcloud import processes
from localcloud.home import HOME_VARIABLE, REPOSITORY


class Cloud:
    """``home`` need not exist yet."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._clients: dict[tuple[str, str], Any] = {}
        self.env = {**os.environ, HOME_VARIABLE: str(home), "PYTHONPATH": str(REPOSITORY)}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "localcloud", *arguments]

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a verb and check its exit code."""
        done = subprocess.run(
            self.command(*arguments), env=self.env, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def daemon(self) -> dict[str, Any]:
        return json.loads((self.home / "daemon.json").read_text())

    def crash(self) -> list[int]:
        """Kill the daemon outright, then stop what is left; returns the pids of all that it had started, none of which
        may be alive then."""
        pids = [process.pid for process in processes.marked(self.home)]
        os.kill(self.daemon()["pid"], signal.SIGKILL)
        self("stop")
        assert not [pid for pid in pids if processes.alive(pid)]
        return pids

    def client(self, service: str) -> Any:
        """A boto3 client with what ``env`` exports, for the daemon that runs now."""
        endpoint = self.daemon()["endpoint"]
        if (endpoint, service) not in self._clients:
            exports = json.loads(self("env", "--json").stdout)
            assert exports["AWS_ENDPOINT_URL"] == endpoint
            self._clients[endpoint, service] = boto3.client(
                service,
                endpoint_url=endpoint,
                region_name=exports["AWS_REGION"],
                aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
            )
        return self._clients[endpoint, service]
