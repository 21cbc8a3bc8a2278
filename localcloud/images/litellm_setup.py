"""``python -m localcloud.images.litellm_setup``: everything the LiteLLM image needs, below the set-up's folder.

postgres/  the database server of simulated RDS instances
litellm/   LiteLLM's virtual environment, with Prisma's client
prisma/    Prisma's packages and engine (see litellm_engine)

Each part is stamped with the hash of what it was made from: a second run does nothing, an interrupted one is redone.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from localcloud import artefacts
from localcloud.artefacts import SetupError, say
from localcloud.home import REPOSITORY, setup_dir
from localcloud.images import litellm, litellm_engine
from localcloud.postgres import setup as postgres

_PRISMA = REPOSITORY / "localcloud" / "prisma"
_NATIVE = _PRISMA / "native"
_SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
# A small young generation keeps an idle engine at some 80 MB.
_NODE_FLAGS = "--max-semi-space-size=2 --max-old-space-size=256"


def main() -> None:
    """Raises ``artefacts.SetupError``."""
    postgres.install()
    node = artefacts.node()
    environment_is_new = artefacts.build("LiteLLM's environment (0.8 GB)", litellm.venv(), _venv_inputs(), _make_venv)
    folder = setup_dir() / litellm_engine.FOLDER
    if environment_is_new:
        shutil.rmtree(folder, ignore_errors=True)  # its client was generated into the old environment
    artefacts.build("Prisma", folder, _prisma_inputs(node), lambda made: _make_prisma(made, node))


def _venv_inputs() -> dict[str, str]:
    return {**artefacts.digest([litellm.LOCK]), "python": sys.version, "at": str(litellm.venv())}


def _make_venv(folder: Path) -> None:
    """The lock holds every package by hash, so nothing is resolved: LiteLLM's own wish for certifi differs from it."""
    uv = _uv()
    artefacts.run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder])
    python = folder / "bin" / "python"
    say("  downloading and installing, then compiling: a minute or two …")
    install = [uv, "pip", "install", "--python", python, "--no-deps", "--require-hashes", "--compile-bytecode"]
    artefacts.run([*install, "-r", litellm.LOCK])
    artefacts.run(
        [python, "-m", "litellm.proxy.proxy_cli", "--version"], env={**os.environ, **litellm_engine.environment()}
    )


def _uv() -> str:
    """uv, from the environment that this runs in, else from PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise SetupError("uv is missing: run `make setup`, which installs it into .venv")
    return found


def _prisma_inputs(node: Path) -> dict[str, str]:
    return {
        **artefacts.npm_inputs(_PRISMA),
        **artefacts.npm_inputs(_NATIVE),
        **artefacts.digest([_PRISMA / "schema.js", Path(__file__), Path(litellm_engine.__file__), _schema()]),
        "environment": (litellm.venv() / ".built.json").read_text(),
        "node": str(node),
        "at": str(REPOSITORY),  # the launchers name it
        "forced": litellm_engine.forced() or "",
    }


def _make_prisma(folder: Path, node: Path) -> None:
    try:
        choice = litellm_engine.decide(str(node), litellm_engine.reachable, litellm_engine.forced())
    except ValueError as error:
        raise SetupError(str(error)) from None
    say(f"  {choice.kind} engine: {choice.reason}")
    if choice.kind == "native":
        choice = _native_or_else(folder, choice)
    if choice.kind == "wasm":
        _make_wasm(folder, node)
    say("  compiling Prisma's client …")
    python = litellm.venv() / "bin" / "python"
    artefacts.run([python, "-m", "compileall", "-q", litellm.venv() / _SITE / "prisma"])
    choice.save()


def _native_or_else(folder: Path, choice: litellm_engine.Choice) -> litellm_engine.Choice:
    """Prisma's own programs, downloaded by themselves; when that fails after all, the WebAssembly engine."""
    native = folder / "native"
    native.mkdir()
    try:
        artefacts.npm_ci(_NATIVE, native)
        say("  downloading Prisma's engines …")
        _generate("native", choice.node)
        _prisma("native", choice.node, "--version")
    except SetupError as error:
        if litellm_engine.forced():
            raise
        reason = str(error).splitlines()[-1]
        say(f"  that did not work ({reason}): WebAssembly engine instead")
        return litellm_engine.Choice("wasm", f"Prisma's engines could not be downloaded ({reason})", choice.node)
    return choice


def _make_wasm(folder: Path, node: Path) -> None:
    artefacts.npm_ci(_PRISMA, folder)
    litellm_engine.launchers().mkdir()
    for name, script, flags in (("query-engine", "query-engine.js", _NODE_FLAGS), ("prisma", "prisma.js", "")):
        launcher = litellm_engine.launchers() / name
        program = f"{shlex.quote(str(node))} {flags} {shlex.quote(str(_PRISMA / script))}"
        modules = shlex.quote(str(folder / "node_modules"))
        launcher.write_text(f'#!/bin/sh\nNODE_PATH={modules} exec {program} "$@"\n')
        launcher.chmod(0o755)
    cache = folder / "cache"
    cache.mkdir()
    artefacts.run(
        [node, _PRISMA / "schema.js", _schema(), cache], env={**os.environ, "NODE_PATH": str(folder / "node_modules")}
    )
    _generate("wasm", str(node))


def _schema() -> Path:
    return litellm.venv() / _SITE / "litellm" / "proxy" / "schema.prisma"


def _generate(kind: litellm_engine.Kind, node: str) -> None:
    say("  generating Prisma's Python client …")
    _prisma(kind, node, "generate", "--schema", _schema())


def _prisma(kind: litellm_engine.Kind, node: str, *arguments: str | Path) -> None:
    """prisma-client-py's own command: it runs the packages that set-up installed, and asks npm for nothing."""
    binaries = litellm.venv() / "bin"
    search = os.pathsep.join([str(binaries), str(Path(node).parent), os.environ.get("PATH", os.defpath)])
    own = {
        "PATH": search,
        "HOME": str(setup_dir() / litellm_engine.FOLDER / "home"),
    }  # Prisma's cache is in its user's home
    pins = _wasm_pins() if kind == "wasm" else {}
    env = {**os.environ, **litellm_engine.environment(kind), **pins, **own}
    artefacts.run([binaries / "prisma", *arguments], env=env, cwd=setup_dir() / litellm_engine.FOLDER)


def _wasm_pins() -> dict[str, str]:
    """prisma-client-py would otherwise expect the packages of its own default version."""
    versions = json.loads((_PRISMA / "package.json").read_text())["dependencies"]
    commit = versions["@prisma/engines-version"].rpartition(".")[2]
    return {"PRISMA_VERSION": versions["prisma"], "PRISMA_EXPECTED_ENGINE_VERSION": commit}


if __name__ == "__main__":
    sys.exit(artefacts.main(main))
