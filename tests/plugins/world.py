"""A simulated account, the real engine, and the plugins on its PATH."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi.automation as auto
from botocore.exceptions import ClientError

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account, DatabaseFact, ServiceFact

REPO = Path(__file__).resolve().parents[2]
PASSPHRASE = "a passphrase for tests"


def pulumi_folder() -> Path:
    """The folder of the Pulumi CLI. Fails with a sentence when there is none."""
    setup = Path(os.environ.get("LOCALCLOUD_SETUP") or REPO / ".local" / "setup")
    built = setup / "engine" / "bin"
    found = shutil.which("pulumi", path=f"{built}{os.pathsep}{os.environ['PATH']}")
    assert found, f"there is no pulumi on PATH nor in {built}: run `make setup` first"
    return Path(found).parent


def launchers(folder: Path) -> Path:
    """Writes the plugins' launchers into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("aws", "random"):
        path = folder / f"pulumi-resource-{name}"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m localcloud.plugins.{name} "$@"\n')
        path.chmod(0o700)
    return folder


@dataclass
class World:
    """`stack` makes a stack of a program; all stacks share one backend and one account."""

    account: Account
    folder: Path
    obliging: Obliging

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(launchers(self.folder / "bin")), str(pulumi_folder()), os.environ["PATH"]]),
            "PYTHONPATH": str(REPO),
            "AWS_ENDPOINT_URL": self.account.endpoint,
            "AWS_REGION": self.account.region,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def stack(self, name: str, program: Callable[[], None]) -> auto.Stack:
        command = auto.PulumiCommand(str(pulumi_folder().parent))
        options = auto.LocalWorkspaceOptions(
            env_vars=self.environment(), pulumi_command=command, work_dir=str(self.folder)
        )
        return auto.create_or_select_stack(name, "plugins", program, opts=options)


class Obliging:
    """Stands in for the data plane: every database comes up, every service gets its tasks."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ended = threading.Event()
        self.refuse: str | None = None  # reason with which deployments fail
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._account.changes.bump()
        self._thread.join()

    def _run(self) -> None:
        seen = -1
        while not self._ended.is_set():
            seen = self._account.changes.wait(seen)
            with suppress(ClientError):  # what is listed may be gone when it is described
                self._look()

    def _look(self) -> None:
        for database in self._account.client("rds").describe_db_instances()["DBInstances"]:
            self._account.facts.databases[database["DBInstanceIdentifier"]] = DatabaseFact("available")
        for database in self._account.client("rds").describe_db_clusters()["DBClusters"]:
            self._account.facts.clusters[database["DBClusterIdentifier"]] = DatabaseFact("available")
        for group in self._account.client("elasticache").describe_replication_groups()["ReplicationGroups"]:
            self._account.facts.caches[group["ReplicationGroupId"]] = DatabaseFact("available")
        ecs = self._account.client("ecs")
        for cluster in ecs.list_clusters()["clusterArns"]:
            arns = ecs.list_services(cluster=cluster)["serviceArns"]
            services = ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []
            for service in services:
                self._serve(service)

    def _serve(self, service: dict[str, Any]) -> None:
        primary = next((item["id"] for item in service["deployments"] if item["status"] == "PRIMARY"), None)
        if self.refuse:
            fact = ServiceFact(rollout_state="FAILED", rollout_reason=self.refuse, speaks_of=primary)
        else:
            fact = ServiceFact(running=service["desiredCount"], rollout_state="COMPLETED", speaks_of=primary)
        self._account.facts.services[service["serviceArn"]] = fact
