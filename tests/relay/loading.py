"""Loads the relay as Lambda does: one file, on its own, under the name that the function's handler setting gives it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HANDLER = Path(__file__).parent.parent.parent / "components" / "relay" / "handler.py"


@dataclass
class Context:
    """What the relay uses of Lambda's context."""

    milliseconds: int = 30_000
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def load() -> ModuleType:
    """A fresh instance, as after a cold start."""
    spec = importlib.util.spec_from_file_location("handler", HANDLER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
