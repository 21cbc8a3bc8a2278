"""What a stack declares, as text that can be kept and compared: one line a resource, its properties as JSON."""

from __future__ import annotations

import json
import sys

from tests.components.declared import Declared, _plain, declare


def lines(declared: Declared) -> list[str]:
    """Type, name and properties of every resource, in a fixed order."""
    return sorted(f"{resource.typ} {resource.name} {_text(resource.inputs)}" for resource in declared.resources)


def _text(inputs: object) -> str:
    return json.dumps(_plain(inputs), sort_keys=True, ensure_ascii=False, default=lambda asset: type(asset).__name__)


def names(declared: Declared) -> list[str]:
    """Type and name of every resource: what its URN is made of, beside the components around it."""
    return sorted(f"{resource.typ} {resource.name}" for resource in declared.resources)


if __name__ == "__main__":
    print("\n".join(lines(declare(sys.argv[1]))))
