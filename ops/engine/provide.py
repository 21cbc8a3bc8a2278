"""Decides where the engine comes from, and puts it in place. Standard library only.

1. `pulumi` on PATH, if it is new enough. 2. The official CLI, if its site can be reached. 3. A build from the Go
module.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ops.engine import launchers, record, versions
from ops.engine.found import Candidate
from ops.engine.record import Engine


class Outside(Protocol):
    """What the decision needs of the world. Tests stand in for it."""

    def find(self) -> Candidate | None:
        """The machine's own engine."""
        ...

    def reachable(self) -> bool:
        """Does the official download site answer?"""
        ...

    def install(self, root: Path) -> str | None:
        """The official CLI into `root`/bin; a sentence says why not, None is success."""
        ...

    def build(self, command: Path) -> None:
        """A built engine as `command`. Raises when it can't be built."""
        ...


def provide(place: Path, scratch: Path, outside: Outside, say: Callable[[str], None]) -> Engine:
    """Put an engine (or the note that the machine's is used) at `place`, all at once. `scratch`: an empty folder on the
    same file system."""
    root = scratch / "engine"
    (root / "bin").mkdir(parents=True)
    engine = _obtain(root, place, outside, say)
    record.write(root, engine)
    if place.exists():
        place.rename(scratch / "replaced")
    root.rename(place)
    return engine


def _obtain(root: Path, place: Path, outside: Outside, say: Callable[[str], None]) -> Engine:
    candidate = outside.find()
    if candidate and candidate.problem is None and candidate.version:
        say(f"using {candidate.command} ({versions.render(candidate.version)})")
        return Engine.of("path", candidate.command, versions.render(candidate.version))
    if candidate:
        say(f"{candidate.problem}: setting up one for this clone")
    command, final = root / "bin" / "pulumi", place / "bin" / "pulumi"
    if outside.reachable():
        say(f"installing Pulumi {versions.INSTALLED} from its official site")
        problem = outside.install(root)
        if problem is None:
            return Engine.of("official", command, versions.INSTALLED, final)
        say(f"that failed ({problem})")
        shutil.rmtree(root)
        (root / "bin").mkdir(parents=True)
    else:
        say("Pulumi's download site can't be reached from here")
    say(f"building Pulumi {versions.BUILT} from its Go module, once (2 to 8 minutes on two cores)")
    outside.build(command)
    return Engine.of("build", command, versions.BUILT, final)


def ready(place: Path, path: str) -> bool:
    """Is the engine that was decided on still there, and, if it was the machine's, still the first on `path`?"""
    engine = record.read(place)
    if engine is None or not engine.unchanged():
        return False
    return engine.source != "path" or shutil.which("pulumi", path=path) == engine.command


def needed_launchers(place: Path, path: str) -> tuple[str, ...]:
    """The scripts that have to stand in `place`/bin: all for our own build, for others those that the machine lacks."""
    engine = record.read(place)
    if engine is None:
        return ()
    return launchers.NAMES if engine.source == "build" else tuple(launchers.missing(Path(engine.command), path))
