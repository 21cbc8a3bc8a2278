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
        self._lock = threading.Lock()

    def tell(self, model: str, behaviour: Behaviour) -> None:
        """From now on; `*` is every model, and takes back what single ones were told."""
        with self._lock:
            if model == EVERY:
                self._told.clear()
            self._told[model] = behaviour

    def of(self, *names: str) -> Behaviour:
        """What a model with one of these names does."""
        with self._lock:
            return next((self._told[name] for name in (*names, EVERY) if name in self._told), Behaviour())

    def told(self) -> dict[str, Behaviour]:
        """Model → behaviour, where it isn't `well`."""
        with self._lock:
            return {model: behaviour for model, behaviour in self._told.items() if behaviour.kind != "well"}
