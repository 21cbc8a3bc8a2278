"""How a model behaves when it is told to: slow, throttled, failing."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["well", "slow", "throttled", "failing", "breaking"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EVERY = "*"


@dataclass(frozen=True)
class Behaviour:
    """`well`: answers at once. `slow`: `seconds` pass before each token. `throttled`: 429. `failing`: 500. `breaking`:
    a stream ends with an error after half of it, any other answer is a 500."""

    kind: Kind = "well"
    seconds: float = 0.0


class Behaviours:
    """What each model was told last. Safe from any thread."""

    def __init__(self) -> None:
        self._told: dict[str, Behaviour] = {}
        self._changed = threading.Condition()

    def tell(self, model: str, behaviour: Behaviour) -> None:
        """From now on; `*` is every model, and takes back what single ones were told."""
        with self._changed:
            if model == EVERY:
                self._told.clear()
            self._told[model] = behaviour
            self._changed.notify_all()

    def of(self, *names: str) -> Behaviour:
        """What a model with one of these names does."""
        with self._changed:
            return self._of(names)

    def pause(self, pieces: int, *names: str) -> None:
        """The time that a model with one of these names takes for so many tokens; no longer than it is told to be
        slow, so that what has waited goes on when somebody says `well`. Blocks."""
        with self._changed:
            told = self._of(names)
            if told.kind == "slow":
                self._changed.wait_for(lambda: self._of(names).kind != "slow", told.seconds * pieces)

    def _of(self, names: tuple[str, ...]) -> Behaviour:
        return next((self._told[name] for name in (*names, EVERY) if name in self._told), Behaviour())

    def told(self) -> dict[str, Behaviour]:
        """Model → behaviour, where it isn't `well`."""
        with self._changed:
            return {model: behaviour for model, behaviour in self._told.items() if behaviour.kind != "well"}
